//! `/health/live`, `/health/ready` and `/metrics`: for those who run the portal, and open to anybody. No place on the disk, no address
//! and nothing of anybody's tree stands in them.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use windfirm_cluster::Reach;
use windfirm_model::clock::Timestamp;

use crate::{sites::Site, state::Portal, usecase::system::parts};

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

/// Prometheus text. How clusters and secrets stand is looked up now.
pub async fn metrics(State(portal): State<Arc<Portal>>, State(handle): State<PrometheusHandle>) -> Response {
    let now = portal.clock.now();
    portal.sites.iter().for_each(|site| of_cluster(site, now));
    for held in portal.secrets.iter() {
        gauge!("windfirm_secret_in_trouble", "secret" => held.used.to_string()).set(f64::from(held.standing().trouble.is_some()));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}

/// Names of clusters are those of the configuration.
fn of_cluster(site: &Site, now: Timestamp) {
    let name = || site.name().to_owned();
    let seconds = |since: Timestamp| Duration::from_micros(u64::try_from(now.micros_since(since)).unwrap_or_default()).as_secs_f64();
    gauge!("windfirm_cluster_up", "cluster" => name()).set(f64::from(matches!(site.cluster.reach(), Reach::Reached { .. })));
    if let Some(heard) = site.standing().and_then(|standing| standing.heard) {
        gauge!("windfirm_cluster_heard_age_seconds", "cluster" => name()).set(seconds(heard));
    }
    if let Some(preflight) = site.preflight() {
        let (lacking, unknown) = preflight.lacking_and_unknown();
        gauge!("windfirm_cluster_accounts_lacking", "cluster" => name()).set(f64::from(lacking));
        gauge!("windfirm_cluster_accounts_unknown", "cluster" => name()).set(f64::from(unknown));
        gauge!("windfirm_cluster_preflight_age_seconds", "cluster" => name()).set(seconds(preflight.asked));
    }
}
