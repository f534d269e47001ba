//! The one value that answers for one thing and yields the predicate for lists.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use windfirm_model::{
    action::{Action, Reach, Scope as ActionScope},
    actor::{Actor, SystemTask},
    environment::Environment,
    id::OperationId,
    path::AppPath,
};

use crate::{
    act::PlainAct,
    index::{Index, prefixes},
    permit::{Permit, Resource},
};

/// A path and an environment: what actions on the tree are judged on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub path: AppPath,
    pub environment: Environment,
}

/// Which grant allowed something, through which subject, as which account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantUse {
    pub grant: String,
    pub role: String,
    /// `group shop-dev`, or `user https://idp.example|abc`.
    pub subject: String,
    pub path: AppPath,
    pub service_account: Option<String>,
}

/// One piece of a grant: these actions, on this path, in these environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) actions: u32,
    pub(crate) path: AppPath,
    /// `None`: all environments.
    pub(crate) environments: Option<Vec<Environment>>,
    pub(crate) grant: GrantUse,
}

/// What one actor may do, under one version of the policy.
#[derive(Clone, Debug)]
pub struct Access {
    actor: Actor,
    policy_digest: String,
    /// In the order of the policy: the first that matches is the one that is named.
    rules: Vec<Rule>,
    index: Index,
}

/// The answer for one action in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    Allowed(&'a GrantUse),
    Refused,
}

/// Why a permit was not made. What the asker may be told depends on whether they may see the place at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// They may not even see it: answer as if it were not there.
    #[error("not visible")]
    Invisible,
    /// They may see it, but not do this. The sentence is for them.
    #[error("{0}")]
    Forbidden(String),
}

/// One row of the predicate: `path >= from and path < to and (environment = e or e = '*')`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    pub from: String,
    pub to: String,
    /// `*` for all.
    pub environment: String,
}

/// All rows of the predicate for one action, smallest set, sorted; the digest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeSet {
    pub digest: String,
    pub rows: Vec<Scope>,
}

impl GrantUse {
    /// Without the account when the action does not reach a cluster: nothing acts as it then.
    fn for_action(mut self, action: Action) -> Self {
        if action.reach() == Reach::PortalOnly {
            self.service_account = None;
        }
        self
    }
}

pub(crate) const fn bit(action: Action) -> u32 {
    match action {
        Action::ViewApp => 1,
        Action::ViewRun => 1 << 1,
        Action::LaunchRun => 1 << 2,
        Action::StopOwnRun => 1 << 3,
        Action::StopRun => 1 << 4,
        Action::ViewAudit => 1 << 5,
        Action::ExportAudit => 1 << 6,
        Action::ViewPolicy => 1 << 7,
        Action::ViewSystem => 1 << 8,
        Action::ExplainAccess => 1 << 9,
    }
}

impl Access {
    pub(crate) fn new(actor: Actor, policy_digest: String, rules: Vec<Rule>) -> Self {
        let index = Index::new(&rules);
        Self { actor, policy_digest, rules, index }
    }
    /// A system task reads everything. It changes nothing without a [`Permit`] of its own acts.
    #[must_use]
    pub fn system(task: SystemTask) -> Self {
        let everything = Rule {
            actions: bit(Action::ViewApp) | bit(Action::ViewRun) | bit(Action::ViewAudit),
            path: AppPath::root(),
            environments: None,
            grant: GrantUse { grant: "system".into(), role: "system".into(), subject: task.name().into(), path: AppPath::root(), service_account: None },
        };
        Self::new(Actor::System { task }, String::new(), vec![everything])
    }
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }
    #[must_use]
    pub fn policy_digest(&self) -> &str {
        &self.policy_digest
    }
    /// May the actor do this here, and which grant says so.
    #[must_use]
    pub fn can(&self, action: Action, place: &Place) -> Decision<'_> {
        self.index
            .first(bit(action), &place.path, &place.environment, &self.rules)
            .and_then(|position| self.rules.get(position))
            .map_or(Decision::Refused, |rule| Decision::Allowed(&rule.grant))
    }
    #[must_use]
    pub fn allows(&self, action: Action, place: &Place) -> bool {
        matches!(self.can(action, place), Decision::Allowed(_))
    }
    /// [`Access::allows`] where path and environment stand apart: for walks over all apps, which ask many times.
    #[must_use]
    pub fn allows_in(&self, action: Action, path: &AppPath, environment: &Environment) -> bool {
        self.index.first(bit(action), path, environment, &self.rules).is_some()
    }
    /// [`Access::allows_in`] for several actions, in the time of one.
    #[must_use]
    pub fn allows_each<const N: usize>(&self, actions: [Action; N], path: &AppPath, environment: &Environment) -> [bool; N] {
        let granted = self.index.granted(path, environment, &self.rules);
        actions.map(|action| granted & bit(action) != 0)
    }
    /// May the actor do this anywhere at all: for menus, and for actions on the portal itself.
    #[must_use]
    pub fn can_anywhere(&self, action: Action) -> Option<&GrantUse> {
        self.rules.iter().find(|rule| rule.actions & bit(action) != 0).map(|rule| &rule.grant)
    }
    /// A permit for an action that needs nothing but a grant. It is for `place`, whatever path and environment `resource` says.
    pub fn permit<A: PlainAct>(&self, operation: OperationId, place: &Place, resource: Resource) -> Result<Permit<A>, Refused> {
        let grant = self.grant_for(A::ACTION, place)?;
        Ok(Permit::new(operation, self.actor.clone(), resource.at(place), Some(grant), self.policy_digest.clone()))
    }
    /// A permit for an action that is not tied to one place: reading the audit log of one's paths, explaining.
    pub fn permit_anywhere<A: PlainAct>(&self, operation: OperationId, resource: Resource) -> Result<Permit<A>, Refused> {
        match self.can_anywhere(A::ACTION) {
            Some(grant) => Ok(Permit::new(operation, self.actor.clone(), resource, Some(grant.clone().for_action(A::ACTION)), self.policy_digest.clone())),
            None => Err(Refused::Forbidden(format!("No grant gives you {}.", A::ACTION.code()))),
        }
    }
    pub(crate) fn grant_for(&self, action: Action, place: &Place) -> Result<GrantUse, Refused> {
        match self.can(action, place) {
            Decision::Allowed(grant) => Ok(grant.clone().for_action(action)),
            Decision::Refused if self.allows(Action::ViewApp, place) || self.allows(Action::ViewRun, place) => {
                Err(Refused::Forbidden(self.why_not(action, place)))
            }
            Decision::Refused => Err(Refused::Invisible),
        }
    }
    /// The rows of the SQL predicate: `list = filter(all, can)`, by construction from the same rules.
    #[must_use]
    pub fn scopes(&self, action: Action) -> ScopeSet {
        debug_assert!(matches!(action.scope(), ActionScope::Tree), "only actions on the tree have a predicate");
        let mut rows: Vec<Scope> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.actions & bit(action) != 0) {
            let scope = |environment: &str| Scope { from: rule.path.as_str().to_owned(), to: rule.path.end(), environment: environment.to_owned() };
            match &rule.environments {
                None => rows.push(scope("*")),
                Some(environments) => rows.extend(environments.iter().map(|environment| scope(environment.as_str()))),
            }
        }
        ScopeSet::minimal(rows)
    }
}

impl ScopeSet {
    /// Drops every row that another row covers, sorts, and names the rest by its content. A row is covered only by a row of a place
    /// above it (or the same), because subtrees lie within each other or apart.
    fn minimal(mut rows: Vec<Scope>) -> Self {
        rows.sort();
        rows.dedup();
        let all: HashSet<(&str, &str)> = rows.iter().map(|row| (row.from.as_str(), row.environment.as_str())).collect();
        let covered = |row: &Scope| {
            prefixes(&row.from).any(|above| {
                let same_place = above == row.from;
                (all.contains(&(above, "*")) && !(same_place && row.environment == "*")) || (!same_place && all.contains(&(above, row.environment.as_str())))
            })
        };
        let kept: Vec<Scope> = rows.iter().filter(|row| !covered(row)).cloned().collect();
        let mut hash = Sha256::new();
        for row in &kept {
            for text in [&row.from, &row.to, &row.environment] {
                hash.update(text.as_bytes());
                hash.update([0]);
            }
        }
        Self { digest: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), rows: kept }
    }
}

pub(crate) fn environment_matches(allowed: Option<&[Environment]>, environment: &Environment) -> bool {
    allowed.is_none_or(|names| names.contains(environment))
}
