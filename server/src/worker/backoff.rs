//! What failed is tried again, later each time, so that neither a cluster nor the record is filled by what does not change.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use windfirm_model::{clock::Timestamp, id::ExecutionId};

/// Tries that nobody has asked about for that long are forgotten, seconds.
const FORGOTTEN_S: i64 = 2 * 3_600;

/// When something is tried again for an execution.
#[derive(Debug)]
pub struct Backoff {
    first_s: i64,
    most_s: i64,
    tries: Mutex<HashMap<ExecutionId, (u32, Timestamp)>>,
}

impl Backoff {
    /// After the first failure it waits so long, then twice as long each time, and never longer than `most_s`.
    #[must_use]
    pub fn new(first_s: i64, most_s: i64) -> Self {
        Self { first_s, most_s, tries: Mutex::default() }
    }
    #[must_use]
    pub fn is_due(&self, id: ExecutionId, now: Timestamp) -> bool {
        self.tries().get(&id).is_none_or(|(_, at)| now >= *at)
    }
    pub fn failed(&self, id: ExecutionId, now: Timestamp) {
        let mut tries = self.tries();
        tries.retain(|_, (_, at)| now.micros_since(*at) < FORGOTTEN_S * 1_000_000);
        let failures = tries.get(&id).map_or(0, |(failures, _)| *failures);
        let wait_s = self.first_s.saturating_mul(1_i64.checked_shl(failures).unwrap_or(i64::MAX)).clamp(0, self.most_s);
        tries.insert(id, (failures.saturating_add(1), now.plus_seconds(wait_s)));
    }
    pub fn done(&self, id: ExecutionId) {
        self.tries().remove(&id);
    }
    fn tries(&self) -> MutexGuard<'_, HashMap<ExecutionId, (u32, Timestamp)>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_up_to_a_bound_and_begins_anew_when_it_is_done() {
        let (backoff, id, at) = (Backoff::new(1, 5), ExecutionId(uuid::Uuid::nil()), Timestamp::from_seconds);
        assert!(backoff.is_due(id, at(0)));
        let mut now_s = 100;
        for wait_s in [1, 2, 4, 5, 5] {
            backoff.failed(id, at(now_s));
            assert!(!backoff.is_due(id, at(now_s + wait_s - 1)) && backoff.is_due(id, at(now_s + wait_s)), "{wait_s}");
            now_s += wait_s;
        }
        backoff.done(id);
        backoff.failed(id, at(now_s));
        assert!(backoff.is_due(id, at(now_s + 1)));
    }

    #[test]
    fn many_failures_are_no_overflow() {
        let (backoff, id) = (Backoff::new(30, 3_600), ExecutionId(uuid::Uuid::nil()));
        for _ in 0..200 {
            backoff.failed(id, Timestamp::from_seconds(0));
        }
        assert!(!backoff.is_due(id, Timestamp::from_seconds(3_599)) && backoff.is_due(id, Timestamp::from_seconds(3_600)));
    }
}
