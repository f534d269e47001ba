//! The system's clock for tests on a real cluster, which lives in real time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;
use windfirm_model::clock::{Clock, Timestamp};

#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "a cluster lives in real time")]
    fn now(&self) -> Timestamp {
        Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
    }
    fn new_uuid(&self) -> Uuid {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let millis = u64::try_from(self.now().0 / 1000).unwrap();
        let [.., e, f, g, h] = COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let [a, b, c, d] = std::process::id().to_be_bytes();
        uuid::Builder::from_unix_timestamp_millis(millis, &[0, 0, a, b, c, d, e, f, g, h]).into_uuid()
    }
    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}
