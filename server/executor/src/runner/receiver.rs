//! Takes what k6 measures: `POST /v2/metrics/{execution}` on a loopback port, as k6's cloud output sends it.
//!
//! The script can reach this port when its target is on loopback too, so only who shows the runner's own token is heard; the token stands
//! in k6's environment, which scripts cannot read. Everybody else is answered before a byte of their body is read, and then hung up on: ten
//! thousand virtual users with a long body each must cost neither memory nor open connections.

use std::sync::Arc;

use axum::{
    Json, RequestExt as _, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use windfirm_measure::frame::MOST_KEY_BYTES;

use super::desk::{Desk, Refused, UNREADABLE};

/// Largest body that is read, compressed: what [`windfirm_measure::wire`] takes.
const MOST_BODY: usize = 4 << 20;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new().route("/v2/metrics/{execution}", post(take)).layer(DefaultBodyLimit::max(MOST_BODY)).with_state(desk)
}

async fn take(State(desk): State<Arc<Desk>>, Path(execution): Path<String>, request: Request) -> Response {
    let token = text(request.headers(), header::AUTHORIZATION.as_str()).strip_prefix("Token ").unwrap_or_default();
    if !same(token, &desk.receiver_token) || execution != desk.orders.execution.to_string() {
        // Without k6's own error code: a stranger's question must not end the test.
        return (StatusCode::UNAUTHORIZED, [(header::CONNECTION, "close")]).into_response();
    }
    let key = text(request.headers(), "k6-idempotency-key").to_owned();
    if key.is_empty() || key.len() > MOST_KEY_BYTES || text(request.headers(), header::CONTENT_ENCODING.as_str()) != "snappy" {
        desk.count_dropped(UNREADABLE);
        return StatusCode::BAD_REQUEST.into_response();
    }
    let body = match request.extract::<Bytes, _>().await {
        Ok(body) => body,
        Err(refused) => {
            desk.count_dropped(UNREADABLE);
            return refused.into_response();
        }
    };
    match desk.take(&key, &body) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refused @ Refused::Undecodable(_)) => (StatusCode::BAD_REQUEST, refused.to_string()).into_response(),
        // k6 ends the test at this answer, see `K6_CLOUD_STOP_ON_ERROR`.
        Err(refused @ Refused::Full) => {
            (StatusCode::FORBIDDEN, Json(serde_json::json!({ "error": { "code": 4, "message": refused.to_string() } }))).into_response()
        }
        // k6 tries this again, twice.
        Err(refused @ Refused::Disk(_)) => (StatusCode::SERVICE_UNAVAILABLE, refused.to_string()).into_response(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Compares without telling by its duration where the first difference is.
fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |different, (left, right)| different | (left ^ right)) == 0
}

#[cfg(test)]
mod tests;
