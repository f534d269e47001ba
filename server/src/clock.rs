//! The system's clock and random source: the one place where they are read.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use windfirm_model::clock::{Clock, Timestamp};

/// Reads the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the injected source of ids")]
    fn new_uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0_u8; 32];
        // The system's generator does not fail once it is seeded; a portal without one must not hand out guessable ids.
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            std::process::abort();
        }
        bytes
    }
}
