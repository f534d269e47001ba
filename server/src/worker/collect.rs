//! Takes frames and log lines of an execution in: merged in memory and stored in one step, by the portal in whose hands the run is. Another
//! one leaves what it is given in the store for that one, and reads there what it shows.

use std::{borrow::Borrow, collections::BTreeSet, sync::Arc};

use tokio::sync::{Mutex, OwnedMutexGuard};
use windfirm_app::live::LOG_LINES;
use windfirm_measure::{frame::Frame, window::Merger};
use windfirm_model::{
    actor::SystemTask,
    id::{ExecutionId, OperationId, RunId},
    view::run::LogLine,
};
use windfirm_policy::{Access, Permit, Resource, act::StoreMeasurements};
use windfirm_store::{
    StoreError,
    ingest::{Batch, FrameInsert, FrameRow, Left, WindowRow},
    runs::RunRecord,
};

use crate::{
    live::{self, Answer, LiveExecution, Taken},
    state::Portal,
    usecase::inspection,
    worker::supervise,
};

/// Deliveries of one execution that may wait for the portal in whose hands it is: those of fifty runners while it is taken for dead.
const MOST_WAITING: u32 = 2_000;
/// Frames that are merged in one step, of those that waited.
const STEP: u32 = 32;
/// Frames that are read at once, of those that another portal has merged.
const PAGE: u32 = 100;
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
    // First how far it goes, then what is in it: what comes in between is read once more, and counts once.
    let progress = portal.store.progress(&access, record.execution).await?.ok_or(CollectError::NoRun)?;
    let windows = portal.store.windows(&access, record.execution).await?;
    let merger = Merger::restore(record.created, live::limits(), windows.iter().map(|window| &window.content))
        .map_err(|error| CollectError::Windows(error.to_string()))?;
    let thresholds = inspection::thresholds(portal, record).await?;
    let log = portal.store.log(&access, record.id, 0, 0).await?.unwrap_or_default();
    let mut entry = LiveExecution::new(record.id, record.started.unwrap_or(record.created), merger, progress, thresholds);
    entry.events_said = events_said(portal, record.id).await?;
    if record.owner == portal.store.portal() {
        entry.held = record.owner;
    }
    (entry.log_taken, entry.log_dropped) = (log.total, log.dropped);
    Ok(entry)
}

/// The execution in memory with all that was merged, for the portal in whose hands the run is. Whether it is, the store says with each
/// change that is based on this.
pub async fn owned(portal: &Portal, run: RunId, execution: ExecutionId) -> Result<OwnedMutexGuard<LiveExecution>, CollectError> {
    let mut live = locked(portal, run, execution).await?;
    let own = portal.store.portal();
    if live.held != own {
        catch_up(portal, execution, &mut live).await?;
        let access = Access::system(SystemTask::Ingest);
        live.asked = portal.store.progress(&access, execution).await?.ok_or(CollectError::NoRun)?.ending;
        live.events_said = events_said(portal, run).await?;
        live.held = own;
    }
    Ok(live)
}

/// The texts of the timeline.
async fn events_said(portal: &Portal, run: RunId) -> Result<BTreeSet<String>, StoreError> {
    Ok(portal.store.run_events(&Access::system(SystemTask::Ingest), run).await?.into_iter().map(|event| event.text).collect())
}

/// The execution in memory as it stands in the store now, for those who look at it.
pub async fn seen(portal: &Portal, record: &RunRecord) -> Result<OwnedMutexGuard<LiveExecution>, CollectError> {
    if record.owner == portal.store.portal() {
        return owned(portal, record.id, record.execution).await;
    }
    let mut live = locked(portal, record.id, record.execution).await?;
    catch_up(portal, record.execution, &mut live).await?;
    Ok(live)
}

/// Merges what another portal has merged since, and reads its log lines. What is merged twice counts once.
pub async fn catch_up(portal: &Portal, execution: ExecutionId, live: &mut LiveExecution) -> Result<(), CollectError> {
    let access = Access::system(SystemTask::Ingest);
    loop {
        let page = portal.store.frames_since(&access, execution, live.merged.0, &live.merged.1, PAGE).await?;
        let (steps, frames): (Vec<i64>, Vec<Frame>) = page.into_iter().map(|(step, row)| (step, frame_of(row))).unzip();
        live.merger.merge_frames(&frames);
        let more = u32::try_from(frames.len()).is_ok_and(|rows| rows == PAGE);
        if let Some((step, frame)) = steps.into_iter().zip(frames).next_back() {
            live.merged = (step, frame.key);
        }
        if !more {
            break;
        }
    }
    let most = u32::try_from(LOG_LINES).unwrap_or(u32::MAX);
    let known = portal.store.log(&access, live.run, live.log_taken, most).await?.unwrap_or_default();
    live.log_dropped = known.dropped;
    let skipped = known.total.saturating_sub(u64::from(most));
    if skipped > live.log_taken {
        let last = portal.store.log(&access, live.run, skipped, most).await?.unwrap_or_default();
        live.log_taken = skipped;
        live.add_log(last.lines);
    } else {
        live.add_log(known.lines);
    }
    Ok(())
}

/// Takes a delivery in, here or for the portal in whose hands the run is.
pub async fn take_in(portal: &Portal, run: RunId, execution: ExecutionId, ours: bool, frame: Frame) -> Result<Taken, CollectError> {
    let frame = Arc::new(frame);
    if ours {
        match take_frame(portal, run, execution, Arc::clone(&frame)).await {
            // Another portal has taken the run over at this moment.
            Err(CollectError::Store(StoreError::NotOurs)) => {}
            taken => return taken,
        }
    }
    Ok(match portal.store.leave_frame(&permit(portal, run), execution, &row(&frame), MOST_WAITING).await? {
        Left::New => Taken::Left,
        Left::Known => Taken::Known,
        Left::Full => Taken::Full,
        Left::Ended => Taken::Ended,
    })
}

/// Merges what other portals took in of a run that is in this portal's hands, a few frames in one step.
pub async fn take_waiting(portal: &Portal, run: RunId, execution: ExecutionId) -> Result<(), CollectError> {
    let access = Access::system(SystemTask::Ingest);
    if portal.store.waiting_frames(&access, execution, 1).await?.is_empty() {
        return Ok(());
    }
    loop {
        let mut live = owned(portal, run, execution).await?;
        let rows = portal.store.waiting_frames(&access, execution, STEP).await?;
        if rows.is_empty() {
            return Ok(());
        }
        live.torn = true;
        let frames: Vec<Frame> = rows.into_iter().map(frame_of).collect();
        let (_, changed) = live.merger.merge_frames(&frames);
        let windows = windows_of(&live.merger, &changed);
        let keys: Vec<String> = frames.into_iter().map(|frame| frame.key).collect();
        let step = live.merged.0 + 1;
        let stored = portal.store.merge_waiting(&permit(portal, run), execution, &keys, &windows, step).await;
        if stored.is_err() {
            portal.live.drop_entry(execution, &mut live).await;
        }
        stored?;
        live.merged = (step, String::new());
        live.torn = false;
        metrics::counter!("windfirm_ingest_waited_total").increment(u64::try_from(keys.len()).unwrap_or_default());
    }
}

/// The run is in other hands: what stands here may not be all of it.
pub async fn let_go(portal: &Portal, execution: ExecutionId) {
    if let Some(entry) = portal.live.get(execution).await {
        portal.live.drop_entry(execution, &mut entry.lock_owned().await).await;
    }
}

/// Merges and stores one frame, together with what other runners have delivered meanwhile: a second that fifty of them measured is
/// written once for all fifty.
pub async fn take_frame(portal: &Portal, run: RunId, execution: ExecutionId, frame: impl Into<Arc<Frame>>) -> Result<Taken, CollectError> {
    let (lines, frame) = (&portal.live.lines, frame.into());
    let mut place = lines.line_up(execution, &frame);
    loop {
        let mut live = match owned(portal, run, execution).await {
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
        let windows = windows_of(&live.merger, &changed);
        live.torn = true;
        let merged = live.merged.0 + 1;
        let stored = portal.store.store_batch(&permit(portal, run), execution, &Batch { frames: new, windows, events: Vec::new(), merged }).await;
        if !matches!(stored, Ok(FrameInsert::New)) {
            portal.live.drop_entry(execution, live).await;
        }
        if stored? == FrameInsert::Known {
            // One that is known to the store and was not here waits there, and is merged from there.
            return if frames.len() == 1 { Ok(vec![Taken::Known]) } else { Err(CollectError::NotStored) };
        }
        live.merged = (merged, String::new());
        live.torn = false;
    }
    Ok(known.into_iter().map(|known| if known { Taken::Known } else { Taken::New }).collect())
}

fn windows_of(merger: &Merger, seconds: &[i64]) -> Vec<WindowRow> {
    seconds.iter().map(|second| WindowRow { second: *second, content: merger.encode_second(*second) }).collect()
}

/// A frame as it was stored.
fn frame_of(row: FrameRow) -> Frame {
    Frame { key: row.key, received_us: row.received.0, payload: row.payload }
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
            let take = async || take_frames(portal, run.id, &mut owned(portal, run.id, run.execution).await?, run.execution, together).await;
            let mut taken = take().await;
            // One of them was left in the store a moment ago, for the portal that has the run now.
            if matches!(taken, Err(CollectError::NotStored)) {
                take_waiting(portal, run.id, run.execution).await?;
                taken = take().await;
            }
            taken?;
        }
    }
}

/// Takes new lines of k6's log, and how many were not kept. They were masked before the runner wrote them.
///
/// How many were not kept is known only when k6 has ended, and by then all kept lines may have been taken: so the count is stored
/// also when no line comes with it.
pub async fn take_log(portal: &Portal, run: &RunRecord) -> Result<(), CollectError> {
    loop {
        let mut live = owned(portal, run.id, run.execution).await?;
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
