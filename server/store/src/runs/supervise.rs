//! Moving a run on: compare-and-set on its version, touching exactly one row, refusing what the state machine refuses.

use serde::{Deserialize, Serialize};
use windfirm_model::{
    clock::Timestamp,
    id::{ExecutionId, OperationId, PortalId, RunId},
    run::{RunState, RunStateKind},
    verdict::Verdict,
    view::{
        run::{Completeness, Confinement, Manifest, Measured, RunEvent},
        runs::Totals,
    },
};
use windfirm_policy::{Permit, act::SuperviseRuns};

use crate::{
    db::{Store, Tx},
    error::StoreError,
    ingest::insert_events,
    runs::TABLE,
    values::{self, Doc},
};

/// One step of a run.
#[derive(Clone, Debug)]
pub struct Step {
    /// The version that the decision was based on.
    pub version: i64,
    pub to: RunState,
    /// Known once the runner has started.
    pub confinement: Option<Confinement>,
    pub events: Vec<RunEvent>,
}

/// The last step of a run that was measured.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub version: i64,
    pub to: RunState,
    pub verdict: Option<Verdict>,
    pub measured: Measured,
    pub band_us: Vec<Option<(u64, u64, u64)>>,
    pub completeness: Completeness,
    /// With the digest of the results.
    pub manifest: Manifest,
    pub events: Vec<RunEvent>,
}

/// Why k6 was asked to end before its time, by which operations. Whoever takes the run over does not ask for it as something new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedToEnd {
    /// The first reason, in words: what the end is judged by.
    pub why: Option<String>,
    /// A threshold with `abortOnFail` was broken.
    pub aborted: bool,
    /// It went past its deadline.
    pub late: bool,
    /// The operation by which the portal itself asked last.
    pub operation: Option<OperationId>,
    /// The operation by which somebody's wish goes to the cluster.
    pub wish: Option<OperationId>,
}

pub(crate) struct Current {
    pub(crate) state: RunState,
    pub(crate) version: i64,
    pub(crate) by_key: String,
    pub(crate) owner: Option<PortalId>,
}

row! {
    struct CurrentRow { state_detail: Doc, version: i64, by_key: String, owner: Option<uuid::Uuid> }
}

const CURRENT: &str = "select state_detail, version, by_key, owner from runs where id = $1";

const MOVE_ON: &str = "
update runs set state = $1, state_detail = $2, live = $3, started_us = coalesce(started_us, $4), ended_us = $5, version = version + 1,
    owner = coalesce($8, owner), queued_us = coalesce($9, queued_us)
where id = $6 and version = $7";

const SET_CONFINEMENT: &str = "update runs set confinement = $1 where id = $2";

const SET_RESULT: &str = "
update runs set verdict = $1, measured = $2, totals = $3, spread_us = $4, band = $5, completeness = $6, manifest = $7
where id = $8";

const LAST_EVENT: &str = "select text from run_events where run_id = $1 order by seq desc limit 1";

const ARM: &str = "update executions set token_sha256 = $1, handle = $2 where id = $3 and run_id = $4";

const NOTE_ENDING: &str = "update executions set ending = $1 where id = $2 and run_id = $3";

// Whoever starts something stands in line here until those before are through, so that the count below is true when the run is taken.
const IN_LINE: &str = "update gates set passed = passed + 1 where name = 'start'";

// On machines of portals the slots are those of each.
const BUSY: &str = "
select count(*) from runs where live and state not in ('queued', 'waiting') and cluster = $1 and ($1 <> '' or owner is not distinct from $2)";

const CLUSTER: &str = "select cluster from runs where id = $1";

const STILL_WAITING: &str = "select count(*) from frames f join executions e on e.id = f.execution_id where e.run_id = $1 and f.merged is null";

pub(crate) fn target_run<A>(permit: &Permit<A>) -> Result<RunId, StoreError> {
    permit.resource().run.ok_or(StoreError::NoTarget("run"))
}

pub(crate) async fn read_current(tx: &mut Tx, run: RunId) -> Result<Current, StoreError> {
    let row = tx_optional!(tx, CurrentRow, CURRENT, run.0)?.ok_or(StoreError::NoSuch("run"))?;
    Ok(Current { state: values::undoc(TABLE, row.state_detail)?, version: row.version, by_key: row.by_key, owner: row.owner.map(PortalId) })
}

/// Sets the next state if the machine allows it and nobody was faster; returns the new version. With an owner, the run is theirs from here on.
pub(crate) async fn move_on(
    tx: &mut Tx,
    run: RunId,
    current: Current,
    to: RunState,
    now: Timestamp,
    events: &[RunEvent],
    owner: Option<PortalId>,
) -> Result<i64, StoreError> {
    // A run has ended when k6 has: settling comes after it, long after it where no portal was there.
    let k6_ended = if let RunState::Finishing { since } = &current.state { Some(*since) } else { None };
    let next = current.state.into_next(to)?;
    let started = if let RunState::Running { since } = &next { Some(since.0) } else { None };
    let ended = if next.is_live() { None } else { Some(k6_ended.unwrap_or(now).0) };
    let queued = matches!(next, RunState::Queued).then_some(now.0);
    // What is queued is nobody's.
    let owner = owner.filter(|_| !next.kind().is_before_start());
    let touched = execute!(
        tx,
        MOVE_ON,
        next.kind().word(),
        values::doc(TABLE, &next)?,
        next.is_live(),
        started,
        ended,
        run.0,
        current.version,
        owner.map(|owner| owner.0),
        queued
    )?;
    if touched != 1 {
        return Err(StoreError::Moved);
    }
    insert_events(tx, run, events).await?;
    Ok(current.version + 1)
}

impl Store {
    /// Moves the run that stands in the permit on by one step; returns its new version.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the version is not the current one, [`StoreError::WrongTransition`], [`StoreError::NoSuch`],
    /// [`StoreError::NoTarget`]; else the database's.
    pub async fn advance(&self, permit: &Permit<SuperviseRuns>, step: Step) -> Result<i64, StoreError> {
        let run = target_run(permit)?;
        let now = self.now();
        let mut tx = self.begin().await?;
        let current = self.expect_ours(read_current(&mut tx, run).await?, step.version)?;
        let version = move_on(&mut tx, run, current, step.to, now, &step.events, self.portal()).await?;
        if let Some(confinement) = &step.confinement {
            execute!(&mut tx, SET_CONFINEMENT, values::doc(TABLE, confinement)?, run.0)?;
        }
        tx.commit().await?;
        Ok(version)
    }

    /// Takes the run that stands in the permit out of the queue, if fewer than `slots` are under way where it is to be carried out: however
    /// many portals try at the same moment. `None`: there is no room.
    ///
    /// # Errors
    /// As [`Store::advance`].
    pub async fn take_from_queue(&self, permit: &Permit<SuperviseRuns>, step: Step, slots: u32) -> Result<Option<i64>, StoreError> {
        let run = target_run(permit)?;
        let now = self.now();
        let mut tx = self.begin().await?;
        execute!(&mut tx, IN_LINE)?;
        let current = self.expect_ours(read_current(&mut tx, run).await?, step.version)?;
        let (cluster,) = tx_optional!(&mut tx, (String,), CLUSTER, run.0)?.ok_or(StoreError::NoSuch("run"))?;
        let owner = self.portal().map(|portal| portal.0);
        let (busy,) = tx_optional!(&mut tx, (i64,), BUSY, &cluster, owner)?.unwrap_or_default();
        if busy >= i64::from(slots) {
            return Ok(None);
        }
        let version = move_on(&mut tx, run, current, step.to, now, &step.events, self.portal()).await?;
        tx.commit().await?;
        Ok(Some(version))
    }

    /// Says something on the timeline of a run that was not begun yet, unless that is what was said last.
    ///
    /// # Errors
    /// As [`Store::advance`].
    pub async fn tell_of_waiting(&self, permit: &Permit<SuperviseRuns>, version: i64, event: RunEvent) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        self.expect_ours(read_current(&mut tx, run).await?, version)?;
        let last = tx_optional!(&mut tx, (String,), LAST_EVENT, run.0)?;
        if last.is_none_or(|(text,)| text != event.text) {
            insert_events(&mut tx, run, &[event]).await?;
        }
        tx.commit().await
    }

    /// Keeps why k6 is asked to end. Before it is asked.
    ///
    /// # Errors
    /// [`StoreError::NotOurs`], [`StoreError::NoSuch`], [`StoreError::NoTarget`]; else the database's.
    pub async fn note_ending(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId, ending: &AskedToEnd) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        self.hold(&mut tx, execution, run).await?;
        execute!(&mut tx, NOTE_ENDING, values::doc("executions", ending)?, execution.0, run.0)?;
        tx.commit().await
    }

    /// Ends the run that stands in the permit, with all its numbers, in one step.
    ///
    /// # Errors
    /// As [`Store::advance`].
    pub async fn settle(&self, permit: &Permit<SuperviseRuns>, end: Settlement) -> Result<i64, StoreError> {
        let run = target_run(permit)?;
        let now = self.now();
        let totals: Totals = end.measured.totals;
        // Without a request there is no spread, not one of zero. Runs that did not end by themselves prove nothing about it.
        let judged = matches!(end.to.kind(), RunStateKind::Passed | RunStateKind::Failed | RunStateKind::Inconclusive);
        let spread = Some(values::count(totals.spread_us())).filter(|_| judged && totals.requests > 0);
        let mut tx = self.begin().await?;
        let current = self.expect_ours(read_current(&mut tx, run).await?, end.version)?;
        let version = move_on(&mut tx, run, current, end.to, now, &end.events, self.portal()).await?;
        // From here on no portal takes a delivery of this run in; what was taken in before is seen here.
        let (waiting,) = tx_optional!(&mut tx, (i64,), STILL_WAITING, run.0)?.unwrap_or_default();
        if waiting > 0 {
            return Err(StoreError::Waiting);
        }
        let verdict = end.verdict.as_ref().map(|verdict| values::doc(TABLE, verdict)).transpose()?;
        execute!(
            &mut tx,
            SET_RESULT,
            verdict,
            values::doc(TABLE, &end.measured)?,
            values::doc(TABLE, &totals)?,
            spread,
            values::doc(TABLE, &end.band_us)?,
            values::doc(TABLE, &end.completeness)?,
            values::doc(TABLE, &end.manifest)?,
            run.0,
        )?;
        tx.commit().await?;
        Ok(version)
    }

    /// Keeps how an execution is found again and which token (SHA-256) its measurements come with. Before it is started.
    ///
    /// # Errors
    /// [`StoreError::NoSuch`] when the execution is not one of the permit's run, [`StoreError::NotOurs`]; else the database's.
    pub async fn arm_execution(
        &self,
        permit: &Permit<SuperviseRuns>,
        execution: ExecutionId,
        token_sha256: &[u8; 32],
        handle: &serde_json::Value,
    ) -> Result<(), StoreError> {
        let run = target_run(permit)?;
        let mut tx = self.begin().await?;
        self.hold(&mut tx, execution, run).await?;
        let touched = execute!(&mut tx, ARM, token_sha256.as_slice(), values::doc("executions", handle)?, execution.0, run.0)?;
        if touched != 1 {
            return Err(StoreError::NoSuch("execution"));
        }
        tx.commit().await
    }
}

impl Store {
    /// What is queued or waits is nobody's, and is whose who takes it.
    fn expect_ours(&self, current: Current, version: i64) -> Result<Current, StoreError> {
        let free = current.owner.is_none() && current.state.kind().is_before_start();
        if !free && current.owner != self.portal() {
            return Err(StoreError::NotOurs);
        }
        if current.version == version { Ok(current) } else { Err(StoreError::Moved) }
    }
}
