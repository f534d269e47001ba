//! `/health/live`, `/health/ready` and `/metrics`: for those who run the portal, and open to anybody. No place on the disk, no address
//! and nothing of anybody's tree stands in them.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::{state::Portal, usecase::system::parts};

/// The process answers.
pub async fn live() -> &'static str {
    "live\n"
}

/// Every part that a login and a run need is there. 503 while one is not.
pub async fn ready(State(portal): State<Arc<Portal>>) -> Response {
    let parts = parts(&portal).await;
    let ending = portal.ending.is_cancelled();
    // Confinement and a stale policy are worth telling, but people can work without them.
    let needed = |name: &str| matches!(name, "store" | "k6" | "tree" | "policy");
    let ready = !ending && parts.iter().all(|part| part.healthy || !needed(&part.name));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let list: Vec<_> = parts.iter().map(|part| json!({ "name": part.name, "healthy": part.healthy, "sentence": part.open })).collect();
    (status, Json(json!({ "ready": ready, "ending": ending, "parts": list }))).into_response()
}

/// Prometheus text.
pub async fn metrics(State(handle): State<PrometheusHandle>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}
