//! What the runners deliver: frames as they came, windows derived from them, log lines and events.

use windfirm_model::{
    action::Action,
    clock::Timestamp,
    id::{ExecutionId, RunId},
    view::run::{LogLine, RunEvent},
};
use windfirm_policy::{Access, Permit, act::StoreMeasurements};

use crate::{
    db::{Store, Tx},
    error::StoreError,
    runs::supervise::target_run,
    values,
};

/// One delivery of k6, as it came (masked).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRow {
    /// k6's idempotency key.
    pub key: String,
    pub received: Timestamp,
    pub payload: Vec<u8>,
}

/// One merged second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRow {
    /// Seconds since the epoch.
    pub second: i64,
    pub content: Vec<u8>,
}

/// All that some deliveries change. Stored together or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Each has a key of its own.
    pub frames: Vec<FrameRow>,
    /// The seconds that have changed, whole.
    pub windows: Vec<WindowRow>,
    pub events: Vec<RunEvent>,
    /// Number of this step, one more than that of the step before. Those who watch at another portal go on from the last that they know.
    pub merged: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameInsert {
    New,
    /// A frame with the key of one of them is there already: nothing of the batch was stored.
    Known,
}

/// What became of a delivery that came to another portal than the run's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    New,
    Known,
    /// As many wait as may. Nothing was stored.
    Full,
    /// The run has ended. Nothing was stored.
    Ended,
}

/// Where frames that other portals took in wait for this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingAt {
    pub run: RunId,
    pub execution: ExecutionId,
}

/// Statements that look at the run's row, and keep it as it is until their transaction ends: on PostgreSQL by a lock that they share, on
/// SQLite because there is one writer.
struct Text {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Text {
    const fn of(&self, tx: &Tx) -> &'static str {
        match tx {
            Tx::Sqlite(_) => self.sqlite,
            Tx::Postgres(_) => self.postgres,
        }
    }
}

// The join sees to it that the execution is one of the run that the permit was made for, and the run in the hands of who writes.
macro_rules! add_frame {
    ($lock:literal) => {
        concat!(
            "insert into frames (execution_id, key, received_us, payload, merged) \
             select e.id, $2, $3, $4, $6 from executions e join runs r on r.id = e.run_id \
             where e.id = $1 and e.run_id = $5 and r.live and r.owner is not distinct from $7",
            $lock,
            " on conflict (execution_id, key) do nothing"
        )
    };
}
const ADD_FRAME: Text = Text { sqlite: add_frame!(""), postgres: add_frame!(" for share of r") };

macro_rules! leave_frame {
    ($lock:literal) => {
        concat!(
            "insert into frames (execution_id, key, received_us, payload, merged) \
             select e.id, $2, $3, $4, null from executions e join runs r on r.id = e.run_id \
             where e.id = $1 and e.run_id = $5 and r.live \
             and (select count(*) from frames w where w.execution_id = $1 and w.merged is null) < $6",
            $lock,
            " on conflict (execution_id, key) do nothing"
        )
    };
}
const LEAVE_FRAME: Text = Text { sqlite: leave_frame!(""), postgres: leave_frame!(" for share of r") };

macro_rules! hold {
    ($lock:literal) => {
        concat!(
            "select r.id from executions e join runs r on r.id = e.run_id \
             where e.id = $1 and r.id = $2 and r.live and r.owner is not distinct from $3",
            $lock
        )
    };
}
const HOLD: Text = Text { sqlite: hold!(""), postgres: hold!(" for share of r") };

macro_rules! hold_run {
    ($lock:literal) => {
        concat!("select r.id from runs r where r.id = $1 and r.owner is not distinct from $2", $lock)
    };
}
const HOLD_RUN: Text = Text { sqlite: hold_run!(""), postgres: hold_run!(" for share of r") };

const IS_FRAME: &str = "select key from frames where execution_id = $1 and key = $2";

const IS_LIVE: &str = "select r.live from executions e join runs r on r.id = e.run_id where e.id = $1 and r.id = $2";

const MERGED: &str = "update frames set merged = $1 where execution_id = $2 and key = $3 and merged is null";

const IS_EXECUTION: &str = "select e.id from executions e where e.id = $1 and e.run_id = $2";

const PUT_WINDOW: &str = "
insert into windows (execution_id, second, content) values ($1, $2, $3)
on conflict (execution_id, second) do update set content = excluded.content";

const DROP_WINDOWS: &str = "delete from windows where execution_id = $1";

const ADD_EVENT: &str = "insert into run_events (run_id, at_us, text, bad) values ($1, $2, $3, $4)";

const ADD_LINE: &str = "
insert into run_log (execution_id, number, at_us, level, text) values ($1, $2, $3, $4, $5)
on conflict (execution_id, number) do nothing";

const SET_DROPPED: &str = "update executions set log_dropped = $1 where id = $2";

const FRAMES: &str = concat!(
    "select f.key, f.received_us, f.payload from frames f join executions e on e.id = f.execution_id join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and f.execution_id = $2 and (f.received_us, f.key) > ($3, $4) order by f.received_us, f.key limit $5"
);

row! {
    struct StoredFrame { key: String, received_us: i64, payload: Vec<u8> }
}

impl StoredFrame {
    fn read(self) -> FrameRow {
        FrameRow { key: self.key, received: Timestamp(self.received_us), payload: self.payload }
    }
}

// By the step that merged them; those that wait are not among them.
const FRAMES_SINCE: &str = concat!(
    "select f.key, f.received_us, f.payload, f.merged from frames f join executions e on e.id = f.execution_id join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and f.execution_id = $2 and (f.merged, f.key) > ($3, $4) order by f.merged, f.key limit $5"
);

row! {
    struct MergedFrame { key: String, received_us: i64, payload: Vec<u8>, merged: i64 }
}

const WAITING: &str = concat!(
    "select f.key, f.received_us, f.payload from frames f join executions e on e.id = f.execution_id join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and f.execution_id = $2 and f.merged is null order by f.received_us, f.key limit $3"
);

const WAITING_AT: &str = concat!(
    "select e.id, e.run_id from executions e join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and r.live and r.owner = $2 and exists (select 1 from frames f where f.execution_id = e.id and f.merged is null)"
);

const WINDOWS: &str = concat!(
    "select w.second, w.content from windows w join executions e on e.id = w.execution_id join runs r on r.id = e.run_id where ",
    in_scope!("r"),
    " and w.execution_id = $2 order by w.second"
);

row! {
    struct StoredWindow { second: i64, content: Vec<u8> }
}

pub(crate) async fn insert_events(tx: &mut Tx, run: RunId, events: &[RunEvent]) -> Result<(), StoreError> {
    for event in events {
        execute!(&mut *tx, ADD_EVENT, run.0, event.at.0, values::plain(&event.text), event.bad)?;
    }
    Ok(())
}

async fn put_windows(tx: &mut Tx, execution: ExecutionId, windows: &[WindowRow]) -> Result<(), StoreError> {
    for window in windows {
        execute!(&mut *tx, PUT_WINDOW, execution.0, window.second, &window.content)?;
    }
    Ok(())
}

/// That the execution belongs to the run of the permit.
async fn check_execution(tx: &mut Tx, execution: ExecutionId, run: RunId) -> Result<(), StoreError> {
    tx_optional!(tx, (uuid::Uuid,), IS_EXECUTION, execution.0, run.0)?.map(drop).ok_or(StoreError::NoSuch("execution"))
}

impl Store {
    /// Stores deliveries; where one has a key that is there already, nothing is stored.
    ///
    /// # Errors
    /// [`StoreError::NoSuch`] when the execution is not one of the permit's run, [`StoreError::NoTarget`]; else the database's.
    pub async fn store_batch(&self, permit: &Permit<StoreMeasurements>, execution: ExecutionId, batch: &Batch) -> Result<FrameInsert, StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        let sql = ADD_FRAME.of(&tx);
        let owner = self.portal().map(|portal| portal.0);
        for frame in &batch.frames {
            let key = values::plain(&frame.key);
            let added = execute!(&mut tx, sql, execution.0, &key, frame.received.0, &frame.payload, run.0, batch.merged, owner)?;
            if added == 0 {
                check_execution(&mut tx, execution, run).await?;
                let known = tx_optional!(&mut tx, (String,), IS_FRAME, execution.0, &key)?;
                return known.map(|_| FrameInsert::Known).ok_or(StoreError::NotOurs);
            }
        }
        put_windows(&mut tx, execution, &batch.windows).await?;
        insert_events(&mut tx, run, &batch.events).await?;
        tx.commit().await?;
        Ok(FrameInsert::New)
    }

    /// Stores a delivery of a run that another portal looks after: it is safe from here on, and waits for that portal to merge it. At most
    /// `most` wait of one execution.
    ///
    /// # Errors
    /// [`StoreError::NoSuch`] when the execution is not one of the permit's run, [`StoreError::NoTarget`]; else the database's.
    pub async fn leave_frame(&self, permit: &Permit<StoreMeasurements>, execution: ExecutionId, frame: &FrameRow, most: u32) -> Result<Left, StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        let sql = LEAVE_FRAME.of(&tx);
        let key = values::plain(&frame.key);
        if execute!(&mut tx, sql, execution.0, &key, frame.received.0, &frame.payload, run.0, i64::from(most))? == 1 {
            tx.commit().await?;
            return Ok(Left::New);
        }
        let (live,) = tx_optional!(&mut tx, (bool,), IS_LIVE, execution.0, run.0)?.ok_or(StoreError::NoSuch("execution"))?;
        let known = tx_optional!(&mut tx, (String,), IS_FRAME, execution.0, &key)?.is_some();
        Ok(if known {
            Left::Known
        } else if live {
            Left::Full
        } else {
            Left::Ended
        })
    }

    /// Where frames wait for this portal, which has joined.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting_at(&self, access: &Access) -> Result<Vec<WaitingAt>, StoreError> {
        let Some(portal) = self.portal() else { return Ok(Vec::new()) };
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, (uuid::Uuid, uuid::Uuid), WAITING_AT, scope, portal.0)?;
        Ok(rows.into_iter().map(|(execution, run)| WaitingAt { run: RunId(run), execution: ExecutionId(execution) }).collect())
    }

    /// Frames of an execution that wait to be merged, at most `limit`, by time of arrival.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting_frames(&self, access: &Access, execution: ExecutionId, limit: u32) -> Result<Vec<FrameRow>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, StoredFrame, WAITING, scope, execution.0, i64::from(limit))?;
        Ok(rows.into_iter().map(StoredFrame::read).collect())
    }

    /// Says that frames that had waited are merged, by step number `merged`, with the windows that have changed: all together or not at all.
    ///
    /// # Errors
    /// [`StoreError::NotOurs`]; [`StoreError::Moved`] when one of them does not wait any more; else as [`Store::store_batch`].
    pub async fn merge_waiting(
        &self,
        permit: &Permit<StoreMeasurements>,
        execution: ExecutionId,
        keys: &[String],
        windows: &[WindowRow],
        merged: i64,
    ) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        self.hold(&mut tx, execution, run).await?;
        for key in keys {
            if execute!(&mut tx, MERGED, merged, execution.0, values::plain(key))? != 1 {
                return Err(StoreError::Moved);
            }
        }
        put_windows(&mut tx, execution, windows).await?;
        tx.commit().await
    }

    /// That the run is in this portal's hands, and stays so until the transaction ends.
    pub(crate) async fn hold(&self, tx: &mut Tx, execution: ExecutionId, run: RunId) -> Result<(), StoreError> {
        let sql = HOLD.of(tx);
        let owner = self.portal().map(|portal| portal.0);
        if tx_optional!(&mut *tx, (uuid::Uuid,), sql, execution.0, run.0, owner)?.is_some() {
            return Ok(());
        }
        check_execution(tx, execution, run).await?;
        Err(StoreError::NotOurs)
    }

    /// Puts log lines at their numbers, the first at `from`; lines that are there already stay. `dropped` counts, over the
    /// whole log, the lines that were not kept.
    ///
    /// # Errors
    /// As [`Store::store_batch`].
    pub async fn store_log(
        &self,
        permit: &Permit<StoreMeasurements>,
        execution: ExecutionId,
        from: u64,
        lines: &[LogLine],
        dropped: u64,
    ) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        self.hold(&mut tx, execution, run).await?;
        for (number, line) in (from..).zip(lines) {
            let at = line.at.map(|at| at.0);
            execute!(&mut tx, ADD_LINE, execution.0, values::count(number), at, values::plain(&line.level), values::plain(&line.text))?;
        }
        execute!(&mut tx, SET_DROPPED, values::count(dropped), execution.0)?;
        tx.commit().await
    }

    /// Adds to the timeline of the permit's run.
    ///
    /// # Errors
    /// [`StoreError::NoTarget`]; else the database's.
    pub async fn store_events(&self, permit: &Permit<StoreMeasurements>, events: &[RunEvent]) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        let sql = HOLD_RUN.of(&tx);
        let owner = self.portal().map(|portal| portal.0);
        tx_optional!(&mut tx, (uuid::Uuid,), sql, run.0, owner)?.ok_or(StoreError::NotOurs)?;
        insert_events(&mut tx, run, events).await?;
        tx.commit().await
    }

    /// Replaces all windows of an execution, as a rebuild from its frames does.
    ///
    /// # Errors
    /// As [`Store::store_batch`].
    pub async fn replace_windows(&self, permit: &Permit<StoreMeasurements>, execution: ExecutionId, windows: &[WindowRow]) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        check_execution(&mut tx, execution, run).await?;
        execute!(&mut tx, DROP_WINDOWS, execution.0)?;
        put_windows(&mut tx, execution, windows).await?;
        tx.commit().await
    }

    /// Frames of an execution by time of arrival, then key; at most `limit`, after the given one. Page until empty.
    ///
    /// # Errors
    /// The database's.
    pub async fn frames(&self, access: &Access, execution: ExecutionId, after: Option<&FrameRow>, limit: u32) -> Result<Vec<FrameRow>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let (received, key) = after.map_or((i64::MIN, ""), |frame| (frame.received.0, frame.key.as_str()));
        let rows = fetch_all!(self, StoredFrame, FRAMES, scope, execution.0, received, values::plain(key), i64::from(limit))?;
        Ok(rows.into_iter().map(StoredFrame::read).collect())
    }

    /// Frames of an execution that were merged after the given step and key, at most `limit`, each with its step. Page until empty.
    ///
    /// # Errors
    /// The database's.
    pub async fn frames_since(&self, access: &Access, execution: ExecutionId, step: i64, key: &str, limit: u32) -> Result<Vec<(i64, FrameRow)>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, MergedFrame, FRAMES_SINCE, scope, execution.0, step, values::plain(key), i64::from(limit))?;
        Ok(rows.into_iter().map(|row| (row.merged, FrameRow { key: row.key, received: Timestamp(row.received_us), payload: row.payload })).collect())
    }

    /// All windows of an execution, in order of time.
    ///
    /// # Errors
    /// The database's.
    pub async fn windows(&self, access: &Access, execution: ExecutionId) -> Result<Vec<WindowRow>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, StoredWindow, WINDOWS, scope, execution.0)?;
        Ok(rows.into_iter().map(|row| WindowRow { second: row.second, content: row.content }).collect())
    }
}
