//! Starts k6, keeps watch over it, and writes down how it ended.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::task::TaskTracker;
use windfirm_model::{clock::Clock, clock::Timestamp, run::Cause};

use super::{
    NOT_CONFINED, RunnerFile, Task,
    desk::{Desk, Keeps},
    forward,
    log_keeper::{Kept, LogKeeper},
    receiver, scratch,
};
use crate::{
    confine::{self, Plan},
    executor::{Ending, ExecutorError, ExitReport},
    folder::{self, Folder},
    k6,
    orders::Orders,
    process::ProcessRef,
    reach,
    spool::Spool,
};

/// How often the cancel file is looked for.
const LOOK: Duration = Duration::from_millis(200);
/// Between SIGTERM and SIGKILL.
const LAST_GRACE: Duration = Duration::from_secs(5);

pub(super) async fn supervise(
    folder: Folder,
    orders: Orders,
    arguments: Vec<OsString>,
    clock: Arc<dyn Clock>,
    mut file: RunnerFile,
) -> Result<(), ExecutorError> {
    let at = |what: &str| {
        let what = what.to_owned();
        move |source| ExecutorError::File { what, source }
    };
    let spool = Spool::open(&folder.spool()).map_err(at("The spool cannot be opened"))?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(at("No loopback port can be opened"))?;
    let port = listener.local_addr().map_err(at("No loopback port can be opened"))?.port();
    let forward_grace = Duration::from_secs(u64::from(orders.limits.forward_grace_s));
    let desk = Arc::new(Desk::new(folder.clone(), orders, clock, spool, Keeps::Everything));
    file.port = port;

    let tracker = TaskTracker::new();
    let router = receiver::router(Arc::clone(&desk));
    let _receiving = tracker.spawn(async move { axum::serve(listener, router).await });
    let (progress, delivered) = watch::channel(0);
    let _forwarding = tracker.spawn(forward::forward(Arc::clone(&desk), progress));

    let started = desk.clock.now();
    let report = match start_k6(&desk, &arguments, port) {
        Ok(child) => {
            file.k6 = child.id().and_then(ProcessRef::of);
            file.k6_started = Some(started);
            folder::write_json(&folder.runner(), &file)?;
            watch_k6(&desk, child, &tracker, started).await
        }
        Err(error) => not_started(&desk, started, &error),
    };
    folder::write_json(&folder.exit(), &report)?;

    // The end is on record; what is left is to bring the portal what it lacks, for a while.
    let mut delivered = delivered;
    let _ = timeout(forward_grace, delivered.wait_for(|done| *done >= report.frames)).await;
    Ok(())
}

fn start_k6(desk: &Desk, arguments: &[OsString], port: u16) -> Result<Child, ExecutorError> {
    let (folder, orders) = (&desk.folder, &desk.orders);
    let scratch = folder.scratch();
    let config = scratch.join("k6.json");
    folder::write_json(&config, &k6::config(orders))?;
    let plan = Plan {
        program: orders.k6.clone(),
        arguments: k6::run_arguments(orders, &config, &desk.summary),
        environment: k6::run_environment(orders, &scratch, port, &desk.receiver_token),
        directory: scratch.clone(),
        read: vec![orders.bundle.clone()],
        write: vec![scratch],
        connect: reach::ports(&orders.allowed).map(|ports| ports.into_iter().chain([port]).collect()),
        memory_bytes: orders.limits.memory_bytes,
        open_files: orders.limits.open_files,
        file_bytes: orders.limits.file_bytes,
        parent: std::process::id(),
        report: folder.confinement(),
    };
    folder::write_json(&folder.plan(), &Task::Confine { plan })?;
    // Through /proc, so that it is this very program even when the file was replaced by a newer one meanwhile.
    #[expect(clippy::disallowed_methods, reason = "this is the executor")]
    let mut command = Command::new("/proc/self/exe");
    command
        .args(arguments)
        .arg("--orders")
        .arg(folder.plan())
        .env_clear()
        .process_group(0)
        .stdin(Stdio::null())
        // The summary for terminals, and what `handleSummary` prints.
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().map_err(ExecutorError::Spawn)
}

async fn watch_k6(desk: &Arc<Desk>, mut child: Child, tracker: &TaskTracker, started: Timestamp) -> ExitReport {
    let process = child.id().and_then(ProcessRef::of);
    let log = LogKeeper::open(&desk.folder.log(), &desk.orders.bundle, desk.orders.limits.log_bytes);
    let reading = match (child.stderr.take(), log) {
        (Some(pipe), Ok(keeper)) => Some(tracker.spawn(keeper.read_all(pipe))),
        _ => None,
    };
    tokio::select! {
        () = guard(desk, process) => {}
        // Asked politely it would write on.
        () = scratch::until_over(desk, LOOK) => {}
    }
    // What it wrote since the last look.
    scratch::look_once(desk);
    // Whatever of its group is left goes with it; only then is it buried.
    if let Some(process) = process {
        process.signal_group(Signal::KILL);
    }
    let status = timeout(LAST_GRACE, child.wait()).await.ok().and_then(Result::ok);
    let kept = match reading {
        // The pipe closes with the last process that holds it, which is gone by now.
        Some(task) => timeout(LAST_GRACE, task).await.ok().and_then(Result::ok).unwrap_or_default(),
        None => Kept::default(),
    };
    let ended = desk.clock.now();
    report(desk, status, &kept, started, ended)
}

/// Waits for k6's end, and brings it about when somebody wants it. It is not buried yet when this returns.
async fn guard(desk: &Desk, process: Option<ProcessRef>) {
    let deadline = Instant::now() + Duration::from_secs(u64::from(desk.orders.deadline_s));
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut terminate = signal(SignalKind::terminate()).ok();
    let mut children = signal(SignalKind::child()).ok();
    loop {
        if desk.stop().is_some() {
            return end(process, children.as_mut(), Duration::from_secs(u64::from(desk.orders.limits.stop_grace_s))).await;
        }
        tokio::select! {
            () = ended(process, children.as_mut()) => return,
            () = desk.stop_wanted.notified() => {}
            () = tokio::time::sleep_until(deadline) => desk.want_stop(Ending::Deadline { limit_s: desk.orders.deadline_s }),
            _ = look.tick() => if let Ok(reason) = fs::read_to_string(desk.folder.cancel()) {
                desk.want_stop(Ending::Stopped { reason });
            },
            () = terminated(terminate.as_mut()) => desk.want_stop(Ending::Stopped { reason: "The machine ends its processes.".to_owned() }),
        }
    }
}

async fn terminated(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The end of k6, without burying it. `children` tells that a child of this process has changed, and must be there before this is called.
async fn ended(process: Option<ProcessRef>, mut children: Option<&mut tokio::signal::unix::Signal>) {
    while process.is_some_and(|process| process.is_alive()) {
        match &mut children {
            Some(changed) => {
                changed.recv().await;
            }
            None => sleep(LOOK).await,
        }
    }
}

/// SIGINT lets k6 run its teardown and send its last measurements; then less and less politely.
async fn end(process: Option<ProcessRef>, mut children: Option<&mut tokio::signal::unix::Signal>, grace: Duration) {
    for (signal, patience) in [(Signal::INT, grace), (Signal::TERM, LAST_GRACE), (Signal::KILL, LAST_GRACE)] {
        if let Some(process) = process {
            process.signal_group(signal);
        }
        tokio::select! {
            () = ended(process, children.as_deref_mut()) => return,
            () = sleep(patience) => {}
        }
    }
}

fn report(desk: &Desk, status: Option<ExitStatus>, kept: &Kept, started: Timestamp, ended: Timestamp) -> ExitReport {
    use std::os::unix::process::ExitStatusExt as _;
    let exit_code = status.and_then(|status| status.code());
    let signal = status.and_then(|status| status.signal());
    let counts = desk.counts();
    let memory_bytes = desk.orders.limits.memory_bytes;
    let not_confined = exit_code == Some(i32::from(NOT_CONFINED));
    let ending = match desk.stop() {
        _ if not_confined => Ending::NotStarted,
        Some(wanted) => wanted,
        None => Ending::Itself,
    };
    let cause = match &ending {
        Ending::NotStarted => Some(Cause::StartFailed { message: kept.last_error.clone() }),
        Ending::Itself => k6::failure::cause(exit_code, signal, &kept.last_error, memory_bytes),
        Ending::Deadline { limit_s } => Some(Cause::DeadlinePassed { limit_s: *limit_s }),
        Ending::Bound { bound, reached } => Some(Cause::BoundExceeded { bound: bound.clone(), reached: reached.clone() }),
        Ending::TooManyVus { limit, reached } => Some(Cause::TooManyVus { limit: *limit, reached: *reached }),
        Ending::Stopped { .. } | Ending::Portal { .. } | Ending::RunnersLost { .. } => None,
    };
    ExitReport {
        ending,
        exit_code,
        signal,
        started,
        ended,
        first_frame: counts.first_frame,
        cause,
        summary: summary(&desk.summary),
        frames: counts.frames,
        log_lines: kept.lines,
        log_dropped: kept.dropped,
        script_errors: kept.script_errors,
        dropped: counts.dropped.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        masked: counts.masked,
        confinement: confine::read_report(&desk.folder.confinement()).unwrap_or_default(),
        events: Vec::new(),
    }
}

fn not_started(desk: &Desk, started: Timestamp, error: &ExecutorError) -> ExitReport {
    let mut report = report(desk, None, &Kept::default(), started, desk.clock.now());
    report.ending = Ending::NotStarted;
    report.cause = Some(Cause::StartFailed { message: format!("{error}.") });
    report
}

/// k6's own counters, without what the script's author may have put beside them.
fn summary(path: &Path) -> Option<serde_json::Value> {
    /// A script with very many submetrics writes a long one; nobody reads more than this.
    const MOST: u64 = 16 << 20;
    // The script writes in the same folder: take a plain file only, never what a link points to.
    let meta = fs::symlink_metadata(path).ok().filter(|meta| meta.is_file() && meta.len() <= MOST)?;
    let _ = meta;
    let mut whole: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let metrics = whole.get_mut("metrics")?.take();
    Some(serde_json::json!({ "metrics": metrics }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a process that ends is what the test is about")]
    async fn an_end_is_seen_and_nobody_is_buried() {
        let mut children = signal(SignalKind::child()).unwrap();
        let mut child = Command::new("/bin/sh").args(["-c", "read x; exit 3"]).stdin(Stdio::piped()).spawn().unwrap();
        let process = child.id().and_then(ProcessRef::of);
        drop(child.stdin.take());
        timeout(Duration::from_secs(60), ended(process, Some(&mut children))).await.unwrap();
        // There still is somebody to signal the group of.
        assert_eq!(process, child.id().and_then(ProcessRef::of));
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
        ended(process, Some(&mut children)).await;
    }
}
