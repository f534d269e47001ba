//! The record: refused attempts here, permitted operations through [`crate::context::Asker`] and the store.
//!
//! An attempt that cannot be recorded is answered as our own fault, so nobody can try unseen.

use windfirm_model::{audit::EventCode, fault::Fault, id::RunId};
use windfirm_policy::{Place, Refused};
use windfirm_store::audit::Attempt;

use crate::context::Asker;

/// What somebody tried to reach.
#[derive(Clone, Debug, Default)]
pub struct Attempted {
    pub place: Option<Place>,
    pub run: Option<RunId>,
}

impl Asker {
    /// Records a refused attempt and says what the asker is told: nothing of things they may not see.
    pub async fn refuse(&self, code: EventCode, attempted: Attempted, refused: &Refused) -> Fault {
        let (why, fault) = match refused {
            Refused::Invisible => ("Not visible to this person; answered as if it were not there.".to_owned(), Fault::NotFound),
            Refused::Forbidden(why) => (why.clone(), Fault::Forbidden { why: why.clone() }),
        };
        self.record_refusal(code, attempted, why, fault).await
    }

    /// Records a refusal whose answer is decided already.
    pub async fn record_refusal(&self, code: EventCode, attempted: Attempted, why: String, fault: Fault) -> Fault {
        let (path, environment) = attempted.place.map_or((None, None), |place| (Some(place.path), Some(place.environment)));
        let attempt = Attempt {
            operation: self.operation(),
            actor: self.actor.clone(),
            code,
            path,
            environment,
            run: attempted.run,
            why,
            policy_digest: self.access.policy_digest().to_owned(),
            details: self.details(),
        };
        match self.portal.store.denied(&attempt).await {
            Ok(_) => fault,
            Err(error) => self.internal(&error),
        }
    }
}
