//! Once a second: for each live execution, the new numbers as one message, serialised once for all who watch.

use std::sync::Arc;

use windfirm_model::{
    actor::SystemTask,
    view::run::{LiveTick, Measured},
};
use windfirm_policy::Access;
use windfirm_store::StoreError;

use crate::state::Portal;

/// One round.
pub async fn round(portal: Arc<Portal>) {
    for (execution, entry) in portal.live.all().await {
        let mut live = entry.lock().await;
        if live.ticks.receiver_count() == 0 {
            // Nobody watches; a page that is opened now reads everything anyway.
            live.changed.clear();
            live.new_log.clear();
            continue;
        }
        let run = live.run;
        let access = Access::system(SystemTask::RunSupervisor);
        let read = async { Ok::<_, StoreError>((portal.store.run(&access, run).await?, portal.store.run_events(&access, run).await?)) };
        let (record, events) = match read.await {
            Ok((Some(record), events)) => (record, events),
            Ok((None, _)) => continue,
            Err(error) => {
                tracing::warn!(%error, %execution, "tick.store_failed");
                continue;
            }
        };
        let new_events = events.get(live.events_told..).unwrap_or_default().to_vec();
        live.events_told = events.len();
        let confinement = (live.confinement_told.as_ref() != Some(&record.confinement)).then(|| record.confinement.clone());
        live.confinement_told = Some(record.confinement);
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
            new_events,
            confinement,
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
