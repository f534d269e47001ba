//! The pages at the door, the record of who came and went, and the choice of light or dark.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Form,
    http::{Extensions, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use windfirm_app::{FormTargets, pages::door as documents, shell::content_security_policy, theme::Theme};
use windfirm_identity::{AuditError, ChoosePage, LoginAudit, LoginError, LoginPages, LogoutReach, own_path};
use windfirm_model::{
    actor::{Actor, Groups, PersonKey},
    audit::{EventCode, EventOutcome},
    fault::Fault,
    id::OperationId,
    session::Login,
};
use windfirm_policy::{
    Permit, Resource,
    act::{EndSession, OpenSession},
};
use windfirm_store::audit::{Attempt, Details};

use crate::{http::request_log::RequestId, state::Portal};

/// Who came, who was refused, who went.
pub struct Record(pub Arc<Portal>);

#[async_trait]
impl LoginAudit for Record {
    async fn logged_in(&self, login: &Login) -> Result<(), AuditError> {
        let permit: Permit<OpenSession> = Permit::own(OperationId(self.0.clock.new_uuid()), login.actor(), Resource::default());
        let details = Details { client: Some(login.client.clone()), ..Details::default() };
        let recorded = self.0.store.record(&permit, EventCode::Login, &details, EventOutcome::Done, None).await;
        recorded.map(|_| ()).map_err(|error| AuditError(error.to_string()))
    }

    async fn refused(&self, error: &LoginError, client: &str) -> Result<(), AuditError> {
        // Nobody is known yet; what the request claims of itself is all there is.
        let nobody = Actor::Person {
            key: PersonKey { issuer: "unknown".to_owned(), subject: "unknown".to_owned() },
            name: "somebody unknown".to_owned(),
            groups: Groups::Unknown("Nobody was logged in.".to_owned()),
        };
        let attempt = Attempt {
            operation: OperationId(self.0.clock.new_uuid()),
            actor: nobody,
            code: EventCode::LoginRefused,
            path: None,
            environment: None,
            run: None,
            why: error.to_string(),
            policy_digest: String::new(),
            details: Details { client: Some(client.to_owned()), ..Details::default() },
        };
        self.0.store.denied(&attempt).await.map(|_| ()).map_err(|error| AuditError(error.to_string()))
    }

    async fn logged_out(&self, login: &Login) -> Result<(), AuditError> {
        let permit: Permit<EndSession> = Permit::own(OperationId(self.0.clock.new_uuid()), login.actor(), Resource::default());
        let details = Details { client: Some(login.client.clone()), ..Details::default() };
        let recorded = self.0.store.record(&permit, EventCode::Logout, &details, EventOutcome::Done, None).await;
        recorded.map(|_| ()).map_err(|error| AuditError(error.to_string()))
    }
}
