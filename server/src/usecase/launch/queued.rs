//! Judging a run again when it leaves the queue: it may have waited for an hour, and the policy may be another one by now.
//!
//! Everything comes from what was kept at the launch: who asked with which groups, where, and what k6 said that the script does.

use windfirm_model::{
    actor::{Actor, SystemTask},
    audit::EventCode,
    id::OperationId,
    run::Cause,
};
use windfirm_policy::{Access, Facts, LaunchRefused, Permit, Place, Resource, act::Reload};
use windfirm_store::{
    StoreError,
    audit::{Attempt, Details},
    runs::{Judged, RunRecord},
};

use super::host_of;
use crate::state::{InForce, Portal};

/// What is said of a run that was launched before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    May,
    /// Why not, which then stands in the record.
    MayNot(Cause),
    /// It was judged by a newer policy than the one that this portal has. Another portal has it already, and soon this one.
    NotByThisPolicy,
}

/// Whether a run may still start: judged again where the policy is another one than at its launch.
///
/// # Errors
/// The database's.
pub async fn judge_again(portal: &Portal, run: &RunRecord) -> Result<Again, StoreError> {
    if run.manifest.policy_digest == portal.policy().policy.digest() {
        return Ok(Again::May);
    }
    judge_now(portal, run).await
}

/// The same, whatever policy it was launched under: the tree may be another one too.
///
/// # Errors
/// The database's.
pub async fn judge_now(portal: &Portal, run: &RunRecord) -> Result<Again, StoreError> {
    let in_force = portal.rules.in_force();
    let digest = in_force.policy.policy.digest();
    if run.manifest.policy_digest != digest {
        let looking: Permit<Reload> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
        if portal.store.newest_policy(&looking).await?.is_some_and(|newest| newest.digest == run.manifest.policy_digest) {
            return Ok(Again::NotByThisPolicy);
        }
    }
    let judged = portal.store.judged_by(&Access::system(SystemTask::RunSupervisor), run.id).await?;
    let Some((told, why)) = judge(portal, &in_force, run, judged.as_ref()) else { return Ok(Again::May) };
    let attempt = Attempt {
        operation: OperationId(portal.clock.new_uuid()),
        actor: judged.map_or(Actor::System { task: SystemTask::RunSupervisor }, |judged| judged.actor),
        code: EventCode::RunLaunch,
        path: Some(run.path.clone()),
        environment: Some(run.environment.clone()),
        run: Some(run.id),
        why,
        policy_digest: digest.to_owned(),
        details: Details { reason: Some(run.reason.clone()).filter(|reason| !reason.is_empty()), ..Details::default() },
    };
    portal.store.denied(&attempt).await?;
    Ok(Again::MayNot(Cause::NotAllowed { why: told }))
}

/// What is told on the run, and what stands in the record. The run is read by colleagues: grants and groups of who launched it
/// are not for them.
fn judge(portal: &Portal, in_force: &InForce, run: &RunRecord, judged: Option<&Judged>) -> Option<(String, String)> {
    let both = |text: String| Some((text.clone(), text));
    let Some(judged) = judged else { return both("What it was judged by was not kept, so it cannot be judged again.".to_owned()) };
    let place = Place { path: run.path.clone(), environment: run.environment.clone() };
    // An app that left the tree is judged as it was.
    if let Some(app) = in_force.tree.tree.find(&run.path)
        && app.environment != place.environment
    {
        return both(format!("The app was in {} when it was launched and is in {} now.", place.environment, app.environment));
    }
    let frozen = run.manifest.placement.as_ref().map(|placement| placement.secrets.as_slice()).unwrap_or_default();
    if frozen != in_force.policy.policy.secrets_for(&place) {
        return both("The policy gives the tests of this app other Secrets than when it was launched.".to_owned());
    }
    let facts = Facts {
        max_vus: run.max_vus,
        duration_s: judged.duration_s,
        target_hosts: host_of(&run.target).into_iter().collect(),
        modules: judged.modules.clone(),
    };
    let policy = &in_force.policy.policy;
    let resource = Resource { run: Some(run.id), ..Resource::default() };
    match policy.permit_launch(&policy.access(&judged.actor), OperationId(portal.clock.new_uuid()), &place, resource, &facts) {
        Ok(permit) if permit.service_account() == Some(run.service_account.as_str()) => None,
        Ok(_) => both(format!("It was launched as service account {}, which is not the one for this launch any more.", run.service_account)),
        Err(LaunchRefused::Access(refused)) => Some((format!("{} may not launch here any more.", run.by_name), refused.to_string())),
        Err(broken) => both(broken.to_string()),
    }
}
