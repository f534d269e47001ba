//! Takes frames and log lines of an execution in: merged in memory and stored in one step.

use std::{borrow::Borrow, sync::Arc};

use tokio::sync::{Mutex, OwnedMutexGuard};
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
    live::{self, Answer, LiveExecution, Taken},
    state::Portal,
    usecase::inspection,
    worker::supervise,
};

/// How many deliveries are stored in one step.
const MOST_TOGETHER: usize = 64;

/// Why something could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored windows cannot be read: {0}")]
    Windows(String),
    #[error("there is no such run")]
    NoRun,
    /// Somebody else has stored a part of it, or was cut short in storing it. What is sent again finds what there is by then.
    #[error("the delivery was not stored, because what was in memory was not what is stored")]
    NotStored,
    #[error(transparent)]
    Executor(#[from] windfirm_executor::ExecutorError),
}

pub(crate) fn permit(portal: &Portal, run: RunId) -> Permit<StoreMeasurements> {
    Permit::system(OperationId(portal.clock.new_uuid()), Resource { run: Some(run), ..Resource::default() })
}

/// The execution in memory, for the caller alone; read from the store when it is not there or cannot be trusted. Of a run that has
/// ended nothing is kept in memory.
pub async fn locked(portal: &Portal, run: RunId, execution: ExecutionId) -> Result<OwnedMutexGuard<LiveExecution>, CollectError> {
    loop {
        let entry = match portal.live.get(execution).await {
            Some(entry) => entry,
            None => {
                let record = portal.store.run(&Access::system(SystemTask::Ingest), run).await?.ok_or(CollectError::NoRun)?;
                let read = read_entry(portal, &record).await?;
                if record.state.is_live() { portal.live.keep(execution, read).await } else { Arc::new(Mutex::new(read)) }
            }
        };
        let mut live = entry.lock_owned().await;
        if live.torn {
            portal.live.drop_entry(execution, &mut live).await;
        }
        if !live.gone {
            return Ok(live);
        }
    }
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

/// Merges and stores one frame, together with what other runners have delivered meanwhile: a second that fifty of them measured is
/// written once for all fifty.
pub async fn take_frame(portal: &Portal, run: RunId, execution: ExecutionId, frame: Frame) -> Result<Taken, CollectError> {
    let (lines, frame) = (&portal.live.lines, Arc::new(frame));
    let mut place = lines.line_up(execution, &frame);
    loop {
        let mut live = match locked(portal, run, execution).await {
            Ok(live) => live,
            Err(error) => {
                lines.leave(execution, place);
                return Err(error);
            }
        };
        // Whoever had it before may have taken ours with theirs. What went wrong for them all may go well for each.
        match place.answer() {
            Answer::Taken(taken) => return Ok(taken),
            Answer::Waits => {}
            Answer::Failed => {
                return Ok(take_frames(portal, run, &mut live, execution, &[frame]).await?.pop().unwrap_or(Taken::Known));
            }
        }
        let first = lines.first(execution, MOST_TOGETHER);
        let frames: Vec<Arc<Frame>> = first.iter().map(|waiting| Arc::clone(&waiting.frame)).collect();
        for (waiting, taken) in first.into_iter().zip(take_frames(portal, run, &mut live, execution, &frames).await?) {
            waiting.tell(taken);
        }
    }
}

/// Merges and stores frames in one step. When the store fails, or the caller is cut short, memory counts as torn and is dropped, so that
/// everybody goes on from what is stored.
async fn take_frames<F: Borrow<Frame> + Sync>(
    portal: &Portal,
    run: RunId,
    live: &mut OwnedMutexGuard<LiveExecution>,
    execution: ExecutionId,
    frames: &[F],
) -> Result<Vec<Taken>, CollectError> {
    let (known, changed) = live.merger.merge_frames(frames.iter().map(Borrow::borrow));
    let new: Vec<FrameRow> = frames.iter().zip(&known).filter(|(_, known)| !**known).map(|(frame, _)| row(frame.borrow())).collect();
    if !new.is_empty() {
        let windows = changed.iter().map(|second| WindowRow { second: *second, content: live.merger.encode_second(*second) }).collect();
        live.torn = true;
        let stored = portal.store.store_batch(&permit(portal, run), execution, &Batch { frames: new, windows, events: Vec::new() }).await;
        if !matches!(stored, Ok(FrameInsert::New)) {
            portal.live.drop_entry(execution, live).await;
        }
        if stored? == FrameInsert::Known {
            return Err(CollectError::NotStored);
        }
        live.torn = false;
    }
    Ok(known.into_iter().map(|known| if known { Taken::Known } else { Taken::New }).collect())
}

fn row(frame: &Frame) -> FrameRow {
    FrameRow { key: frame.key.clone(), received: frame.received(), payload: frame.payload.clone() }
}

/// Takes what the runner has spooled and we have not: after a restart, and at the end of every run.
pub async fn take_spool(portal: &Portal, run: &RunRecord) -> Result<u64, CollectError> {
    let mut seen = 0;
    loop {
        let frames = portal.executor(run)?.spooled_frames(&supervise::permit(portal, run), run.execution, seen).await?;
        if frames.is_empty() {
            return Ok(seen);
        }
        seen += u64::try_from(frames.len()).unwrap_or(u64::MAX);
        for together in frames.chunks(MOST_TOGETHER) {
            let mut live = locked(portal, run.id, run.execution).await?;
            take_frames(portal, run.id, &mut live, run.execution, together).await?;
        }
    }
}

/// Takes new lines of k6's log, and how many were not kept. They were masked before the runner wrote them.
///
/// How many were not kept is known only when k6 has ended, and by then all kept lines may have been taken: so the count is stored
/// also when no line comes with it.
pub async fn take_log(portal: &Portal, run: &RunRecord) -> Result<(), CollectError> {
    loop {
        let mut live = locked(portal, run.id, run.execution).await?;
        let page = portal.executor(run)?.log(&supervise::permit(portal, run), run.execution, live.log_taken).await?;
        let dropped = page.dropped.max(live.log_dropped);
        if page.lines.is_empty() && dropped == live.log_dropped {
            return Ok(());
        }
        let lines: Vec<LogLine> = page.lines;
        portal.store.store_log(&permit(portal, run.id), run.execution, live.log_taken, &lines, dropped).await?;
        live.log_dropped = dropped;
        live.add_log(lines);
    }
}
