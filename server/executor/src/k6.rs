//! Stock k6: where it is, which version, its command line and environment, and what its end means.
//!
//! Contracts with k6 2.2.0, all kept by `tests/contract.rs` against the real binary: the flags and variables below, exit codes, the JSON
//! log, `--summary-export`. Two things are not as one would think: `--summary-mode=disabled` also disables `--summary-export`, so the
//! compact summary is computed and its text thrown away; and `K6_CLOUD_STOP_ON_ERROR` only acts on an answer 403 with code 4, never on a
//! receiver that is gone.

pub mod failure;
pub mod log;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Serialize;

use crate::{orders::Orders, reach};

/// The k6 whose contracts stand above.
pub const CONTRACT_VERSION: &str = "2.2.0";
/// What every k6 of ours starts with, whatever it does.
const QUIET: [&str; 3] = ["--quiet", "--log-format=json", "--log-output=stderr"];
/// Proxy for what goes neither to an allowed host nor to loopback: an address of the range for documentation, which nobody has. k6 checks
/// `--blacklist-ip` when a script dials, but not when it *imports* from a URL, and imports heed proxies: this closes that way. What a script
/// dials and may not is refused either way: loopback with k6's error code 1110, all else with 1200; [`log`] puts words to it.
pub const NOWHERE: &str = "192.0.2.1";

/// A k6 binary that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct K6 {
    /// Absolute path.
    pub path: PathBuf,
    /// `v2.2.0`.
    pub version: String,
}

/// Why there is no k6 to work with.
#[derive(Debug, thiserror::Error)]
pub enum K6Error {
    #[error("No k6 was found (looked at: {looked_at}). Run `make k6`, or set `k6` in the configuration to the path of the binary.")]
    Missing { looked_at: String },
    #[error("{path} is not a k6 that can be run: {why}. Run `make k6`, or set `k6` in the configuration to the path of a working binary.")]
    Broken { path: String, why: String },
}

impl K6 {
    /// Asks a binary for its version.
    pub fn at(path: &Path) -> Result<Self, K6Error> {
        let broken = |why: String| K6Error::Broken { path: path.display().to_string(), why };
        let path = path.canonicalize().map_err(|error| broken(error.to_string()))?;
        Ok(Self { version: version(&path)?, path })
    }
    /// The k6 to use: the configured one if there is a configuration, else the first of `beside` that exists, else `k6` in `PATH`.
    pub fn find(configured: Option<&Path>, beside: &[PathBuf]) -> Result<Self, K6Error> {
        if let Some(path) = configured {
            return Self::at(path);
        }
        let in_path = env::var_os("PATH").map(|path| env::split_paths(&path).map(|folder| folder.join("k6")).collect::<Vec<_>>()).unwrap_or_default();
        let found = beside.iter().chain(&in_path).find(|path| path.is_file());
        let looked_at = || beside.iter().map(|path| path.display().to_string()).chain(["PATH".to_owned()]).collect::<Vec<_>>().join(", ");
        found.map_or_else(|| Err(K6Error::Missing { looked_at: looked_at() }), |path| Self::at(path))
    }
}

/// The version that a binary reports, such as `v2.2.0`.
pub fn version(path: &Path) -> Result<String, K6Error> {
    let broken = |why: String| K6Error::Broken { path: path.display().to_string(), why };
    #[expect(clippy::disallowed_methods, reason = "this is the executor")]
    let output = Command::new(path)
        .args(["version", "--json"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| broken(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|answer| Some(answer.get("version")?.as_str()?.trim_start_matches('v').to_owned()))
        .ok_or_else(|| broken("it did not tell its version".to_owned()))?;
    Ok(format!("v{version}"))
}

/// Command line of `k6 run` for these orders.
#[must_use]
pub fn run_arguments(orders: &Orders, config: &Path, summary: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["run".into()];
    let mut text = |argument: String| arguments.push(argument.into());
    QUIET.into_iter().for_each(|argument| text(argument.to_owned()));
    for argument in guarding_options(orders) {
        text(argument);
    }
    text("--summary-mode=compact".to_owned());
    text(format!("--summary-export={}", summary.display()));
    text(format!("--config={}", config.display()));
    for (name, value) in std::iter::once(&("TARGET".to_owned(), orders.target.clone())).chain(&orders.parameters) {
        text("-e".to_owned());
        text(format!("{name}={value}"));
    }
    text("--".to_owned());
    arguments.push(orders.bundle.join(&orders.entry).into_os_string());
    arguments
}

/// The options that a launch or a guardrail sets, as they stand on the command line: for the manifest. They override the script's.
#[must_use]
pub fn guarding_options(orders: &Orders) -> Vec<String> {
    let mut options: Vec<String> = ["--no-thresholds", "--no-usage-report", "--include-system-env-vars=false"].map(str::to_owned).to_vec();
    if let Some(load) = orders.load {
        options.push(format!("--vus={}", load.vus));
        options.push(format!("--duration={}s", load.duration_s));
    }
    // One option with the whole list: it replaces the script's own.
    options.push(format!("--blacklist-ip={}", reach::blocked_ranges(&reach::addresses(&orders.allowed)).join(",")));
    options
}

/// k6's configuration file: names pinned to the addresses that were resolved for this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    hosts: BTreeMap<String, String>,
}

#[must_use]
pub fn config(orders: &Orders) -> Config {
    Config { hosts: reach::pinned_hosts(&orders.allowed) }
}

/// The whole environment of `k6 run`: where measurements go, and nothing of the machine's.
#[must_use]
pub fn run_environment(orders: &Orders, scratch: &Path, receiver_port: u16, receiver_token: &str) -> BTreeMap<String, String> {
    let mut environment = base_environment(scratch, orders.limits.memory_bytes);
    let names = orders.allowed.iter().map(|target| target.host.clone());
    let addresses = reach::addresses(&orders.allowed).into_iter().map(|address| address.to_string());
    let direct = names.chain(addresses).collect::<Vec<_>>().join(",");
    let wanted = [
        ("K6_OUT", "cloud".to_owned()),
        ("K6_CLOUD_HOST", format!("http://127.0.0.1:{receiver_port}")),
        ("K6_CLOUD_PUSH_REF_ID", orders.execution.to_string()),
        ("K6_CLOUD_TOKEN", receiver_token.to_owned()),
        ("K6_CLOUD_TRACES_ENABLED", "false".to_owned()),
        ("K6_CLOUD_AGGREGATION_PERIOD", "1s".to_owned()),
        ("K6_CLOUD_AGGREGATION_WAIT_PERIOD", "1s".to_owned()),
        ("K6_CLOUD_METRIC_PUSH_INTERVAL", "500ms".to_owned()),
        ("K6_CLOUD_STOP_ON_ERROR", "true".to_owned()),
        ("HTTP_PROXY", format!("http://{NOWHERE}:9")),
        ("HTTPS_PROXY", format!("http://{NOWHERE}:9")),
        ("NO_PROXY", direct),
    ];
    environment.extend(wanted.map(|(name, value)| (name.to_owned(), value)));
    environment
}

/// What each k6 of ours has in its environment.
pub(crate) fn base_environment(scratch: &Path, memory_bytes: u64) -> BTreeMap<String, String> {
    let scratch = scratch.display().to_string();
    [
        ("HOME", scratch.clone()),
        ("TMPDIR", scratch),
        ("TZ", "UTC".to_owned()),
        ("K6_NO_USAGE_REPORT", "true".to_owned()),
        ("K6_AUTO_EXTENSION_RESOLUTION", "false".to_owned()),
        // Collect garbage in earnest before the hard limit ends the process.
        ("GOMEMLIMIT", (memory_bytes / 10 * 8).to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

pub(crate) fn quiet_arguments() -> impl Iterator<Item = OsString> {
    QUIET.into_iter().map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_k6_says_where_it_was_looked_for_and_what_to_do() {
        let error = K6::find(Some(Path::new("/nowhere/k6")), &[]).unwrap_err().to_string();
        assert!(error.contains("/nowhere/k6") && error.contains("make k6"), "{error}");
        let error = K6::at(Path::new("/bin/true")).unwrap_err().to_string();
        assert!(error.contains("did not tell its version"), "{error}");
    }
}
