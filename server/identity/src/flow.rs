//! Begin, finish, log out: the steps of the authorization code flow, without HTTP routes and without sessions.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;
use windfirm_model::{actor::PersonKey, clock::Clock, session::Login};

use crate::{
    claims,
    config::{ConfigError, IdentityConfig, Secret},
    cookie::{self, Jar},
    error::{LoginError, quoted},
    exchange,
    hooks::{Choice, LogoutReach},
    provider::Provider,
    return_to::own_path,
    rows::{LOGIN_LIFETIME_S, LoginRow, LoginRows, RowsError},
    session::ABSOLUTE_LIMIT_S,
    verify,
};

/// A longer query of a callback is not read.
const MAX_QUERY_BYTES: usize = 16 * 1024;
/// A longer ID token is not sent along at log-out: servers refuse such addresses.
const MAX_HINT_BYTES: usize = 4 * 1024;
/// How long the browser may take to come back from the provider's log-out page.
const LOGOUT_LIFETIME_S: i64 = 600;

/// How often [`Identity::warm`] is called: it asks a provider only when what is known of it is missing or old.
pub const WARM_EVERY: Duration = Duration::from_secs(20);

/// Where the browser is sent, and the `Set-Cookie` values that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    pub location: String,
    pub cookies: Vec<String>,
}

/// How a login ended. The cookies are to be sent in both cases.
#[derive(Debug)]
pub struct Finish {
    pub outcome: Result<Login, LoginError>,
    /// Our own path; `/` when it is not known.
    pub return_to: String,
    pub cookies: Vec<String>,
}

/// All configured identity providers, and the way in and out through them.
pub struct Identity {
    providers: Vec<Arc<Provider>>,
    public_url: Url,
    jar: Jar,
    rows: Arc<dyn LoginRows>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("providers", &self.providers).field("public_url", &self.public_url.as_str()).finish_non_exhaustive()
    }
}

impl From<RowsError> for LoginError {
    fn from(error: RowsError) -> Self {
        tracing::error!(%error, "identity.login_rows_failed");
        Self::Store { why: "its store does not answer".to_owned() }
    }
}

impl Identity {
    /// Nothing is fetched yet: a provider that is away does not keep the portal from starting.
    pub fn new(config: IdentityConfig, rows: Arc<dyn LoginRows>, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        config.check()?;
        let timeout = Duration::from_millis(config.http_timeout_ms);
        let providers = config.issuers.into_iter().map(|issuer| Provider::new(issuer, Arc::clone(&clock), timeout).map(Arc::new)).collect::<Result<_, _>>()?;
        let jar = Jar { is_https: config.public_url.scheme() == "https" };
        Ok(Self { providers, public_url: config.public_url, jar, rows, clock })
    }

    /// The providers to choose from, in the order of the configuration.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        let host = |url: &Url| url.host_str().map(|host| url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))).unwrap_or_default();
        self.providers.iter().map(|p| Choice { name: p.config.name.clone(), label: p.config.label.clone(), host: host(&p.issuer_url) }).collect()
    }

    /// Puts another client secret into force at the provider `name`; whether it is another one. Logins under way are finished with it, and
    /// with the one before where the provider does not take it yet.
    ///
    /// # Errors
    /// When there is no such provider.
    pub fn set_client_secret(&self, name: &str, secret: Secret) -> Result<bool, LoginError> {
        Ok(self.provider(name)?.client_secret.replace(secret))
    }

    /// The redirect URI to register at the provider `name`.
    #[must_use]
    pub fn redirect_uri(&self, name: &str) -> String {
        format!("{}login/{name}/callback", self.public_url)
    }

    /// The URI to register for the way back from a log-out at the provider.
    #[must_use]
    pub fn post_logout_redirect_uri(&self) -> String {
        format!("{}logged-out", self.public_url)
    }

    /// The origins that `form-action` of the content security policy must list beside `'self'` on every page with a log-in or log-out
    /// form: Chromium holds the redirect that answers a form to that list. Complete once the metadata are known ([`Self::warm`]).
    #[must_use]
    pub fn form_origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = Vec::new();
        for provider in &self.providers {
            origins.push(provider.issuer_url.origin().ascii_serialization());
            if let Some(known) = provider.last_known() {
                let more = [Some(&known.metadata.authorization_endpoint), known.metadata.end_session_endpoint.as_ref()];
                origins.extend(more.into_iter().flatten().map(|url| url.origin().ascii_serialization()));
            }
        }
        origins.sort_unstable();
        origins.dedup();
        origins
    }

    /// Asks every provider for its metadata, if they are not known or too old. Failures are logged and met again at the next login.
    pub async fn warm(&self) {
        futures::future::join_all(self.providers.iter().map(|provider| provider.known())).await;
    }

    fn provider(&self, name: &str) -> Result<&Arc<Provider>, LoginError> {
        self.providers.iter().find(|provider| provider.config.name == name).ok_or_else(|| LoginError::UnknownProvider { name: quoted(name) })
    }

    fn secret(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.clock.secret())
    }

    /// Begins a login. `issuer` may be left out when there is only one; `cookies` is the request's `Cookie` header.
    pub async fn begin(&self, issuer: Option<&str>, return_to: &str, cookies: &str) -> Result<Departure, LoginError> {
        let provider = match (issuer.filter(|name| !name.is_empty()), self.providers.as_slice()) {
            (Some(name), _) => self.provider(name)?,
            (None, [only]) => only,
            (None, _) => return Err(LoginError::NoProviderChosen),
        };
        let known = provider.known().await?;
        let (state, browser, nonce, verifier) = (self.secret(), self.secret(), self.secret(), self.secret());
        let state_hash = cookie::hash(&state);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let row = LoginRow {
            state_hash: state_hash.clone(),
            browser_hash: cookie::hash(&browser),
            issuer: provider.config.name.clone(),
            nonce: nonce.clone(),
            verifier,
            return_to: own_path(return_to),
            expires: self.clock.now().plus_seconds(LOGIN_LIFETIME_S),
        };
        self.rows.put(row).await?;

        let mut location = known.metadata.authorization_endpoint.clone();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.config.client_id)
            .append_pair("redirect_uri", &self.redirect_uri(&provider.config.name))
            .append_pair("scope", &scope(&provider.config.scopes))
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        let mut set = self.jar.tidy(cookies);
        set.push(self.jar.set(&self.jar.login_name(&state_hash), &browser, LOGIN_LIFETIME_S));
        Ok(Departure { location: location.into(), cookies: set })
    }

    /// Finishes a login: `query` is the callback's query as it came, `client` the browser and address in short.
    pub async fn finish(&self, issuer: &str, query: &str, cookies: &str, client: &str) -> Finish {
        let mut finish = Finish { outcome: Err(LoginError::UsedOrUnknown), return_to: "/".to_owned(), cookies: Vec::new() };
        finish.outcome = self.try_finish(issuer, query, cookies, client, &mut finish.return_to, &mut finish.cookies).await;
        finish
    }

    async fn try_finish(
        &self,
        issuer: &str,
        query: &str,
        cookies: &str,
        client: &str,
        return_to: &mut String,
        set: &mut Vec<String>,
    ) -> Result<Login, LoginError> {
        let provider = self.provider(issuer)?;
        let answer = Answer::read(query)?;
        let state_hash = cookie::hash(&answer.state);
        let row = self.rows.take(&state_hash).await?.ok_or(LoginError::UsedOrUnknown)?;
        let name = self.jar.login_name(&state_hash);
        set.push(self.jar.remove(&name));
        // Hashes are compared, so the time it takes tells nothing of the secret.
        if cookie::value(cookies, &name).map(cookie::hash).as_deref() != Some(row.browser_hash.as_str()) {
            return Err(LoginError::OtherBrowser);
        }
        *return_to = own_path(&row.return_to);
        let now = self.clock.now();
        if now >= row.expires {
            return Err(LoginError::TookTooLong);
        }
        let label = || provider.config.label.clone();
        let known = provider.known().await?;
        let other = || LoginError::OtherProvider { provider: label() };
        match &answer.iss {
            Some(iss) if *iss != provider.config.issuer => return Err(other()),
            None if known.metadata.promises_iss => return Err(other()),
            _ => {}
        }
        if row.issuer != provider.config.name {
            return Err(other());
        }
        let code = match answer.outcome {
            Ok(code) => code,
            Err(why) => return Err(LoginError::RefusedByProvider { provider: label(), why }),
        };

        let redirect_uri = self.redirect_uri(&provider.config.name);
        let tokens = exchange::code_for_tokens(provider, &known, &code, &row.verifier, &redirect_uri).await?;
        let verified = verify::id_token(provider, Arc::clone(&known), &tokens.id_token, &row.nonce, &tokens.access_token, self.clock.now()).await?;
        let claims = exchange::complete_claims(provider, &known, verified.claims, &verified.subject, &tokens.access_token).await?;
        let now = self.clock.now();
        Ok(Login {
            name: claims::display_name(&claims, &provider.config.name_claim, &verified.subject),
            groups: claims::groups(&claims, &provider.config.groups_claim),
            person: PersonKey { issuer: provider.config.issuer.clone(), subject: verified.subject },
            began: now,
            absolute_end: now.plus_seconds(ABSOLUTE_LIMIT_S),
            // A provider's clock may run ahead; nobody proves who they are in the future.
            authenticated: verified.auth_time.unwrap_or(now).min(now),
            id_token: tokens.id_token,
            client: client.to_owned(),
        })
    }

    /// Where to send the browser to log out at the provider too; our own page when the provider is away or offers nothing. Our own
    /// session must be dead before this is called.
    pub async fn logout(&self, login: &Login) -> Departure {
        let ours = || Departure { location: "/logged-out".to_owned(), cookies: Vec::new() };
        let Some(provider) = self.providers.iter().find(|provider| provider.config.issuer == login.person.issuer) else { return ours() };
        let Ok(known) = provider.known().await else { return ours() };
        let Some(mut location) = known.metadata.end_session_endpoint.clone() else { return ours() };
        let state = self.secret();
        {
            let mut query = location.query_pairs_mut();
            if login.id_token.len() <= MAX_HINT_BYTES {
                query.append_pair("id_token_hint", &login.id_token);
            }
            query
                .append_pair("client_id", &provider.config.client_id)
                .append_pair("post_logout_redirect_uri", &self.post_logout_redirect_uri())
                .append_pair("state", &state);
        }
        let cookie = self.jar.set(self.jar.logout_name(), &state, LOGOUT_LIFETIME_S);
        Departure { location: location.into(), cookies: vec![cookie] }
    }

    /// The way back from a log-out: whether it is the one that we began, and the cookie to remove.
    #[must_use]
    pub fn logged_out(&self, query: &str, cookies: &str) -> (LogoutReach, Vec<String>) {
        let Some(expected) = cookie::value(cookies, self.jar.logout_name()) else { return (LogoutReach::WindfirmOnly, Vec::new()) };
        let mut states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
        let is_ours = matches!((states.next(), states.next()), (Some((_, state)), None) if cookie::hash(&state) == cookie::hash(expected));
        let reach = if is_ours { LogoutReach::ProviderToo } else { LogoutReach::WindfirmOnly };
        (reach, vec![self.jar.remove(self.jar.logout_name())])
    }
}

fn scope(configured: &[String]) -> String {
    let mut scopes = vec!["openid"];
    scopes.extend(configured.iter().map(String::as_str).filter(|scope| *scope != "openid"));
    scopes.join(" ")
}

/// An authorization response (RFC 6749, section 4.1.2, and RFC 9207).
struct Answer {
    state: String,
    iss: Option<String>,
    /// The code, or why there is none.
    outcome: Result<String, String>,
}

impl Answer {
    fn read(query: &str) -> Result<Self, LoginError> {
        let malformed = |why: &str| LoginError::MalformedAnswer { why: why.to_owned() };
        if query.len() > MAX_QUERY_BYTES {
            return Err(malformed("it is longer than 16 KiB"));
        }
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            // RFC 6749, section 3.1: parameters must not be included more than once.
            if given.iter().any(|(other, _)| *other == name) {
                return Err(malformed("it says the same thing twice"));
            }
            given.push((name.into_owned(), value.into_owned()));
        }
        let value = |name: &str| given.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()).filter(|value| !value.is_empty());
        let state = value("state").ok_or_else(|| malformed("it does not say which log-in it belongs to"))?;
        let outcome = match (value("code"), value("error")) {
            (Some(code), None) => Ok(code),
            (None, Some(error)) => Err(reason(&error, value("error_description").as_deref())),
            (Some(_), Some(_)) => return Err(malformed("it says yes and no at once")),
            (None, None) => return Err(malformed("it says neither yes nor no")),
        };
        Ok(Self { state, iss: value("iss"), outcome })
    }
}

/// The error codes of RFC 6749 and OpenID Connect Core in words; others as they are.
fn reason(code: &str, description: Option<&str>) -> String {
    let words = match code {
        "access_denied" => "you, or it, said no".to_owned(),
        "temporarily_unavailable" | "server_error" => "it has a problem of its own".to_owned(),
        "login_required" | "interaction_required" | "account_selection_required" | "consent_required" => "it needs you to log in there first".to_owned(),
        "unauthorized_client" | "invalid_request" | "invalid_scope" | "unsupported_response_type" => {
            format!("it does not accept how Windfirm asks ({})", quoted(code))
        }
        other => format!("it answers “{}”", quoted(other)),
    };
    match description.map(quoted).filter(|text| !text.is_empty()) {
        Some(text) => format!("{words}; it says “{text}”"),
        None => words,
    }
}
