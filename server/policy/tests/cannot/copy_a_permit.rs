//! A permit is for one operation: it is not copied.
use windfirm_policy::{Permit, act::StopRun};

fn twice(permit: &Permit<StopRun>) -> (Permit<StopRun>, Permit<StopRun>) {
    (permit.clone(), permit.clone())
}

fn main() {}
