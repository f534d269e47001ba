//! A clock that tests move by hand.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use uuid::Uuid;
use windfirm_model::clock::{Clock, Timestamp};

/// Some day in 2027.
pub(crate) const START_S: i64 = 1_800_000_000;

#[derive(Debug)]
pub(crate) struct TestClock {
    now_us: AtomicI64,
    ids: AtomicU64,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        Self { now_us: AtomicI64::new(START_S * 1_000_000), ids: AtomicU64::new(1) }
    }
    pub(crate) fn advance(&self, seconds: i64) {
        self.now_us.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
    pub(crate) fn seconds(&self) -> i64 {
        self.now().seconds()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_us.load(Ordering::SeqCst))
    }
    fn new_uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::SeqCst)))
    }
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        bytes
    }
}
