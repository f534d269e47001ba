//! What goes on without anybody asking. Every worker is inputless: it compares what is stored with what is, and is safe to
//! run twice. Notifications only wake it.

pub mod awaiting;
pub mod backoff;
pub mod collect;
pub mod deployments;
pub mod housekeeping;
pub mod lease;
pub mod preflight;
pub mod reload;
pub mod secrets;
pub mod settle;
pub mod supervise;
pub mod tick;
pub mod waiting;
pub mod watching;

use std::{sync::Arc, time::Duration};

use crate::{lease::BEAT, state::Portal};

/// Starts all of them; they end when the portal ends.
pub fn start(portal: &Arc<Portal>) {
    let waker = Arc::clone(portal);
    every(portal, Duration::from_millis(300), supervise::round, move || woken(Arc::clone(&waker)));
    every(portal, BEAT, lease::round, std::future::pending);
    every(portal, Duration::from_millis(300), waiting::round, std::future::pending);
    every(portal, Duration::from_secs(1), tick::round, std::future::pending);
    // Each in a turn of its own: a repository that does not answer must not keep an older policy in force.
    every(portal, Duration::from_secs(2), reload::policy_round, std::future::pending);
    every(portal, Duration::from_secs(2), reload::tree_round, std::future::pending);
    every(portal, Duration::from_secs(30), housekeeping::round, std::future::pending);
    secrets::start(portal);
    watching::start(portal);
    every(portal, Duration::from_millis(250), watching::round, std::future::pending);
    every(portal, Duration::from_secs(1), deployments::round, std::future::pending);
    preflight::start(portal);
    every(portal, awaiting::PAUSE, awaiting::round, std::future::pending);
}

/// The supervisor alone waits for this, and a wake-up that comes while it is in a round counts after it.
async fn woken(portal: Arc<Portal>) {
    portal.wake.notified().await;
}

/// Runs `round` now and then, and when it is woken, one after the other, until the portal ends.
fn every<F, W>(portal: &Arc<Portal>, pause: Duration, round: impl Fn(Arc<Portal>) -> F + Send + Sync + 'static, woken: impl Fn() -> W + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send,
    W: Future<Output = ()> + Send,
{
    let shared = Arc::clone(portal);
    portal.run(async move {
        loop {
            round(Arc::clone(&shared)).await;
            tokio::select! {
                () = shared.ending.cancelled() => break,
                () = woken() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
}
