//! Once a second: for each live execution, the new numbers as one message, serialised once for all who watch.

use std::sync::Arc;

use windfirm_model::{
    actor::SystemTask,
    view::run::{LiveTick, Measured},
};
use windfirm_policy::Access;

use crate::state::Portal;

/// One round.
pub async fn round(portal: Arc<Portal>) {
    for (execution, entry) in portal.live.all().await {
        let mut live = entry.lock().await;
        if live.ticks.receiver_count() == 0 {
            // Nobody watches; a page that is opened now reads everything anyway.
            live.changed.clear();
            live.new_log.clear();
            live.new_events.clear();
            continue;
        }
        let run = live.run;
        let record = match portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await {
            Ok(Some(record)) => record,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, %execution, "tick.store_failed");
                continue;
            }
        };
        if let Some(started) = record.started {
            live.started = started;
        }
        let now = portal.clock.now();
        let whole = live.measured();
        let windows = live.take_changed(&whole);
        let tick = LiveTick {
            elapsed_s: u32::try_from(now.micros_since(live.started) / 1_000_000).unwrap_or_default(),
            state: record.state,
            windows,
            measured: Measured { windows: Vec::new(), ..whole },
            new_log: std::mem::take(&mut live.new_log),
            new_events: std::mem::take(&mut live.new_events),
            now,
        };
        match serde_json::to_string(&tick) {
            Ok(text) => {
                // An error means only that the last viewer has just left.
                let _ = live.ticks.send(Arc::from(text));
            }
            Err(error) => tracing::error!(%error, "tick.not_serialised"),
        }
    }
}
