//! Executions that deliver measurements now: their merged windows in memory, and who watches them.
//!
//! The database has everything that stands here: an entry can be dropped at any time and is read again when it is needed. Whoever
//! holds one that was dropped must not go on with it; [`crate::worker::collect::locked`] sees to that.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};
use windfirm_measure::{
    frame::Frame,
    results,
    threshold::ThresholdDef,
    window::{Limits, Merger},
};
use windfirm_model::{
    clock::Timestamp,
    id::{ExecutionId, RunId},
    view::run::{Confinement, LogLine, Measured, WindowPoint},
};

/// How many ticks a slow viewer may fall behind before the oldest are dropped for them.
const TICKS_KEPT: usize = 16;

/// One execution in memory.
#[derive(Debug)]
pub struct LiveExecution {
    pub run: RunId,
    /// A frame was merged, and whether it is stored is not known: its storing goes on, has failed, or was cut short.
    pub torn: bool,
    /// Dropped: another one has taken its place, or will.
    pub gone: bool,
    pub started: Timestamp,
    pub merger: Merger,
    pub thresholds: Vec<ThresholdDef>,
    /// Why the thresholds are not known, in words; then there are none above.
    pub thresholds_unknown: Option<String>,
    /// Seconds since the epoch that changed since the last tick.
    pub changed: BTreeSet<i64>,
    pub new_log: Vec<LogLine>,
    /// How many events of the run, and which confinement, those who watch were told.
    pub events_told: usize,
    pub confinement_told: Option<Confinement>,
    /// Log lines taken from the executor so far.
    pub log_taken: u64,
    /// Log lines that the runner did not keep, as far as that is known and stored.
    pub log_dropped: u64,
    /// One serialised message per tick, shared by all viewers.
    pub ticks: broadcast::Sender<Arc<str>>,
}

impl LiveExecution {
    #[must_use]
    pub fn new(run: RunId, started: Timestamp, merger: Merger, thresholds: Result<Vec<ThresholdDef>, String>) -> Self {
        let (ticks, _) = broadcast::channel(TICKS_KEPT);
        let (thresholds, thresholds_unknown) = match thresholds {
            Ok(known) => (known, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        Self {
            run,
            torn: false,
            gone: false,
            started,
            merger,
            thresholds,
            thresholds_unknown,
            changed: BTreeSet::new(),
            new_log: Vec::new(),
            events_told: 0,
            confinement_told: None,
            log_taken: 0,
            log_dropped: 0,
            ticks,
        }
    }
    /// All numbers so far.
    #[must_use]
    pub fn measured(&self) -> Measured {
        results::measured(&self.merger, self.started, &self.thresholds)
    }
    /// Merges a frame; the seconds whose stored form has changed, or `None` when it was there already.
    pub fn merge(&mut self, frame: &Frame) -> Option<Vec<i64>> {
        let merged = self.merger.merge_frame(frame);
        if merged.duplicate {
            return None;
        }
        self.changed.extend(&merged.changed);
        Some(merged.changed)
    }
    /// The points of the seconds that changed since the last call.
    pub fn take_changed(&mut self, measured: &Measured) -> Vec<WindowPoint> {
        let changed = std::mem::take(&mut self.changed);
        let start = self.started.seconds();
        let offsets: BTreeSet<u32> = changed.into_iter().filter_map(|second| u32::try_from(second - start).ok()).collect();
        measured.windows.iter().filter(|point| offsets.contains(&point.at_s)).copied().collect()
    }
}

/// All of them, by execution.
#[derive(Debug, Default)]
pub struct LiveExecutions {
    entries: Mutex<HashMap<ExecutionId, Arc<Mutex<LiveExecution>>>>,
}

impl LiveExecutions {
    pub async fn get(&self, id: ExecutionId) -> Option<Arc<Mutex<LiveExecution>>> {
        self.entries.lock().await.get(&id).cloned()
    }
    /// Keeps the entry, unless somebody was faster: then theirs.
    pub async fn keep(&self, id: ExecutionId, entry: LiveExecution) -> Arc<Mutex<LiveExecution>> {
        Arc::clone(self.entries.lock().await.entry(id).or_insert_with(|| Arc::new(Mutex::new(entry))))
    }
    /// Drops an entry that the caller holds locked: whoever waits for it sees that it is gone and asks for it again. Those who
    /// watch are told that their stream is over.
    pub async fn drop_entry(&self, id: ExecutionId, live: &mut OwnedMutexGuard<LiveExecution>) {
        let mut entries = self.entries.lock().await;
        if entries.get(&id).is_some_and(|there| Arc::ptr_eq(there, OwnedMutexGuard::mutex(live))) {
            entries.remove(&id);
        }
        // Only now: a caller that was cut short above has changed nothing.
        live.gone = true;
    }
    pub async fn all(&self) -> Vec<(ExecutionId, Arc<Mutex<LiveExecution>>)> {
        self.entries.lock().await.iter().map(|(id, entry)| (*id, Arc::clone(entry))).collect()
    }
}

/// Bounds of the windows of one execution.
#[must_use]
pub fn limits() -> Limits {
    Limits::default()
}
