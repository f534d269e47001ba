//! The constructor is the policy's own.
use windfirm_model::{actor::{Actor, SystemTask}, id::OperationId};
use windfirm_policy::{Permit, Resource, act::StopRun};

fn forge(operation: OperationId) -> Permit<StopRun> {
    Permit::new(operation, Actor::System { task: SystemTask::Ingest }, Resource::default(), None, String::new())
}

fn main() {}
