//! The fields of a permit are private.
use windfirm_model::{actor::{Actor, SystemTask}, id::OperationId};
use windfirm_policy::{Permit, Resource, act::StopRun};

fn forge(operation: OperationId) -> Permit<StopRun> {
    Permit {
        operation,
        actor: Actor::System { task: SystemTask::Ingest },
        resource: Resource::default(),
        grant: None,
        frozen_account: None,
        policy_digest: String::new(),
        act: std::marker::PhantomData,
    }
}

fn main() {}
