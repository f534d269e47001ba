//! Runs that wait for a Secret to change: looks at its age as the account that they act as, queues them when it moved on, and calls them off
//! when that took too long.
//!
//! What a run compares with stands in its state, so that nothing is missed while no portal is there. One portal looks for all.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use windfirm_cluster::SecretFacts;
use windfirm_model::{
    actor::SystemTask,
    audit::EventCode,
    clock::Timestamp,
    id::OperationId,
    run::{Cause, RunState, RunStateKind},
    view::{run::RunEvent, secret::SecretTold},
};
use windfirm_policy::{Access, Permit, Place, Resource, act::LookAtSecrets};
use windfirm_store::{
    audit::Details,
    runs::{RunRecord, Step},
};

use crate::{
    state::Portal,
    usecase::{
        launch::queued::{self, Again},
        secrets::look,
    },
    worker::{
        settle,
        supervise::{StepError, may_go_on, note_outcome, permit},
    },
};

/// Between two looks.
pub(super) const PAUSE: Duration = Duration::from_secs(3);
/// A Secret that cannot be seen at the end of a wait may be seen a moment later.
const UNSEEN_S: i64 = 60;
/// Secrets that are looked at at the same time.
const AT_ONCE: usize = 8;

/// One round over all that wait.
pub async fn round(portal: Arc<Portal>) {
    if !portal.lease.is_eldest() || !portal.lease.is_held(std::time::Instant::now()) {
        return;
    }
    let runs = match portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::error!(%error, "awaiting.store_failed");
            return;
        }
    };
    let waiting = runs.into_iter().filter(|run| run.state.kind() == RunStateKind::Waiting);
    futures::stream::iter(waiting)
        .for_each_concurrent(AT_ONCE, async |run| match step(&portal, &run).await {
            Ok(()) => {}
            Err(error) if error.is_nothing() => {}
            Err(error) => tracing::error!(run = %run.id, %error, "awaiting.step_failed"),
        })
        .await;
}

/// How the Secret of a run stands.
enum Seen {
    Same,
    /// By what, where somebody wrote that down.
    Changed(Option<String>),
    /// It did, and the run may not start any more.
    TooLate(Cause),
    /// That cannot be known right now, and why.
    Hidden(String),
    /// The cluster was not asked yet what the account may do: the portal has begun a moment ago.
    NotYet,
}

async fn step(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let RunState::Waiting { secret, changed, version, until } = &run.state else { return Ok(()) };
    if !may_go_on(portal, run).await? {
        return Ok(());
    }
    let now = portal.clock.now();
    let seen = look_at(portal, run, secret, (*changed, version)).await?;
    // The wait begins a moment before the run is made.
    let hours = until.plus_seconds(60).micros_since(run.created) / 3_600_000_000;
    match seen {
        Seen::NotYet => Ok(()),
        Seen::Changed(by) => queue(portal, run, secret, by).await,
        Seen::TooLate(cause) => settle::give_up(portal, run, cause).await,
        Seen::Same if now > *until => settle::call_off(portal, run, format!("Secret {secret} was not changed within {hours} h")).await,
        Seen::Hidden(why) if now > until.plus_seconds(UNSEEN_S) => {
            settle::call_off(portal, run, format!("Whether Secret {secret} was changed within {hours} h could not be seen at the end: {why}")).await
        }
        Seen::Same => {
            let said = portal.store.run_events(&Access::system(SystemTask::RunSupervisor), run.id).await?;
            if said.last().is_none_or(|event| !event.bad) {
                return Ok(());
            }
            let event = RunEvent { at: now, text: format!("Whether Secret {secret} changes can be seen again; it has not"), bad: false };
            Ok(portal.store.tell_of_waiting(&permit(portal, run), run.version, event).await?)
        }
        Seen::Hidden(why) => {
            let event = RunEvent { at: now, text: format!("It cannot be started when Secret {secret} changes, as it is now: {why}"), bad: true };
            Ok(portal.store.tell_of_waiting(&permit(portal, run), run.version, event).await?)
        }
    }
}

/// A name that something gave itself, as it stands in a sentence: without what would be read as a mark of ours.
fn plain(name: &str) -> String {
    const MOST: usize = 60;
    name.chars().filter(|character| !character.is_control() && !matches!(character, '`' | '*' | '“' | '”')).take(MOST).collect()
}

async fn queue(portal: &Portal, run: &RunRecord, secret: &str, by: Option<String>) -> Result<(), StepError> {
    let permit = permit(portal, run);
    let facts = [("secret".to_owned(), secret.to_owned())].into_iter().chain(by.clone().map(|by| ("changed by".to_owned(), by)));
    portal.store.intent(&permit, EventCode::RunQueue, &Details { facts: facts.collect(), ..Details::default() }).await?;
    let text = format!("Secret {secret} was changed{}; the run is queued", by.map(|by| format!(" by “{}”", plain(&by))).unwrap_or_default());
    let events = vec![RunEvent { at: portal.clock.now(), text, bad: false }];
    let queued = portal.store.advance(&permit, Step { version: run.version, to: RunState::Queued, confinement: None, events }).await;
    note_outcome(portal, &permit, &queued, &[]).await?;
    queued?;
    portal.wake.notify_one();
    Ok(())
}

/// The times are whole seconds. Within the one in which it was launched the version tells, which also moves when only labels change: then the
/// run starts for nothing, which does less harm than not at all.
fn has_changed(run: &RunRecord, facts: &SecretFacts, before: Option<Timestamp>, version: &str) -> bool {
    let Some(before) = before else { return true };
    facts.changed > before || (facts.changed == before && run.created.micros_since(before) < 2_000_000 && facts.version != version)
}

async fn look_at(portal: &Portal, run: &RunRecord, secret: &str, (changed, version): (Option<Timestamp>, &str)) -> Result<Seen, StepError> {
    let Some(placement) = &run.manifest.placement else { return Ok(Seen::Hidden("It is not carried out in a cluster.".to_owned())) };
    let Some(site) = portal.sites.get(&placement.cluster) else {
        return Ok(Seen::Hidden(format!("There is no cluster {} in the configuration any more.", placement.cluster)));
    };
    if site.preflight().is_none() {
        return Ok(Seen::NotYet);
    }
    // What would keep it from being started keeps it waiting, and is told.
    if let Some(why) = site.locks(&run.service_account, portal.clock.now()).into_iter().next() {
        return Ok(Seen::Hidden(why));
    }
    let judged = portal.store.judged_by(&Access::system(SystemTask::RunSupervisor), run.id).await?;
    let Some(judged) = judged else { return Ok(Seen::Hidden("Who launched it was not kept.".to_owned())) };
    let place = Place { path: run.path.clone(), environment: run.environment.clone() };
    let resource = Resource { run: Some(run.id), ..Resource::default() };
    let access = portal.policy().policy.access(&judged.actor);
    let permit: Permit<LookAtSecrets> = match access.permit(OperationId(portal.clock.new_uuid()), &place, resource) {
        Ok(permit) => permit,
        // The run is read by colleagues: the grants of who launched it are not for them.
        Err(_) => return Ok(Seen::Hidden(format!("{} may not look at it.", run.by_name))),
    };
    Ok(match look(site, &permit, secret).await {
        Ok(facts) if has_changed(run, &facts, changed, version) => match queued::judge_now(portal, run).await? {
            Again::May => Seen::Changed(facts.by),
            Again::MayNot(cause) => Seen::TooLate(cause),
            Again::NotByThisPolicy => Seen::Same,
        },
        // One that is not there yet, or not any more, has not changed.
        Ok(_) | Err(SecretTold::Missing { .. } | SecretTold::Known { .. }) => Seen::Same,
        Err(SecretTold::NotAsked { why } | SecretTold::Refused { why }) => Seen::Hidden(why),
    })
}
