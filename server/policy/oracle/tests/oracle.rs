//! Cedar as an independent oracle: the same grants, told to another engine in its own language, decide the same everywhere.
//!
//! Roles, paths and membership are told as Cedar's own hierarchies, so nothing of our compiler takes part in its answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is the failure")]

use std::collections::{HashMap, HashSet};

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression};
use proptest::prelude::*;
use windfirm_policy::Place;

#[cfg(test)]
#[path = "../../tests/policy/generated.rs"]
mod generated;
#[cfg(test)]
#[path = "../../tests/policy/support.rs"]
#[expect(dead_code, reason = "shared with the tests of the policy, which use more of it")]
mod support;

use generated::{Grant, actor, grants, places, somebody, tree_actions, yaml};
use support::compiled;

/// Role, the roles it includes, and its own actions: read off the fixture by hand.
const ROLES: [(&str, &[&str], &[&str]); 4] = [
    ("viewer", &[], &["app.view", "run.view"]),
    ("tester", &["viewer"], &["run.launch", "run.stop.own"]),
    ("lead", &["tester"], &["run.stop", "audit.view"]),
    ("auditor", &["viewer"], &["audit.view", "audit.export"]),
];

fn uid(kind: &str, id: &str) -> EntityUid {
    format!("{kind}::{id:?}").parse().unwrap()
}

fn named(kind: &str, ids: &[&str]) -> HashSet<EntityUid> {
    ids.iter().map(|id| uid(kind, id)).collect()
}

/// An action is in a role if the role has it; a role is in each role that includes it.
fn actions() -> Vec<Entity> {
    let roles = ROLES.iter().map(|(role, ..)| {
        let including: Vec<&str> = ROLES.iter().filter(|(_, includes, _)| includes.contains(role)).map(|(outer, ..)| *outer).collect();
        Entity::new_no_attrs(uid("Action", role), named("Action", &including))
    });
    let own = tree_actions().map(|action| {
        let having: Vec<&str> = ROLES.iter().filter(|(_, _, can)| can.contains(&action.code())).map(|(role, ..)| *role).collect();
        Entity::new_no_attrs(uid("Action", action.code()), named("Action", &having))
    });
    roles.chain(own).collect()
}

/// `/shop/pay/` is in `/shop/`, which is in `/`.
fn above(path: &str) -> Vec<String> {
    let cuts = path.char_indices().filter(|(_, character)| *character == '/').map(|(at, _)| path[..=at].to_owned());
    cuts.filter(|cut| cut != path).collect()
}

fn path_entities(places: &[Place]) -> Vec<Entity> {
    let mut all: HashSet<String> = HashSet::new();
    for place in places {
        all.insert(place.path.to_string());
        all.extend(above(place.path.as_str()));
    }
    let entity = |path: String| {
        let parents = above(&path).iter().map(|parent| uid("Path", parent)).collect();
        Entity::new_no_attrs(uid("Path", &path), parents)
    };
    all.into_iter().map(entity).collect()
}

fn app(place: &Place) -> Entity {
    let environment = RestrictedExpression::new_string(place.environment.as_str().to_owned());
    let attributes = HashMap::from([("environment".to_owned(), environment)]);
    Entity::new(app_uid(place), attributes, named("Path", &[place.path.as_str()])).unwrap()
}

fn app_uid(place: &Place) -> EntityUid {
    uid("App", &format!("{} in {}", place.path, place.environment.as_str()))
}

fn cedar(grants: &[Grant]) -> PolicySet {
    let mut text = String::new();
    for grant in grants {
        let groups = grant.groups.iter().map(|name| format!("principal in Group::{name:?}"));
        let users = grant.users.iter().map(|name| format!("principal == User::{name:?}"));
        for who in groups.chain(users) {
            for on in &grant.on {
                text.push_str(&format!("permit({who}, action in Action::{:?}, resource in Path::{on:?})", grant.role));
                if !grant.environments.is_empty() {
                    text.push_str(&format!(" when {{ {:?}.contains(resource.environment) }}", grant.environments));
                }
                text.push_str(";\n");
            }
        }
    }
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cedar_decides_the_same(grants in grants(), (subject, groups) in somebody()) {
        let access = compiled(&yaml(&grants)).access(&actor(subject, &groups));
        let places = places();
        let mut entities = actions();
        entities.extend(path_entities(&places));
        entities.extend(places.iter().map(app));
        entities.extend(groups.iter().map(|group| Entity::new_no_attrs(uid("Group", group), HashSet::new())));
        entities.push(Entity::new_no_attrs(uid("User", subject), named("Group", &groups)));
        let entities = Entities::from_entities(entities, None).unwrap();
        let (policies, authorizer) = (cedar(&grants), Authorizer::new());
        let mut allowed = 0_usize;
        for action in tree_actions() {
            for place in &places {
                let request = Request::new(uid("User", subject), uid("Action", action.code()), app_uid(place), Context::empty(), None).unwrap();
                let theirs = authorizer.is_authorized(&request, &policies, &entities);
                prop_assert_eq!(theirs.diagnostics().errors().count(), 0);
                let theirs = theirs.decision() == Decision::Allow;
                prop_assert_eq!(access.allows(action, place), theirs, "{} {:?}", action.code(), place);
                allowed += usize::from(theirs);
            }
        }
        // A person whom some grant names for everything of a path is never refused everywhere: the comparison is not one of empty sets.
        let named = grants.iter().any(|grant| grant.users.contains(&subject) || grant.groups.iter().any(|group| groups.contains(group)));
        prop_assert_eq!(allowed > 0, named);
    }
}
