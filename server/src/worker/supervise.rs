//! Moves every live run on: starts what is queued, adopts what runs, stops what is to be stopped, hands over what has ended.
//!
//! Where several portals share a database, each looks after the runs that are in its hands, and takes those over whose portal is no more.
//!
//! It takes no input: each round reads the live runs and asks the executor where each one stands. A step that somebody else
//! was faster with is simply looked at again in the next round.

mod ending;
mod ordering;

use std::{sync::Arc, time::Instant};

use windfirm_executor::{ExecutorError, ExitReport, Observation};
use windfirm_model::{
    actor::SystemTask,
    audit::EventCode,
    clock::Timestamp,
    id::OperationId,
    run::{Cause, RunState, RunStateKind},
    view::run::{Confinement, RunEvent},
};
use windfirm_policy::{Access, Permit, Resource, act::SuperviseRuns};
use windfirm_store::{
    StoreError,
    audit::Details,
    runs::{RunRecord, Step},
};

pub(crate) use ending::{ask_to_end, note_outcome, record_outcome};

use crate::{
    places::{self, cluster_of, is_queued},
    state::Portal,
    usecase::launch::queued::{self, Again},
    worker::{collect, settle},
};
use ending::{end, end_if_hung, end_if_late, recall, stop};
use ordering::{HOME, deadline_s, order, sentence};

/// A right that is put back within this time ends nothing. Taken away, it bites some ten seconds later, and the run has to end within 30.
const REFUSED_FOR_S: i64 = 8;
/// The fact of our record that names a call in the API server's.
pub(crate) const AUDIT_ID: &str = "audit_id";

/// Why a step did not happen. The run stays where it is; the next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    #[error(transparent)]
    Collect(#[from] collect::CollectError),
    #[error("this portal has not renewed its lease for too long; it goes on when it has")]
    NoLease,
    #[error("{0}")]
    Other(String),
}

impl StepError {
    /// Somebody else was faster, or will be asked again: the next round sees what is.
    pub(crate) const fn is_nothing(&self) -> bool {
        use StoreError::{Moved, Waiting, WrongTransition};
        self.is_not_ours() || matches!(self, Self::NoLease | Self::Store(Moved | Waiting | WrongTransition(_)))
    }
    const fn is_not_ours(&self) -> bool {
        matches!(self, Self::Store(StoreError::NotOurs) | Self::Collect(collect::CollectError::Store(StoreError::NotOurs)))
    }
}

fn check_lease(portal: &Portal) -> Result<(), StepError> {
    if portal.lease.is_held(Instant::now()) { Ok(()) } else { Err(StepError::NoLease) }
}

/// One round over all live runs.
pub async fn round(portal: Arc<Portal>) {
    if !portal.lease.is_held(Instant::now()) {
        return;
    }
    let runs = match portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::error!(%error, "supervisor.store_failed");
            return;
        }
    };
    let own = portal.store.portal();
    // A first look, to ask the store for no place that cannot be had.
    let mut busy = places::taken(&runs, own);
    // Newest first is how they come; the oldest starts first.
    for run in runs.iter().rev().filter(|run| run.state.kind() != RunStateKind::Waiting) {
        if is_queued(run) {
            let taken = busy.entry(cluster_of(run)).or_default();
            if *taken >= portal.slots(cluster_of(run)) {
                continue;
            }
            *taken = taken.saturating_add(1);
        } else if run.owner != own && run.owner.is_some_and(|owner| portal.lease.knows(owner)) {
            continue;
        }
        let done = if is_queued(run) || run.owner == own { step(&portal, run).await } else { take_over(&portal, run).await };
        match done {
            Ok(()) => portal.complaining.done(run.execution),
            Err(error) => {
                if error.is_not_ours() {
                    collect::let_go(&portal, run.execution).await;
                }
                let now = portal.clock.now();
                if !error.is_nothing() && portal.complaining.is_due(run.execution, now) {
                    portal.complaining.failed(run.execution, now);
                    tracing::error!(run = %run.id, state = run.state.kind().word(), %error, "supervisor.step_failed");
                }
            }
        }
    }
}

/// A run whose portal is no more. What it is at is seen in the next round.
async fn take_over(portal: &Portal, run: &RunRecord) -> Result<(), StepError> {
    check_lease(portal)?;
    // From before runs had portals: nothing has happened to it.
    let events = run.owner.map(|_| event(portal, "The portal that looked after it is gone; another one goes on", false));
    let permit = permit(portal, run);
    if let Some(before) = run.owner {
        let facts = vec![("before".to_owned(), before.to_string())];
        portal.store.intent(&permit, EventCode::RunTakeOver, &Details { facts, ..Details::default() }).await?;
    }
    let taken = portal.store.take_over(&permit, run.version, events.as_slice()).await;
    if run.owner.is_some() {
        note_outcome(portal, &permit, &taken, &[]).await?;
    }
    taken?;
    portal.lease.took_over(Instant::now());
    metrics::counter!("windfirm_runs_taken_over_total").increment(1);
    tracing::info!(run = %run.id, "supervisor.taken_over");
    portal.wake.notify_one();
    Ok(())
}

pub(crate) fn permit(portal: &Portal, run: &RunRecord) -> Permit<SuperviseRuns> {
    permit_of(run, OperationId(portal.clock.new_uuid()))
}

fn permit_of(run: &RunRecord, operation: OperationId) -> Permit<SuperviseRuns> {
    Permit::for_run(operation, Resource { path: Some(run.path.clone()), environment: Some(run.environment.clone()), run: Some(run.id) }, &run.service_account)
}

async fn step(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    check_lease(portal)?;
    if matches!(run.state, RunState::Running { .. } | RunState::Finishing { .. } | RunState::Cancelling { .. }) {
        recall(portal, run).await?;
    }
    match run.state {
        // worker/awaiting looks after it.
        RunState::Waiting { .. } => Ok(()),
        RunState::Queued => start(portal, run).await,
        RunState::Starting { since } => starting(portal, run, since).await,
        RunState::Running { since } => running(portal, run, since).await,
        RunState::Finishing { .. } => settle::finish(portal, run).await,
        RunState::Cancelling { since, .. } => cancelling(portal, run, since).await,
        RunState::Passed | RunState::Failed | RunState::Inconclusive | RunState::Cancelled { .. } | RunState::Lost | RunState::Errored { .. } => Ok(()),
    }
}

fn event(portal: &Portal, text: impl Into<String>, bad: bool) -> RunEvent {
    RunEvent { at: portal.clock.now(), text: text.into(), bad }
}

async fn advance(portal: &Portal, run: &RunRecord, to: RunState, events: Vec<RunEvent>, confinement: Option<Confinement>) -> Result<i64, StepError> {
    Ok(portal.store.advance(&permit(portal, run), Step { version: run.version, to, confinement, events }).await?)
}

/// Whether a run that was not begun yet still may be. One that may not is over.
pub(crate) async fn may_go_on(portal: &Arc<Portal>, run: &RunRecord) -> Result<bool, StepError> {
    match queued::judge_again(portal, run).await? {
        Again::May => Ok(true),
        Again::MayNot(cause) => settle::give_up(portal, run, cause).await.map(|()| false),
        Again::NotByThisPolicy => Ok(false),
    }
}

/// From queued to starting, then the order itself. A crash in between leaves `starting` with nothing ordered, which is ordered again.
async fn start(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    if !may_go_on(portal, run).await? {
        return Ok(());
    }
    let now = portal.clock.now();
    let to =
        Step { version: run.version, to: RunState::Starting { since: now }, confinement: None, events: vec![event(portal, "Taken from the queue", false)] };
    let Some(version) = portal.store.take_from_queue(&permit(portal, run), to, portal.slots(cluster_of(run))).await? else { return Ok(()) };
    let started = RunRecord { version, owner: portal.store.portal(), state: RunState::Starting { since: now }, ..run.clone() };
    order(portal, &started, false).await
}

async fn starting(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp) -> Result<(), StepError> {
    let permit = permit(portal, run);
    let limit_s = portal.executor(run)?.start_limit_s();
    let over = portal.clock.now().micros_since(since) > i64::from(limit_s) * 1_000_000;
    let observed = portal.executor(run)?.observe(&permit, run.execution).await;
    if let Some(refused) = refused_for_long(portal, run, &observed).await? {
        return settle::cut_off(portal, run, refused).await;
    }
    match observed {
        Err(error) if over => give_up_late(portal, run, limit_s, &sentence(&error)).await,
        Err(error) => Err(error.into()),
        Ok(Observation::Absent) if is_elsewhere(portal, run).await? => settle::lost(portal, run).await,
        Ok(Observation::Absent) if over => give_up_late(portal, run, limit_s, "It could not be ordered.").await,
        Ok(Observation::Absent) if !portal.ordering.is_due(run.execution, portal.clock.now()) => Ok(()),
        Ok(Observation::Absent) => order(portal, run, true).await,
        Ok(Observation::Running { k6_started, confinement, .. }) => {
            let mut events = vec![event(portal, "k6 runs", false)];
            if !confinement.full && !confinement.measures.is_empty() {
                events.push(event(portal, format!("Not everything is confined: {}", confinement.measures.join(" ")), true));
            }
            advance(portal, run, RunState::Running { since: k6_started }, events, Some(confinement)).await?;
            // Somebody may have watched it while it was queued: its seconds count from here.
            collect::owned(portal, run.id, run.execution).await?.set_started(k6_started);
            Ok(())
        }
        Ok(Observation::Ended(report)) => {
            let since = end_of(portal, &report, since);
            let mut events = report.events;
            events.push(RunEvent { at: since, ..event(portal, "k6 has ended", report.cause.is_some()) });
            advance(portal, run, RunState::Finishing { since }, events, Some(report.confinement)).await?;
            portal.wake.notify_one();
            Ok(())
        }
        Ok(Observation::Lost) => settle::lost(portal, run).await,
        Ok(Observation::Starting { waits_for }) if over => give_up_late(portal, run, limit_s, waits_for.as_deref().unwrap_or_default()).await,
        Ok(Observation::Starting { waits_for: Some(words) }) => tell(portal, run, &[event(portal, words, false)]).await,
        Ok(Observation::Starting { waits_for: None }) => Ok(()),
    }
}

/// When k6 ended, as its runner or its cluster says: long ago, where no portal was there to see it. Never before it began, by whatever clock.
fn end_of(portal: &Portal, report: &ExitReport, since: Timestamp) -> Timestamp {
    let now = portal.clock.now();
    report.ended.max(since).min(now)
}

/// Whether it was ordered on the machine of another portal, where nobody here can see it: it is never started twice.
async fn is_elsewhere(portal: &Portal, run: &RunRecord) -> Result<bool, StepError> {
    let known = portal.store.execution(&Access::system(SystemTask::RunSupervisor), run.execution).await?;
    let home = known.and_then(|execution| Some(execution.handle?.get(HOME)?.as_str()?.to_owned()));
    Ok(home.is_some_and(|home| home != portal.home.name()))
}

async fn give_up_late(portal: &Arc<Portal>, run: &RunRecord, limit_s: u32, why: &str) -> Result<(), StepError> {
    let message = format!("It did not start within {limit_s} s. {why}").trim_end().to_owned();
    let killed = match portal.executor(run) {
        Ok(executor) => end(portal, run, &message, async |permit| executor.kill(permit, run.execution).await).await,
        Err(error) => Err(error.into()),
    };
    // When even that cannot be done the housekeeping finds it.
    if let Err(error) = killed {
        tracing::warn!(%error, run = %run.id, "supervisor.not_killed");
    }
    settle::give_up(portal, run, Cause::StartFailed { message }).await
}

/// Puts events on the timeline that were not told yet.
async fn tell(portal: &Arc<Portal>, run: &RunRecord, events: &[RunEvent]) -> Result<(), StepError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    let new: Vec<_> = events.iter().filter(|event| !live.events_said.contains(&event.text)).cloned().collect();
    if new.is_empty() {
        return Ok(());
    }
    portal.store.store_events(&collect::permit(portal, run.id), &new).await?;
    live.events_said.extend(new.into_iter().map(|event| event.text));
    Ok(())
}

async fn running(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp) -> Result<(), StepError> {
    match collect::take_log(portal, run).await {
        // The log can wait; what becomes of the run is decided below.
        Err(collect::CollectError::Executor(error)) => tracing::debug!(%error, run = %run.id, "supervisor.log_not_read"),
        taken => taken?,
    }
    settle::abort_if_due(portal, run).await?;
    let observed = portal.executor(run)?.observe(&permit(portal, run), run.execution).await;
    if let Some(refused) = refused_for_long(portal, run, &observed).await? {
        return settle::cut_off(portal, run, refused).await;
    }
    match observed? {
        Observation::Ended(report) => {
            let since = end_of(portal, &report, since);
            let mut events = untold(portal, run, report.events).await?;
            events.push(RunEvent { at: since, ..event(portal, "k6 has ended; the last measurements are being settled", report.cause.is_some()) });
            // k6 may have been seen running before it had told how it is confined; the report knows.
            advance(portal, run, RunState::Finishing { since }, events, Some(report.confinement)).await?;
            portal.wake.notify_one();
            Ok(())
        }
        Observation::Lost => settle::lost(portal, run).await,
        Observation::Absent => settle::absent(portal, run).await,
        Observation::Running { events, .. } => {
            tell(portal, run, &events).await?;
            end_if_late(portal, run, since).await?;
            end_if_hung(portal, run, since, deadline_s(run)).await
        }
        Observation::Starting { .. } => end_if_hung(portal, run, since, deadline_s(run)).await,
    }
}

/// What a cluster refused, and under which id its own record has that.
#[derive(Clone, Debug)]
pub struct Refused {
    pub why: String,
    pub audit_id: Option<String>,
}

/// Why the cluster does not let the run be carried out any more, once it has said so for as long as a right that comes back at once may be
/// away. Nobody can ask the runners to stop then: they are told by the answer to their next delivery.
async fn refused_for_long(portal: &Arc<Portal>, run: &RunRecord, observed: &Result<Observation, ExecutorError>) -> Result<Option<Refused>, StepError> {
    let refused = match observed {
        Err(error @ ExecutorError::Cluster { passing: false, audit_id, .. }) => Some(Refused { why: sentence(error), audit_id: audit_id.clone() }),
        _ => None,
    };
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    let Some(refused) = refused else {
        live.refused_since = None;
        return Ok(None);
    };
    let now = portal.clock.now();
    let since = *live.refused_since.get_or_insert(now);
    Ok((now.micros_since(since) >= REFUSED_FOR_S * 1_000_000).then_some(refused))
}

/// Those that were not told while it ran.
async fn untold(portal: &Arc<Portal>, run: &RunRecord, events: Vec<RunEvent>) -> Result<Vec<RunEvent>, StepError> {
    let live = collect::owned(portal, run.id, run.execution).await?;
    Ok(events.into_iter().filter(|event| !live.events_said.contains(&event.text)).collect())
}

async fn cancelling(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp) -> Result<(), StepError> {
    collect::take_log(portal, run).await.ok();
    let observed = portal.executor(run)?.observe(&permit(portal, run), run.execution).await;
    if refused_for_long(portal, run, &observed).await?.is_some() {
        return settle::cancelled_unseen(portal, run).await;
    }
    match observed? {
        Observation::Ended(_) | Observation::Absent => settle::finish(portal, run).await,
        Observation::Lost => settle::lost(portal, run).await,
        Observation::Running { .. } | Observation::Starting { .. } => {
            let reason = if let RunState::Cancelling { by, .. } = &run.state { format!("Stopped by {by}.") } else { "Stopped.".to_owned() };
            stop(portal, run, &reason).await?;
            end_if_hung(portal, run, since, 0).await
        }
    }
}
