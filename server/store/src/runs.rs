//! Runs: launching, reading one, moving one on. Lists stand in [`list`], changes by the supervisor in [`supervise`].

pub mod launch;
pub mod list;
pub mod read;
pub mod stop;
pub mod summary;
pub mod supervise;

use windfirm_model::{
    clock::Timestamp,
    environment::Environment,
    id::{ExecutionId, PortalId, RunId},
    path::AppPath,
    run::{Profile, RunState, RunStateKind},
    verdict::Verdict,
    view::{
        run::{Completeness, Confinement, Manifest, Measured},
        runs::{RunRow, Totals},
    },
};

use crate::{
    error::StoreError,
    values::{self, Doc},
};

pub use launch::{Bundle, Judged, Launched, NewRun, Room};
pub use list::{Cursor, Passed, RunsFilter, RunsSlice, StateFilter, Who};
pub use read::{Execution, Progress, QueueCounts};
pub use stop::Stopped;
pub use summary::AppSummary;
pub use supervise::{AskedToEnd, Settlement, Step};

/// Everything that is kept of one run, but for frames, windows, log and events.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    pub id: RunId,
    pub execution: ExecutionId,
    pub path: AppPath,
    pub environment: Environment,
    /// The app's key in the tree (cluster, namespace, kind, name), as the tree wrote it.
    pub app: serde_json::Value,
    /// Path of the script in the repository.
    pub test: String,
    pub profile: Profile,
    pub state: RunState,
    /// Counts the changes of state: what [`crate::Store::advance`] compares with.
    pub version: i64,
    /// The portal that looks after it. None: it is queued, or is older than this was kept.
    pub owner: Option<PortalId>,
    /// [`windfirm_model::actor::Actor::key`] of who launched it.
    pub by_key: String,
    pub by_name: String,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub planned_s: Option<u32>,
    pub max_vus: u32,
    pub target: String,
    pub reason: String,
    /// `namespace/name`.
    pub service_account: String,
    pub bundle_digest: String,
    pub manifest: Manifest,
    pub confinement: Confinement,
    pub verdict: Option<Verdict>,
    pub totals: Option<Totals>,
    pub band_us: Vec<Option<(u64, u64, u64)>>,
    pub completeness: Option<Completeness>,
    /// The final result; `None` until the run has been settled.
    pub measured: Option<Measured>,
}

impl RunRecord {
    /// The line of this run in a list.
    #[must_use]
    pub fn row(&self) -> RunRow {
        RunRow {
            id: self.id,
            path: self.path.clone(),
            environment: self.environment.clone(),
            test: self.test.clone(),
            profile: self.profile,
            state: self.state.kind(),
            by: self.by_name.clone(),
            created: self.created,
            ended: self.ended,
            planned_s: self.planned_s,
            reason: main_reason(&self.state, self.verdict.as_ref()),
            totals: self.totals,
            band_us: self.band_us.clone(),
            commit: self.manifest.tree_commit.clone(),
        }
    }
}

/// The columns of [`RecordRow`], for a query over `runs r join executions e`.
macro_rules! record_columns {
    () => {
        "r.id, e.id as execution_id, r.path, r.environment, r.app, r.test, r.profile, r.state_detail, r.version, r.owner, r.by_key, r.by_name, \
         r.created_us, r.started_us, r.ended_us, r.planned_s, r.max_vus, r.target, r.reason, r.service_account, r.bundle_digest, \
         r.manifest, r.confinement, r.verdict, r.totals, r.band, r.completeness, r.measured"
    };
}
pub(crate) use record_columns;

row! {
    struct RecordRow {
        id: uuid::Uuid,
        execution_id: uuid::Uuid,
        path: String,
        environment: String,
        app: Doc,
        test: String,
        profile: String,
        state_detail: Doc,
        version: i64,
        owner: Option<uuid::Uuid>,
        by_key: String,
        by_name: String,
        created_us: i64,
        started_us: Option<i64>,
        ended_us: Option<i64>,
        planned_s: Option<i64>,
        max_vus: i64,
        target: String,
        reason: String,
        service_account: String,
        bundle_digest: String,
        manifest: Doc,
        confinement: Doc,
        verdict: Option<Doc>,
        totals: Option<Doc>,
        band: Doc,
        completeness: Option<Doc>,
        measured: Option<Doc>,
    }
}

/// For errors about rows of this family.
pub(crate) const TABLE: &str = "runs";

fn maybe<T: serde::de::DeserializeOwned>(doc: Option<Doc>) -> Result<Option<T>, StoreError> {
    doc.map(|doc| values::undoc(TABLE, doc)).transpose()
}

fn profile(word: &str) -> Result<Profile, StoreError> {
    Profile::parse(word).ok_or_else(|| StoreError::unreadable(TABLE, format!("“{word}” is no profile")))
}

fn kind(word: &str) -> Result<RunStateKind, StoreError> {
    RunStateKind::parse(word).ok_or_else(|| StoreError::unreadable(TABLE, format!("“{word}” is no state")))
}

/// The first reason of the verdict, or what went wrong.
fn main_reason(state: &RunState, verdict: Option<&Verdict>) -> Option<String> {
    match state {
        RunState::Errored { cause } => Some(cause.words()),
        _ => verdict.and_then(|verdict| verdict.reasons.first().cloned()),
    }
}

impl RecordRow {
    fn read(self) -> Result<RunRecord, StoreError> {
        Ok(RunRecord {
            id: RunId(self.id),
            execution: ExecutionId(self.execution_id),
            path: values::path(TABLE, &self.path)?,
            environment: values::environment(self.environment),
            app: self.app.0,
            test: self.test,
            profile: profile(&self.profile)?,
            state: values::undoc(TABLE, self.state_detail)?,
            version: self.version,
            owner: self.owner.map(PortalId),
            by_key: self.by_key,
            by_name: self.by_name,
            created: Timestamp(self.created_us),
            started: values::time(self.started_us),
            ended: values::time(self.ended_us),
            planned_s: self.planned_s.map(values::small),
            max_vus: values::small(self.max_vus),
            target: self.target,
            reason: self.reason,
            service_account: self.service_account,
            bundle_digest: self.bundle_digest,
            manifest: values::undoc(TABLE, self.manifest)?,
            confinement: values::undoc(TABLE, self.confinement)?,
            verdict: maybe(self.verdict)?,
            totals: maybe(self.totals)?,
            band_us: values::undoc(TABLE, self.band)?,
            completeness: maybe(self.completeness)?,
            measured: maybe(self.measured)?,
        })
    }
}
