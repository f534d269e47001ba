//! One run: live, and as it stands when it has ended.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    environment::Environment,
    id::{ExecutionId, RunId},
    path::AppPath,
    run::{Profile, RunState},
    verdict::Verdict,
    view::runs::Totals,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPage {
    pub id: RunId,
    pub execution: ExecutionId,
    pub path: AppPath,
    pub environment: Environment,
    pub test: String,
    pub profile: Profile,
    pub state: RunState,
    pub by: String,
    pub service_account: String,
    pub reason: String,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// How long k6 itself said that it would take.
    pub planned_s: Option<u32>,
    pub max_vus: u32,
    pub target: String,
    /// Place in the queue, 1 is next; only while queued.
    pub queue_place: Option<u32>,
    pub verdict: Option<Verdict>,
    pub measured: Measured,
    pub completeness: Option<Completeness>,
    pub log_tail: Vec<LogLine>,
    pub log_total: u64,
    /// Lines that came after the log was full, and were not kept.
    pub log_dropped: u64,
    pub events: Vec<RunEvent>,
    pub manifest: Manifest,
    pub confinement: Confinement,
    /// May this person stop it; the reason otherwise, in a sentence.
    pub stop: Permission,
    /// May this person launch the same again; the reason otherwise.
    pub again: Permission,
    pub now: Timestamp,
}

/// Whether somebody may do something here, and the sentence that says why (not).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub allowed: bool,
    pub why: String,
}

/// All numbers of a run. The same shape comes over SSE while it is live (see [`LiveTick`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub totals: Totals,
    /// One point a second since the start, in order; seconds without any measurement are absent and drawn as gaps.
    pub windows: Vec<WindowPoint>,
    pub thresholds: Vec<ThresholdRow>,
    pub checks: Vec<CheckRow>,
    /// Checks and kinds of requests beyond what a table holds. Not shown, and said so.
    #[serde(default)]
    pub checks_more: u64,
    pub requests: Vec<RequestRow>,
    #[serde(default)]
    pub requests_more: u64,
    /// Latency by time: how many requests per cell.
    pub heatmap: Heatmap,
    /// When the newest measurement was taken.
    pub last_measured: Option<Timestamp>,
    /// Upper bound of the percentile error that comes from histogram buckets, as a fraction (0.008).
    pub percentile_error: f64,
}

/// One second of merged measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WindowPoint {
    /// Seconds since the start of the run.
    pub at_s: u32,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub requests: u64,
    pub failed: u64,
    pub iterations: u64,
    pub dropped_iterations: u64,
    /// `None` when k6 sent no gauge in that second.
    pub vus: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// `http_req_duration{name:checkout}`, as in the script.
    pub metric: String,
    /// `p(99)<400`, as in the script.
    pub expression: String,
    /// What was measured, with its unit; `None` when nothing was measured.
    pub measured: Option<String>,
    /// `None`: cannot be decided, because nothing was measured or the expression is not understood.
    pub kept: Option<bool>,
    pub abort_on_fail: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRow {
    pub group: String,
    pub name: String,
    pub passed: u64,
    pub failed: u64,
}

/// Requests of one name, method and status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRow {
    pub name: String,
    pub method: String,
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// k6's error code, such as 1110 for a refused address.
    pub error_code: Option<u32>,
    pub count: u64,
    pub failed: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

/// Rows are latency bands (powers of two), columns are slices of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heatmap {
    /// Length of a column in seconds.
    pub column_s: u32,
    /// Lower edges of the rows in microseconds, ascending; the last row has no upper edge.
    pub row_edges_us: Vec<u64>,
    /// `cells[column][row]`.
    pub cells: Vec<Vec<u64>>,
}

/// What we received against what k6 itself counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Completeness {
    /// Whether k6 left a summary to compare with.
    pub compared: bool,
    pub rows: Vec<CompletenessRow>,
    /// Everything that was dropped or came too late, by name of the bound. Empty is good.
    pub dropped: Vec<(String, u64)>,
    /// True when every row agrees and nothing was dropped.
    pub complete: bool,
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletenessRow {
    /// `http_reqs`, `iterations`, …
    pub counter: String,
    pub received: u64,
    pub k6: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: Option<Timestamp>,
    /// `info`, `warning`, `error`, `debug`.
    pub level: String,
    pub text: String,
}

/// Something that happened to the run, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEvent {
    pub at: Timestamp,
    pub text: String,
    /// True for what speaks against the run or its data.
    pub bad: bool,
}

/// What exactly ran: enough to run it again and to prove it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// SHA-256 over the frozen bundle: all files that the script imports or opens.
    pub bundle_digest: String,
    pub files: Vec<ManifestFile>,
    pub entry: String,
    /// Name, value; secrets never get here.
    pub parameters: Vec<(String, String)>,
    pub parameters_digest: String,
    /// k6's command line options that the launch or a guardrail set.
    pub options: Vec<String>,
    pub policy_digest: String,
    pub grant: String,
    /// One sentence per guardrail that was judged.
    pub decision: Vec<String>,
    pub tree_commit: String,
    pub tree_commit_subject: String,
    /// The commit of the tree's repository that the test is from, where that is the one that ran and not `tree_commit`.
    #[serde(default)]
    pub test_commit: Option<String>,
    /// What ran in the app's cluster at the launch, one revision for each source that had any; empty where no cluster told.
    #[serde(default)]
    pub deployed: Vec<String>,
    pub k6_version: String,
    pub service_account: String,
    pub actor: String,
    pub target: String,
    pub reason: String,
    /// What the run is judged by, frozen at its launch; `None` in runs that were launched before thresholds were frozen.
    #[serde(default)]
    pub thresholds: Option<Vec<FrozenThreshold>>,
    /// Where it is carried out; `None`: on the portal's own machine.
    #[serde(default)]
    pub placement: Option<Placement>,
    /// The guardrail by which thresholds decide though runners were lost (“guardrail soak on /shop/”), frozen at the launch; `None`: a
    /// lost runner leaves the verdict inconclusive.
    #[serde(default)]
    pub tolerates_lost_runners: Option<String>,
    /// SHA-256 over the frames; known when the run has ended.
    pub results_digest: Option<String>,
}

/// A cluster, and how a run is carried out there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// How many runners share the load.
    pub runners: u32,
    /// k6's options as it told them when the launch was judged, as JSON: the script is not asked again.
    pub options: String,
    /// What its runners get of Secrets, in order of variable.
    #[serde(default)]
    pub secrets: Vec<SecretUse>,
}

/// A key of a Secret that a test gets as a variable: names, never what stands there. The Secret lives in the namespace of the run's account.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretUse {
    pub variable: String,
    pub secret: String,
    pub key: String,
}

/// One threshold of the script, as k6 told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenThreshold {
    /// `http_req_duration{name:checkout}`.
    pub metric: String,
    /// `p(99)<400`.
    pub expression: String,
    pub abort_on_fail: bool,
    /// From the start, in which a broken threshold does not abort yet.
    pub delay_abort_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub path: String,
    pub digest: String,
    pub bytes: u64,
}

/// How k6 was kept in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// True when everything that was wanted is in force.
    pub full: bool,
    /// A sentence per measure: “files: only the scratch directory (Landlock ABI 7)”.
    pub measures: Vec<String>,
}

/// One message of the live stream (`/runs/{id}/events`), once a second, the same text for every viewer of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveTick {
    pub state: RunState,
    pub elapsed_s: u32,
    /// Windows that are new or have changed since the tick before.
    pub windows: Vec<WindowPoint>,
    /// Everything but the windows; `windows` in here is empty.
    pub measured: Measured,
    /// The newest lines since the tick before, as many as a page shows.
    pub new_log: Vec<LogLine>,
    /// Lines of the log so far.
    pub log_total: u64,
    pub new_events: Vec<RunEvent>,
    /// How k6 is kept in its place, when that is another answer than in the tick before.
    pub confinement: Option<Confinement>,
    pub now: Timestamp,
}

/// A page of the whole log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    /// Index of the first line in `lines`.
    pub from: u64,
    pub total: u64,
    /// Lines that were not kept, because the log went over its bound.
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_from_before_thresholds_or_tolerance_were_frozen_is_still_read() {
        let manifest = Manifest { k6_version: "v2.2.0".to_owned(), thresholds: Some(Vec::new()), ..Manifest::default() };
        let mut stored = serde_json::to_value(&manifest).unwrap();
        let fields = stored.as_object_mut().unwrap();
        assert!(fields.remove("thresholds").is_some() && fields.remove("tolerates_lost_runners").is_some());
        let read: Manifest = serde_json::from_value(stored).unwrap();
        assert_eq!((read.k6_version.as_str(), read.thresholds, read.tolerates_lost_runners), ("v2.2.0", None, None));
    }
}
