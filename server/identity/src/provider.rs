//! What is known of one identity provider: its metadata and its keys, fetched, kept for ten minutes, fetched again on an unknown key.
//!
//! At most one request of each kind is under way. What was fetched last is kept while the provider is away. A flood of tokens with
//! unknown keys costs the provider one request a minute. Algorithms are never taken from here (see `verify`).

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use openidconnect::core::CoreJsonWebKeySet;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;
use windfirm_model::clock::{Clock, Timestamp};

use crate::{
    config::{ClientSecret, ConfigError, IssuerConfig},
    error::{LoginError, quoted},
    outbound::{Outbound, OutboundError, certificates},
};

/// How long metadata and keys are used without asking again.
const TTL_S: i64 = 600;
/// Between two fetches because of an unknown key.
const REFETCH_PAUSE_S: i64 = 60;
/// After a failure the provider is left alone for this long; who comes meanwhile gets the same answer at once.
const FAILURE_PAUSE_S: i64 = 5;
/// More keys than this are not read.
const MAX_KEYS: usize = 100;
/// RSA keys below 2,048 bits are too weak to be believed.
const MIN_RSA_BYTES: usize = 256;

/// The addresses that the provider published, checked.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) end_session_endpoint: Option<Url>,
    pub(crate) jwks_uri: Url,
    /// The provider takes the client secret in the body only.
    pub(crate) secret_in_body: bool,
    /// RFC 9207: every authorization response carries `iss`.
    pub(crate) promises_iss: bool,
}

/// Metadata and keys of one moment.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) metadata: Metadata,
    pub(crate) keys: CoreJsonWebKeySet,
    fetched: Timestamp,
}

/// What the single-flight lock guards.
#[derive(Debug, Default)]
struct Attempts {
    failed: Option<(Timestamp, LoginError)>,
    refetched: Option<Timestamp>,
}

/// One configured provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) config: IssuerConfig,
    pub(crate) client_secret: ClientSecret,
    pub(crate) issuer_url: Url,
    pub(crate) outbound: Outbound,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Known>,
    attempts: Mutex<Attempts>,
}

impl Provider {
    pub(crate) fn new(mut config: IssuerConfig, clock: Arc<dyn Clock>, timeout: Duration) -> Result<Self, ConfigError> {
        let issuer_url = Url::parse(&config.issuer).map_err(|_| ConfigError::BadIssuer(config.issuer.clone()))?;
        let roots = config.ca_pem.as_deref().map(certificates).transpose().map_err(|why| ConfigError::BadCertificates(config.name.clone(), why))?;
        let outbound = Outbound::new(&issuer_url, roots.unwrap_or_default(), timeout)?;
        let client_secret = ClientSecret::new(config.client_secret.take());
        Ok(Self { config, client_secret, issuer_url, outbound, clock, known: ArcSwapOption::empty(), attempts: Mutex::default() })
    }

    /// What was fetched last, however old.
    pub(crate) fn last_known(&self) -> Option<Arc<Known>> {
        self.known.load_full()
    }

    /// Metadata and keys, at most ten minutes old; older when the provider is away.
    pub(crate) async fn known(&self) -> Result<Arc<Known>, LoginError> {
        if let Some(known) = self.last_known().filter(|known| self.is_fresh(known)) {
            return Ok(known);
        }
        let mut attempts = self.attempts.lock().await;
        let kept = self.last_known();
        if let Some(known) = kept.clone().filter(|known| self.is_fresh(known)) {
            return Ok(known);
        }
        let now = self.clock.now();
        let recent = attempts.failed.as_ref().filter(|(when, _)| within(now, *when, FAILURE_PAUSE_S)).map(|(_, error)| error.clone());
        let fetched = match recent {
            Some(error) => Err(error),
            None => self.fetch(now).await.inspect_err(|error| {
                tracing::warn!(issuer = %self.config.issuer, code = error.code(), %error, "identity.discovery_failed");
                attempts.failed = Some((self.clock.now(), error.clone()));
            }),
        };
        match (fetched, kept) {
            (Ok(known), _) => {
                attempts.failed = None;
                Ok(known)
            }
            (Err(_), Some(kept)) => Ok(kept),
            (Err(error), None) => Err(error),
        }
    }

    /// Called when `seen` did not hold the key of a token: fetches the keys again, unless somebody just did.
    pub(crate) async fn refetch_keys(&self, seen: &Arc<Known>) -> Arc<Known> {
        let mut attempts = self.attempts.lock().await;
        let latest = self.last_known().unwrap_or_else(|| Arc::clone(seen));
        let now = self.clock.now();
        if !Arc::ptr_eq(&latest, seen) || attempts.refetched.is_some_and(|when| within(now, when, REFETCH_PAUSE_S)) {
            return latest;
        }
        attempts.refetched = Some(now);
        match self.fetch_keys(&latest.metadata).await {
            // The metadata keep their age: only the keys were asked for.
            Ok(keys) => {
                let known = Arc::new(Known { metadata: latest.metadata.clone(), keys, fetched: latest.fetched });
                self.known.store(Some(Arc::clone(&known)));
                known
            }
            Err(error) => {
                tracing::warn!(issuer = %self.config.issuer, %error, "identity.refetch_of_keys_failed");
                latest
            }
        }
    }

    fn is_fresh(&self, known: &Known) -> bool {
        within(self.clock.now(), known.fetched, TTL_S)
    }

    async fn fetch(&self, now: Timestamp) -> Result<Arc<Known>, LoginError> {
        let metadata = self.fetch_metadata().await?;
        let keys = self.fetch_keys(&metadata).await.map_err(|error| self.away(&error))?;
        let known = Arc::new(Known { metadata, keys, fetched: now });
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    /// OpenID Connect Discovery 1.0, section 4.
    async fn fetch_metadata(&self) -> Result<Metadata, LoginError> {
        let address = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let url = self.outbound.endpoint(&address).map_err(|error| self.away(&error))?;
        let published = self.outbound.get_object(&url).await.map_err(|error| self.away(&error))?;
        let text = |name: &str| published.get(name).and_then(Value::as_str);
        if text("issuer") != Some(self.config.issuer.as_str()) {
            let why = format!("it calls itself “{}”, which is not “{}” byte for byte", quoted(text("issuer").unwrap_or("")), self.config.issuer);
            return Err(self.misconfigured(why));
        }
        let optional = |name: &str| match text(name) {
            None => Ok(None),
            Some(address) => self.outbound.endpoint(address).map(Some).map_err(|error| self.misconfigured(error.to_string())),
        };
        let required = |name: &str| optional(name)?.ok_or_else(|| self.misconfigured(format!("it publishes no {name}")));
        let lists = |name: &str, word: &str| published.get(name).and_then(Value::as_array).map(|items| items.iter().any(|item| item.as_str() == Some(word)));
        if lists("code_challenge_methods_supported", "S256") == Some(false) {
            return Err(self.misconfigured("it does not support PKCE with S256".to_owned()));
        }
        if lists("response_types_supported", "code") == Some(false) {
            return Err(self.misconfigured("it does not support the authorization code flow".to_owned()));
        }
        let methods = "token_endpoint_auth_methods_supported";
        Ok(Metadata {
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: required("token_endpoint")?,
            jwks_uri: required("jwks_uri")?,
            userinfo_endpoint: optional("userinfo_endpoint")?,
            end_session_endpoint: optional("end_session_endpoint")?,
            secret_in_body: lists(methods, "client_secret_basic") == Some(false) && lists(methods, "client_secret_post") == Some(true),
            promises_iss: published.get("authorization_response_iss_parameter_supported").and_then(Value::as_bool) == Some(true),
        })
    }

    async fn fetch_keys(&self, metadata: &Metadata) -> Result<CoreJsonWebKeySet, OutboundError> {
        let published = self.outbound.get_object(&metadata.jwks_uri).await?;
        let Some(Value::Array(keys)) = published.get("keys") else { return Err(OutboundError::NotJson) };
        let usable: Vec<Value> = keys.iter().filter(|key| is_usable(key)).take(MAX_KEYS).cloned().collect();
        serde_json::from_value(Value::Object(Map::from_iter([("keys".to_owned(), Value::Array(usable))]))).map_err(|_| OutboundError::NotJson)
    }

    fn away(&self, error: &OutboundError) -> LoginError {
        let (provider, why) = (self.config.label.clone(), error.to_string());
        match error {
            OutboundError::Unprotected(_) => LoginError::ProviderMisconfigured { provider, why },
            _ => LoginError::ProviderDown { provider, why },
        }
    }

    fn misconfigured(&self, why: String) -> LoginError {
        LoginError::ProviderMisconfigured { provider: self.config.label.clone(), why }
    }
}

/// Whether `now` is less than `seconds` after `when`. A clock that was set back counts as “long ago”.
fn within(now: Timestamp, when: Timestamp, seconds: i64) -> bool {
    (0..seconds.saturating_mul(1_000_000)).contains(&now.micros_since(when))
}

/// Public, asymmetric, strong enough. Secret keys in a published set would let anybody sign.
fn is_usable(key: &Value) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    match text("kty") {
        Some("EC" | "OKP") => true,
        Some("RSA") => text("n").is_some_and(|n| n.len().saturating_mul(3) / 4 >= MIN_RSA_BYTES),
        _ => false,
    }
}
