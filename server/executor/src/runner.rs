//! The runner: a small process of its own that owns one k6 from start to end.
//!
//! The portal's command line calls [`main`] for `windfirm runner --orders FILE`, before it builds any runtime. The file says what to do: to
//! run an execution, or to become a confined process (the runner starts itself again for that, see [`crate::confine`]). The runner needs
//! nobody: it keeps the deadline, the bounds and the spool also when the portal is gone for good.

mod desk;
mod forward;
mod log_keeper;
pub mod pod;
mod receiver;
mod scratch;
mod supervise;
mod vus;

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::Write as _,
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use windfirm_model::clock::{Clock, Timestamp};

use crate::{
    confine::{self, Plan},
    executor::ExecutorError,
    folder::{self, Folder},
    orders::Orders,
    process::ProcessRef,
};

/// Exit code of a process that should have become k6 and could not. k6 itself has no such code.
pub(crate) const NOT_CONFINED: u8 = 126;

/// What a file of orders may ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Run this execution.
    Run {
        orders: Box<Orders>,
        /// Arguments between the program and `--orders`: how this program becomes a runner (`runner`).
        arguments: Vec<OsString>,
    },
    /// Give up all rights but these and become that program.
    Confine { plan: Plan },
}

/// `runner.json`: who runs this execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerFile {
    pub runner: ProcessRef,
    pub started: Timestamp,
    /// Loopback port that k6 reports to; 0 before it listens.
    pub port: u16,
    /// Leader of k6's process group, once it is there.
    pub k6: Option<ProcessRef>,
    pub k6_started: Option<Timestamp>,
}

/// Carries out a file of orders. Starting it again for the same execution does nothing and ends well.
#[must_use]
pub fn main(orders: &Path, clock: Arc<dyn Clock>) -> ExitCode {
    match folder::read_json::<Task>(orders) {
        Ok(Some(Task::Run { orders: what, arguments })) => match run(&Folder::of_orders(orders), *what, arguments, clock) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, ExitCode::FAILURE),
        },
        Ok(Some(Task::Confine { plan })) => {
            // The plan holds the token for the receiver; nobody needs the file any more.
            let _ = std::fs::remove_file(orders);
            complain(&confine::become_confined(&plan), ExitCode::from(NOT_CONFINED))
        }
        Ok(None) => complain(&ExecutorError::Orders(format!("there is no file {}", orders.display())), ExitCode::FAILURE),
        Err(error) => complain(&error, ExitCode::FAILURE),
    }
}

fn complain(error: &dyn std::error::Error, code: ExitCode) -> ExitCode {
    // When even that cannot be written there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{error}");
    code
}

fn run(folder: &Folder, orders: Orders, arguments: Vec<OsString>, clock: Arc<dyn Clock>) -> Result<(), ExecutorError> {
    // A session of our own: what ends the portal's session or group does not end us. It fails only when we lead one already.
    let _ = rustix::process::setsid();
    let Some(_lock) = lock(folder)? else { return Ok(()) };
    if folder.runner().exists() || folder.exit().exists() {
        // Somebody ran this before us and is gone: the execution is lost or ended. It is never run twice.
        return Ok(());
    }
    let runner = ProcessRef::own().ok_or_else(|| ExecutorError::Orders("/proc cannot be read".into()))?;
    let file = RunnerFile { runner, started: clock.now(), port: 0, k6: None, k6_started: None };
    folder::write_json(&folder.runner(), &file)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ExecutorError::File { what: "The runner cannot start".into(), source })?;
    runtime.block_on(supervise::supervise(folder.clone(), orders, arguments, clock, file))
}

/// The lock of this execution; `None` when somebody else has it.
fn lock(folder: &Folder) -> Result<Option<File>, ExecutorError> {
    let error = |source| ExecutorError::File { what: "The lock of the execution cannot be taken".into(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.lock()).map_err(error)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(error(source)),
    }
}
