//! Which identity providers there are, as the configuration says it. Checked once, at start.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use url::Url;

/// A secret: its value never shows in Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
    /// The value itself: only for the request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The client's secret that is in force, and the one before it. Replaced without a break: a login under way goes on.
///
/// The one before is kept because who rotates cannot change two places at one moment: until the provider knows the new one, or when
/// it never will, it still takes the old one.
#[derive(Debug)]
pub(crate) struct ClientSecret(ArcSwapOption<Secrets>);

/// Newest first.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    pub(crate) now: Secret,
    pub(crate) before: Option<Secret>,
}

impl ClientSecret {
    pub(crate) fn new(secret: Option<Secret>) -> Self {
        Self(ArcSwapOption::from_pointee(secret.map(|now| Secrets { now, before: None })))
    }
    /// None for a public client.
    pub(crate) fn in_force(&self) -> Option<Arc<Secrets>> {
        self.0.load_full()
    }
    /// Whether it is another one than before. A public client stays one.
    pub(crate) fn replace(&self, secret: Secret) -> bool {
        let Some(known) = self.in_force().filter(|known| known.now != secret) else { return false };
        self.0.store(Some(Arc::new(Secrets { now: secret, before: Some(known.now.clone()) })));
        true
    }
}

/// One identity provider, as configured.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// Short name for URLs: 1–32 of `a`–`z`, `0`–`9`, `-`. Stands in the redirect URI `<public URL>/login/<name>/callback`.
    pub name: String,
    /// For people, such as “Meridian staff login”.
    pub label: String,
    /// Exactly as the provider writes it, byte for byte, trailing slash included. https, except on loopback.
    pub issuer: String,
    pub client_id: String,
    /// None for a public client, which has PKCE only. The one at the start; see [`crate::Identity::set_client_secret`].
    pub client_secret: Option<Secret>,
    /// `openid` is added when missing.
    pub scopes: Vec<String>,
    /// Where the groups stand: the name of a claim, or a path with dots such as `resource_access.windfirm.roles`.
    /// A claim whose own name holds dots (a URL) is found too, because the whole text is tried first.
    pub groups_claim: String,
    /// Where the name for people stands, such as `name` or `preferred_username`.
    pub name_claim: String,
    /// Certificates in PEM that are believed for this provider beside the system's own: those of a company.
    pub ca_pem: Option<String>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// Where browsers find the portal, such as `https://windfirm.example/`. Redirect URIs come from here and never from a `Host` header.
    pub public_url: Url,
    pub issuers: Vec<IssuerConfig>,
    /// How long one answer of a provider may take; 5,000 is the rule.
    pub http_timeout_ms: u64,
}

impl IdentityConfig {
    #[must_use]
    pub const fn new(public_url: Url, issuers: Vec<IssuerConfig>) -> Self {
        Self { public_url, issuers, http_timeout_ms: 5_000 }
    }
}

/// Why the configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("no identity provider is configured, so nobody could log in; add one")]
    NoIssuer,
    #[error("the identity provider name “{0}” cannot stand in a URL; use 1–32 of a–z, 0–9 and “-”")]
    BadName(String),
    #[error("two identity providers are named “{0}”; names must differ")]
    NameTwice(String),
    #[error("two identity providers have the issuer {0}; a person would be two people")]
    IssuerTwice(String),
    #[error("the issuer “{0}” is not a plain https URL without query and fragment; http is for loopback addresses only")]
    BadIssuer(String),
    #[error("the identity provider “{0}” has no client id")]
    NoClientId(String),
    #[error("the certificates for the identity provider “{0}” cannot be used: {1}; a file of certificates in PEM is needed")]
    BadCertificates(String, String),
    #[error("the public URL {0} must be https; http is for loopback addresses only. It has no path, no query and no user")]
    BadPublicUrl(Url),
    #[error("the HTTP client cannot be built: {0}")]
    HttpClient(String),
}

/// Whether the host is this computer and nothing else.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether the URL is https, or http on this computer.
pub(crate) fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

impl IdentityConfig {
    /// Everything that can be known to be wrong before the first login.
    ///
    /// # Errors
    /// The first of it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let public = &self.public_url;
        let is_plain = public.path() == "/" && public.query().is_none() && public.fragment().is_none() && public.username().is_empty();
        if !is_protected(public) || !is_plain {
            return Err(ConfigError::BadPublicUrl(public.clone()));
        }
        if self.issuers.is_empty() {
            return Err(ConfigError::NoIssuer);
        }
        for (at, issuer) in self.issuers.iter().enumerate() {
            issuer.check()?;
            let earlier = || self.issuers.iter().take(at);
            if earlier().any(|other| other.name == issuer.name) {
                return Err(ConfigError::NameTwice(issuer.name.clone()));
            }
            if earlier().any(|other| other.issuer == issuer.issuer) {
                return Err(ConfigError::IssuerTwice(issuer.issuer.clone()));
            }
        }
        Ok(())
    }
}

impl IssuerConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(allowed) {
            return Err(ConfigError::BadName(self.name.clone()));
        }
        let bad = || ConfigError::BadIssuer(self.issuer.clone());
        let url = Url::parse(&self.issuer).map_err(|_| bad())?;
        if !is_protected(&url) || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(bad());
        }
        if self.client_id.is_empty() {
            return Err(ConfigError::NoClientId(self.name.clone()));
        }
        Ok(())
    }
}
