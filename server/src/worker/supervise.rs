//! Moves every live run on: starts what is queued, adopts what runs, stops what is to be stopped, hands over what has ended.
//!
//! It takes no input: each round reads the live runs and asks the executor where each one stands. A step that somebody else
//! was faster with is simply looked at again in the next round.

use std::{net::IpAddr, sync::Arc};

use sha2::{Digest as _, Sha256};
use windfirm_executor::{AllowedTarget, Observation, Orders, Secret};
use windfirm_model::{
    actor::SystemTask,
    clock::Timestamp,
    id::OperationId,
    run::{Cause, RunState},
    view::run::{Confinement, RunEvent},
};
use windfirm_policy::{Access, Permit, Resource, act::SuperviseRuns};
use windfirm_store::{
    StoreError,
    runs::{RunRecord, Step},
};

use crate::{
    state::Portal,
    usecase::{
        bundle,
        launch::{host_of, load_of},
    },
    worker::{collect, settle},
};

/// How long the executor may take from the order to a running k6.
const START_LIMIT_S: i64 = 30;
/// Added to what is planned: setup, teardown, and the iterations that are still under way when the time is over.
const DEADLINE_GRACE_S: u32 = 120;

/// Why a step did not happen. The run stays where it is; the next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Executor(#[from] windfirm_executor::ExecutorError),
    #[error(transparent)]
    Collect(#[from] collect::CollectError),
    #[error("{0}")]
    Other(String),
}

/// One round over all live runs.
pub async fn round(portal: Arc<Portal>) {
    let runs = match portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::error!(%error, "supervisor.store_failed");
            return;
        }
    };
    let busy = runs.iter().filter(|run| !matches!(run.state, RunState::Queued)).count();
    let mut free = usize::try_from(portal.settings.slots).unwrap_or(1).saturating_sub(busy);
    // Newest first is how they come; the oldest starts first.
    for run in runs.iter().rev() {
        if matches!(run.state, RunState::Queued) {
            if free == 0 {
                continue;
            }
            free -= 1;
        }
        match step(&portal, run).await {
            Ok(()) | Err(StepError::Store(StoreError::Moved | StoreError::WrongTransition(_))) => {}
            Err(error) => tracing::error!(run = %run.id, state = run.state.kind().word(), %error, "supervisor.step_failed"),
        }
    }
}

pub(crate) fn permit(portal: &Portal, run: &RunRecord) -> Permit<SuperviseRuns> {
    Permit::system(
        OperationId(portal.clock.new_uuid()),
        Resource { path: Some(run.path.clone()), environment: Some(run.environment.clone()), run: Some(run.id) },
    )
}

async fn step(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    match run.state {
        RunState::Queued => start(portal, run).await,
        RunState::Starting { since } => starting(portal, run, since).await,
        RunState::Running { .. } => running(portal, run).await,
        RunState::Finishing { .. } => settle::finish(portal, run).await,
        RunState::Cancelling { .. } => cancelling(portal, run).await,
        RunState::Passed | RunState::Failed | RunState::Inconclusive | RunState::Cancelled { .. } | RunState::Lost | RunState::Errored { .. } => Ok(()),
    }
}

fn event(portal: &Portal, text: impl Into<String>, bad: bool) -> RunEvent {
    RunEvent { at: portal.clock.now(), text: text.into(), bad }
}

async fn advance(portal: &Portal, run: &RunRecord, to: RunState, events: Vec<RunEvent>, confinement: Option<Confinement>) -> Result<i64, StepError> {
    Ok(portal.store.advance(&permit(portal, run), Step { version: run.version, to, confinement, events }).await?)
}

/// From queued to starting, then the order itself. A crash in between leaves `starting` with nothing ordered, which is ordered again.
async fn start(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let now = portal.clock.now();
    let version = advance(portal, run, RunState::Starting { since: now }, vec![event(portal, "Taken from the queue", false)], None).await?;
    let started = RunRecord { version, state: RunState::Starting { since: now }, ..run.clone() };
    order(portal, &started).await
}

async fn order(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    match orders(portal, run).await {
        Ok(orders) => {
            let permit = permit(portal, run);
            let hash: [u8; 32] = Sha256::digest(orders.token.reveal().as_bytes()).into();
            let handle = serde_json::json!({ "executor": "local", "execution": run.execution });
            // Armed before it starts: the first delivery may come at once.
            portal.store.arm_execution(&permit, run.execution, &hash, &handle).await?;
            match portal.executor().start(&permit, &orders).await {
                Ok(_) => Ok(()),
                Err(error) => settle::give_up(portal, run, Cause::StartFailed { message: format!("{error}.") }).await,
            }
        }
        Err(message) => settle::give_up(portal, run, Cause::StartFailed { message }).await,
    }
}

/// What the runner is told. Everything comes from the frozen run, nothing from what the tree says today.
async fn orders(portal: &Arc<Portal>, run: &RunRecord) -> Result<Orders, String> {
    let access = Access::system(SystemTask::RunSupervisor);
    let content = portal.store.bundle(&access, run.id).await.map_err(|error| error.to_string())?.ok_or("The frozen files of this run are gone.")?;
    let folder = bundle::unpack(&portal.settings.state, &run.bundle_digest, &content).map_err(|error| error.to_string())?;
    let token = portal.clock.secret().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let limit_s = run.planned_s.unwrap_or(0).saturating_add(DEADLINE_GRACE_S);
    Ok(Orders {
        execution: run.execution,
        run: run.id,
        portal: portal.settings.ingest_url.clone(),
        token: Secret::new(token),
        k6: portal.local.k6().path.clone(),
        bundle: folder,
        entry: run.manifest.entry.clone(),
        target: run.target.clone(),
        parameters: run.manifest.parameters.clone(),
        load: load_of(&run.manifest),
        max_vus: run.max_vus,
        allowed: vec![resolve(&run.target).await?],
        deadline_s: limit_s,
        limits: windfirm_executor::Limits::default(),
    })
}

/// The one place that k6 may reach: the target, resolved now, so that an answer that changes later moves nothing.
async fn resolve(target: &str) -> Result<AllowedTarget, String> {
    let url = url::Url::parse(target).map_err(|error| format!("The target {target} is no address: {error}."))?;
    let wanted = host_of(target)?;
    let bare = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let found = tokio::net::lookup_host((bare.as_str(), wanted.port())).await.map_err(|error| format!("The name {bare} cannot be resolved: {error}."))?;
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() {
        return Err(format!("The name {bare} has no address."));
    }
    Ok(AllowedTarget { host: bare, addresses, port: Some(wanted.port()) })
}

async fn starting(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp) -> Result<(), StepError> {
    match portal.executor().observe(run.execution).await? {
        Observation::Absent => order(portal, run).await,
        Observation::Running { k6_started, confinement } => {
            let mut events = vec![event(portal, "k6 runs", false)];
            if !confinement.full && !confinement.measures.is_empty() {
                events.push(event(portal, format!("Not everything is confined: {}", confinement.measures.join("; ")), true));
            }
            advance(portal, run, RunState::Running { since: k6_started }, events, Some(confinement)).await?;
            collect::entry(portal, run.id, run.execution).await?;
            Ok(())
        }
        Observation::Ended(report) => {
            let events = vec![event(portal, "k6 has ended", report.cause.is_some())];
            advance(portal, run, RunState::Finishing { since: portal.clock.now() }, events, Some(report.confinement)).await?;
            portal.wake.notify_one();
            Ok(())
        }
        Observation::Lost => settle::lost(portal, run).await,
        Observation::Starting if portal.clock.now().micros_since(since) > START_LIMIT_S * 1_000_000 => {
            portal.executor().stop(&permit(portal, run), run.execution, "It did not start in time.").await?;
            let message = format!("It did not start within {START_LIMIT_S} s.");
            settle::give_up(portal, run, Cause::StartFailed { message }).await
        }
        Observation::Starting => Ok(()),
    }
}

async fn running(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    collect::take_log(portal, run.id, run.execution).await?;
    settle::abort_if_due(portal, run).await?;
    match portal.executor().observe(run.execution).await? {
        Observation::Ended(report) => {
            let events = vec![event(portal, "k6 has ended; the last measurements are being settled", report.cause.is_some())];
            // k6 may have been seen running before it had told how it is confined; the report knows.
            advance(portal, run, RunState::Finishing { since: portal.clock.now() }, events, Some(report.confinement)).await?;
            portal.wake.notify_one();
            Ok(())
        }
        Observation::Lost | Observation::Absent => settle::lost(portal, run).await,
        Observation::Running { .. } | Observation::Starting => Ok(()),
    }
}

async fn cancelling(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    collect::take_log(portal, run.id, run.execution).await.ok();
    match portal.executor().observe(run.execution).await? {
        Observation::Ended(_) | Observation::Absent => settle::finish(portal, run).await,
        Observation::Lost => settle::lost(portal, run).await,
        Observation::Running { .. } | Observation::Starting => {
            let reason = if let RunState::Cancelling { by, .. } = &run.state { format!("Stopped by {by}.") } else { "Stopped.".to_owned() };
            Ok(portal.executor().stop(&permit(portal, run), run.execution, &reason).await?)
        }
    }
}
