//! Executions that deliver measurements now: their merged windows in memory, and who watches them.
//!
//! The database has everything that stands here: an entry can be dropped at any time and is read again when it is needed. Whoever
//! holds one that was dropped must not go on with it; [`crate::worker::collect::locked`] sees to that.

mod line;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};
use windfirm_app::live::LOG_LINES;
use windfirm_measure::{
    results,
    threshold::ThresholdDef,
    window::{Limits, Merger},
};
use windfirm_model::{
    clock::Timestamp,
    id::{ExecutionId, PortalId, RunId},
    view::run::{Confinement, LogLine, Measured},
};
use windfirm_store::runs::{AskedToEnd, Progress};

pub use line::{Answer, Lines, Taken};

/// How many ticks a slow viewer may fall behind before the oldest are dropped for them.
const TICKS_KEPT: usize = 16;

/// One execution in memory.
#[derive(Debug)]
pub struct LiveExecution {
    pub run: RunId,
    /// The portal in whose hands the run is, as which all that was merged stands here. Another one, or none, reads on from [`Self::merged`]
    /// what others have merged before it goes on.
    pub held: Option<PortalId>,
    /// Step and key of the last frame that was merged here.
    pub merged: (i64, String),
    /// A frame was merged, and whether it is stored is not known: its storing goes on, has failed, or was cut short.
    pub torn: bool,
    /// Dropped: another one has taken its place, or will.
    pub gone: bool,
    started: Timestamp,
    pub merger: Merger,
    pub thresholds: Vec<ThresholdDef>,
    /// Why the thresholds are not known, in words; then there are none above.
    pub thresholds_unknown: Option<String>,
    /// The [`Merger::version`] that those who watch were told.
    told: u64,
    /// The last lines since then, as many as a page shows.
    new_log: VecDeque<LogLine>,
    /// Why k6 was asked to end. It stands in the store too.
    pub asked: AskedToEnd,
    /// The executor of this process knows of that.
    pub recalled: bool,
    /// Since when the cluster refuses to tell how the run stands.
    pub refused_since: Option<Timestamp>,
    /// Texts of the timeline, with what the executor said while it ran: it says all of it each time.
    pub events_said: BTreeSet<String>,
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
    pub fn new(run: RunId, started: Timestamp, merger: Merger, progress: Progress, thresholds: Result<Vec<ThresholdDef>, String>) -> Self {
        let (ticks, _) = broadcast::channel(TICKS_KEPT);
        let (thresholds, thresholds_unknown) = match thresholds {
            Ok(known) => (known, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        Self {
            run,
            held: None,
            merged: (progress.merged, String::new()),
            torn: false,
            gone: false,
            started,
            merger,
            thresholds,
            thresholds_unknown,
            told: 0,
            new_log: VecDeque::new(),
            asked: progress.ending,
            recalled: false,
            refused_since: None,
            events_said: BTreeSet::new(),
            events_told: 0,
            confinement_told: None,
            log_taken: 0,
            log_dropped: 0,
            ticks,
        }
    }
    #[must_use]
    pub const fn started(&self) -> Timestamp {
        self.started
    }
    /// All numbers so far.
    #[must_use]
    pub fn measured(&self) -> Measured {
        results::measured(&self.merger, self.started, &self.thresholds)
    }
    /// Everything that those who watch have not been told yet, and from here on have: numbers whose points are only those of seconds
    /// that changed.
    pub fn take_news(&mut self) -> (Measured, Vec<LogLine>) {
        let news = results::measured_since(&self.merger, self.started, &self.thresholds, self.told);
        self.told = self.merger.version();
        (news, std::mem::take(&mut self.new_log).into())
    }
    /// Nobody watches: whoever comes reads everything anyway.
    pub fn skip_news(&mut self) {
        self.told = self.merger.version();
        self.new_log.clear();
    }
    /// When the run began. Its seconds are counted from there, so another start makes all of them news.
    pub fn set_started(&mut self, started: Timestamp) {
        if self.started != started {
            self.started = started;
            self.told = 0;
        }
    }
    /// Lines that were taken; those who watch are told the last of them.
    pub fn add_log(&mut self, lines: Vec<LogLine>) {
        self.log_taken += u64::try_from(lines.len()).unwrap_or_default();
        self.new_log.extend(lines);
        self.new_log.drain(..self.new_log.len().saturating_sub(LOG_LINES));
    }
}

/// All of them, by execution.
#[derive(Debug, Default)]
pub struct LiveExecutions {
    entries: Mutex<HashMap<ExecutionId, Arc<Mutex<LiveExecution>>>>,
    /// Deliveries that wait for theirs.
    pub lines: Lines,
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
