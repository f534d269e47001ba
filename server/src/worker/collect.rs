//! Takes frames and log lines of an execution in: merged in memory and stored in one step.

use std::sync::Arc;

use tokio::sync::Mutex;
use windfirm_measure::{frame::Frame, window::Merger};
use windfirm_model::{
    actor::SystemTask,
    id::{ExecutionId, OperationId, RunId},
    view::run::LogLine,
};
use windfirm_policy::{Access, Permit, Resource, act::StoreMeasurements};
use windfirm_store::{
    StoreError,
    ingest::{Batch, FrameInsert, FrameRow, WindowRow},
    runs::RunRecord,
};

use crate::{
    live::{self, LiveExecution},
    state::Portal,
    usecase::inspection,
};

/// Whether a frame was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    New,
    Known,
}

/// Why something could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored windows cannot be read: {0}")]
    Windows(String),
    #[error("there is no such run")]
    NoRun,
    #[error(transparent)]
    Executor(#[from] windfirm_executor::ExecutorError),
}

pub(crate) fn permit(portal: &Portal, run: RunId) -> Permit<StoreMeasurements> {
    Permit::system(OperationId(portal.clock.new_uuid()), Resource { run: Some(run), ..Resource::default() })
}

/// The execution in memory; read from the store when it is not there.
pub async fn entry(portal: &Portal, run: RunId, execution: ExecutionId) -> Result<Arc<Mutex<LiveExecution>>, CollectError> {
    if let Some(entry) = portal.live.get(execution).await {
        return Ok(entry);
    }
    let access = Access::system(SystemTask::Ingest);
    let record = portal.store.run(&access, run).await?.ok_or(CollectError::NoRun)?;
    let entry = read_entry(portal, &record).await?;
    Ok(portal.live.keep(execution, entry).await)
}

/// What the store has of an execution, as it stands in memory.
pub async fn read_entry(portal: &Portal, record: &RunRecord) -> Result<LiveExecution, CollectError> {
    let access = Access::system(SystemTask::Ingest);
    let windows = portal.store.windows(&access, record.execution).await?;
    let merger = Merger::restore(record.created, live::limits(), windows.iter().map(|window| &window.content))
        .map_err(|error| CollectError::Windows(error.to_string()))?;
    let thresholds = inspection::thresholds(portal, record).await?;
    let log = portal.store.log(&access, record.id, 0, 0).await?.unwrap_or_default();
    let mut entry = LiveExecution::new(record.id, record.started.unwrap_or(record.created), merger, thresholds);
    (entry.log_taken, entry.log_dropped) = (log.total, log.dropped);
    Ok(entry)
}

/// Merges and stores one frame. When the store fails, memory is dropped, so that the next try starts from what is stored.
pub async fn take_frame(portal: &Portal, run: RunId, execution: ExecutionId, frame: &Frame) -> Result<Taken, CollectError> {
    let entry = entry(portal, run, execution).await?;
    let mut live = entry.lock().await;
    let Some(changed) = live.merge(frame) else { return Ok(Taken::Known) };
    let windows = changed.iter().map(|second| WindowRow { second: *second, content: live.merger.encode_second(*second) }).collect();
    let row = FrameRow { key: frame.key.clone(), received: frame.received(), payload: frame.payload.clone() };
    let stored = portal.store.store_batch(&permit(portal, run), execution, &Batch { frame: row, windows, events: Vec::new() }).await;
    match stored {
        Ok(FrameInsert::New) => Ok(Taken::New),
        Ok(FrameInsert::Known) => Ok(Taken::Known),
        Err(error) => {
            drop(live);
            portal.live.drop_entry(execution).await;
            Err(error.into())
        }
    }
}

/// Takes what the runner has spooled and we have not: after a restart, and at the end of every run.
pub async fn take_spool(portal: &Portal, run: RunId, execution: ExecutionId) -> Result<u64, CollectError> {
    let mut seen = 0;
    loop {
        let frames = portal.executor().spooled_frames(execution, seen).await?;
        if frames.is_empty() {
            return Ok(seen);
        }
        for frame in &frames {
            take_frame(portal, run, execution, frame).await?;
        }
        seen += u64::try_from(frames.len()).unwrap_or(u64::MAX);
    }
}

/// Takes new lines of k6's log, and how many were not kept. They were masked before the runner wrote them.
///
/// How many were not kept is known only when k6 has ended, and by then all kept lines may have been taken: so the count is stored
/// also when no line comes with it.
pub async fn take_log(portal: &Portal, run: RunId, execution: ExecutionId) -> Result<(), CollectError> {
    let entry = entry(portal, run, execution).await?;
    loop {
        let mut live = entry.lock().await;
        let page = portal.executor().log(execution, live.log_taken).await?;
        let dropped = page.dropped.max(live.log_dropped);
        if page.lines.is_empty() && dropped == live.log_dropped {
            return Ok(());
        }
        let lines: Vec<LogLine> = page.lines;
        portal.store.store_log(&permit(portal, run), execution, live.log_taken, &lines, dropped).await?;
        live.log_dropped = dropped;
        live.log_taken += u64::try_from(lines.len()).unwrap_or_default();
        live.new_log.extend(lines);
    }
}
