//! Once a second: for each live execution, the new numbers as one message, serialised once for all who watch.
//!
//! Of a run in another portal's hands they are read from the store first.
//!
//! Here entries go whose run has ended: whoever opened one while its run was being cancelled or settled left it behind.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use windfirm_model::{
    actor::SystemTask,
    id::ExecutionId,
    view::run::{LiveTick, RunEvent},
};
use windfirm_policy::Access;
use windfirm_store::runs::RunRecord;

use crate::{
    live::LiveExecution,
    state::Portal,
    worker::collect::{self, CollectError},
};

/// One round.
pub async fn round(portal: Arc<Portal>) {
    for (execution, entry) in portal.live.all().await {
        if let Err(error) = tick(&portal, execution, entry).await {
            tracing::warn!(%error, %execution, "tick.store_failed");
        }
    }
}

async fn tick(portal: &Portal, execution: ExecutionId, entry: Arc<Mutex<LiveExecution>>) -> Result<(), CollectError> {
    let access = Access::system(SystemTask::RunSupervisor);
    let mut live = entry.lock_owned().await;
    if live.torn {
        portal.live.drop_entry(execution, &mut live).await;
        return Ok(());
    }
    if live.ticks.receiver_count() == 0 {
        live.skip_news();
        if portal.store.execution(&access, execution).await?.is_none_or(|known| !known.state.is_live()) {
            portal.live.drop_entry(execution, &mut live).await;
        }
        return Ok(());
    }
    match portal.store.run(&access, live.run).await?.filter(|record| record.state.is_live()) {
        Some(record) => {
            if record.owner.is_some() && record.owner != portal.store.portal() {
                collect::catch_up(portal, execution, &mut live).await?;
            }
            let events = portal.store.run_events(&access, live.run).await?;
            tell(portal, record, &events, &mut live);
        }
        // Its end is no tick: the page is fetched whole, with its verdict.
        None => portal.live.drop_entry(execution, &mut live).await,
    }
    Ok(())
}

fn tell(portal: &Portal, record: RunRecord, events: &[RunEvent], live: &mut OwnedMutexGuard<LiveExecution>) {
    if let Some(started) = record.started {
        live.set_started(started);
    }
    let new_events = events.get(live.events_told..).unwrap_or_default().to_vec();
    live.events_told = events.len();
    let confinement = (live.confinement_told.as_ref() != Some(&record.confinement)).then(|| record.confinement.clone());
    live.confinement_told = Some(record.confinement);
    let now = portal.clock.now();
    let (mut measured, new_log) = live.take_news();
    let tick = LiveTick {
        elapsed_s: u32::try_from(now.micros_since(live.started()) / 1_000_000).unwrap_or_default(),
        state: record.state,
        windows: std::mem::take(&mut measured.windows),
        measured,
        log_total: live.log_taken,
        new_log,
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
