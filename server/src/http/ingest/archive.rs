//! `GET /ingest/v2/archives/{execution}/{digest}`: the files of a test that is too large for a ConfigMap, for the pods of its execution.
//!
//! The token is the one that measurements are delivered with: it is good for this execution alone, and for as long as that goes on. What is
//! given is a file that the executor has laid out ([`windfirm_cluster::operator::Shelf`]), streamed, to so many at a time.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Request, StatusCode},
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use tower_http::services::ServeFile;
use windfirm_cluster::operator::Shelf;

use super::{admitted, refuse};
use crate::state::Portal;

/// Who comes later is asked to come again: two hundred runners may start together.
const AT_ONCE: usize = 16;
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// The handler.
pub async fn give(State(portal): State<Arc<Portal>>, Path((execution, digest)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let known = match admitted(&portal, &execution, &headers).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let Some(file) = Shelf::in_state(&portal.settings.state).find(known.execution, &digest) else {
        // Where several portals serve one address, the next question may find the one that has them. While the run starts, they may be on their
        // way here.
        return if known.ours && !known.starting {
            refuse(StatusCode::NOT_FOUND, 0, "The files of this test are not here. Run it again.")
        } else {
            refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "The files of this test are not here yet, or at another replica of the portal. Ask again.")
        };
    };
    let Ok(turn) = TURNS.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "Others fetch their files at the moment. Ask again.");
    };
    // Whole and as it is, whatever else the request may ask for.
    match ServeFile::new(file).try_call(Request::new(Body::empty())).await {
        Ok(answer) => {
            metrics::counter!("windfirm_ingest_archives_total").increment(1);
            // The turn is over when the last of it was taken, or nobody takes it any more.
            let hold = move |frame| {
                let _turn = &turn;
                frame
            };
            answer.map(|body| body.map_frame(hold)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, execution = %known.execution, run = %known.run, "ingest.archive_not_read");
            refuse(StatusCode::SERVICE_UNAVAILABLE, 0, "The files of this test cannot be read. Ask again.")
        }
    }
}
