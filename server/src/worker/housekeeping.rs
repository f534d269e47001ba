//! Every half minute: sessions that have run out go, audit intents whose outcome a crash has swallowed are closed, the record is
//! told of those who were left out at the door and of what was repeated without end, and what ended runs have left on the disk is removed, with old answers of k6.

use std::{collections::BTreeSet, sync::Arc};

use windfirm_cluster::{Reach, operator::Shelf};
use windfirm_executor::{Executor, ExecutorError};
use windfirm_model::{
    actor::SystemTask,
    audit::EventCode,
    id::{ExecutionId, OperationId},
};
use windfirm_policy::{
    Access, Permit, Resource,
    act::{CleanSessions, ReconcileAudit, Reload, SuperviseRuns},
};
use windfirm_store::audit::Details;

use crate::{
    audit,
    http::turnstile,
    state::Portal,
    usecase::bundle,
    worker::{
        preflight,
        supervise::{self, StepError},
    },
};

/// What is marked as ours in a cluster and is unknown to the store for so long was left by a store before this one, as when an older copy of it
/// was put back. What is younger may be on its way into the store of a portal beside this one.
const UNKNOWN_TOO_LONG_S: i64 = 15 * 60;

/// An intent that is open for longer than any operation takes was left by a crash.
const OPEN_TOO_LONG_S: i64 = 120;

/// Unpacked files that nobody has used for so long are removed; they are unpacked again when somebody needs them.
const BUNDLE_KEPT_S: i64 = 86_400;

/// An answer of k6 is kept for so long; then it is asked again when somebody needs it.
const INSPECTION_KEPT_S: i64 = 30 * 86_400;

/// One round.
pub async fn round(portal: Arc<Portal>) {
    let operation = || OperationId(portal.clock.new_uuid());
    let cleaning: Permit<CleanSessions> = Permit::system(operation(), Resource::default());
    if let Err(error) = portal.store.delete_expired(&cleaning).await {
        tracing::warn!(%error, "housekeeping.sessions_not_cleaned");
    }
    if portal.lease.is_eldest() {
        reconcile(&portal).await;
    }
    let forgetting: Permit<Reload> = Permit::system(operation(), Resource::default());
    if let Err(error) = portal.store.forget_inspections(&forgetting, portal.clock.now().plus_seconds(-INSPECTION_KEPT_S)).await {
        tracing::warn!(%error, "housekeeping.inspections_not_forgotten");
    }
    turnstile::tell(&portal).await;
    audit::tell(&portal, false).await;
    if let Err(error) = leftovers(&portal).await {
        tracing::warn!(%error, "housekeeping.executions_not_cleaned");
    }
    if let Err(error) = archives(&portal).await {
        tracing::warn!(%error, "housekeeping.archives_not_cleaned");
    }
    if let Err(error) = bundles(&portal).await {
        tracing::warn!(%error, "housekeeping.bundles_not_cleaned");
    }
}

/// Archives of large tests whose run has ended in other hands than ours, or whose cluster could not be asked then. Each portal has its own.
async fn archives(portal: &Portal) -> Result<(), StepError> {
    let shelf = Shelf::in_state(&portal.settings.state);
    let unread = |source| ExecutorError::File { what: "The archives of large tests".to_owned(), source };
    let kept = shelf.executions().map_err(unread)?;
    for id in kept {
        let execution = portal.store.execution(&Access::system(SystemTask::RunSupervisor), id).await?;
        if execution.is_none_or(|execution| !execution.state.is_live()) {
            shelf.clear(id).map_err(unread)?;
        }
    }
    Ok(())
}

/// Closes intents that were left open. One portal does it for all.
async fn reconcile(portal: &Portal) {
    let reconciling: Permit<ReconcileAudit> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    let before = portal.clock.now().plus_seconds(-OPEN_TOO_LONG_S);
    match portal.store.open_intents(&reconciling, before).await {
        Ok(open) => {
            for intent in open {
                let why = "The portal ended before the outcome was written; what is stored tells how far it came.";
                if let Err(error) = portal.store.reconcile(&reconciling, intent.operation, why).await {
                    tracing::warn!(%error, seq = intent.seq, "housekeeping.intent_not_reconciled");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "housekeeping.intents_not_read"),
    }
}

/// Executions whose run has ended: a crash came between settling and cleaning up, or the runner was still ending. Their orders hold
/// a token. What the store does not know is left alone on this machine, where it may be somebody else's; in a cluster it carries our mark.
async fn leftovers(portal: &Portal) -> Result<(), StepError> {
    let here: Permit<SuperviseRuns> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    leftovers_of(portal, &*portal.local, &here, None).await?;
    // Clusters are looked through by one portal for all.
    if !portal.lease.is_eldest() {
        return Ok(());
    }
    let in_force = portal.rules.in_force();
    for (cluster, accounts) in preflight::accounts(&portal.sites, &in_force.policy.policy, &in_force.tree.tree) {
        let Some(site) = portal.sites.get(&cluster) else { continue };
        let Some(runs) = &site.runs else { continue };
        // One that is away is asked nothing, and keeps the others from nothing.
        if matches!(site.cluster.reach(), Reach::Away { .. }) {
            continue;
        }
        for account in accounts.into_keys() {
            let account = account.to_string();
            let looking = Permit::for_run(OperationId(portal.clock.new_uuid()), Resource::default(), &account);
            if let Err(error) = leftovers_of(portal, &runs.executor, &looking, Some(&account)).await {
                tracing::debug!(%error, cluster, account, "housekeeping.account_not_looked_through");
            }
        }
    }
    Ok(())
}

/// Those that one executor finds, of this account if it has any.
async fn leftovers_of(portal: &Portal, executor: &dyn Executor, looking: &Permit<SuperviseRuns>, account: Option<&str>) -> Result<(), StepError> {
    let access = Access::system(SystemTask::RunSupervisor);
    for id in executor.find_all(looking).await? {
        let known = portal.store.execution(&access, id).await?;
        match &known {
            Some(execution) if execution.state.is_live() => continue,
            None if account.is_none() || !is_old(portal, id) => continue,
            _ => {}
        }
        if !portal.cleaning.is_due(id, portal.clock.now()) {
            continue;
        }
        let resource = Resource { run: known.as_ref().map(|execution| execution.run), ..Resource::default() };
        let reason = known.is_none().then(|| format!("Execution {id} is marked as this portal's, and no run of it is known."));
        let operation = OperationId(portal.clock.new_uuid());
        let permit: Permit<SuperviseRuns> =
            account.map_or_else(|| Permit::system(operation, resource.clone()), |account| Permit::for_run(operation, resource.clone(), account));
        let cleaned = async {
            executor.kill(&permit, id).await?;
            executor.clean_up(&permit, id).await
        };
        if account.is_some() {
            portal.store.intent(&permit, EventCode::RunClean, &Details { reason, ..Details::default() }).await?;
        }
        let cleaned = cleaned.await;
        if account.is_some() {
            supervise::record_outcome(portal, &permit, &cleaned).await?;
        }
        match cleaned {
            Ok(()) => {
                portal.cleaning.done(id);
                tracing::info!(execution = %id, known = known.is_some(), "housekeeping.execution_removed");
            }
            // It is ending at this moment, or cannot be removed: a later round tries again, and the others have their turn.
            Err(error) => {
                portal.cleaning.failed(id, portal.clock.now());
                tracing::warn!(%error, execution = %id, "housekeeping.execution_not_removed");
            }
        }
    }
    Ok(())
}

/// Whether an execution was ordered long ago; the id says when.
fn is_old(portal: &Portal, id: ExecutionId) -> bool {
    let made_s = id.0.get_timestamp().map_or(i64::MAX, |made| i64::try_from(made.to_unix().0).unwrap_or(i64::MAX));
    portal.clock.now().0 / 1_000_000 > made_s.saturating_add(UNKNOWN_TOO_LONG_S)
}

/// Unpacked files of tests that nobody runs and nobody has asked about lately.
async fn bundles(portal: &Portal) -> Result<(), StepError> {
    let live = portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await?;
    let used: BTreeSet<String> = live.into_iter().map(|run| run.bundle_digest).collect();
    let before = portal.clock.now().plus_seconds(-BUNDLE_KEPT_S);
    let state = portal.settings.state.clone();
    let pruned = tokio::task::spawn_blocking(move || bundle::prune(&state, &used, before)).await;
    pruned.map_err(|error| StepError::Other(error.to_string()))?.map_err(|error| StepError::Other(error.to_string()))
}
