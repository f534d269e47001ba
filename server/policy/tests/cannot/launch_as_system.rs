//! What a person's grant decides, no system task and no “own” permit gives.
use windfirm_model::{actor::{Actor, SystemTask}, id::OperationId};
use windfirm_policy::{Permit, Resource, act::LaunchRun};

fn as_system(operation: OperationId) -> Permit<LaunchRun> {
    Permit::<LaunchRun>::system(operation, Resource::default())
}

fn as_own(operation: OperationId) -> Permit<LaunchRun> {
    Permit::<LaunchRun>::own(operation, Actor::System { task: SystemTask::Ingest }, Resource::default())
}

fn main() {}
