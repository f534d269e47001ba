//! Finds the first rule that decides, in a time that does not grow with the number of rules.
//!
//! Rules hang at their path. A decision looks at the place and the places above it, a handful, whatever the policy holds.

use std::collections::HashMap;

use windfirm_model::{environment::Environment, path::AppPath};

use crate::access::{Rule, environment_matches};

/// Positions of rules by path. On each path only those that add something: a rule whose actions and environments earlier rules
/// of the same path cover already can never be the first.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    by_path: HashMap<Box<str>, Vec<Hook>>,
    /// Bytes of the longest path with rules: deeper places need not be looked up.
    longest: usize,
}

#[derive(Clone, Copy, Debug)]
struct Hook {
    actions: u32,
    position: usize,
}

impl Hook {
    fn holds_in(&self, environment: &Environment, rules: &[Rule]) -> bool {
        rules.get(self.position).is_some_and(|rule| environment_matches(rule.environments.as_deref(), environment))
    }
}

impl Index {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut by_path: HashMap<Box<str>, Vec<Hook>> = HashMap::new();
        for (position, rule) in rules.iter().enumerate() {
            let hooks = by_path.entry(rule.path.as_str().into()).or_default();
            let actions = rule.actions & !covered_by(hooks, rules, rule);
            if actions != 0 {
                hooks.push(Hook { actions, position });
            }
        }
        let longest = by_path.keys().map(|path| path.len()).max().unwrap_or_default();
        Self { by_path, longest }
    }
    /// The position of the first rule, in the order of the policy, that gives one of `actions` there.
    pub(crate) fn first(&self, actions: u32, path: &AppPath, environment: &Environment, rules: &[Rule]) -> Option<usize> {
        let deciding = |hook: &&Hook| hook.actions & actions != 0 && hook.holds_in(environment, rules);
        self.above(path).filter_map(|hooks| hooks.iter().find(deciding).map(|hook| hook.position)).min()
    }
    /// All actions that some rule gives there.
    pub(crate) fn granted(&self, path: &AppPath, environment: &Environment, rules: &[Rule]) -> u32 {
        self.above(path).flatten().filter(|hook| hook.holds_in(environment, rules)).fold(0, |given, hook| given | hook.actions)
    }
    /// What hangs at the place and at those above it.
    fn above<'i>(&'i self, path: &'i AppPath) -> impl Iterator<Item = &'i [Hook]> {
        prefixes(path.as_str()).take_while(|path| path.len() <= self.longest).filter_map(|path| self.by_path.get(path)).map(Vec::as_slice)
    }
}

/// The actions of `rule` that earlier rules of the same path give in all of its environments.
fn covered_by(hooks: &[Hook], rules: &[Rule], rule: &Rule) -> u32 {
    let given = |environment: Option<&windfirm_model::environment::Environment>| {
        let holds = |hook: &&Hook| {
            rules.get(hook.position).is_some_and(|earlier| match (&earlier.environments, environment) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(names), Some(environment)) => names.contains(environment),
            })
        };
        hooks.iter().filter(holds).fold(0, |given, hook| given | hook.actions)
    };
    match &rule.environments {
        None => given(None),
        Some(environments) => environments.iter().fold(u32::MAX, |covered, environment| covered & given(Some(environment))),
    }
}

/// A path and every path above it, from the root down: `/`, `/shop/`, `/shop/payments/`.
pub(crate) fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    // Byte by byte: names are too short for a search that is made for long texts.
    path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').filter_map(move |(position, _)| path.get(..=position))
}
