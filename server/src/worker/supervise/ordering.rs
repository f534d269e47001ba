//! Has an executor begin a run: the orders, made of what was frozen at the launch, and the row that arms its deliveries.

use std::{net::IpAddr, sync::Arc};

use sha2::{Digest as _, Sha256};
use windfirm_executor::{AllowedTarget, ExecutorError, InCluster, Orders, Secret};
use windfirm_model::{actor::SystemTask, audit::EventCode, run::Cause, view::run::Placement};
use windfirm_policy::Access;
use windfirm_store::{audit::Details, runs::RunRecord};

use super::{StepError, check_lease, ending::record_outcome, event, permit, tell};
use crate::{
    state::Portal,
    usecase::{
        bundle,
        launch::{host_of, load_of},
    },
    worker::settle,
};

/// Added to what is planned: setup, teardown, and the iterations that are still under way when the time is over.
const DEADLINE_GRACE_S: u32 = 120;
/// In the handle of a run on a portal's own machine: which portal's.
pub(super) const HOME: &str = "home";

/// `again`: it may have been ordered before.
pub(super) async fn order(portal: &Arc<Portal>, run: &RunRecord, again: bool) -> Result<(), StepError> {
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
                Ok(()) => {
                    portal.ordering.done(run.execution);
                    Ok(())
                }
                // It is ordered again, later each time, until the time for starting is over.
                Err(error) if error.is_passing() => {
                    portal.ordering.failed(run.execution, portal.clock.now());
                    tell(portal, run, &[event(portal, format!("It could not be started yet, and is tried again: {error}"), true)]).await?;
                    Err(error.into())
                }
                Err(error) => settle::give_up(portal, run, Cause::StartFailed { message: sentence(&error) }).await,
            }
        }
        Err(message) => settle::give_up(portal, run, Cause::StartFailed { message }).await,
    }
}

/// An error as a sentence. Some are whole sentences already.
pub(super) fn sentence(error: &ExecutorError) -> String {
    let text = error.to_string();
    if text.ends_with('.') { text } else { format!("{text}.") }
}

/// How long k6 may run; the runner keeps it.
pub(super) fn deadline_s(run: &RunRecord) -> u32 {
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
