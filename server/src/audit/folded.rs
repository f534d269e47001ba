//! Nobody fills the record by asking again and again: what one person does over and over has its rows for a while, then one row a
//! minute that says how often more. The answers stay the same, so whoever tries does not see where the rows end.
//!
//! Until it is told, the number is kept in memory: a crash loses it, not the rows before it, which say who tried what.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    id::OperationId,
};
use windfirm_policy::{
    Permit,
    act::{ExplainAccess, ReadLog, ViewAudit},
};
use windfirm_store::{
    StoreError,
    audit::{Attempt, Details},
};

use crate::state::Portal;

/// Rows of one person about one event in a minute.
const MOST_ROWS: u32 = 60;
const MINUTE_US: i64 = 60_000_000;

/// The last one that has no row: in its name the others are told of.
#[derive(Debug)]
pub enum Last {
    Refused(Box<Attempt>),
    Log(Permit<ReadLog>),
    Audit(Permit<ViewAudit>),
    Explained(Permit<ExplainAccess>),
}

impl From<Permit<ReadLog>> for Last {
    fn from(permit: Permit<ReadLog>) -> Self {
        Self::Log(permit)
    }
}
impl From<Permit<ViewAudit>> for Last {
    fn from(permit: Permit<ViewAudit>) -> Self {
        Self::Audit(permit)
    }
}
impl From<Permit<ExplainAccess>> for Last {
    fn from(permit: Permit<ExplainAccess>) -> Self {
        Self::Explained(permit)
    }
}

impl Last {
    /// One row for all of them.
    async fn record(&self, portal: &Portal, code: EventCode, count: u64) -> Result<(), StoreError> {
        let store = &portal.store;
        let details = Details { facts: vec![("further".to_owned(), count.to_string())], ..Details::default() };
        let read = format!("{count} further readings like those before have no row of their own; the last of them was here.");
        match self {
            // Of the portal as a whole: they were about many places, and whom each concerns has seen the rows before.
            Self::Refused(last) => {
                let why = format!("{count} further attempts like those before were refused and have no row of their own.");
                let operation = OperationId(portal.clock.new_uuid());
                store.denied(&Attempt { operation, path: None, environment: None, run: None, why, details, ..(**last).clone() }).await
            }
            Self::Log(permit) => store.record(permit, code, &details, EventOutcome::Done, Some(&read)).await,
            Self::Audit(permit) => store.record(permit, code, &details, EventOutcome::Done, Some(&read)).await,
            Self::Explained(permit) => store.record(permit, code, &details, EventOutcome::Done, Some(&read)).await,
        }
        .map(|_| ())
    }
}

/// One person, one event, and whether it was refused.
type Key = (String, EventCode, bool);

#[derive(Debug)]
struct Count {
    since: Timestamp,
    rows: u32,
    folded: Option<Folds>,
}

#[derive(Debug)]
struct Folds {
    since: Timestamp,
    count: u64,
    last: Last,
}

/// Who has how many rows of what in this minute, and what has none.
#[derive(Debug, Default)]
pub struct Folded(Mutex<HashMap<Key, Count>>);

impl Folded {
    /// Whether this one has a row of its own.
    pub(super) fn has_row(&self, person: &str, code: EventCode, refused: bool, now: Timestamp) -> bool {
        let mut all = self.all();
        let count = all.entry((person.to_owned(), code, refused)).or_insert(Count { since: now, rows: 0, folded: None });
        if !(0..MINUTE_US).contains(&now.micros_since(count.since)) {
            (count.since, count.rows) = (now, 0);
        }
        let has = count.rows < MOST_ROWS;
        count.rows = count.rows.saturating_add(u32::from(has));
        has
    }

    /// Counts one that has none.
    pub(super) fn fold(&self, person: &str, code: EventCode, last: Last, now: Timestamp) {
        self.put((person.to_owned(), code, matches!(last, Last::Refused(_))), Folds { since: now, count: 1, last });
    }

    fn put(&self, key: Key, more: Folds) {
        let mut all = self.all();
        let count = all.entry(key).or_insert(Count { since: more.since, rows: MOST_ROWS, folded: None });
        let before = count.folded.take();
        let (since, counted) = before.map_or((more.since, 0), |before| (before.since, before.count));
        count.folded = Some(Folds { since, count: counted.saturating_add(more.count), last: more.last });
    }

    /// Takes out what is to be told now: what has waited for a minute, or everything.
    fn due(&self, now: Timestamp, everything: bool) -> Vec<(Key, Folds)> {
        let is_over = |since: Timestamp| !(0..MINUTE_US).contains(&now.micros_since(since));
        let mut all = self.all();
        let due = all.iter_mut().filter_map(|(key, count)| {
            let folds = count.folded.take_if(|folds| everything || is_over(folds.since))?;
            Some((key.clone(), folds))
        });
        let due = due.collect();
        // Who has been quiet is forgotten.
        all.retain(|_, count| count.folded.is_some() || !is_over(count.since));
        due
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Count>> {
        // Nothing in there can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts on the record what has no row of its own: one row a minute for each person and event, or everything when the portal ends.
pub async fn tell(portal: &Portal, everything: bool) {
    for (key, folds) in portal.folded.due(portal.clock.now(), everything) {
        if let Err(error) = folds.last.record(portal, key.1, folds.count).await {
            tracing::warn!(%error, code = key.1.code(), count = folds.count, "audit.folded_not_recorded");
            // Told with the next ones.
            portal.folded.put(key, folds);
        }
    }
}
