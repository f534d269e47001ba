//! Launching: bundle, run, execution and audit intent stand together or not at all.

use serde::{Deserialize, Serialize};
use windfirm_model::{
    action::Action,
    actor::Actor,
    audit::EventCode,
    id::{ExecutionId, RunId},
    run::{Profile, RunState, RunStateKind, WrongTransition},
    view::run::{Confinement, Manifest},
};
use windfirm_policy::{Access, Permit, act::LaunchRun};

use crate::{
    audit::{Details, write::insert_intent},
    db::Store,
    error::StoreError,
    runs::TABLE,
    values::{self, Doc},
};

/// What a launch adds. Who, where and as which account stand in the permit.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub id: RunId,
    pub execution: ExecutionId,
    /// The app's key in the tree.
    pub app: serde_json::Value,
    pub test: String,
    /// Where it begins: [`RunState::Queued`] or [`RunState::Waiting`].
    pub state: RunState,
    pub profile: Profile,
    pub planned_s: Option<u32>,
    pub max_vus: u32,
    /// As the guardrails judged it: with the time that k6 gives iterations to end. `None`: without a known end.
    pub duration_s: Option<u32>,
    /// k6 modules that the script imports.
    pub modules: Vec<String>,
    pub target: String,
    pub reason: String,
    /// Made with the form: the same actor sending it twice launches once. Empty: no such key.
    pub once: String,
    pub manifest: Manifest,
    pub bundle: Bundle,
}

/// What a launch was judged by, beyond what stands in the run: so that it can be judged again when it leaves the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Who asked, with the groups that they had then.
    pub actor: Actor,
    pub duration_s: Option<u32>,
    pub modules: Vec<String>,
}

/// The frozen files of a test, in the form that the caller chose; named by digest, kept once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub digest: String,
    pub content: Vec<u8>,
}

/// How much room there is. Counted in the transaction of the launch, so that it holds however many launch at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Runs that may stand in the queue, and as many that may wait for a Secret, of all people.
    pub waiting: u32,
    /// Runs of the launching person that may wait or run.
    pub of_person: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The run stands, its audit intent written.
    New,
    /// As many wait as may. Nothing was changed.
    QueueFull,
    /// This person has as many as one may. Nothing was changed.
    PersonFull,
    /// This actor sent the same form before: nothing was changed, and that is the run.
    Before(RunId),
}

const ADD_BUNDLE: &str = "insert into bundles (digest, content, created_us) values ($1, $2, $3) on conflict (digest) do nothing";

const ADD_RUN: &str = "
insert into runs (id, path, environment, app, test, profile, state, state_detail, live, version, by_key, by_name, by_folded, once,
    created_us, planned_s, max_vus, target, reason, service_account, tree_commit, bundle_digest, manifest, confinement, band, judged, cluster)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
on conflict (by_key, once) do nothing";

const ADD_EXECUTION: &str = "insert into executions (id, run_id, log_dropped, created_us) values ($1, $2, 0, $3)";

// Whoever launches stands in line here until those before are through, so that the count below is true when the run is added.
const IN_LINE: &str = "update gates set passed = passed + 1 where name = 'launch'";

const TAKEN: &str = "
select coalesce(sum(case when state = $1 then 1 else 0 end), 0), coalesce(sum(case when by_key = $2 then 1 else 0 end), 0) from runs where live";

const JUDGED: &str = concat!("select r.judged from runs r where ", in_scope!("r"), " and r.id = $2");

const BY_ONCE: &str = "select id from runs where by_key = $1 and once = $2";

impl Store {
    /// Queues a run, or has it wait first: in one transaction with its bundle, its execution and the audit intent of the launch.
    ///
    /// # Errors
    /// [`StoreError::NoTarget`] when the permit names no path, environment or account; else the database's.
    pub async fn launch(&self, permit: &Permit<LaunchRun>, new: &NewRun, room: Room, details: &Details) -> Result<Launched, StoreError> {
        let path = permit.resource().path.as_ref().ok_or(StoreError::NoTarget("path"))?;
        let environment = permit.resource().environment.as_ref().ok_or(StoreError::NoTarget("environment"))?;
        let account = permit.service_account().ok_or(StoreError::NoTarget("service account"))?;
        let now = self.now();
        let actor = permit.actor();
        let once = Some(values::plain(&new.once)).filter(|once| !once.is_empty());
        let state = &new.state;
        if !state.kind().is_before_start() {
            return Err(StoreError::WrongTransition(WrongTransition { from: RunStateKind::Waiting, to: state.kind() }));
        }
        let judged = Judged { actor: actor.clone(), duration_s: new.duration_s, modules: new.modules.clone() };

        let mut tx = self.begin().await?;
        execute!(&mut tx, IN_LINE)?;
        execute!(&mut tx, ADD_BUNDLE, &new.bundle.digest, &new.bundle.content, now.0)?;
        let added = execute!(
            &mut tx,
            ADD_RUN,
            new.id.0,
            path.as_str(),
            environment.as_str(),
            values::doc(TABLE, &new.app)?,
            values::plain(&new.test),
            new.profile.word(),
            state.kind().word(),
            values::doc(TABLE, state)?,
            state.is_live(),
            values::plain(&actor.key()),
            values::plain(actor.display_name()),
            values::folded(actor.display_name()),
            once.as_deref(),
            now.0,
            new.planned_s.map(i64::from),
            i64::from(new.max_vus),
            values::plain(&new.target),
            values::plain(&new.reason),
            account,
            values::plain(&new.manifest.tree_commit),
            &new.bundle.digest,
            values::doc(TABLE, &new.manifest)?,
            values::doc(TABLE, &Confinement::default())?,
            values::doc(TABLE, &Vec::<()>::new())?,
            values::doc(TABLE, &judged)?,
            values::plain(new.manifest.placement.as_ref().map_or("", |placement| placement.cluster.as_str())),
        )?;
        if added == 0 {
            let before = tx_optional!(&mut tx, (uuid::Uuid,), BY_ONCE, values::plain(&actor.key()), once.as_deref())?;
            // Dropping the transaction takes the bundle back.
            return before.map(|(id,)| Launched::Before(RunId(id))).ok_or(StoreError::Moved);
        }
        // With the run of this transaction. Dropping it takes all back.
        let (waiting, own) = tx_optional!(&mut tx, (i64, i64), TAKEN, state.kind().word(), values::plain(&actor.key()))?.unwrap_or_default();
        if own > i64::from(room.of_person) {
            return Ok(Launched::PersonFull);
        }
        if waiting > i64::from(room.waiting) {
            return Ok(Launched::QueueFull);
        }
        execute!(&mut tx, ADD_EXECUTION, new.execution.0, new.id.0, now.0)?;
        let target = windfirm_policy::Resource { run: Some(new.id), ..permit.resource().clone() };
        insert_intent(&mut tx, permit, &target, EventCode::RunLaunch, details, now).await?;
        tx.commit().await?;
        Ok(Launched::New)
    }

    /// What the launch of a run was judged by; `None` when the run is not the asker's to see, or is older than this was kept.
    ///
    /// # Errors
    /// The database's.
    pub async fn judged_by(&self, access: &Access, id: RunId) -> Result<Option<Judged>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let found = fetch_optional!(self, (Option<Doc>,), JUDGED, scope, id.0)?;
        found.and_then(|(judged,)| judged).map(|judged| values::undoc(TABLE, judged)).transpose()
    }

    /// The run that this actor launched with this form before, if any.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_by_once(&self, access: &Access, once: &str) -> Result<Option<RunId>, StoreError> {
        let found = fetch_optional!(self, (uuid::Uuid,), BY_ONCE, values::plain(&access.actor().key()), values::plain(once))?;
        Ok(found.map(|(id,)| RunId(id)))
    }
}
