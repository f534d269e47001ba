//! What the server adds from outside: the record of who came and went, and the looks of the three pages at the door.

use async_trait::async_trait;
use axum::{http::Extensions, response::Response};
use windfirm_model::session::Login;

use crate::error::LoginError;

/// The audit log did not take it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuditError(pub String);

/// The record. A login that cannot be recorded is not done.
#[async_trait]
pub trait LoginAudit: Send + Sync {
    async fn logged_in(&self, login: &Login) -> Result<(), AuditError>;
    /// `client` is the browser and address in short.
    async fn refused(&self, error: &LoginError, client: &str) -> Result<(), AuditError>;
    /// The session is dead already when this is called; an error is logged, it does not bring the session back.
    async fn logged_out(&self, login: &Login) -> Result<(), AuditError>;
}

/// One identity provider to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Goes into the form field `issuer`.
    pub name: String,
    pub label: String,
    /// Host and port of the issuer, to tell two labels apart.
    pub host: String,
}

/// What GET /login shows: a form that POSTs `issuer` and `return_to` to /login, one button per choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoosePage {
    pub choices: Vec<Choice>,
    /// Where the person goes afterwards; our own path.
    pub return_to: String,
}

/// How far a log-out went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutReach {
    /// The identity provider sent the browser back with the state that we gave: it ended its session too.
    ProviderToo,
    /// Only Windfirm's own session is known to have ended.
    WindfirmOnly,
}

/// The pages at the door. Each returns a whole response; status and cookies are added by the caller.
/// `extensions` are those of the request (such as the nonce of the content security policy).
#[async_trait]
pub trait LoginPages: Send + Sync {
    async fn choose(&self, page: ChoosePage, extensions: &Extensions) -> Response;
    /// `return_to` is where the person wanted to go, for the “log in again” link.
    async fn refused(&self, error: &LoginError, return_to: &str, extensions: &Extensions) -> Response;
    async fn logged_out(&self, reach: LogoutReach, extensions: &Extensions) -> Response;
}
