//! A launch needs its guardrails judged: `permit` does not give it.
use windfirm_model::id::OperationId;
use windfirm_policy::{Access, Place, Resource, act::LaunchRun};

fn launch(access: &Access, operation: OperationId, place: &Place) {
    let _permit = access.permit::<LaunchRun>(operation, place, Resource::default());
}

fn main() {}
