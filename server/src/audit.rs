//! The record: refused attempts and readings here, permitted changes through the store.
//!
//! An attempt that cannot be recorded is answered as our own fault, so nobody can try unseen. What one person repeats without end is
//! counted, and told in one row a minute: see [`folded`].

mod folded;

use windfirm_model::{
    audit::{EventCode, EventOutcome},
    fault::Fault,
    id::RunId,
};
use windfirm_policy::{Permit, Place, Refused};
use windfirm_store::audit::{Attempt, Details};

use crate::context::Asker;

pub use folded::{Folded, Last, tell};

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
        let (person, now) = (self.actor.key(), self.portal.clock.now());
        if !self.portal.folded.has_row(&person, code, true, now) {
            self.portal.folded.fold(&person, code, Last::Refused(Box::new(attempt)), now);
            return fault;
        }
        match self.portal.store.denied(&attempt).await {
            Ok(_) => fault,
            Err(error) => self.internal(&error),
        }
    }

    /// Records that something was read.
    pub async fn record_reading<A>(&self, permit: Permit<A>, code: EventCode, details: &Details) -> Result<(), Fault>
    where
        Last: From<Permit<A>>,
    {
        let (person, now) = (self.actor.key(), self.portal.clock.now());
        if !self.portal.folded.has_row(&person, code, false, now) {
            self.portal.folded.fold(&person, code, permit.into(), now);
            return Ok(());
        }
        self.portal.store.record(&permit, code, details, EventOutcome::Done, None).await.map(|_| ()).map_err(|error| self.store_fault(&error))
    }
}
