//! What goes on without anybody asking. Every worker is inputless: it compares what is stored with what is, and is safe to
//! run twice. Notifications only wake it.

pub mod collect;
pub mod housekeeping;
pub mod reload;
pub mod settle;
pub mod supervise;
pub mod tick;

use std::{sync::Arc, time::Duration};

use crate::state::Portal;

/// Starts all of them; they end when the portal ends.
pub fn start(portal: &Arc<Portal>) {
    every(portal, Duration::from_millis(300), supervise::round);
    every(portal, Duration::from_secs(1), tick::round);
    every(portal, Duration::from_secs(2), reload::round);
    every(portal, Duration::from_secs(30), housekeeping::round);
}

/// Runs `round` now and then, one after the other, until the portal ends. The supervisor's wake-up serves all.
fn every<F>(portal: &Arc<Portal>, pause: Duration, round: impl Fn(Arc<Portal>) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send,
{
    let shared = Arc::clone(portal);
    portal.run(async move {
        loop {
            round(Arc::clone(&shared)).await;
            tokio::select! {
                () = shared.ending.cancelled() => break,
                () = shared.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
}
