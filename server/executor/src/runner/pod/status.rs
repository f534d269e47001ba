//! The port of k6's REST interface when k6 has ended and deliveries are still on their way: it says that the test is over. Without it the
//! kubelet would end the pod after two minutes, because nobody answers its probe.

use std::{ffi::OsString, net::SocketAddr};

use axum::{Json, Router, routing::any};
use tokio::net::TcpListener;

use super::delivery::value_of;

/// Where k6 was told to listen.
pub(super) fn address(arguments: &[OsString]) -> Option<SocketAddr> {
    value_of(arguments, "--address")?.parse().ok()
}

/// Answers until the program ends. When the port cannot be had nothing is lost but time: the probes are patient.
pub(super) async fn answer(address: SocketAddr) {
    let attributes = serde_json::json!({ "paused": false, "running": false, "stopped": true, "tainted": false, "vus": 0, "vus-max": 0 });
    let status = serde_json::json!({ "data": { "type": "status", "id": "default", "attributes": attributes } });
    if let Ok(listener) = TcpListener::bind(address).await {
        let router = Router::new().route("/v1/status", any(move || std::future::ready(Json(status.clone()))));
        let _ = axum::serve(listener, router).await;
    }
}
