//! The portal as a whole, over its router: who may reach what, what is recorded, what a launch does, what bad input gets.

#[path = "portal/bad_input.rs"]
mod bad_input;
#[path = "portal/coverage.rs"]
mod coverage;
#[path = "portal/flows.rs"]
mod flows;
#[path = "portal/harness.rs"]
mod harness;
