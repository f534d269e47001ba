//! Faults that can be switched on in a running service: slower, a smaller pool, errors.

use serde::{Deserialize, Serialize};

/// `POST /_faults` with this as JSON; the defaults switch everything off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Added to every request while it holds its place in the pool, in milliseconds; at most 5,000.
    pub slow_ms: u32,
    /// Places in the pool instead of the service's own; 0 leaves it as it is.
    pub pool: u32,
    /// Of 100 requests, how many are answered with 500.
    pub error_percent: u32,
}

impl Faults {
    /// The same within what a demo should bear.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { slow_ms: self.slow_ms.min(5_000), pool: self.pool.min(1_000), error_percent: self.error_percent.min(100) }
    }
}
