//! Runs k6: the [`Executor`] that the portal talks to, the runner process that owns one k6, `k6 inspect`, and the confinement of both.
//!
//! One execution is one folder below the executor's state folder (see [`folder`]). The portal writes the orders and starts
//! `windfirm runner --orders FILE`; from then on the runner needs nobody. It starts k6, takes what k6 measures on a loopback port, writes
//! every frame to a spool before it acknowledges it, and forwards the frames to the portal for as long as that takes. The portal may die in
//! between: everything that it must know stands in the folder, and [`Executor::observe`] reads it from there.
//!
//! May know: processes, files, k6's command line and wire. May not know: SQL, pages, who is allowed what (a permit says so).

pub mod confine;
pub mod executor;
pub mod folder;
pub mod inspect;
pub mod k6;
pub mod local;
mod log_reader;
pub mod orders;
pub mod process;
pub mod reach;
pub mod runner;
pub mod spool;

pub use executor::{Ending, Executor, ExecutorError, ExitReport, Handle, Observation, PAST_DEADLINE};
pub use k6::K6;
pub use local::{LocalExecutor, LocalSettings};
pub use orders::{AllowedTarget, InCluster, Limits, Load, Orders, Secret};
