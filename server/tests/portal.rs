//! The portal as a whole, over its router: who may reach what, what is recorded, what a launch does, what bad input gets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, in its helpers too; it starts what it tests, and says what it skips"
)]

#[path = "portal/bad_input.rs"]
mod bad_input;
#[path = "portal/coverage.rs"]
mod coverage;
#[path = "portal/door.rs"]
mod door;
#[path = "portal/flows.rs"]
mod flows;
#[path = "portal/forms.rs"]
mod forms;
#[path = "portal/harness.rs"]
mod harness;
#[path = "portal/logs.rs"]
mod logs;
#[path = "portal/process.rs"]
mod process;
#[path = "portal/visitor.rs"]
mod visitor;
