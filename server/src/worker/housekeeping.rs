//! Every half minute: sessions that have run out go, audit intents whose outcome a crash has swallowed are closed, and the
//! record is told of those who were left out at the door.

use std::sync::Arc;

use windfirm_model::id::OperationId;
use windfirm_policy::{
    Permit, Resource,
    act::{CleanSessions, ReconcileAudit},
};

use crate::{http::turnstile, state::Portal};

/// An intent that is open for longer than any operation takes was left by a crash.
const OPEN_TOO_LONG_S: i64 = 120;

/// One round.
pub async fn round(portal: Arc<Portal>) {
    let operation = || OperationId(portal.clock.new_uuid());
    let cleaning: Permit<CleanSessions> = Permit::system(operation(), Resource::default());
    if let Err(error) = portal.store.delete_expired(&cleaning).await {
        tracing::warn!(%error, "housekeeping.sessions_not_cleaned");
    }
    let reconciling: Permit<ReconcileAudit> = Permit::system(operation(), Resource::default());
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
    turnstile::tell(&portal).await;
}
