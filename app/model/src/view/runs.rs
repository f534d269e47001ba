//! Lists of runs: history, recent, live.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    environment::Environment,
    id::RunId,
    path::AppPath,
    run::{Profile, RunStateKind},
};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: RunId,
    pub path: AppPath,
    pub environment: Environment,
    pub test: String,
    pub profile: Profile,
    pub state: RunStateKind,
    pub by: String,
    pub created: Timestamp,
    pub ended: Option<Timestamp>,
    pub planned_s: Option<u32>,
    /// The first reason of the verdict, or what went wrong.
    pub reason: Option<String>,
    pub totals: Option<Totals>,
    /// Latency per tenth of the run, for the mini band: (p50, p90, p99) in microseconds; `None` where nothing was measured.
    pub band_us: Vec<Option<(u64, u64, u64)>>,
    pub commit: String,
}

/// A whole run in numbers, from merged histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub requests: u64,
    pub failed: u64,
    pub iterations: u64,
    pub dropped_iterations: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub min_us: u64,
    pub max_us: u64,
    pub requests_per_s: f64,
    pub checks_passed: u64,
    pub checks_failed: u64,
    pub max_vus: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
}

impl Totals {
    /// p99 − p50.
    #[must_use]
    pub const fn spread_us(&self) -> u64 {
        self.p99_us.saturating_sub(self.p50_us)
    }
    /// Failed requests over all requests, 0 to 1; 0 without requests.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "counts of requests stay far below 2^53")]
    pub fn error_rate(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed as f64 / self.requests as f64 }
    }
}

/// Filters as they stand in the URL; absent means any. Unknown words are refused, never ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsQuery {
    pub path: Option<String>,
    pub env: Option<String>,
    /// A word of [`RunStateKind`], or `live`.
    pub state: Option<String>,
    /// Part of a person's name, or `me`.
    pub by: Option<String>,
    pub test: Option<String>,
    /// Where the page begins: the `older` of the page before.
    pub before: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunsPage {
    pub query: RunsQuery,
    pub rows: Vec<RunRow>,
    /// The cursor of the next older page.
    pub older: Option<String>,
    /// Environments to offer in the filter: those of apps that the person may see.
    pub environments: Vec<Environment>,
    /// Whether the person may see any run at all, filters aside: tells “none match” from “none yet”.
    pub any: bool,
    pub now: Timestamp,
}
