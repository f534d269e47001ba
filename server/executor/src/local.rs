//! Executions as processes on this machine: one folder and one runner each.
//!
//! It holds nothing that a restart would miss. The children that it remembers are remembered only to bury them.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Component, Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use rustix::process::Signal;
use tokio::{sync::Semaphore, task::spawn_blocking};
use windfirm_measure::frame::Frame;
use windfirm_model::{clock::Clock, id::ExecutionId, run::Cause, view::run::LogPage};
use windfirm_policy::{Permit, act::SuperviseRuns};

use crate::{
    confine,
    executor::{Executor, ExecutorError, ExitReport, Handle, Observation},
    folder::{self, Folder},
    inspect::{self, InspectError, Inspected},
    k6::K6,
    log_reader::{self, Mark},
    orders::Orders,
    runner::{RunnerFile, Task},
    spool::Reader,
};

/// What one call to [`Executor::spooled_frames`] returns at most, bytes.
const MOST_FRAME_BYTES: usize = 8 << 20;
/// A runner that has not said “I am here” for that long after its orders were written never will.
const MOST_START_S: i64 = 15;
/// How long all of a start may take: the runner, and k6 under it.
const START_LIMIT_S: u32 = 30;
/// Inspections at one time: each may use a core for ten seconds.
const INSPECTIONS: usize = 2;

/// Settings of a [`LocalExecutor`].
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// Where executions have their folders; absolute, on a disk that keeps things.
    pub state_dir: PathBuf,
    pub k6: K6,
    /// How a runner is started, without `--orders FILE`: `["/usr/bin/windfirm", "runner"]`.
    pub runner_command: Vec<OsString>,
}

#[derive(Debug)]
pub struct LocalExecutor {
    settings: LocalSettings,
    clock: Arc<dyn Clock>,
    children: Mutex<HashMap<ExecutionId, Child>>,
    /// Where the last page of each log ended, so that the next costs only what is new. Forgotten at a restart, which costs one whole reading.
    log_marks: Mutex<HashMap<ExecutionId, Mark>>,
    inspections: Semaphore,
}

impl LocalExecutor {
    /// Makes the state folder if it is not there.
    pub fn new(settings: LocalSettings, clock: Arc<dyn Clock>) -> Result<Self, ExecutorError> {
        let what = "The folder for executions cannot be made";
        let file = |source| ExecutorError::File { what: what.into(), source };
        folder::create_private_dir(&settings.state_dir.join("executions")).map_err(file)?;
        // What inspections left that a crash cut short.
        match fs::remove_dir_all(settings.state_dir.join("inspect")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file(error)),
            _ => {}
        }
        let state_dir = settings.state_dir.canonicalize().map_err(file)?;
        Ok(Self {
            settings: LocalSettings { state_dir, ..settings },
            clock,
            children: Mutex::default(),
            log_marks: Mutex::default(),
            inspections: Semaphore::new(INSPECTIONS),
        })
    }
    #[must_use]
    pub const fn k6(&self) -> &K6 {
        &self.settings.k6
    }
    /// What k6 would do with a script, from k6 itself, without any network. At most two at a time; the others wait.
    pub async fn inspect(&self, request: inspect::Request) -> Result<Inspected, InspectError> {
        let cut = |error: &dyn std::fmt::Display| InspectError::System(error.to_string());
        let _turn = self.inspections.acquire().await.map_err(|error| cut(&error))?;
        let (settings, id) = (self.settings.clone(), self.clock.new_uuid());
        spawn_blocking(move || inspect::inspect(&settings.runner_command, &settings.k6.path, &settings.state_dir, id, &request))
            .await
            .map_err(|error| cut(&error))?
    }
    /// The folder of an execution: for tests and for people who look into it.
    #[must_use]
    pub fn folder(&self, execution: ExecutionId) -> Folder {
        Folder::of(&self.settings.state_dir, execution)
    }
    fn log_marks(&self) -> MutexGuard<'_, HashMap<ExecutionId, Mark>> {
        self.log_marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn children(&self) -> MutexGuard<'_, HashMap<ExecutionId, Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Buries the runner if it has ended. `Some(true)`: it is our child and lives.
    fn child_lives(&self, execution: ExecutionId) -> Option<bool> {
        let mut children = self.children();
        let child = children.get_mut(&execution)?;
        // It stays in the map when it has ended: that it was ours and is gone tells a failed start from a restart of the portal.
        Some(matches!(child.try_wait(), Ok(None)))
    }
    fn spawn(&self, folder: &Folder) -> Result<Child, ExecutorError> {
        let (program, arguments) = self.settings.runner_command.split_first().ok_or_else(|| ExecutorError::Orders("no command of the runner is set".into()))?;
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.runner_log()).map_err(ExecutorError::Spawn)?;
        let too = log.try_clone().map_err(ExecutorError::Spawn)?;
        #[expect(clippy::disallowed_methods, reason = "this is the executor")]
        let mut command = Command::new(program);
        // Which certificates are trusted is the one thing that a runner takes from the machine: it may speak HTTPS to the portal.
        let certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.args(arguments).arg("--orders").arg(folder.orders()).env_clear().envs(certificates).current_dir("/");
        command.stdin(Stdio::null()).stdout(too).stderr(log).spawn().map_err(ExecutorError::Spawn)
    }
    fn observe_now(&self, execution: ExecutionId) -> Result<Observation, ExecutorError> {
        let folder = self.folder(execution);
        let ours = self.child_lives(execution);
        let runner = folder::read_json::<RunnerFile>(&folder.runner())?;
        let alive = runner.as_ref().map(|file| file.runner.is_alive());
        // Read after the look at the process: whoever ends writes this first, so a dead runner without it left none.
        if let Some(report) = folder::read_json::<ExitReport>(&folder.exit())? {
            return Ok(Observation::Ended(Box::new(report)));
        }
        match (runner, alive) {
            (Some(RunnerFile { k6_started: Some(k6_started), .. }), Some(true)) => {
                Ok(Observation::Running { k6_started, confinement: confine::read_report(&folder.confinement()).unwrap_or_default(), events: Vec::new() })
            }
            (Some(_), Some(true)) => Ok(Observation::Starting { waits_for: None }),
            (Some(_), _) => Ok(Observation::Lost),
            (None, _) if !folder.orders().exists() => Ok(Observation::Absent),
            (None, _) => match ours {
                Some(true) => Ok(Observation::Starting { waits_for: None }),
                Some(false) => Ok(Observation::Ended(Box::new(self.never_started(&folder)))),
                None if self.orders_age_s(&folder) <= MOST_START_S => Ok(Observation::Starting { waits_for: None }),
                None => Ok(Observation::Lost),
            },
        }
    }
    fn orders_age_s(&self, folder: &Folder) -> i64 {
        let written = fs::metadata(folder.orders()).and_then(|meta| meta.modified()).ok();
        let written_s = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).and_then(|since| i64::try_from(since.as_secs()).ok());
        self.clock.now().seconds() - written_s.unwrap_or_default()
    }
    /// A runner that ended before it could even say that it is there: its last words are the cause.
    fn never_started(&self, folder: &Folder) -> ExitReport {
        let words = fs::read_to_string(folder.runner_log()).unwrap_or_default();
        let words = words.lines().next_back().unwrap_or("the runner ended without a word").to_owned();
        let cause = Cause::StartFailed { message: format!("{}.", words.trim_end_matches('.')) };
        ExitReport::not_started(cause, self.clock.now(), windfirm_model::view::run::Confinement::default())
    }
    /// A k6 whose runner is gone dies with it; this makes sure, also of what k6 may have started.
    fn end_orphan(folder: &Folder) {
        if let Ok(Some(RunnerFile { runner, k6: Some(k6), .. })) = folder::read_json(&folder.runner())
            && !runner.is_alive()
        {
            k6.signal_group(Signal::KILL);
            // k6 may be buried already, and what it started may not have gone with it.
            k6.signal_left_behind(&runner, Signal::KILL);
        }
    }
    fn check(&self, orders: &Orders) -> Result<(), ExecutorError> {
        let refuse = |why: String| Err(ExecutorError::Orders(why));
        if !orders.bundle.is_absolute() || !orders.bundle.is_dir() {
            return refuse("the folder of the bundle is not there".into());
        }
        if self.settings.state_dir.starts_with(&orders.bundle) {
            return refuse("the bundle must not hold the folder of the executions: its script could read other runs".into());
        }
        if !is_plain_relative(Path::new(&orders.entry)) || !orders.bundle.join(&orders.entry).is_file() {
            return refuse(format!("the bundle has no file {}", orders.entry));
        }
        if orders.deadline_s == 0 {
            return refuse("a run needs a deadline".into());
        }
        if let Some((name, _)) = orders.parameters.iter().find(|(name, _)| !is_variable_name(name)) {
            return refuse(format!("{name:?} cannot be the name of a parameter; use letters, digits and underscores"));
        }
        if !url::Url::parse(&orders.portal).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return refuse("the address of the portal is not an HTTP URL".into());
        }
        if let Some(target) = orders.allowed.iter().find(|target| target.host.contains([',', ' ']) || target.host.is_empty()) {
            return refuse(format!("{:?} is not the name of a host", target.host));
        }
        Ok(())
    }
}

/// Below its folder, by plain names only.
fn is_plain_relative(path: &Path) -> bool {
    path.components().count() > 0 && path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}

#[async_trait]
impl Executor for LocalExecutor {
    fn handle(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<Handle, ExecutorError> {
        Ok(Handle::Local { execution })
    }

    fn start_limit_s(&self) -> u32 {
        START_LIMIT_S
    }

    async fn start(&self, _permit: &Permit<SuperviseRuns>, orders: &Orders) -> Result<Handle, ExecutorError> {
        self.check(orders)?;
        let execution = orders.execution;
        let handle = Handle::Local { execution };
        let folder = self.folder(execution);
        if folder.runner().exists() || folder.exit().exists() || self.child_lives(execution) == Some(true) {
            return Ok(handle);
        }
        folder.create()?;
        let arguments = self.settings.runner_command.get(1..).unwrap_or_default().to_vec();
        folder::write_json(&folder.orders(), &Task::Run { orders: Box::new(orders.clone()), arguments })?;
        // Two that come here at once start two runners; the lock in the folder lets one of them run.
        let child = self.spawn(&folder)?;
        let before = self.children().insert(execution, child);
        if let Some(mut before) = before {
            let _ = before.try_wait();
        }
        Ok(handle)
    }

    async fn observe(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<Observation, ExecutorError> {
        self.observe_now(execution)
    }

    async fn stop(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId, reason: &str) -> Result<(), ExecutorError> {
        let folder = self.folder(execution);
        if !folder.orders().exists() {
            return Err(ExecutorError::Absent(execution));
        }
        if !folder.cancel().exists() {
            folder::write_atomically(&folder.cancel(), reason.as_bytes())
                .map_err(|source| ExecutorError::File { what: "The wish to stop cannot be written".into(), source })?;
        }
        Self::end_orphan(&folder);
        Ok(())
    }

    async fn kill(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<(), ExecutorError> {
        let file = folder::read_json::<RunnerFile>(&self.folder(execution).runner())?;
        // The runner first, so that it cannot write an end for a k6 that we ended.
        if let Some(child) = self.children().get_mut(&execution) {
            let _ = child.kill();
        }
        if let Some(RunnerFile { runner, k6, .. }) = file {
            runner.signal(Signal::KILL);
            if let Some(k6) = k6 {
                k6.signal_group(Signal::KILL);
            }
        }
        Ok(())
    }

    async fn spooled_frames(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId, after: u64) -> Result<Vec<Frame>, ExecutorError> {
        let path = self.folder(execution).spool();
        blocking(move || read_frames(&path, after).map_err(|source| ExecutorError::File { what: "The spool cannot be read".into(), source })).await
    }

    async fn log(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId, after: u64) -> Result<LogPage, ExecutorError> {
        let folder = self.folder(execution);
        let mark = self.log_marks().get(&execution).copied().unwrap_or_default();
        let (page, mark) = blocking(move || {
            let dropped = folder::read_json::<ExitReport>(&folder.exit())?.map_or(0, |report| report.log_dropped);
            let read = log_reader::read(&folder.log(), after, mark);
            let (page, mark) = read.map_err(|source| ExecutorError::File { what: "The log cannot be read".into(), source })?;
            Ok((LogPage { dropped, ..page }, mark))
        })
        .await?;
        self.log_marks().insert(execution, mark);
        Ok(page)
    }

    async fn clean_up(&self, _permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<(), ExecutorError> {
        let folder = self.folder(execution);
        if matches!(self.observe_now(execution)?, Observation::Starting { .. } | Observation::Running { .. }) {
            return Err(ExecutorError::StillGoing(execution));
        }
        // A runner that still forwards what has been read from the spool has nothing more to do.
        if let Ok(Some(file)) = folder::read_json::<RunnerFile>(&folder.runner()) {
            file.runner.signal(Signal::KILL);
        }
        Self::end_orphan(&folder);
        self.log_marks().remove(&execution);
        if let Some(mut child) = self.children().remove(&execution) {
            let _ = child.try_wait();
        }
        match fs::remove_dir_all(folder.root()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ExecutorError::File { what: "The folder of the execution cannot be removed".into(), source: error })
            }
            _ => Ok(()),
        }
    }

    async fn find_all(&self, _permit: &Permit<SuperviseRuns>) -> Result<Vec<ExecutionId>, ExecutorError> {
        let entries = fs::read_dir(self.settings.state_dir.join("executions"))
            .map_err(|source| ExecutorError::File { what: "The folder for executions cannot be read".into(), source })?;
        let mut found: Vec<ExecutionId> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        found.sort_unstable();
        Ok(found)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, ExecutorError> + Send + 'static) -> Result<T, ExecutorError> {
    spawn_blocking(work).await.map_err(|error| ExecutorError::Cut(error.to_string()))?
}

fn read_frames(path: &Path, after: u64) -> io::Result<Vec<Frame>> {
    let mut reader = Reader::open(path, 0)?;
    let mut frames = Vec::new();
    let (mut index, mut bytes) = (0_u64, 0_usize);
    while bytes < MOST_FRAME_BYTES {
        let Some(frame) = reader.next_frame()? else { break };
        index += 1;
        if index > after {
            bytes += frame.payload.len();
            frames.push(frame);
        }
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_below_their_bundle() {
        assert!(is_plain_relative(Path::new("k6/a.js")));
        for bad in ["", "/etc/passwd", "../a.js", "k6/../../a.js", "."] {
            assert!(!is_plain_relative(Path::new(bad)), "{bad}");
        }
    }

    #[test]
    fn names_of_parameters_are_plain() {
        assert!(is_variable_name("TARGET_2"));
        for bad in ["", "2A", "A B", "A=B", "-e"] {
            assert!(!is_variable_name(bad), "{bad}");
        }
    }
}
