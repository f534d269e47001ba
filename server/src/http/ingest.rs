//! `POST /ingest/v2/metrics/{execution}`: what runners deliver, in k6's own wire format.
//!
//! Each execution has a write-only token. A delivery is decoded within bounds, masked, merged and stored in one transaction
//! before it is acknowledged; the same delivery again changes nothing. Where the run is in another portal's hands it is stored for that one.

pub mod archive;
mod refusals;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use windfirm_measure::{
    frame::{Frame, MOST_KEY_BYTES},
    wire::{self, Bounds, WireError},
};
use windfirm_model::{
    actor::SystemTask,
    clock::Timestamp,
    id::{ExecutionId, RunId},
    run::RunState,
};
use windfirm_policy::Access;

use crate::{live::Taken, state::Portal, worker::collect};

pub use refusals::Refusals;

/// The largest body that is read at all.
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// A runner sends what lies ready on its disk. Whoever takes longer holds a connection for nothing.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// A delivery may lie in a spool for as long as a portal is away; a time further back, or ahead, is not believed.
const MAX_SPOOLED_US: i64 = 86_400_000_000;

/// An answer in the shape that k6 understands. Code 4 with 403 makes k6 stop sending.
fn refuse(status: StatusCode, code: u32, message: impl std::fmt::Display) -> Response {
    metrics::counter!("windfirm_ingest_refused_total", "status" => status.as_str().to_owned()).increment(1);
    (status, Json(json!({ "error": { "code": code, "message": message.to_string() } }))).into_response()
}

fn text_of(headers: &HeaderMap, name: &header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// An execution whose runner has shown its token, and that is not over.
struct Admitted {
    execution: ExecutionId,
    run: RunId,
    /// Whether the run is in this portal's hands.
    ours: bool,
    starting: bool,
}

/// The token decides before anything else; a wrong one does not tell whether the execution exists.
async fn admitted(portal: &Portal, execution: &str, headers: &HeaderMap) -> Result<Admitted, Response> {
    let Ok(execution) = execution.parse::<ExecutionId>() else {
        return Err(refuse(StatusCode::NOT_FOUND, 0, "This is no execution."));
    };
    let known = match portal.store.execution(&Access::system(SystemTask::Ingest), execution).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "ingest.store_failed");
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "The store does not answer. Send it again."));
        }
    };
    let token = text_of(headers, &header::AUTHORIZATION);
    let hash: [u8; 32] = Sha256::digest(token.strip_prefix("Token ").unwrap_or_default().as_bytes()).into();
    let run = known.as_ref().map(|execution| execution.run);
    let wanted = known.as_ref().and_then(|execution| execution.token_sha256.clone());
    // Hashes are compared, so the time taken tells nothing of the token.
    let Some(known) = known.filter(|_| wanted.as_deref() == Some(hash.as_slice())) else {
        portal.ingest_refusals.record(portal, run, "The token does not fit the execution.").await;
        return Err(refuse(StatusCode::UNAUTHORIZED, 0, "The token does not fit this execution."));
    };
    if !known.state.is_live() {
        return Err(refuse(StatusCode::FORBIDDEN, 4, "This run has ended; nothing more is taken."));
    }
    Ok(Admitted { execution, run: known.run, ours: known.owner == portal.store.portal(), starting: matches!(known.state, RunState::Starting { .. }) })
}

/// The handler. The token decides before anything of the body is read; a wrong one does not tell whether the execution exists.
pub async fn receive(State(portal): State<Arc<Portal>>, Path(execution): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let known = match admitted(&portal, &execution, &headers).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let execution = known.execution;
    let text = |name: header::HeaderName| text_of(&headers, &name);
    if text(header::CONTENT_ENCODING) != "snappy" {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, 0, "The body must be packed with snappy (Content-Encoding: snappy).");
    }
    let key = headers.get("k6-idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > MOST_KEY_BYTES {
        return refuse(StatusCode::BAD_REQUEST, 0, "The header K6-Idempotency-Key is missing or too long.");
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let mut set = match wire::decode(&body, &Bounds::default()) {
        Ok(set) => set,
        Err(error @ (WireError::TooLong { .. } | WireError::UnpacksTooLong { .. })) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, 0, error),
        Err(error) => return refuse(StatusCode::BAD_REQUEST, 0, error),
    };
    // When our own runner took it; the frame in its spool says the same, so both make the same digest.
    let now = portal.clock.now();
    let taken = headers.get("windfirm-received-us").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let received = taken.map(Timestamp).filter(|taken| (0..MAX_SPOOLED_US).contains(&now.micros_since(*taken))).unwrap_or(now);
    let (frame, masked) = Frame::keep(&key, received, &mut set);
    metrics::counter!("windfirm_ingest_masked_total").increment(masked);
    // A runner that is killed hangs up in the middle, which ends this question but not the work: what is merged must be stored too.
    let (answer, taken) = tokio::sync::oneshot::channel();
    let (worker, run, ours) = (Arc::clone(&portal), known.run, known.ours);
    portal.run(async move {
        // Nobody listens when the runner has hung up.
        let _ = answer.send(collect::take_in(&worker, run, execution, ours, frame).await);
    });
    match taken.await {
        Ok(Ok(Taken::New)) => {
            metrics::counter!("windfirm_ingest_frames_total").increment(1);
            StatusCode::OK.into_response()
        }
        Ok(Ok(Taken::Left)) => {
            metrics::counter!("windfirm_ingest_left_total").increment(1);
            StatusCode::OK.into_response()
        }
        Ok(Ok(Taken::Known)) => StatusCode::OK.into_response(),
        Ok(Ok(Taken::Full)) => {
            tracing::warn!(%execution, "ingest.too_many_wait");
            refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "As many deliveries wait for the portal that looks after this run as may. Send it again.")
        }
        Ok(Ok(Taken::Ended)) => refuse(StatusCode::FORBIDDEN, 4, "This run has ended; nothing more is taken."),
        Ok(Err(error)) => {
            tracing::error!(%error, %execution, "ingest.not_stored");
            refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "It could not be stored. Send it again.")
        }
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "The portal ends. Send it again."),
    }
}

/// The whole body, within its bounds of size and time.
async fn read(body: Body) -> Result<Bytes, Response> {
    match tokio::time::timeout(READ_LIMIT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, 0, format!("The body was not read: {error}. At most {MAX_BODY_BYTES} bytes are taken."))),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, 0, format!("The body did not come within {} s. Send it again.", READ_LIMIT.as_secs()))),
    }
}
