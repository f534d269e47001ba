//! The routes as the server mounts them: on a port, within the session layer, with hooks that remember.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    http::Extensions,
    response::{IntoResponse, Response},
    routing::get,
};
use time::Duration;
use tokio::net::TcpListener;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store,
};
use windfirm_identity::{
    AuditError, ChoosePage, Identity, IdentityConfig, IdentityState, IssuerConfig, LoginAudit, LoginError, LoginPages, LogoutReach, current_login, routes,
};
use windfirm_model::{clock::Clock, session::Login};

use super::{
    clock::TestClock,
    serve::{self, Served},
    world::MemoryRows,
};

/// Sessions in memory. `save` only updates, as the real store must.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemorySessions(pub(crate) Arc<Mutex<HashMap<Id, Record>>>);

#[async_trait]
impl SessionStore for MemorySessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.0.lock().unwrap().insert(record.id, record.clone());
        Ok(())
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        if let Some(kept) = self.0.lock().unwrap().get_mut(&record.id) {
            *kept = record.clone();
        }
        Ok(())
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        Ok(self.0.lock().unwrap().get(id).cloned())
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.lock().unwrap().remove(id);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Remembered {
    pub(crate) events: Mutex<Vec<String>>,
    pub(crate) is_broken: AtomicBool,
}

impl Remembered {
    fn add(&self, event: String) -> Result<(), AuditError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(AuditError("the disk is full".to_owned()));
        }
        self.events.lock().unwrap().push(event);
        Ok(())
    }
}

#[async_trait]
impl LoginAudit for Remembered {
    async fn logged_in(&self, login: &Login) -> Result<(), AuditError> {
        self.add(format!("in {}", login.person.subject))
    }
    async fn refused(&self, error: &LoginError, client: &str) -> Result<(), AuditError> {
        self.add(format!("refused {} {client}", error.code()))
    }
    async fn logged_out(&self, login: &Login) -> Result<(), AuditError> {
        self.add(format!("out {}", login.person.subject))
    }
}

struct PlainPages;

#[async_trait]
impl LoginPages for PlainPages {
    async fn choose(&self, page: ChoosePage, _: &Extensions) -> Response {
        let names: Vec<&str> = page.choices.iter().map(|choice| choice.name.as_str()).collect();
        format!("choose {} then {}", names.join(","), page.return_to).into_response()
    }
    async fn refused(&self, error: &LoginError, return_to: &str, _: &Extensions) -> Response {
        format!("{}: {error} [{return_to}]", error.code()).into_response()
    }
    async fn logged_out(&self, reach: LogoutReach, _: &Extensions) -> Response {
        format!("{reach:?}").into_response()
    }
}

pub(crate) struct Portal {
    pub(crate) served: Served,
    pub(crate) sessions: MemorySessions,
    pub(crate) audit: Arc<Remembered>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) identity: Arc<Identity>,
}

impl Portal {
    pub(crate) fn start(listener: TcpListener, issuers: Vec<IssuerConfig>, clock: Arc<TestClock>) -> Self {
        Self::start_with(listener, issuers, clock, |_| {})
    }

    /// With changes to the configuration.
    pub(crate) fn start_with(listener: TcpListener, issuers: Vec<IssuerConfig>, clock: Arc<TestClock>, change: impl FnOnce(&mut IdentityConfig)) -> Self {
        let public = format!("http://{}/", listener.local_addr().unwrap());
        let mut config = IdentityConfig::new(public.parse().unwrap(), issuers);
        change(&mut config);
        let identity = Arc::new(Identity::new(config, Arc::new(MemoryRows::default()), Arc::clone(&clock) as Arc<dyn Clock>).unwrap());
        let (sessions, audit) = (MemorySessions::default(), Arc::new(Remembered::default()));
        let state =
            IdentityState { identity: Arc::clone(&identity), audit: Arc::clone(&audit) as _, pages: Arc::new(PlainPages), clock: Arc::clone(&clock) as _ };
        let layer = SessionManagerLayer::new(sessions.clone())
            .with_name("windfirm")
            .with_secure(false)
            .with_same_site(SameSite::Lax)
            .with_expiry(Expiry::OnInactivity(Duration::minutes(30)));
        let who = Router::new().route("/who", get(who)).with_state(Arc::clone(&clock));
        let router = routes(state).merge(who).layer(layer);
        Self { served: serve::serve(listener, router), sessions, audit, clock, identity }
    }
    pub(crate) fn url(&self, path: &str) -> String {
        self.served.url(path)
    }
    pub(crate) fn events(&self) -> Vec<String> {
        self.audit.events.lock().unwrap().clone()
    }
    pub(crate) fn session_count(&self) -> usize {
        self.sessions.0.lock().unwrap().len()
    }
}

async fn who(State(clock): State<Arc<TestClock>>, session: Session) -> String {
    name(current_login(&session, &*clock).await.unwrap())
}

fn name(login: Option<Login>) -> String {
    login.map_or_else(|| "nobody".to_owned(), |login| format!("{} {}", login.name, login.groups.known().join(",")))
}
