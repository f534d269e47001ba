//! A permit for one action is none for another.
use windfirm_policy::{Permit, act::{StopOwnRun, StopRun}};

fn stop_any(_permit: &Permit<StopRun>) {}

fn stop(permit: &Permit<StopOwnRun>) {
    stop_any(permit);
}

fn main() {}
