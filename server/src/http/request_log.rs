//! One line per request: id, route, status, time. No query, no cookie, no body: nothing secret stands in it.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use crate::state::Portal;

/// The id of a request: made here, never taken from outside, and told in the header `x-request-id`.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, measures it, writes the line.
pub async fn log(State(portal): State<Arc<Portal>>, mut request: Request, next: Next) -> Response {
    let id = portal.clock.new_uuid().simple().to_string();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let began = Instant::now();
    let mut response = next.run(request).await;
    let duration_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let status = response.status();
    metrics::counter!("windfirm_http_requests_total", "route" => route.clone(), "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!("windfirm_http_request_seconds", "route" => route.clone()).record(duration_ms / 1_000.0);
    if route.starts_with("/health") || route == "/metrics" || route.starts_with("/ingest") {
        tracing::debug!(request_id = %id, %method, %route, status = status.as_u16(), duration_ms, "http.request");
    } else {
        tracing::info!(request_id = %id, %method, %route, status = status.as_u16(), duration_ms, "http.request");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
