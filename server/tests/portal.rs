//! The portal as a whole, over its router: who may reach what, what is recorded, what a launch does, what bad input gets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, in its helpers too; it starts what it tests, and says what it skips"
)]

#[path = "portal/access.rs"]
mod access;
#[path = "portal/asking.rs"]
mod asking;
#[path = "portal/bad_input.rs"]
mod bad_input;
#[path = "portal/bounds.rs"]
mod bounds;
#[path = "portal/coverage.rs"]
mod coverage;
#[path = "portal/deployed.rs"]
mod deployed;
#[path = "portal/deployments.rs"]
mod deployments;
#[path = "portal/door.rs"]
mod door;
#[path = "portal/flows.rs"]
mod flows;
#[path = "portal/forms.rs"]
mod forms;
#[path = "portal/gate.rs"]
mod gate;
#[path = "portal/harness.rs"]
mod harness;
#[path = "portal/k6.rs"]
mod k6;
#[path = "portal/later_clock.rs"]
mod later_clock;
#[path = "portal/launching.rs"]
mod launching;
#[path = "portal/live.rs"]
mod live;
#[path = "portal/logs.rs"]
mod logs;
#[path = "portal/lost_runners.rs"]
mod lost_runners;
#[path = "portal/own_secrets.rs"]
mod own_secrets;
#[path = "portal/process.rs"]
mod process;
#[path = "portal/replicas.rs"]
mod replicas;
#[path = "portal/repositories.rs"]
mod repositories;
#[path = "portal/secrets.rs"]
mod secrets;
#[path = "portal/starts.rs"]
mod starts;
#[path = "portal/visitor.rs"]
mod visitor;
#[path = "portal/waiting.rs"]
mod waiting;

// What the tests of the store use too.
#[path = "../store/tests/conformance/postgres.rs"]
mod postgres;
