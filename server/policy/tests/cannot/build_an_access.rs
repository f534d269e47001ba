//! An access comes from a policy.
use windfirm_model::actor::{Actor, SystemTask};
use windfirm_policy::Access;

fn forge() -> Access {
    Access::new(Actor::System { task: SystemTask::Ingest }, String::new(), Vec::new())
}

fn main() {}
