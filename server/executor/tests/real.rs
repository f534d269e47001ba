//! Everything here runs the real, stock k6 against real sockets: the contract with k6, the confinement, crashes, inspection.
//!
//! k6 is taken from `WINDFIRM_K6`, else from `.cache/k6/k6` of the workspace, else from `PATH`. Without one each test says `skipped` and,
//! where `WINDFIRM_REQUIRE_K6=1` is set, fails.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of these tests stand outside of the test functions")]

#[path = "real/stage.rs"]
mod stage;

#[path = "real/confinement.rs"]
mod confinement;
#[path = "real/contract.rs"]
mod contract;
#[path = "real/crash.rs"]
mod crash;
#[path = "real/inspect.rs"]
mod inspect;
#[path = "real/pod.rs"]
mod pod;
