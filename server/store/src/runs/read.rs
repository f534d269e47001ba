//! Reading one run, and what hangs on it.

use windfirm_model::{
    action::Action,
    clock::Timestamp,
    id::{ExecutionId, PortalId, RunId, ShortId},
    run::{RunState, RunStateKind},
    view::run::{LogLine, LogPage, RunEvent},
};
use windfirm_policy::Access;

use crate::{
    db::Store,
    error::StoreError,
    runs::{AskedToEnd, RecordRow, RunRecord, TABLE, record_columns},
    values::{self, Doc},
};

/// One k6 execution of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    pub id: ExecutionId,
    pub run: RunId,
    /// SHA-256 of the token that its measurements come with; `None` before it was started.
    pub token_sha256: Option<Vec<u8>>,
    /// What the executor needs to find it again.
    pub handle: Option<serde_json::Value>,
    pub state: RunState,
    pub version: i64,
    /// In whose hands its run is.
    pub owner: Option<PortalId>,
}

/// What whoever looks after an execution has to know of the time before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of the last step that merged frames.
    pub merged: i64,
    pub ending: AskedToEnd,
}

const ONE: &str = concat!("select ", record_columns!(), " from runs r join executions e on e.run_id = r.id where ", in_scope!("r"), " and r.id = $2");

// By the index `runs_by_tail`. Two are enough to know that it is not one.
const BY_TAIL: &str = concat!("select r.id from runs r where substr(hex(r.id), 25) in ($2, $3, $4, $5) and ", in_scope!("r"), " limit 2");

const LIVE: &str = concat!(
    "select ",
    record_columns!(),
    " from runs r join executions e on e.run_id = r.id where r.live and ",
    in_scope!("r"),
    " order by coalesce(r.queued_us, r.created_us) desc, r.id desc"
);

const EXECUTION: &str = concat!(
    "select e.id, e.run_id, e.token_sha256, e.handle, r.state_detail, r.version, r.owner from executions e join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and e.id = $2"
);

row! {
    struct ExecutionRow { id: uuid::Uuid, run_id: uuid::Uuid, token_sha256: Option<Vec<u8>>, handle: Option<Doc>, state_detail: Doc, version: i64, owner: Option<uuid::Uuid> }
}

const PROGRESS: &str = concat!(
    "select e.ending, (select coalesce(max(f.merged), 0) from frames f where f.execution_id = e.id) as merged \
     from executions e join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and e.id = $2"
);

row! {
    struct ProgressRow { ending: Option<Doc>, merged: i64 }
}

const BUNDLE: &str = concat!("select b.content from runs r join bundles b on b.digest = r.bundle_digest where ", in_scope!("r"), " and r.id = $2");

const EVENTS: &str =
    concat!("select v.at_us, v.text, v.bad from run_events v join runs r on r.id = v.run_id where ", in_scope!("r"), " and r.id = $2 order by v.seq");

row! {
    struct EventRow { at_us: i64, text: String, bad: bool }
}

const LOG_TOTAL: &str = concat!(
    "select coalesce((select max(l.number) + 1 from run_log l where l.execution_id = e.id), 0) as total, e.log_dropped as dropped \
     from runs r join executions e on e.run_id = r.id where ",
    in_scope!("r"),
    " and r.id = $2"
);

row! {
    struct LogTotalRow { total: i64, dropped: i64 }
}

const LOG: &str = concat!(
    "select l.at_us, l.level, l.text from run_log l join executions e on e.id = l.execution_id join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and r.id = $2 and l.number >= $3 order by l.number limit $4"
);

row! {
    struct LogRow { at_us: Option<i64>, level: String, text: String }
}

// Deliberately over all runs, visible or not: a place in a queue is a number, and it must be the true one.
const QUEUE_PLACE: &str = concat!(
    "select (select count(*) from runs q where q.live and q.state = 'queued' and (coalesce(q.queued_us, q.created_us), q.id) <= (coalesce(r.queued_us, r.created_us), r.id)) as place from runs r where ",
    in_scope!("r"),
    " and r.id = $2 and r.state = 'queued'"
);

const COUNT_LIVE: &str = "select state, count(*) as runs from runs where live and state <> 'waiting' group by state";

const COUNT_OWN: &str = "select count(*) from runs where live and by_key = $1";

row! {
    struct CountRow { state: String, runs: i64 }
}

/// How many runs of everybody wait for a place, and how many are being carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    pub queued: u32,
    pub running: u32,
}

impl Store {
    /// One run; `None` when there is none or it is not the asker's to see.
    ///
    /// # Errors
    /// The database's.
    pub async fn run(&self, access: &Access, id: RunId) -> Result<Option<RunRecord>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        fetch_optional!(self, RecordRow, ONE, scope, id.0)?.map(RecordRow::read).transpose()
    }

    /// The one run of those that the asker may see that goes by these six characters. `None` also where several do: nobody is
    /// led to a run that may not be the one that was meant.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_by_short(&self, access: &Access, short: ShortId) -> Result<Option<RunId>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let [one, two, three, four] = short.tails().map(|tail| format!("{tail:08X}"));
        let found = fetch_all!(self, (uuid::Uuid,), BY_TAIL, scope, one, two, three, four)?;
        Ok(if let [(id,)] = found.as_slice() { Some(RunId(*id)) } else { None })
    }

    /// All live runs that the asker may see, newest first; one that waited is as old as its place in the queue. With [`Access::system`] this is the supervisor's list of work.
    ///
    /// # Errors
    /// The database's.
    pub async fn live_runs(&self, access: &Access) -> Result<Vec<RunRecord>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        fetch_all!(self, RecordRow, LIVE, scope)?.into_iter().map(RecordRow::read).collect()
    }

    /// # Errors
    /// The database's.
    pub async fn execution(&self, access: &Access, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let Some(row) = fetch_optional!(self, ExecutionRow, EXECUTION, scope, id.0)? else { return Ok(None) };
        Ok(Some(Execution {
            id: ExecutionId(row.id),
            run: RunId(row.run_id),
            token_sha256: row.token_sha256,
            handle: row.handle.map(|handle| handle.0),
            state: values::undoc(TABLE, row.state_detail)?,
            version: row.version,
            owner: row.owner.map(PortalId),
        }))
    }

    /// How far an execution's frames are merged, and why it was asked to end, if it was.
    ///
    /// # Errors
    /// The database's.
    pub async fn progress(&self, access: &Access, id: ExecutionId) -> Result<Option<Progress>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let Some(row) = fetch_optional!(self, ProgressRow, PROGRESS, scope, id.0)? else { return Ok(None) };
        let ending = row.ending.map(|doc| values::undoc("executions", doc)).transpose()?.unwrap_or_default();
        Ok(Some(Progress { merged: row.merged, ending }))
    }

    /// The frozen files of a run, as they were launched.
    ///
    /// # Errors
    /// The database's.
    pub async fn bundle(&self, access: &Access, id: RunId) -> Result<Option<Vec<u8>>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        Ok(fetch_optional!(self, (Vec<u8>,), BUNDLE, scope, id.0)?.map(|(content,)| content))
    }

    /// What happened to a run, oldest first; empty when it is not the asker's to see.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_events(&self, access: &Access, id: RunId) -> Result<Vec<RunEvent>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, EventRow, EVENTS, scope, id.0)?;
        Ok(rows.into_iter().map(|row| RunEvent { at: Timestamp(row.at_us), text: row.text, bad: row.bad }).collect())
    }

    /// A page of a run's log, from line number `from` on, at most `limit` lines; `None` when the run is not the asker's to see.
    ///
    /// # Errors
    /// The database's.
    pub async fn log(&self, access: &Access, id: RunId, from: u64, limit: u32) -> Result<Option<LogPage>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let Some(total) = fetch_optional!(self, LogTotalRow, LOG_TOTAL, &scope, id.0)? else { return Ok(None) };
        let rows = fetch_all!(self, LogRow, LOG, &scope, id.0, values::count(from), i64::from(limit))?;
        let lines = rows.into_iter().map(|row| LogLine { at: values::time(row.at_us), level: row.level, text: row.text }).collect();
        Ok(Some(LogPage { lines, from, total: values::uncount(total.total), dropped: values::uncount(total.dropped) }))
    }

    /// Place of a queued run, 1 is next; `None` when it is not queued or not the asker's to see.
    ///
    /// # Errors
    /// The database's.
    pub async fn queue_place(&self, access: &Access, id: RunId) -> Result<Option<u32>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        Ok(fetch_optional!(self, (i64,), QUEUE_PLACE, scope, id.0)?.map(|(place,)| values::small(place)))
    }

    /// How long the queue is, over everything. Numbers only: it needs no access.
    ///
    /// # Errors
    /// The database's.
    pub async fn queue_counts(&self) -> Result<QueueCounts, StoreError> {
        let mut counts = QueueCounts::default();
        for row in fetch_all!(self, CountRow, COUNT_LIVE)? {
            let of_kind = if row.state == RunStateKind::Queued.word() { &mut counts.queued } else { &mut counts.running };
            *of_kind = of_kind.saturating_add(values::small(row.runs));
        }
        Ok(counts)
    }

    /// How many runs of the asker wait or are being carried out.
    ///
    /// # Errors
    /// The database's.
    pub async fn own_live_runs(&self, access: &Access) -> Result<u32, StoreError> {
        let counted = fetch_optional!(self, (i64,), COUNT_OWN, values::plain(&access.actor().key()))?;
        Ok(counted.map_or(0, |(runs,)| values::small(runs)))
    }
}
