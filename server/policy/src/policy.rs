//! A compiled policy: one version of who may do what, as which service account, within which guardrails.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use windfirm_model::{
    action::Action,
    actor::{Actor, PersonKey},
    environment::Environment,
    path::AppPath,
    view::access::GrantRow,
};

use crate::{
    access::{Access, GrantUse, Place, Rule, bit, environment_matches},
    guardrail::Guardrail,
    index::prefixes,
    pattern::Pattern,
    secret::SecretRule,
};

/// Made by [`crate::compile`] only, so it is always whole and consistent.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) digest: String,
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) environments: Vec<EnvironmentRule>,
    pub(crate) roles: Vec<Role>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) guardrails: Vec<Guardrail>,
    pub(crate) secrets: Vec<SecretRule>,
    /// Positions in `grants`, so that the access of one person does not read every grant.
    pub(crate) by_subject: HashMap<Subject, Vec<usize>>,
}

/// What an environment rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppFacts {
    /// Name or address of the cluster that the app is deployed to.
    pub cluster: String,
    /// The namespace that the app is deployed to (not the one of its Application object).
    pub namespace: String,
    /// The name of the app.
    pub name: String,
    pub path: AppPath,
}

#[derive(Clone, Debug)]
pub(crate) struct EnvironmentRule {
    pub(crate) name: Environment,
    pub(crate) cluster: Option<Pattern>,
    pub(crate) namespace: Option<Pattern>,
    pub(crate) app: Option<Pattern>,
    pub(crate) path: Option<AppPath>,
    /// What the service accounts that runs of this environment have carry: identities in a cloud.
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// With everything that it includes.
    pub(crate) actions: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Group(String),
    User(PersonKey),
}

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) name: String,
    pub(crate) to: Vec<Subject>,
    pub(crate) role: String,
    pub(crate) actions: u32,
    pub(crate) on: Vec<AppPath>,
    /// `None`: all.
    pub(crate) environments: Option<Vec<Environment>>,
    pub(crate) service_account: Option<String>,
}

impl Policy {
    /// SHA-256 of the text, in hexadecimal. Runs and audit rows refer to it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
    /// The name of the file, as it was given to [`crate::compile`].
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
    /// The file as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Everything that `actor` may do under this version. Unknown groups grant nothing, and a system task has no grants.
    #[must_use]
    pub fn access(&self, actor: &Actor) -> Access {
        let mut rules = Vec::new();
        for (grant, subject) in self.grants_for(actor) {
            for path in &grant.on {
                rules.push(Rule {
                    actions: grant.actions,
                    path: path.clone(),
                    environments: grant.environments.clone(),
                    grant: GrantUse {
                        grant: grant.name.clone(),
                        role: grant.role.clone(),
                        subject: subject.to_string(),
                        path: path.clone(),
                        service_account: grant.service_account.clone(),
                    },
                });
            }
        }
        Access::new(actor.clone(), self.digest.clone(), rules)
    }
    /// The grants by which somebody may launch in this place, each with the service account that they act as there, in the order of
    /// the policy.
    pub fn accounts_at(&self, place: &Place) -> impl Iterator<Item = (&str, &str)> {
        let here = move |grant: &&Grant| {
            grant.actions & bit(Action::LaunchRun) != 0
                && environment_matches(grant.environments.as_deref(), &place.environment)
                && prefixes(place.path.as_str()).any(|above| grant.on.iter().any(|path| path.as_str() == above))
        };
        self.grants.iter().filter(here).filter_map(|grant| Some((grant.name.as_str(), grant.service_account.as_deref()?)))
    }
    /// The environment of an app, and a sentence that says which rule decided. The first rule that matches wins.
    #[must_use]
    pub fn environment_of(&self, app: &AppFacts) -> (Environment, String) {
        self.environments.iter().find(|rule| rule.matches(app)).map_or_else(
            // Cannot be: `compile` demands a last rule that matches everything. An environment that no grant names is the safe answer.
            || (Environment::from(""), "No rule of the policy matches.".to_owned()),
            |rule| (rule.name.clone(), format!("Rule {} of the policy: {}.", rule.name, rule.condition())),
        )
    }
    /// The environments that apps can have, in the order of the rules, each once.
    #[must_use]
    pub fn environments(&self) -> Vec<Environment> {
        let mut names: Vec<Environment> = Vec::new();
        for rule in &self.environments {
            if !names.contains(&rule.name) {
                names.push(rule.name.clone());
            }
        }
        names
    }
    /// Every role with all its actions, in the order of the file.
    #[must_use]
    pub fn roles(&self) -> Vec<(String, Vec<String>)> {
        self.roles.iter().map(|role| (role.name.clone(), codes(role.actions))).collect()
    }
    /// Every grant, in the order of the file. Only for those who may read the policy.
    #[must_use]
    pub fn grants(&self) -> Vec<GrantRow> {
        self.grants.iter().map(|grant| grant.row(grant.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))).collect()
    }
    /// The grants that hold for `actor`, each with the subject that matched.
    #[must_use]
    pub fn grants_of(&self, actor: &Actor) -> Vec<GrantRow> {
        self.grants_for(actor).map(|(grant, subject)| grant.row(subject.to_string())).collect()
    }

    /// In the order of the file, each with its first subject that matches.
    fn grants_for(&self, actor: &Actor) -> impl Iterator<Item = (&Grant, &Subject)> {
        let mine: Vec<Subject> = match actor {
            Actor::System { .. } => Vec::new(),
            Actor::Person { key, groups, .. } => {
                std::iter::once(Subject::User(key.clone())).chain(groups.known().iter().cloned().map(Subject::Group)).collect()
            }
        };
        let positions: BTreeSet<usize> = mine.iter().filter_map(|subject| self.by_subject.get(subject)).flatten().copied().collect();
        positions.into_iter().filter_map(move |position| {
            let grant = self.grants.get(position)?;
            grant.to.iter().find(|subject| mine.contains(subject)).map(|subject| (grant, subject))
        })
    }
}

impl EnvironmentRule {
    fn matches(&self, app: &AppFacts) -> bool {
        let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(text));
        fits(&self.cluster, &app.cluster)
            && fits(&self.namespace, &app.namespace)
            && fits(&self.app, &app.name)
            && self.path.as_ref().is_none_or(|path| path.covers(&app.path))
    }
    pub(crate) fn matches_all(&self) -> bool {
        [&self.cluster, &self.namespace, &self.app].into_iter().flatten().all(Pattern::matches_all)
            && self.path.as_ref().is_none_or(|path| *path == AppPath::root())
    }
    fn condition(&self) -> String {
        let patterns = [("cluster", &self.cluster), ("namespace", &self.namespace), ("app", &self.app)];
        let mut parts: Vec<String> =
            patterns.iter().filter_map(|(what, pattern)| pattern.as_ref().map(|pattern| format!("{what} {}", pattern.as_str()))).collect();
        parts.extend(self.path.as_ref().map(|path| format!("path {path}")));
        if parts.is_empty() { "every app".to_owned() } else { parts.join(" and ") }
    }
}

impl Grant {
    pub(crate) fn row(&self, subject: String) -> GrantRow {
        GrantRow {
            name: self.name.clone(),
            subject,
            role: self.role.clone(),
            can: codes(self.actions),
            on: self.on.clone(),
            environments: self.environments.clone().unwrap_or_default(),
            service_account: self.service_account.clone(),
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group {name}"),
            Self::User(key) => write!(f, "user {key}"),
        }
    }
}

/// The codes of a set of actions, in the order of the table.
fn codes(actions: u32) -> Vec<String> {
    Action::ALL.iter().filter(|action| actions & bit(**action) != 0).map(|action| action.code().to_owned()).collect()
}
