//! People, places and the policy that the tests share.

use windfirm_model::{
    actor::{Actor, Groups, PersonKey},
    environment::Environment,
    id::OperationId,
};
use windfirm_policy::{Place, Policy, compile};

pub(crate) const FIXTURE: &str = include_str!("../fixtures/policy.yaml");

pub(crate) fn policy() -> Policy {
    compiled(FIXTURE)
}

pub(crate) fn compiled(text: &str) -> Policy {
    compile(text, "policy.yaml").unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

pub(crate) fn member_of(groups: &[&str]) -> Actor {
    person("somebody", Groups::Known(groups.iter().map(|&name| name.to_owned()).collect()))
}

pub(crate) fn person(subject: &str, groups: Groups) -> Actor {
    Actor::Person { key: PersonKey { issuer: "https://idp.example".into(), subject: subject.into() }, name: subject.into(), groups }
}

pub(crate) fn place(path: &str, environment: &str) -> Place {
    Place { path: path.parse().unwrap(), environment: Environment::from(environment) }
}

pub(crate) fn operation() -> OperationId {
    "0190b0f0-0000-7000-8000-000000000001".parse().unwrap()
}
