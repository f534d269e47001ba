//! Refused deliveries on the record. Whoever has no token can ask without end, so one row a minute stands for all that came since the
//! row before, by run.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use windfirm_model::{
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    id::{OperationId, RunId},
};
use windfirm_policy::{Access, Permit, Resource, act::StoreMeasurements};
use windfirm_store::audit::Details;

use crate::state::Portal;

/// Between two rows of one run.
const PAUSE_US: i64 = 60_000_000;

/// When a refusal was last recorded, and how many were not since. Under no run: those for executions that do not exist.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Option<RunId>, Told>>);

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Timestamp,
    since: u64,
}

impl Refusals {
    /// How many refusals the row that is due now stands for; `None` when none is due.
    fn count(&self, run: Option<RunId>, now: Timestamp) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is long over and was told is forgotten, so that this does not grow with the number of runs.
        all.retain(|known, told| *known == run || told.since > 0 || now.micros_since(told.at) < PAUSE_US);
        match all.get_mut(&run) {
            Some(told) if now.micros_since(told.at) < PAUSE_US => {
                told.since = told.since.saturating_add(1);
                None
            }
            before => {
                let since = before.map_or(0, |told| told.since);
                all.insert(run, Told { at: now, since: 0 });
                Some(since.saturating_add(1))
            }
        }
    }

    /// Records a refusal, or counts it for the next row.
    pub async fn record(&self, portal: &Portal, run: Option<RunId>, why: &str) {
        let Some(count) = self.count(run, portal.clock.now()) else { return };
        // With its place, so that those who look after the app find it.
        let record = match run {
            Some(id) => portal.store.run(&Access::system(SystemTask::Ingest), id).await.ok().flatten(),
            None => None,
        };
        let resource =
            record.map_or(Resource { run, ..Resource::default() }, |record| Resource { path: Some(record.path), environment: Some(record.environment), run });
        let permit: Permit<StoreMeasurements> = Permit::system(OperationId(portal.clock.new_uuid()), resource);
        let details = Details { facts: vec![("deliveries".to_owned(), count.to_string())], ..Details::default() };
        if let Err(error) = portal.store.record(&permit, EventCode::IngestRefused, &details, EventOutcome::Denied, Some(why)).await {
            tracing::warn!(%error, "ingest.refusal_not_recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_a_minute_stands_for_all() {
        let refusals = Refusals::default();
        let at = Timestamp::from_seconds;
        let run = Some(RunId(uuid::Uuid::nil()));
        assert_eq!(refusals.count(run, at(0)), Some(1));
        assert_eq!((refusals.count(run, at(1)), refusals.count(run, at(59))), (None, None));
        assert_eq!(refusals.count(None, at(2)), Some(1), "others have rows of their own");
        assert_eq!(refusals.count(run, at(60)), Some(3));
        assert_eq!(refusals.count(None, at(500)), Some(1));
        assert_eq!(refusals.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
