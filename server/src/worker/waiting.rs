//! Merges what other portals took in of this portal's runs. One question for all runs, and none while this portal is alone.

use std::{sync::Arc, time::Instant};

use windfirm_model::actor::SystemTask;
use windfirm_policy::Access;

use crate::{state::Portal, worker::collect};

/// One round.
pub async fn round(portal: Arc<Portal>) {
    let now = Instant::now();
    if !portal.lease.has_company(now) || !portal.lease.is_held(now) {
        return;
    }
    match portal.store.waiting_at(&Access::system(SystemTask::Ingest)).await {
        Ok(places) => {
            for place in places {
                if let Err(error) = collect::take_waiting(&portal, place.run, place.execution).await {
                    tracing::warn!(%error, run = %place.run, "waiting.not_merged");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "waiting.store_failed"),
    }
}
