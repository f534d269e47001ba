//! Somebody who is logged in, without an identity provider.

use std::sync::Arc;

use tower_sessions::Session;
use windfirm::clock::SystemClock;
use windfirm_model::{
    actor::{Groups, PersonKey},
    clock::Clock as _,
    session::Login,
};
use windfirm_store::{Store, session::SessionRows};

/// The cookie of Ana, who may test in dev.
pub(crate) async fn log_in(store: &Store) -> String {
    let now = SystemClock.now();
    let login = Login {
        person: PersonKey { issuer: "http://127.0.0.1:9".into(), subject: "ana".into() },
        name: "Ana Ruiz".into(),
        groups: Groups::Known(vec!["shop-dev".into()]),
        began: now,
        absolute_end: now.plus_seconds(3_600),
        authenticated: now,
        id_token: String::new(),
        client: "test".into(),
    };
    let session = Session::new(None, Arc::new(SessionRows(store.clone())), None);
    windfirm_identity::begin_session(&session, &login, &SystemClock).await.unwrap();
    format!("windfirm={}", session.id().unwrap())
}
