//! What a script would do, said by k6 itself: `k6 inspect --execution-requirements`.
//!
//! That runs the script's init code, which is somebody else's: so it runs confined like a run, without any network, for at most
//! [`TIME_LIMIT`]. The effect of a profile or of parameters comes from k6 as well: it reads `K6_VUS` and `K6_DURATION` while inspecting,
//! although it has no flags for them, and they replace the script's scenarios exactly as `--vus` and `--duration` do in a run.

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    confine::Plan,
    folder,
    k6::{self, failure, log},
    orders::Load,
    runner::{NOT_CONFINED, Task},
};

/// A script that needs longer to load is taken for one that never ends.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
const MEMORY_BYTES: u64 = 1 << 30;
/// Options of a script with hundreds of scenarios fit well.
const MOST_OUTPUT: u64 = 4 << 20;
const LOOK: Duration = Duration::from_millis(2);

/// What to look at.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of the bundle, absolute.
    pub bundle: PathBuf,
    /// The script, relative to `bundle`.
    pub entry: String,
    /// `__ENV.TARGET`.
    pub target: String,
    pub parameters: Vec<(String, String)>,
    /// As in the orders: a steady load in place of the script's scenarios.
    pub load: Option<Load>,
}

/// One scenario of the script, or the one that stands in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    pub name: String,
    /// `constant-vus`, `ramping-arrival-rate`, …
    pub executor: String,
}

/// What k6 says that it would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspected {
    /// By name.
    pub scenarios: Vec<Scenario>,
    pub max_vus: u32,
    /// The longest that all scenarios may take together, rounded up, with the time that k6 gives iterations to end. Setup and
    /// teardown come on top. `None`: without bound.
    pub total_duration_s: Option<u32>,
    /// As in the script: metric → list of expressions, each a text or `{threshold, abortOnFail, delayAbortEval}`. Null when there are none.
    pub thresholds: Value,
    /// All options, as k6 printed them.
    pub options: Value,
}

/// Why there is nothing to say about a script.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// k6's own message.
    #[error("k6 cannot load the script: {0}")]
    Script(String),
    #[error("The script did not load within {} s: its code outside functions runs without end, or very long.", TIME_LIMIT.as_secs())]
    TimedOut,
    #[error("The script needs more than {} MiB of memory only to load.", MEMORY_BYTES >> 20)]
    OutOfMemory,
    #[error("k6's answer is longer than {} MiB.", MOST_OUTPUT >> 20)]
    TooLong,
    /// Ours, not the script's.
    #[error("k6 could not be asked about the script: {0}")]
    System(String),
}

/// Asks k6. Blocks for up to [`TIME_LIMIT`]; the calling thread must live as long (it is what the confined process is tied to).
pub(crate) fn inspect(runner: &[OsString], k6: &Path, work: &Path, id: Uuid, request: &Request) -> Result<Inspected, InspectError> {
    let system = |error: &dyn std::fmt::Display| InspectError::System(error.to_string());
    let folder = work.join("inspect").join(id.simple().to_string());
    let scratch = folder.join("scratch");
    folder::create_private_dir(&scratch).map_err(|error| system(&error))?;
    let answer = ask(runner, k6, &folder, &scratch, request);
    // What a failed inspection leaves is only a folder; the next start of the portal may remove it.
    let _ = std::fs::remove_dir_all(&folder);
    answer
}

fn ask(runner: &[OsString], k6: &Path, folder: &Path, scratch: &Path, request: &Request) -> Result<Inspected, InspectError> {
    let system = |error: &dyn std::fmt::Display| InspectError::System(error.to_string());
    let (program, arguments) = runner.split_first().ok_or_else(|| InspectError::System("no command of the runner is set".into()))?;
    let plan_file = folder.join("plan.json");
    folder::write_json(&plan_file, &Task::Confine { plan: plan(k6, folder, scratch, request) }).map_err(|error| system(&error))?;
    #[expect(clippy::disallowed_methods, reason = "this is the executor")]
    let mut command = Command::new(program);
    let mut child = command
        .args(arguments)
        .arg("--orders")
        .arg(&plan_file)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| system(&error))?;
    let answer = read_within(child.stdout.take());
    let complaint = read_within(child.stderr.take());
    let Some(status) = wait(&mut child).map_err(|error| system(&error))? else {
        return Err(InspectError::TimedOut);
    };
    let answer = answer.join().unwrap_or_default();
    let complaint = complaint.join().unwrap_or_default();
    if status.success() {
        if u64::try_from(answer.len()).is_ok_and(|length| length > MOST_OUTPUT) {
            return Err(InspectError::TooLong);
        }
        return understand(&answer).map_err(|error| system(&error));
    }
    Err(refusal(status, &String::from_utf8_lossy(&complaint), &request.bundle))
}

fn plan(k6: &Path, folder: &Path, scratch: &Path, request: &Request) -> Plan {
    let mut arguments: Vec<OsString> = vec!["inspect".into(), "--execution-requirements".into()];
    arguments.extend(k6::quiet_arguments());
    for (name, value) in std::iter::once(&("TARGET".to_owned(), request.target.clone())).chain(&request.parameters) {
        arguments.push("-e".into());
        arguments.push(format!("{name}={value}").into());
    }
    arguments.push("--".into());
    arguments.push(request.bundle.join(&request.entry).into_os_string());
    let mut environment = k6::base_environment(scratch, MEMORY_BYTES);
    if let Some(load) = request.load {
        environment.insert("K6_VUS".into(), load.vus.to_string());
        environment.insert("K6_DURATION".into(), format!("{}s", load.duration_s));
    }
    Plan {
        program: k6.to_path_buf(),
        arguments,
        environment,
        directory: scratch.to_path_buf(),
        read: vec![request.bundle.clone()],
        write: vec![scratch.to_path_buf()],
        connect: Some(Vec::new()),
        memory_bytes: MEMORY_BYTES,
        open_files: 256,
        file_bytes: 1 << 20,
        parent: std::process::id(),
        report: folder.join("confinement.json"),
    }
}

/// Reads a pipe to its end in a thread of its own, keeping a byte more than may be, so that “too long” can be told.
fn read_within(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(MOST_OUTPUT + 1).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        kept
    })
}

/// Waits for the end within the limit; `None`: it had to be killed.
fn wait(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    while begin.elapsed() < TIME_LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn refusal(status: ExitStatus, complaint: &str, bundle: &Path) -> InspectError {
    let bundle_url = format!("file://{}/", bundle.display());
    if complaint.lines().any(|line| !line.starts_with('{') && failure::out_of_memory(line)) {
        return InspectError::OutOfMemory;
    }
    let error = complaint.lines().map(|line| log::parse(line, &bundle_url)).filter(|line| line.level == "error").map(|line| line.text).next_back();
    match (status.code(), error) {
        (Some(code), error) if code == i32::from(NOT_CONFINED) => InspectError::System(error.unwrap_or_default()),
        (Some(_), Some(error)) => InspectError::Script(failure::sentence(&error)),
        _ => InspectError::System(format!("k6 ended without a word ({status})")),
    }
}

fn understand(answer: &[u8]) -> Result<Inspected, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(rename = "maxVUs", default)]
        max_vus: u32,
        total_duration: Option<String>,
        #[serde(default)]
        thresholds: Value,
        scenarios: Option<serde_json::Map<String, Value>>,
    }
    let options: Value = serde_json::from_slice(answer)?;
    let read = Answer::deserialize(&options)?;
    let mut scenarios: Vec<Scenario> = read
        .scenarios
        .unwrap_or_default()
        .into_iter()
        .map(|(name, scenario)| Scenario { name, executor: scenario.get("executor").and_then(Value::as_str).unwrap_or_default().to_owned() })
        .collect();
    scenarios.sort_by(|left, right| left.name.cmp(&right.name));
    let total_duration_s = read.total_duration.as_deref().and_then(whole_seconds);
    Ok(Inspected { scenarios, max_vus: read.max_vus, total_duration_s, thresholds: read.thresholds, options })
}

/// A duration as Go writes it (`1h2m3.5s`, `250ms`) in whole seconds, rounded up.
fn whole_seconds(text: &str) -> Option<u32> {
    let mut millis: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| character.is_alphabetic())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit_end = tail.find(|character: char| !character.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let unit_millis: u64 = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            // Less than a millisecond: rounding up covers it.
            _ => 0,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        millis = millis.checked_add(whole.parse::<u64>().ok()?.checked_mul(unit_millis)?)?;
        // Whatever stands behind the point is less than one of its unit; in seconds that is one more, rounded up.
        if fraction.bytes().any(|digit| digit != b'0') || unit_millis == 0 {
            millis = millis.checked_add(1)?;
        }
        rest = tail;
    }
    u32::try_from(millis.div_ceil(1000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read_and_rounded_up() {
        for (text, seconds) in [("39s", 39), ("10m30s", 630), ("1h0m0s", 3600), ("1m30.5s", 91), ("250ms", 1), ("0s", 0), ("5µs", 1)] {
            assert_eq!(whole_seconds(text), Some(seconds), "{text}");
        }
        assert_eq!(whole_seconds("soon"), None);
    }
}
