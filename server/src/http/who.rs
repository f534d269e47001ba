//! Who asks: turns the session into an [`Asker`], or sends the browser to the login page.
//!
//! Every route of the app and every server function lies behind this layer; there is no way around it to the use cases,
//! because they are methods of the asker.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use tower_sessions::Session;
use url::form_urlencoded::byte_serialize;
use windfirm_app::{api::ApiError, href};
use windfirm_identity::{current_login, routes::browser};
use windfirm_model::{fault::Fault, view::launch::LaunchRequest};

use crate::{
    context::Asker,
    http::{request_log::RequestId, routes::MAX_FORM_BYTES},
    state::Portal,
};

/// Where the launch form is sent.
const LAUNCH: &str = "/api/fn/launch";
/// The longest address that the door leads back to.
const MOST_RETURN_BYTES: usize = 1_900;

/// Puts the asker into the request, or answers without going on.
pub async fn require_login(State(portal): State<Arc<Portal>>, session: Session, mut request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let login = match current_login(&session, &*portal.clock).await {
        Ok(login) => login,
        Err(error) => {
            tracing::error!(%error, request_id, "session.not_read");
            return (StatusCode::SERVICE_UNAVAILABLE, "The sessions cannot be read right now. Try again in a moment.").into_response();
        }
    };
    let Some(login) = login else { return not_logged_in(request).await };
    let client = client_of(request.headers(), request.extensions().get::<ConnectInfo<SocketAddr>>());
    let asker = Asker::new(portal, login, session.id(), request_id, client);
    request.extensions_mut().insert(asker);
    let mut response = next.run(request).await;
    // Pages of one person must not come out of a cache for another.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(header::HeaderValue::from_static("private, no-store"));
    response
}

async fn not_logged_in(request: Request) -> Response {
    let wants_page = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/html"));
    let path = request.uri().path();
    let is_page = !path.starts_with("/api/") && !path.ends_with("/events");
    if is_page && request.method() == Method::GET {
        return login_then(request.uri().path_and_query().map_or("/", |here| here.as_str()));
    }
    if wants_page && path == LAUNCH && request.method() == Method::POST {
        // Somebody typed for an hour and their session has ended: they find the form as it was when they are back.
        return match axum::body::to_bytes(request.into_body(), MAX_FORM_BYTES).await {
            Ok(body) => login_then(&href::launch_within(&typed(&body), MOST_RETURN_BYTES)),
            Err(_) => Redirect::to("/login").into_response(),
        };
    }
    if wants_page {
        // Another form of a page whose session has ended; there is little in it to be kept.
        return Redirect::to("/login").into_response();
    }
    (StatusCode::UNAUTHORIZED, Json(ApiError::from(Fault::NotLoggedIn))).into_response()
}

/// To the door, and from there to `here`, one of our own paths.
fn login_then(here: &str) -> Response {
    let return_to: String = byte_serialize(here.as_bytes()).collect();
    Redirect::to(&format!("/login?return_to={return_to}")).into_response()
}

/// The launch form as a browser without script sends it. Nothing of it is judged here: it only fills the form again.
fn typed(body: &[u8]) -> LaunchRequest {
    let mut request = LaunchRequest::default();
    for (name, value) in url::form_urlencoded::parse(body) {
        let field = match name.strip_prefix("request[").and_then(|rest| rest.strip_suffix(']')) {
            Some("path") => &mut request.path,
            Some("test") => &mut request.test,
            Some("profile") => &mut request.profile,
            Some("vus") => &mut request.vus,
            Some("duration") => &mut request.duration,
            Some("runners") => &mut request.runners,
            Some("after") => &mut request.after,
            Some("env") => &mut request.env,
            Some("reason") => &mut request.reason,
            Some("once") => &mut request.once,
            _ => continue,
        };
        *field = value.replace("\r\n", "\n");
    }
    request
}

/// Browser and address in short.
fn client_of(headers: &HeaderMap, address: Option<&ConnectInfo<SocketAddr>>) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map_or_else(|| "Unknown browser".to_owned(), browser);
    address.map_or_else(|| agent.clone(), |ConnectInfo(address)| format!("{agent}, {}", address.ip()))
}
