//! The identity provider of the demo: a complete OpenID provider with five people and no passwords.
//!
//! Only for loopback: it refuses any other issuer, because everybody who reaches it may be anybody. It is a provider like any other:
//! discovery, authorize, token, keys, userinfo, end session; authorization code flow with PKCE only; one client; exact redirect URIs;
//! `iss` in the answer (RFC 9207). It keeps everything in memory, makes its key at start, and knows nothing of the portal. It shares no
//! code with the relying party that could hide the same mistake on both sides.

pub mod people;

mod authorize;
mod end_session;
mod keys;
mod page;
mod params;
mod store;
mod token;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use url::Url;
use windfirm_model::clock::Clock;

use crate::config::{Secret, is_loopback};

pub use people::{PEOPLE, Person};

/// What the provider is told at start.
#[derive(Clone, Debug)]
pub struct DemoConfig {
    /// Where browsers and the portal find it: http on a loopback address, such as `http://127.0.0.1:8081/`. The path is kept as it is;
    /// the router expects to be mounted there.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// Compared byte for byte.
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
}

/// Why the demo provider does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemoError {
    #[error("the demo identity provider lets everybody be anybody, so it runs on loopback only; “{0}” is not a loopback address")]
    NotLoopback(String),
    #[error("“{0}” is not a plain URL without query and fragment")]
    BadIssuer(String),
    #[error("the system gave no key to sign with")]
    NoKey,
}

/// Everything the handlers share.
struct Provider {
    config: DemoConfig,
    keys: keys::SigningKey,
    store: store::Store,
    clock: Arc<dyn Clock>,
}

type Shared = Arc<Provider>;

/// The provider's routes, relative to the path of the issuer.
pub fn router(config: DemoConfig, clock: Arc<dyn Clock>) -> Result<Router, DemoError> {
    let base = Url::parse(&config.issuer).map_err(|_| DemoError::BadIssuer(config.issuer.clone()))?;
    if base.query().is_some() || base.fragment().is_some() || base.scheme() != "http" {
        return Err(DemoError::BadIssuer(config.issuer));
    }
    if !is_loopback(&base) {
        return Err(DemoError::NotLoopback(config.issuer));
    }
    let keys = keys::SigningKey::generate().ok_or(DemoError::NoKey)?;
    let provider = Arc::new(Provider { config, keys, store: store::Store::default(), clock });
    Ok(Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize::show).post(authorize::decide))
        .route("/token", axum::routing::post(token::token))
        .route("/userinfo", get(token::userinfo).post(token::userinfo))
        .route("/end_session", get(end_session::by_link).post(end_session::by_form))
        .route("/style.css", get(style))
        .layer(axum::extract::DefaultBodyLimit::max(64 * 1024))
        .with_state(provider))
}

impl Provider {
    /// The full address of one of our own pages.
    fn address(&self, page: &str) -> String {
        format!("{}/{page}", self.config.issuer.trim_end_matches('/'))
    }
}

/// OpenID Connect Discovery 1.0, section 3.
async fn discovery(State(provider): State<Shared>) -> Json<Value> {
    Json(json!({
        "issuer": provider.config.issuer,
        "authorization_endpoint": provider.address("authorize"),
        "token_endpoint": provider.address("token"),
        "userinfo_endpoint": provider.address("userinfo"),
        "jwks_uri": provider.address("jwks"),
        "end_session_endpoint": provider.address("end_session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "groups"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "preferred_username", "groups"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    }))
}

async fn jwks(State(provider): State<Shared>) -> Json<Value> {
    Json(json!({ "keys": [provider.keys.public_jwk()] }))
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], include_str!("demo/style.css")).into_response()
}
