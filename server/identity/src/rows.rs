//! Where a login that has begun is remembered until the browser comes back: a row, taken once.
//!
//! The store crate implements it over SQL. Nothing in a row opens a session: the state and the browser's secret are hashed.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use windfirm_model::clock::Timestamp;

/// How long a login may take from beginning to end.
pub const LOGIN_LIFETIME_S: i64 = 600;

/// A login under way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRow {
    /// SHA-256 of the `state` parameter, 64 hexadecimal digits. The key of the row.
    pub state_hash: String,
    /// SHA-256 of the secret in the browser's cookie, 64 hexadecimal digits.
    pub browser_hash: String,
    /// The configured name of the identity provider.
    pub issuer: String,
    pub nonce: String,
    /// The PKCE verifier: 43 characters.
    pub verifier: String,
    /// Our own path, already checked; checked again when used.
    pub return_to: String,
    /// After this moment the row is of no use and may be deleted.
    pub expires: Timestamp,
}

impl std::fmt::Debug for LoginRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRow").field("issuer", &self.issuer).field("return_to", &self.return_to).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The rows cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RowsError(pub String);

/// Logins under way.
#[async_trait]
pub trait LoginRows: Send + Sync {
    async fn put(&self, row: LoginRow) -> Result<(), RowsError>;
    /// Removes the row and hands it out, in one step: of two that ask at once, one gets it.
    async fn take(&self, state_hash: &str) -> Result<Option<LoginRow>, RowsError>;
}
