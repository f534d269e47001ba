//! In front of k6 in a pod of a cluster: an image of ours has this program under the name `k6`, and stock k6 behind it.
//!
//! k6 gives up on a delivery after three tries within 1.5 seconds. So `k6 run` is answered by a runner that takes k6's deliveries on
//! loopback, bounds and masks them, spools them to the disk of the pod and only then acknowledges them, and brings them to the portal for as
//! long as that takes. It ends when the portal has everything, with k6's own exit code. Whatever else k6 is asked for, k6 answers itself;
//! so does it when there is nothing to deliver, or no folder to spool to.
//!
//! k6 keeps its output, its log and its REST interface: whoever reads the pod's log or asks its port sees stock k6. The token of the portal
//! is this program's alone: k6 is given one for the loopback port.

mod delivery;
mod fetch;
mod status;

use std::{
    env,
    ffi::OsString,
    future::pending,
    io::Write as _,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::PathBuf,
    process::{ExitCode, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    signal::unix::{Signal as Told, SignalKind, signal},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use windfirm_model::clock::Clock;

use super::{
    desk::{Desk, Keeps},
    forward, receiver,
};
use crate::{executor::Ending, folder, spool::Spool};
use delivery::Delivery;

/// Folder of the pod that deliveries are spooled to. Without it k6 delivers itself.
pub const SPOOL: &str = "WINDFIRM_SPOOL";
/// How large that may grow with what the portal does not have yet, MiB.
pub const SPOOL_MIB: &str = "WINDFIRM_SPOOL_MIB";
/// How long deliveries are still brought to the portal after k6 has ended, seconds.
pub const FORWARD_GRACE_S: &str = "WINDFIRM_FORWARD_GRACE_S";
/// Where stock k6 is, if not at [`BEHIND`].
const K6: &str = "WINDFIRM_K6_BEHIND";
/// Where an image of ours has stock k6.
const BEHIND: &str = "/usr/libexec/windfirm/k6";
/// What an image of ours calls this program, so that a container can be told to run it.
pub const FRONT: &str = "/usr/bin/k6";
/// The argument with which it brings an archive to a folder of the pod: see [`fetch`].
pub const FETCH: &str = "fetch-archive";

/// A pod has half a minute from the wish to end until it is killed.
const LAST_GRACE: Duration = Duration::from_secs(25);
/// What a shell says of a program that is not there.
const NOT_THERE: u8 = 127;

/// The program in place of `k6`, with the arguments behind that name.
#[must_use]
pub fn main(arguments: &[OsString], clock: Arc<dyn Clock>) -> ExitCode {
    match arguments {
        [first, rest @ ..] if first == FETCH => fetch::main(rest),
        [first, ..] if first == "run" => match Delivery::read(&|name: &str| env::var(name).ok()) {
            Ok(Some(delivery)) => run(delivery, arguments, clock),
            Ok(None) => become_k6(arguments),
            Err(why) => without_us(&why, arguments),
        },
        _ => become_k6(arguments),
    }
}

fn k6() -> PathBuf {
    env::var_os(K6).map_or_else(|| PathBuf::from(BEHIND), PathBuf::from)
}

/// Comes back only when there is no k6.
fn become_k6(arguments: &[OsString]) -> ExitCode {
    let k6 = k6();
    #[expect(clippy::disallowed_methods, reason = "this is the executor")]
    let error = std::process::Command::new(&k6).args(arguments).exec();
    say("error", &format!("k6 cannot be started from {}: {error}. The image is not whole.", k6.display()));
    ExitCode::from(NOT_THERE)
}

/// k6 delivers by itself, which is better than no run.
fn without_us(why: &str, arguments: &[OsString]) -> ExitCode {
    say("warning", &format!("{why} So k6 delivers its measurements by itself, and what it cannot deliver at once is lost."));
    become_k6(arguments)
}

/// A line of the pod's log, in the form of k6's own.
fn say(level: &str, message: &str) {
    // When even that cannot be written there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{}", serde_json::json!({ "level": level, "msg": message, "source": "windfirm" }));
}

fn run(delivery: Delivery, arguments: &[OsString], clock: Arc<dyn Clock>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return without_us(&format!("The runner cannot start: {error}."), arguments),
    };
    match runtime.block_on(between(delivery, arguments, clock)) {
        Ok(code) => code,
        Err(why) => {
            drop(runtime);
            without_us(&why, arguments)
        }
    }
}

/// Starts k6 with its deliveries coming here, and waits until both are done. An error is one of before k6 was started.
async fn between(delivery: Delivery, arguments: &[OsString], clock: Arc<dyn Clock>) -> Result<ExitCode, String> {
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let folder = delivery.folder();
    let spool = Spool::open(&folder.spool()).map_err(|error| format!("The spool in {} cannot be opened: {error}.", delivery.spool.display()))?;
    let no_port = |error: std::io::Error| format!("No loopback port can be opened: {error}.");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_port)?;
    let port = listener.local_addr().map_err(no_port)?.port();
    let desk = Arc::new(Desk::new(folder.clone(), delivery.orders(), clock, spool, Keeps::Undelivered));
    let config = folder.root().join("k6.json");
    folder::write_json(&config, &delivery.config_with(&desk.receiver_token)).map_err(|error| format!("{error}."))?;

    let tracker = TaskTracker::new();
    let router = receiver::router(Arc::clone(&desk)).layer(from_fn_with_state(Arc::clone(&desk), pass_stop_on));
    let _receiving = tracker.spawn(async move { axum::serve(listener, router).await });
    let (progress, delivered) = watch::channel(0);
    let _forwarding = tracker.spawn(forward::forward(Arc::clone(&desk), progress));

    #[expect(clippy::disallowed_methods, reason = "this is the executor")]
    let mut command = Command::new(k6());
    command
        .args(arguments)
        .env("K6_CLOUD_HOST", format!("http://127.0.0.1:{port}"))
        .env("K6_CONFIG", &config)
        .env_remove("K6_CLOUD_TOKEN")
        .stdin(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("k6 cannot be started from {}: {error}.", k6().display()))?;
    let mut is_asked_to_end = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            _ = terminate.recv() => {
                is_asked_to_end = true;
                pass(&child, Signal::TERM);
            }
            _ = interrupt.recv() => pass(&child, Signal::INT),
        }
    };
    // Whoever asks k6's port is still answered: the kubelet ends a pod that does not, and the portal may ask for a stop.
    if let Some(address) = status::address(arguments) {
        let _answering = tracker.spawn(status::answer(address));
    }
    let grace = if is_asked_to_end { LAST_GRACE } else { delivery.grace };
    let asked_to_end = async {
        terminate.recv().await;
        sleep(LAST_GRACE).await;
    };
    tokio::select! {
        _ = timeout(grace, settled(&desk, delivered.clone())) => {}
        () = asked_to_end => {}
    }
    tell_what_is_missing(&desk, *delivered.borrow());
    Ok(exit_code(status))
}

fn listen(kind: SignalKind) -> Result<Told, String> {
    signal(kind).map_err(|error| format!("The runner cannot take signals: {error}."))
}

fn pass(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // It may end at this very moment; that is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

/// What the portal answers to end a test is answered to k6's next delivery: k6 ends itself then, and says why, as it does without us.
async fn pass_stop_on(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    match desk.stop() {
        Some(Ending::Portal { message }) => (StatusCode::FORBIDDEN, Json(serde_json::json!({ "error": { "code": 4, "message": message } }))).into_response(),
        _ => next.run(request).await,
    }
}

/// Comes back when the portal has everything, or takes nothing more.
async fn settled(desk: &Desk, mut delivered: watch::Receiver<u64>) {
    let frames = desk.counts().frames;
    let takes_no_more = async {
        while !matches!(desk.stop(), Some(Ending::Portal { .. })) {
            desk.stop_wanted.notified().await;
        }
    };
    let everything = async {
        if delivered.wait_for(|done| *done >= frames).await.is_err() {
            // Nobody forwards: the spool is all there is.
            pending::<()>().await;
        }
    };
    tokio::select! {
        () = everything => {}
        () = takes_no_more => {}
    }
}

/// The portal sees by k6's own counters that something is missing; here stands why.
fn tell_what_is_missing(desk: &Desk, delivered: u64) {
    let counts = desk.counts();
    let missing = counts.frames.saturating_sub(delivered);
    if missing > 0 && !matches!(desk.stop(), Some(Ending::Portal { .. })) {
        say("warning", &format!("The portal did not take {missing} of {} deliveries in time; they are missing in the results.", counts.frames));
    }
    for (reason, count) in counts.dropped {
        say("warning", &format!("Not delivered to the portal: {count} {reason}."));
    }
}

/// k6's own; of a signal what a shell makes of it.
fn exit_code(status: std::io::Result<ExitStatus>) -> ExitCode {
    let code = status.ok().and_then(|status| status.code().or_else(|| status.signal().map(|signal| 128 + signal)));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
