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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameInsert {
    New,
    /// A frame with the key of one of them is there already: nothing of the batch was stored.
    Known,
}

// The join sees to it that the execution is one of the run that the permit was made for.
const ADD_FRAME: &str = "
insert into frames (execution_id, key, received_us, payload)
select e.id, $2, $3, $4 from executions e where e.id = $1 and e.run_id = $5
on conflict (execution_id, key) do nothing";

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
        for frame in &batch.frames {
            let added = execute!(&mut tx, ADD_FRAME, execution.0, values::plain(&frame.key), frame.received.0, &frame.payload, run.0)?;
            if added == 0 {
                return check_execution(&mut tx, execution, run).await.map(|()| FrameInsert::Known);
            }
        }
        put_windows(&mut tx, execution, &batch.windows).await?;
        insert_events(&mut tx, run, &batch.events).await?;
        tx.commit().await?;
        Ok(FrameInsert::New)
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
        check_execution(&mut tx, execution, run).await?;
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
        Ok(rows.into_iter().map(|row| FrameRow { key: row.key, received: Timestamp(row.received_us), payload: row.payload }).collect())
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
