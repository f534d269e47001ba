//! Runs that wait for a Secret to change: looks at its age as the account that they act as, queues them when it moved on, and calls them off
//! when that took too long.
//!
//! What a run compares with stands in its state, so that nothing is missed while no portal is there, and any portal may look.

use std::{sync::Arc, time::Duration};

use windfirm_model::{
    actor::SystemTask,
    clock::Timestamp,
    id::OperationId,
    run::{RunState, RunStateKind},
    view::{run::RunEvent, secret::SecretTold},
};
use windfirm_policy::{Access, Permit, Place, Resource, act::LookAtSecrets};
use windfirm_store::{
    StoreError,
    runs::{RunRecord, Step},
};

use crate::{
    state::Portal,
    usecase::{launch::queued, secrets::look},
    worker::{
        settle,
        supervise::{StepError, permit},
    },
};

/// Between two looks.
pub(super) const PAUSE: Duration = Duration::from_secs(3);
/// Who calls a run off that waited in vain.
const PORTAL: &str = "The portal";

/// One round over all that wait. Clusters are asked side by side: none waits for another.
pub async fn round(portal: Arc<Portal>) {
    if !portal.lease.is_held(std::time::Instant::now()) {
        return;
    }
    let runs = match portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::error!(%error, "awaiting.store_failed");
            return;
        }
    };
    let waiting = runs.iter().filter(|run| run.state.kind() == RunStateKind::Waiting);
    futures::future::join_all(waiting.map(async |run| {
        match step(&portal, run).await {
            // Somebody was faster, or stopped it: the next round sees what is.
            Ok(()) | Err(StepError::Store(StoreError::Moved | StoreError::NotOurs | StoreError::WrongTransition(_))) => {}
            Err(error) => tracing::error!(run = %run.id, %error, "awaiting.step_failed"),
        }
    }))
    .await;
}

async fn step(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let RunState::Waiting { secret, changed, until } = &run.state else { return Ok(()) };
    if let Some(cause) = queued::refused(portal, run).await? {
        return settle::give_up(portal, run, cause).await;
    }
    let now = portal.clock.now();
    let seen = change(portal, run, secret, *changed).await?;
    let (to, text) = match seen {
        Some(by) => (RunState::Queued, format!("Secret {secret} was changed{}; the run is queued", by.map(|by| format!(" by {by}")).unwrap_or_default())),
        None if now > *until => {
            let hours = until.micros_since(run.created) / 3_600_000_000;
            (RunState::Cancelled { by: PORTAL.to_owned() }, format!("Secret {secret} was not changed within {hours} h"))
        }
        None => return Ok(()),
    };
    let events = vec![RunEvent { at: now, text, bad: false }];
    portal.store.advance(&permit(portal, run), Step { version: run.version, to, confinement: None, events }).await?;
    portal.wake.notify_one();
    Ok(())
}

/// What changed the Secret since, if something did: `Some(None)` where nobody wrote down what. One that cannot be looked at right now has not changed.
async fn change(portal: &Portal, run: &RunRecord, secret: &str, before: Option<Timestamp>) -> Result<Option<Option<String>>, StoreError> {
    let Some(placement) = &run.manifest.placement else { return Ok(None) };
    let Some(judged) = portal.store.judged_by(&Access::system(SystemTask::RunSupervisor), run.id).await? else { return Ok(None) };
    let Some(site) = portal.sites.get(&placement.cluster) else { return Ok(None) };
    let in_force = portal.rules.in_force();
    let place = Place { path: run.path.clone(), environment: run.environment.clone() };
    let resource = Resource { run: Some(run.id), ..Resource::default() };
    let asked: Result<Permit<LookAtSecrets>, _> = in_force.policy.policy.access(&judged.actor).permit(OperationId(portal.clock.new_uuid()), &place, resource);
    // Under this policy it would have been refused: the next round sees the new one and ends it.
    let Ok(permit) = asked else { return Ok(None) };
    Ok(match look(site, &permit, secret).await {
        Ok(facts) => before.is_none_or(|before| facts.changed > before).then_some(facts.by),
        Err(SecretTold::Missing { .. }) => None,
        Err(told) => {
            tracing::info!(run = %run.id, secret, ?told, "awaiting.not_seen");
            None
        }
    })
}
