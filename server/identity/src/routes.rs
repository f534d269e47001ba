//! The routes at the door: `/login`, `/login/{issuer}/callback`, `/logout`, `/logged-out`.
//!
//! They need the session layer around them, and the server's CSRF layer: both POSTs rely on it. Every answer is `no-store`.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Form, Path, RawQuery, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use serde::Deserialize;
use tower_sessions::Session;
use windfirm_model::clock::Clock;

use crate::{
    error::{LoginError, quoted},
    flow::{Departure, Identity},
    hooks::{ChoosePage, LoginAudit, LoginPages},
    return_to::own_path,
    session::{SessionError, begin_session, current_login, end_session},
};

/// What the routes need.
#[derive(Clone)]
pub struct IdentityState {
    pub identity: Arc<Identity>,
    pub audit: Arc<dyn LoginAudit>,
    pub pages: Arc<dyn LoginPages>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for IdentityState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityState").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Browser and address in short. The server puts one into the request's extensions when it knows better than the socket does
/// (behind a proxy that it trusts).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client(pub String);

/// What a route of the door does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorEffect {
    /// Shows a page; nothing is changed.
    Shows,
    /// Lets somebody in or out, or refuses to; each stands on the record.
    Records,
}

/// One route of the door.
#[derive(Clone, Debug)]
pub struct DoorRoute {
    pub method: Method,
    pub path: &'static str,
    pub effect: DoorEffect,
    handler: MethodRouter<IdentityState>,
}

/// All routes of the door: [`routes`] is built from them, and the server's tests walk through them.
#[must_use]
pub fn door_routes() -> Vec<DoorRoute> {
    use DoorEffect::{Records, Shows};
    let shows = |path, handler| DoorRoute { method: Method::GET, path, effect: Shows, handler };
    let records = |method, path, handler| DoorRoute { method, path, effect: Records, handler };
    vec![
        shows("/login", get(choose)),
        records(Method::POST, "/login", post(begin)),
        records(Method::GET, CALLBACK, get(callback)),
        records(Method::POST, "/logout", post(logout)),
        shows("/logged-out", get(logged_out)),
    ]
}

/// Where the identity providers send browsers back to.
pub const CALLBACK: &str = "/login/{issuer}/callback";

/// The routes. Wrap them into the session layer.
pub fn routes(state: IdentityState) -> Router {
    door_routes().into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler)).with_state(state)
}

#[derive(Debug, Default, Deserialize)]
struct BeginForm {
    issuer: Option<String>,
    #[serde(default)]
    return_to: String,
}

async fn choose(State(state): State<IdentityState>, session: Session, RawQuery(query): RawQuery, extensions: Extensions) -> Response {
    let query = query.unwrap_or_default();
    let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return_to").map(|(_, value)| own_path(&value));
    let return_to = asked.unwrap_or_else(|| "/".to_owned());
    match current_login(&session, &*state.clock).await {
        Ok(Some(_)) => see_other(Departure { location: return_to, cookies: Vec::new() }),
        // Asks nobody: a provider that does not answer keeps nobody from the others. The server keeps their metadata warm.
        Ok(None) => no_store(state.pages.choose(ChoosePage { choices: state.identity.choices(), return_to }, &extensions).await),
        Err(error) => refuse(&state, &store_failed(&error), &return_to, &client_of(&HeaderMap::new(), &extensions), &extensions).await,
    }
}

async fn begin(State(state): State<IdentityState>, headers: HeaderMap, extensions: Extensions, Form(form): Form<BeginForm>) -> Response {
    match state.identity.begin(form.issuer.as_deref(), &form.return_to, &cookies_of(&headers)).await {
        Ok(departure) => see_other(departure),
        Err(error) => refuse(&state, &error, &own_path(&form.return_to), &client_of(&headers, &extensions), &extensions).await,
    }
}

async fn callback(
    State(state): State<IdentityState>,
    Path(issuer): Path<String>,
    session: Session,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let client = client_of(&headers, &extensions);
    let finish = state.identity.finish(&issuer, &query.unwrap_or_default(), &cookies_of(&headers), &client).await;
    let outcome = match finish.outcome {
        // The record first: a login that cannot be recorded is not done.
        Ok(login) => match state.audit.logged_in(&login).await {
            Ok(()) => begin_session(&session, &login, &*state.clock).await.map_err(|error| store_failed(&error)),
            Err(error) => {
                tracing::error!(%error, "identity.login_not_recorded");
                Err(LoginError::NotRecorded)
            }
        },
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => see_other(Departure { location: finish.return_to, cookies: finish.cookies }),
        Err(error) => with_cookies(refuse(&state, &error, &finish.return_to, &client, &extensions).await, &finish.cookies),
    }
}

async fn logout(State(state): State<IdentityState>, session: Session, headers: HeaderMap, extensions: Extensions) -> Response {
    let login = current_login(&session, &*state.clock).await;
    // Ours first: whatever the provider does, this session is over.
    if let Err(error) = end_session(&session).await {
        return refuse(&state, &store_failed(&error), "/", &client_of(&headers, &extensions), &extensions).await;
    }
    let Ok(Some(login)) = login else { return see_other(Departure { location: "/logged-out".to_owned(), cookies: Vec::new() }) };
    if let Err(error) = state.audit.logged_out(&login).await {
        tracing::error!(%error, "identity.logout_not_recorded");
    }
    see_other(state.identity.logout(&login).await)
}

async fn logged_out(State(state): State<IdentityState>, RawQuery(query): RawQuery, headers: HeaderMap, extensions: Extensions) -> Response {
    let (reach, cookies) = state.identity.logged_out(&query.unwrap_or_default(), &cookies_of(&headers));
    no_store(with_cookies(state.pages.logged_out(reach, &extensions).await, &cookies))
}

async fn refuse(state: &IdentityState, error: &LoginError, return_to: &str, client: &str, extensions: &Extensions) -> Response {
    tracing::info!(code = error.code(), %error, client, "identity.login_refused");
    if let Err(error) = state.audit.refused(error, client).await {
        // There is nothing left to refuse.
        tracing::error!(%error, "identity.refusal_not_recorded");
    }
    let mut response = state.pages.refused(error, return_to, extensions).await;
    *response.status_mut() = error.status();
    no_store(response)
}

fn store_failed(error: &SessionError) -> LoginError {
    tracing::error!(%error, "identity.session_store_failed");
    LoginError::Store { why: "its store does not answer".to_owned() }
}

fn cookies_of(headers: &HeaderMap) -> String {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join("; ")
}

/// “Firefox on Linux, 192.0.2.7”, as far as it can be told.
fn client_of(headers: &HeaderMap, extensions: &Extensions) -> String {
    if let Some(Client(known)) = extensions.get::<Client>() {
        return known.clone();
    }
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map_or_else(|| "Unknown browser".to_owned(), browser);
    match extensions.get::<ConnectInfo<SocketAddr>>() {
        Some(ConnectInfo(address)) => format!("{agent}, {}", address.ip()),
        None => agent,
    }
}

/// The browser and system that a `User-Agent` header claims. Order matters: most browsers name the ones they descend from.
#[must_use]
pub fn browser(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")];
    const SYSTEMS: [(&str, &str); 6] =
        [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")];
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => {
            Some(quoted(agent).chars().take(40).collect::<String>()).filter(|text| !text.is_empty()).unwrap_or_else(|| "Unknown browser".to_owned())
        }
    }
}

fn see_other(departure: Departure) -> Response {
    let Ok(location) = HeaderValue::from_str(&departure.location) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    no_store(with_cookies((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(), &departure.cookies))
}

fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// Codes and states stand in these addresses: they are neither kept nor passed on.
fn no_store(mut response: Response) -> Response {
    const FIXED: [(HeaderName, HeaderValue); 2] =
        [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    response.headers_mut().extend(FIXED);
    response
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_named_in_short() {
        assert_eq!(browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Linux");
        assert_eq!(browser("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 (KHTML, like Gecko) Version/18 Safari/605"), "Safari on macOS");
        assert_eq!(browser("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 (KHTML, like Gecko) Chrome/140 Safari/537 Edg/140"), "Edge on Windows");
        assert_eq!(browser(""), "Unknown browser");
    }
}
