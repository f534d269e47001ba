//! A clock that a test can put forward.

use std::sync::atomic::{AtomicI64, Ordering};

use uuid::Uuid;
use windfirm::clock::SystemClock;
use windfirm_model::clock::{Clock, Timestamp};

/// The system's clock, and what a test has added to it.
#[derive(Debug, Default)]
pub(crate) struct LaterClock(AtomicI64);

impl LaterClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for LaterClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(self.0.load(Ordering::SeqCst))
    }
    fn new_uuid(&self) -> Uuid {
        SystemClock.new_uuid()
    }
    fn secret(&self) -> [u8; 32] {
        SystemClock.secret()
    }
}
