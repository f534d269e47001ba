//! What the runner of one execution is told. Written once by the portal, read once by the runner; nothing else reaches it.

use std::{fmt, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use windfirm_model::{
    id::{ExecutionId, RunId},
    view::run::SecretUse,
};

/// A text that must not be shown: `Debug` masks it. It is written out only by `Serialize`, into files that nobody else can read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }
    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One place that k6 may reach. The portal resolves the name when it freezes the run, so that an answer that changes later moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedTarget {
    /// Name as it stands in URLs; an address literal is its own name.
    pub host: String,
    /// What the name means for this run. Empty: nothing of it can be reached.
    pub addresses: Vec<IpAddr>,
    /// TCP port; `None` opens every port of the addresses, and with it every port for Landlock.
    pub port: Option<u16>,
}

/// A steady load in place of the script's own scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    pub vus: u32,
    pub duration_s: u32,
}

/// Bounds of one k6 process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Private writable memory (`RLIMIT_DATA`), bytes.
    pub memory_bytes: u64,
    /// Open files and sockets.
    pub open_files: u64,
    /// Largest file that k6 may write, bytes.
    pub file_bytes: u64,
    /// How much may lie in the scratch folder, all files together, bytes; beyond it the run is stopped.
    pub scratch_bytes: u64,
    /// How much of k6's log is kept, bytes; what comes after is counted.
    pub log_bytes: u64,
    /// How large the spool of frames may grow, bytes; beyond it the run is stopped.
    pub spool_bytes: u64,
    /// How long k6 has for its teardown and its last measurements after it was asked to stop, seconds.
    pub stop_grace_s: u32,
    /// How long the runner goes on forwarding after k6 has ended, seconds. Then the portal reads the spool itself.
    pub forward_grace_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            open_files: 8192,
            file_bytes: 64 << 20,
            scratch_bytes: 256 << 20,
            log_bytes: 10_000_000,
            spool_bytes: 1 << 30,
            stop_grace_s: 20,
            forward_grace_s: 60,
        }
    }
}

/// All that the runner of one execution needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    pub execution: ExecutionId,
    pub run: RunId,
    /// Base URL of the portal's ingest, without a slash at the end: `http://127.0.0.1:8080`.
    pub portal: String,
    /// Write-only token of this execution.
    pub token: Secret,
    /// The stock k6 binary, absolute.
    pub k6: PathBuf,
    /// Folder of the frozen bundle, absolute. k6 may read all of it and nothing beside it.
    pub bundle: PathBuf,
    /// The script, relative to `bundle`.
    pub entry: String,
    /// `__ENV.TARGET`.
    pub target: String,
    /// Further `__ENV` values, in order. No secrets: they stand on k6's command line.
    pub parameters: Vec<(String, String)>,
    /// `None`: the script's own scenarios.
    pub load: Option<Load>,
    /// Virtual users that the launch was judged with. k6 asks the script again when it starts; a script that then wants more is stopped.
    pub max_vus: u32,
    pub allowed: Vec<AllowedTarget>,
    /// The end, whatever happens, in seconds from k6's start. The runner keeps it, also when the portal is gone.
    pub deadline_s: u32,
    #[serde(default)]
    pub limits: Limits,
    /// What only an executor in a cluster needs to know. The account, and with it the namespace, comes with the permit.
    #[serde(default)]
    pub in_cluster: Option<InCluster>,
}

/// What an execution in a cluster needs beside the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InCluster {
    /// How many runners share the load.
    pub runners: u32,
    /// All options of k6, as `k6 inspect` printed them when the launch was judged ([`crate::inspect::Inspected::options`]). The script is
    /// not asked again, so what it says today changes nothing.
    pub options: serde_json::Value,
    /// Path of the app; for people who look at the objects.
    pub app: String,
    /// Who launched it, as a SHA-256: objects are read by many.
    pub actor_sha256: String,
    /// Commit of the tree.
    pub commit: String,
    /// Keys of Secrets that the runners get as variables: by reference, so that no value ever stands in orders.
    #[serde(default)]
    pub secrets: Vec<SecretUse>,
    /// It may have been ordered before: what is left of that has to be gone first.
    #[serde(default)]
    pub again: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_but_reaches_the_orders() {
        let secret = Secret::new("tok-123".into());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"tok-123\"");
    }
}
