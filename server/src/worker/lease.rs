//! Renews this portal's row, buries portals whose beats stand still, and joins again when this one was buried. One renewal every two
//! seconds, whatever the number of runs. On SQLite there is nobody else, and nothing to renew.

use std::{sync::Arc, time::Instant};

use windfirm_model::{
    clock::Clock,
    id::{OperationId, PortalId},
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};
use windfirm_store::{Store, StoreError};

use crate::{home::Home, state::Portal};

fn permit(clock: &dyn Clock) -> Permit<SuperviseRuns> {
    Permit::system(OperationId(clock.new_uuid()), Resource::default())
}

/// Joins the portals of this database under a new id.
///
/// # Errors
/// Another portal has the SQLite file; else the database's.
pub async fn join(store: &Store, home: &Home, clock: &dyn Clock) -> Result<(), StoreError> {
    store.join(&permit(clock), PortalId(clock.new_uuid()), home.name()).await
}

/// One round.
pub async fn round(portal: Arc<Portal>) {
    if !portal.store.is_shared() {
        return;
    }
    if let Err(error) = renew(&portal).await {
        tracing::warn!(%error, "lease.not_renewed");
    }
}

async fn renew(portal: &Portal) -> Result<(), StoreError> {
    let permit = permit(&*portal.clock);
    let sent = Instant::now();
    let rows = portal.store.beat(&permit).await?;
    let (Some(rows), Some(own)) = (rows, portal.store.portal()) else {
        portal.lease.lost();
        tracing::warn!("lease.lost: other portals took this one for dead, and take its runs over");
        return join(&portal.store, &portal.home, &*portal.clock).await;
    };
    for dead in portal.lease.renewed(own, &rows, sent, Instant::now()) {
        if portal.store.bury(&permit, dead).await? {
            tracing::warn!(portal = %dead.portal, "lease.buried");
            metrics::counter!("windfirm_portals_buried_total").increment(1);
            portal.wake.notify_one();
        }
    }
    Ok(())
}

/// This portal ends: the others need not wait until it is quiet for long.
pub async fn leave(portal: &Portal) {
    if let Err(error) = portal.store.leave(&permit(&*portal.clock)).await {
        tracing::warn!(%error, "lease.not_given_back");
    }
    portal.home.leave();
}
