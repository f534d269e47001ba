//! Policies, people and places made up by chance, for the properties and for the oracle.

use proptest::{prelude::*, sample::subsequence};
use windfirm_model::{
    action::{Action, Scope},
    actor::{Actor, Groups},
};
use windfirm_policy::Place;

use crate::support::{FIXTURE, person, place};

pub(crate) const GROUPS: [&str; 4] = ["a", "b", "c", "d"];
pub(crate) const USERS: [&str; 2] = ["ann", "bob"];
pub(crate) const ROLES: [&str; 4] = ["viewer", "tester", "lead", "auditor"];
pub(crate) const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];
/// Near misses on purpose: half names, characters around “/”, places within each other.
pub(crate) const PATHS: [&str; 10] =
    ["/", "/shop/", "/shop/pay/", "/shop/payments/", "/shop/pay/eu/", "/shop-x/", "/shop.x/", "/sho/", "/bank/", "/shop/pay-x/"];

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) groups: Vec<&'static str>,
    pub(crate) users: Vec<&'static str>,
    pub(crate) role: &'static str,
    pub(crate) on: Vec<&'static str>,
    pub(crate) environments: Vec<&'static str>,
}

pub(crate) fn grant() -> impl Strategy<Value = Grant> {
    let parts = (
        subsequence(GROUPS.to_vec(), 1..=3),
        subsequence(USERS.to_vec(), 0..=2),
        prop::sample::select(ROLES.to_vec()),
        subsequence(PATHS.to_vec(), 1..=4),
        subsequence(ENVIRONMENTS.to_vec(), 0..=2),
    );
    parts.prop_map(|(groups, users, role, on, environments)| Grant { groups, users, role, on, environments })
}

pub(crate) fn grants() -> impl Strategy<Value = Vec<Grant>> {
    prop::collection::vec(grant(), 1..12)
}

pub(crate) fn somebody() -> impl Strategy<Value = (&'static str, Vec<&'static str>)> {
    (prop::sample::select(vec!["ann", "bob", "cyd"]), subsequence(GROUPS.to_vec(), 0..=4))
}

pub(crate) fn yaml(grants: &[Grant]) -> String {
    let mut text = FIXTURE.split("grants:").next().unwrap().to_owned() + "grants:\n";
    for (index, grant) in grants.iter().enumerate() {
        let groups = grant.groups.iter().map(|name| format!("{{ group: {name} }}"));
        let users = grant.users.iter().map(|name| format!("{{ user: \"https://idp.example|{name}\" }}"));
        let to = groups.chain(users).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("  - {{ name: g{index}, to: [{to}], role: {}, on: [{}], as: x/y", grant.role, grant.on.join(", ")));
        if !grant.environments.is_empty() {
            text.push_str(&format!(", in: [{}]", grant.environments.join(", ")));
        }
        text.push_str(" }\n");
    }
    text
}

pub(crate) fn actor(subject: &str, groups: &[&str]) -> Actor {
    person(subject, Groups::Known(groups.iter().map(|&name| name.to_owned()).collect()))
}

pub(crate) fn tree_actions() -> impl Iterator<Item = Action> {
    Action::ALL.iter().copied().filter(|action| action.scope() == Scope::Tree)
}

pub(crate) fn places() -> Vec<Place> {
    let below = ["", "x/", "x/y/"];
    let all = PATHS.iter().flat_map(|path| below.iter().map(move |rest| format!("{path}{rest}")));
    all.flat_map(|path| ENVIRONMENTS.map(|environment| place(&path, environment))).collect()
}
