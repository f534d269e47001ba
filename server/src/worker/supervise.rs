//! Moves every live run on: starts what is queued, adopts what runs, stops what is to be stopped, hands over what has ended.
//!
//! Where several portals share a database, each looks after the runs that are in its hands, and takes those over whose portal is no more.
//!
//! It takes no input: each round reads the live runs and asks the executor where each one stands. A step that somebody else
//! was faster with is simply looked at again in the next round.

use std::{fmt, net::IpAddr, sync::Arc, time::Instant};

use sha2::{Digest as _, Sha256};
use windfirm_executor::{AllowedTarget, ExecutorError, ExitReport, InCluster, Observation, Orders, PAST_DEADLINE, Secret};
use windfirm_model::{
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    id::OperationId,
    run::{Cause, RunState, RunStateKind},
    view::run::{Confinement, Placement, RunEvent},
};
use windfirm_policy::{Access, Permit, Resource, act::SuperviseRuns};
use windfirm_store::{
    StoreError,
    audit::Details,
    runs::{AskedToEnd, RunRecord, Step},
};

use crate::{
    live::LiveExecution,
    places::{self, cluster_of, is_queued},
    state::Portal,
    usecase::{
        bundle,
        launch::{
            host_of, load_of,
            queued::{self, Again},
        },
    },
    worker::{collect, settle},
};

/// Added to what is planned: setup, teardown, and the iterations that are still under way when the time is over.
const DEADLINE_GRACE_S: u32 = 120;
/// After its deadline a run is stopped by the portal, if nobody else did it. A runner of ours needs some of it to stop k6 by itself.
const LATE_AFTER_S: u32 = 30;
/// A runner ends k6 at its deadline, or when it is asked to, within less than a minute. One that takes longer than this listens to
/// nobody: it hangs, or was stopped by a signal.
const HUNG_AFTER_S: u32 = 90;

/// In the handle of a run on a portal's own machine: which portal's.
const HOME: &str = "home";

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
            Ok(()) => {}
            Err(error) => {
                if error.is_not_ours() {
                    collect::let_go(&portal, run.execution).await;
                }
                if !error.is_nothing() {
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

/// `again`: it may have been ordered before.
async fn order(portal: &Arc<Portal>, run: &RunRecord, again: bool) -> Result<(), StepError> {
    match orders(portal, run, again).await {
        Ok(orders) => {
            let permit = permit(portal, run);
            let hash: [u8; 32] = Sha256::digest(orders.token.reveal().as_bytes()).into();
            let handle = portal.executor(run)?.handle(&permit, run.execution)?;
            let mut handle = serde_json::to_value(handle).map_err(|error| StepError::Other(error.to_string()))?;
            if run.manifest.placement.is_none()
                && let Some(fields) = handle.as_object_mut()
            {
                fields.insert(HOME.to_owned(), portal.home.name().into());
            }
            // Armed before it starts: the first delivery may come at once.
            portal.store.arm_execution(&permit, run.execution, &hash, &handle).await?;
            let facts = vec![
                ("service account".to_owned(), run.service_account.clone()),
                ("target".to_owned(), run.target.clone()),
                ("k6".to_owned(), portal.k6_version.clone()),
            ];
            portal.store.intent(&permit, EventCode::RunStart, &Details { facts, ..Details::default() }).await?;
            check_lease(portal)?;
            let started = portal.executor(run)?.start(&permit, &orders).await.map(drop);
            record_outcome(portal, &permit, &started).await?;
            match started {
                Ok(()) => Ok(()),
                // It is ordered again, until the time for starting is over.
                Err(error) if error.is_passing() => Err(error.into()),
                Err(error) => settle::give_up(portal, run, Cause::StartFailed { message: sentence(&error) }).await,
            }
        }
        Err(message) => settle::give_up(portal, run, Cause::StartFailed { message }).await,
    }
}

/// An error as a sentence. Some are whole sentences already.
fn sentence(error: &ExecutorError) -> String {
    let text = error.to_string();
    if text.ends_with('.') { text } else { format!("{text}.") }
}

/// How long k6 may run; the runner keeps it.
fn deadline_s(run: &RunRecord) -> u32 {
    run.planned_s.unwrap_or(0).saturating_add(DEADLINE_GRACE_S)
}

/// What the runner is told. Everything comes from the frozen run, nothing from what the tree says today.
async fn orders(portal: &Arc<Portal>, run: &RunRecord, again: bool) -> Result<Orders, String> {
    let access = Access::system(SystemTask::RunSupervisor);
    let content = portal.store.bundle(&access, run.id).await.map_err(|error| error.to_string())?.ok_or("The frozen files of this run are gone.")?;
    let folder = bundle::unpack(&portal.settings.state, &run.bundle_digest, &content).map_err(|error| error.to_string())?;
    let token = portal.clock.secret().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (ingest_url, allowed, in_cluster) = match &run.manifest.placement {
        // Names of a cluster mean something in it only, and who may reach what there is for its network policies to say.
        Some(placement) => (
            portal.sites.ingest_url(&placement.cluster).ok_or("The cluster of this run carries out no runs any more.")?,
            Vec::new(),
            Some(in_cluster(run, placement, again)?),
        ),
        None => (portal.settings.ingest_url.clone(), vec![resolve(&run.target).await?], None),
    };
    Ok(Orders {
        execution: run.execution,
        run: run.id,
        portal: ingest_url,
        token: Secret::new(token),
        k6: portal.local.k6().path.clone(),
        bundle: folder,
        entry: run.manifest.entry.clone(),
        target: run.target.clone(),
        parameters: run.manifest.parameters.clone(),
        load: load_of(&run.manifest),
        max_vus: run.max_vus,
        allowed,
        deadline_s: deadline_s(run),
        limits: windfirm_executor::Limits::default(),
        in_cluster,
    })
}

fn in_cluster(run: &RunRecord, placement: &Placement, again: bool) -> Result<InCluster, String> {
    Ok(InCluster {
        runners: placement.runners,
        options: serde_json::from_str(&placement.options).map_err(|error| format!("The frozen options of this run cannot be read: {error}."))?,
        app: run.path.to_string(),
        actor_sha256: Sha256::digest(run.manifest.actor.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
        commit: run.manifest.test_commit.as_ref().unwrap_or(&run.manifest.tree_commit).clone(),
        secrets: placement.secrets.clone(),
        again,
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

/// Where runs are carried out in a cluster nobody but the portal keeps the deadline. A runner of ours has ended k6 by itself long before.
async fn end_if_late(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp) -> Result<(), StepError> {
    let late_us = portal.clock.now().micros_since(since) - i64::from(deadline_s(run)) * 1_000_000;
    // What is later still hangs, and is killed.
    if !(i64::from(LATE_AFTER_S) * 1_000_000..i64::from(HUNG_AFTER_S) * 1_000_000).contains(&late_us) {
        return Ok(());
    }
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if live.asked.late {
        return Ok(());
    }
    let why = format!("{PAST_DEADLINE} {} s.", deadline_s(run));
    ask_to_end(portal, run, &mut live, &why, |asked| asked.late = true).await
}

/// Asks k6 to end for a reason of the portal's own. That it was asked stands in the store before: whoever takes the run over asks again by
/// the same operation, and judges the end by the same reason.
pub(crate) async fn ask_to_end(
    portal: &Portal,
    run: &RunRecord,
    live: &mut LiveExecution,
    why: &str,
    how: impl FnOnce(&mut AskedToEnd) + Send,
) -> Result<(), StepError> {
    let executor = portal.executor(run)?;
    let before = live.asked.clone();
    end(portal, run, why, async |permit| {
        let mut asked = before.clone();
        asked.why.get_or_insert_with(|| why.to_owned());
        asked.operation = Some(permit.operation());
        how(&mut asked);
        note_ending(portal, run, permit, &asked).await?;
        (live.asked, live.recalled) = (asked, true);
        let stopped = executor.stop(permit, run.execution, why).await;
        if stopped.is_err() {
            // It is asked again.
            live.asked.aborted = before.aborted;
            live.asked.late = before.late;
        }
        stopped
    })
    .await
}

async fn note_ending(portal: &Portal, run: &RunRecord, permit: &Permit<SuperviseRuns>, asked: &AskedToEnd) -> Result<(), ExecutorError> {
    // Nothing was asked of the executor then.
    portal.store.note_ending(permit, run.execution, asked).await.map_err(|error| ExecutorError::Cut(error.to_string()))
}

/// What a portal before this one asked for, or this one before it was started again: the executor is told why, and k6 is asked again if it
/// was asked for a reason of the portal's own. It may not have heard.
async fn recall(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if live.recalled {
        return Ok(());
    }
    let executor = portal.executor(run)?;
    if let Some(why) = live.asked.why.clone() {
        executor.recall(run.execution, &why).await;
        if matches!(run.state, RunState::Running { .. })
            && (live.asked.aborted || live.asked.late)
            && let Some(operation) = live.asked.operation
            && let Err(error) = executor.stop(&permit_of(run, operation), run.execution, &why).await
        {
            // How it stands is seen all the same, and it is asked again in the next round.
            tracing::warn!(%error, run = %run.id, "supervisor.not_asked_again");
            return Ok(());
        }
    }
    live.recalled = true;
    Ok(())
}

/// The runner has a limit of its own; this is for one that cannot keep it. What is killed is lost, and settled as that in the next round.
async fn end_if_hung(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp, limit_s: u32) -> Result<(), StepError> {
    let over_s = limit_s.saturating_add(HUNG_AFTER_S);
    if portal.clock.now().micros_since(since) <= i64::from(over_s) * 1_000_000 {
        return Ok(());
    }
    let why = format!("The runner listens no more: k6 should have ended {HUNG_AFTER_S} s ago at the latest. Runner and k6 were killed");
    let executor = portal.executor(run)?;
    end(portal, run, &why, async |permit| executor.kill(permit, run.execution).await).await?;
    portal.store.store_events(&collect::permit(portal, run.id), &[event(portal, why.as_str(), true)]).await?;
    Ok(())
}

/// Ends an execution for a reason of the portal's own, on the record. What is done is done with the permit that the record names.
pub(crate) async fn end(
    portal: &Portal,
    run: &RunRecord,
    why: &str,
    ending: impl AsyncFnOnce(&Permit<SuperviseRuns>) -> Result<(), ExecutorError>,
) -> Result<(), StepError> {
    check_lease(portal)?;
    let permit = permit(portal, run);
    let details = Details { reason: Some(why.to_owned()), ..Details::default() };
    portal.store.intent(&permit, EventCode::RunStop, &details).await?;
    let ended = ending(&permit).await;
    record_outcome(portal, &permit, &ended).await?;
    Ok(ended?)
}

/// How the operation of this permit ended.
pub(crate) async fn record_outcome(portal: &Portal, permit: &Permit<SuperviseRuns>, done: &Result<(), ExecutorError>) -> Result<(), StepError> {
    let facts: Vec<_> = match done {
        Err(ExecutorError::Cluster { audit_id: Some(id), .. }) => vec![(AUDIT_ID.to_owned(), id.clone())],
        _ => Vec::new(),
    };
    Ok(note_outcome(portal, permit, done, &facts).await?)
}

/// Writes how a change has ended.
pub(crate) async fn note_outcome<T, E: fmt::Display>(
    portal: &Portal,
    permit: &Permit<SuperviseRuns>,
    done: &Result<T, E>,
    facts: &[(String, String)],
) -> Result<(), StoreError> {
    let (outcome, why) = match done {
        Ok(_) => (EventOutcome::Done, None),
        Err(error) => (EventOutcome::Failed, Some(error.to_string())),
    };
    portal.store.outcome(permit, outcome, why.as_deref(), facts).await.map(drop)
}

/// Tells k6 to stop as somebody asked for, again and again until all of it has heard. In a cluster that is a change there, which has its
/// place on the record, once.
async fn stop(portal: &Arc<Portal>, run: &RunRecord, reason: &str) -> Result<(), StepError> {
    let executor = portal.executor(run)?;
    if run.manifest.placement.is_none() {
        return Ok(executor.stop(&permit(portal, run), run.execution, reason).await?);
    }
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if let Some(operation) = live.asked.wish {
        drop(live);
        return Ok(executor.stop(&permit_of(run, operation), run.execution, reason).await?);
    }
    end(portal, run, reason, async |permit| {
        let mut asked = live.asked.clone();
        asked.why.get_or_insert_with(|| reason.to_owned());
        asked.wish = Some(permit.operation());
        note_ending(portal, run, permit, &asked).await?;
        live.asked = asked;
        drop(live);
        executor.stop(permit, run.execution, reason).await
    })
    .await
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
