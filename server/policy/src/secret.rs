//! Secrets for tests: which keys of which Kubernetes Secrets the tests of an app get, as which variables.
//!
//! Knows names only. The values go from the Secret into the runner's pod, and past this portal.

use std::collections::{BTreeMap, BTreeSet};

use windfirm_model::{action::Action, environment::Environment, path::AppPath, view::run::SecretUse};

use crate::{
    access::{Place, bit, environment_matches},
    policy::{Grant, Policy},
};

/// A rule of the section `secrets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRule {
    pub name: String,
    pub(crate) on: Vec<AppPath>,
    /// `None`: all.
    pub(crate) environments: Option<Vec<Environment>>,
    /// The Secret. It lives in the namespace of the account that a run acts as.
    pub secret: String,
    /// Variable of the test, key in the Secret.
    pub keys: BTreeMap<String, String>,
}

/// What runs as one account may get of one Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSecret {
    pub secret: String,
    pub keys: BTreeSet<String>,
    /// The rules that say so, in the order of the file.
    pub rules: Vec<String>,
}

impl SecretRule {
    fn holds(&self, place: &Place) -> bool {
        environment_matches(self.environments.as_deref(), &place.environment) && self.on.iter().any(|path| path.covers(&place.path))
    }
    /// Whether there is a place where both hold.
    pub(crate) fn meets(&self, on: &[AppPath], environments: Option<&[Environment]>) -> bool {
        let same_environment = match (self.environments.as_deref(), environments) {
            (Some(ours), Some(theirs)) => ours.iter().any(|name| theirs.contains(name)),
            _ => true,
        };
        same_environment && self.on.iter().any(|ours| on.iter().any(|theirs| ours.covers(theirs) || theirs.covers(ours)))
    }
}

impl Policy {
    /// The rules that give the tests of the app in this place something, in the order of the file.
    pub fn secret_rules(&self, place: &Place) -> impl Iterator<Item = &SecretRule> {
        self.secrets.iter().filter(move |rule| rule.holds(place))
    }
    /// All that a run in this place gets, by variable. No variable is there twice.
    #[must_use]
    pub fn secrets_for(&self, place: &Place) -> Vec<SecretUse> {
        let of_rule = |rule: &SecretRule| {
            let secret = rule.secret.clone();
            rule.keys.clone().into_iter().map(move |(variable, key)| SecretUse { variable, secret: secret.clone(), key })
        };
        let mut found: Vec<SecretUse> = self.secret_rules(place).flat_map(of_rule).collect();
        found.sort();
        found
    }
    /// All that runs may get that are launched by one of these grants, by Secret.
    pub(crate) fn secrets_of(&self, grants: &[&Grant]) -> Vec<AccountSecret> {
        let mut found: BTreeMap<&str, AccountSecret> = BTreeMap::new();
        let launching: Vec<&&Grant> = grants.iter().filter(|grant| grant.actions & bit(Action::LaunchRun) != 0).collect();
        for rule in self.secrets.iter().filter(|rule| launching.iter().any(|grant| rule.meets(&grant.on, grant.environments.as_deref()))) {
            let empty = || AccountSecret { secret: rule.secret.clone(), keys: BTreeSet::new(), rules: Vec::new() };
            let known = found.entry(&rule.secret).or_insert_with(empty);
            known.keys.extend(rule.keys.values().cloned());
            known.rules.push(rule.name.clone());
        }
        found.into_values().collect()
    }
}
