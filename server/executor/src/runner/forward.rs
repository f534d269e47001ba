//! Brings the spooled frames to the portal, in order, each until the portal has it.
//!
//! The portal may be away for hours: trying goes on, with growing pauses. How far it got is kept in `forwarded.json`; a frame that is sent
//! twice has the same idempotency key and counts once there.

use std::{io::Write as _, sync::Arc, time::Duration};

use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use windfirm_measure::frame::Frame;

use super::desk::Desk;
use crate::{executor::Ending, folder, spool::Reader};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// One delivery takes milliseconds; a portal that does not answer for that long is taken for gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// `forwarded.json`: what the portal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forwarded {
    /// Where the next frame starts in the spool, bytes.
    pub(super) position: u64,
    pub(super) delivered: u64,
    /// Frames that the portal will never take. They stay in the spool.
    pub(super) refused: u64,
}

/// Forwards until the runner ends. `progress` tells how many frames are done with.
pub(super) async fn forward(desk: Arc<Desk>, progress: watch::Sender<u64>) {
    let client = match Client::builder().no_proxy().timeout(PATIENCE).build() {
        Ok(client) => client,
        Err(error) => {
            // Nothing is lost: the portal reads the spool when the run has ended. It only sees nothing live.
            let _ = writeln!(std::io::stderr(), "frames cannot be forwarded: {error}");
            return;
        }
    };
    let mut forwarded = folder::read_json::<Forwarded>(&desk.folder.forwarded()).ok().flatten().unwrap_or_default();
    loop {
        match Reader::open(&desk.folder.spool(), forwarded.position) {
            Ok(mut reader) => {
                while let Ok(Some(frame)) = reader.next_frame() {
                    if deliver(&desk, &client, &frame).await {
                        forwarded.delivered += 1;
                    } else {
                        forwarded.refused += 1;
                    }
                    forwarded.position = reader.position();
                    // If this cannot be written the frame goes out once more after a restart, and counts once.
                    let _ = folder::write_json(&desk.folder.forwarded(), &forwarded);
                    progress.send_replace(forwarded.delivered + forwarded.refused);
                }
                if desk.forget_delivered(forwarded.position) {
                    forwarded.position = 0;
                    let _ = folder::write_json(&desk.folder.forwarded(), &forwarded);
                }
            }
            // The disk may be full or slow at the moment; the frames are not lost.
            Err(_) => tokio::time::sleep(LONGEST_PAUSE).await,
        }
        desk.arrived.notified().await;
    }
}

/// Sends one frame until the portal takes it (`true`) or says that it never will (`false`).
async fn deliver(desk: &Desk, client: &Client, frame: &Frame) -> bool {
    let url = format!("{}/ingest/v2/metrics/{}", desk.orders.portal, desk.orders.execution);
    let mut pause = FIRST_PAUSE;
    loop {
        let request = client
            .post(&url)
            .header("authorization", format!("Token {}", desk.orders.token.reveal()))
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .header("k6-metrics-protocol-version", "2.0")
            .header("k6-idempotency-key", &frame.key)
            // So that a frame is the same bytes whichever way it comes to the portal.
            .header("windfirm-received-us", frame.received_us.to_string())
            .body(frame.payload.clone());
        if let Ok(answer) = request.send().await {
            match answer.status() {
                status if status.is_success() => return true,
                StatusCode::FORBIDDEN => {
                    if let Some(message) = stop_answer(answer).await {
                        desk.want_stop(Ending::Portal { message });
                    }
                }
                StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
                    desk.count_dropped("frames that the portal refused");
                    return false;
                }
                _ => {}
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The message of an answer that ends the test: k6's own form of it, `{"error":{"code":4,"message":"…"}}`.
async fn stop_answer(answer: Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Stop {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        code: i64,
        #[serde(default)]
        message: String,
    }
    let stop: Stop = answer.json().await.ok()?;
    (stop.error.code == 4).then_some(stop.error.message)
}
