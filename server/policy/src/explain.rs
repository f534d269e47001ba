//! Why something is allowed or refused, in one sentence with its whole chain.
//!
//! Speaks only of the grants of the one whose access it is: what others may do, and what else the policy holds, stays unsaid.

use windfirm_model::{
    action::{Action, Reach, Scope},
    actor::{Actor, Groups},
    environment::Environment,
    view::access::{ActionRow, DecisionRow},
};

use crate::{
    access::{Access, Decision, Place, Rule, bit, environment_matches},
    policy::Policy,
};

/// The decision on one action in one place. An access of another version of the policy is answered with that alone.
#[must_use]
pub fn explain(policy: &Policy, access: &Access, action: Action, place: &Place) -> DecisionRow {
    if access.policy_digest() != policy.digest() {
        return refused("The policy has changed in the meantime. Load the page again; the new policy decides.".to_owned());
    }
    access.explain(action, place)
}

/// Every action, in the order of the table.
#[must_use]
pub fn explain_all(policy: &Policy, access: &Access, place: &Place) -> Vec<ActionRow> {
    let row = |action: &Action| {
        let decision = explain(policy, access, *action, place);
        ActionRow { action: action.code().to_owned(), sentence: action.sentence().to_owned(), allowed: decision.grant.is_some(), decision }
    };
    Action::ALL.iter().map(row).collect()
}

impl Access {
    /// The decision with its chain. Actions on the portal itself are judged without the place.
    #[must_use]
    pub fn explain(&self, action: Action, place: &Place) -> DecisionRow {
        let decision = match action.scope() {
            Scope::Tree => self.can(action, place),
            Scope::Portal => self.can_anywhere(action).map_or(Decision::Refused, Decision::Allowed),
        };
        let Decision::Allowed(grant) = decision else { return refused(self.why_not(action, place)) };
        let account = grant.service_account.clone().filter(|_| action.reach() == Reach::Cluster);
        let environment = match action.scope() {
            Scope::Tree => format!(" in {}", place.environment),
            Scope::Portal => String::new(),
        };
        let acting = account.as_ref().map_or_else(String::new, |account| format!(", acting as service account {account}"));
        DecisionRow {
            why: format!("{} has role {} on {}{environment} through grant {}{acting}.", capitalised(&grant.subject), grant.role, grant.path, grant.grant),
            subject: Some(grant.subject.clone()),
            grant: Some(grant.grant.clone()),
            role: Some(grant.role.clone()),
            path: Some(grant.path.to_string()),
            service_account: account,
        }
    }
    /// One sentence on a refusal: the nearest of the person's own grants, and what it lacks.
    #[must_use]
    pub fn why_not(&self, action: Action, place: &Place) -> String {
        let code = action.code();
        let here = |rule: &&Rule| rule.path.covers(&place.path);
        let now = |rule: &&Rule| environment_matches(rule.environments.as_deref(), &place.environment);
        let gives = |rule: &&Rule| rule.actions & bit(action) != 0;
        let rules = || self.rules().iter();
        if action.scope() == Scope::Portal {
            return rules().next().map_or_else(|| self.no_grant(code), |_| format!("None of the roles held here includes {code}."));
        }
        if let Some(rule) = rules().filter(gives).find(here) {
            let environments = rule.environments.as_deref().map(listed).unwrap_or_default();
            return format!("{}, which gives {code} in {environments} only; this app is in {}.", held(rule), place.environment);
        }
        if let Some(rule) = rules().filter(here).find(now) {
            return format!("{}, which does not include {code}.", held(rule));
        }
        if let Some(rule) = rules().filter(gives).find(now) {
            return format!("{}, which gives {code} there and below; {} is not below it.", held(rule), place.path);
        }
        if rules().next().is_some() {
            return format!("None of the grants held gives {code} on {} in {}.", place.path, place.environment);
        }
        self.no_grant(code)
    }
    fn no_grant(&self, code: &str) -> String {
        match self.actor() {
            Actor::Person { groups: Groups::Unknown(why), .. } => {
                format!(
                    "The groups are not known ({}), and unknown groups grant nothing. Ask the people who run the identity provider.",
                    why.trim_end_matches('.')
                )
            }
            Actor::Person { groups: Groups::Known(names), .. } if names.is_empty() => {
                format!("No grant gives {code}: the identity provider named no group, and no grant is to this user.")
            }
            Actor::Person { groups: Groups::Known(names), .. } => format!("No grant gives {code} to this user or to {}.", groups_text(names)),
            Actor::System { .. } => format!("A system task does not have {code}."),
        }
    }
}

const fn refused(why: String) -> DecisionRow {
    DecisionRow { subject: None, grant: None, role: None, path: None, service_account: None, why }
}

/// “Group shop-dev has role tester on /shop/ through grant shop developers”.
fn held(rule: &Rule) -> String {
    let grant = &rule.grant;
    format!("{} has role {} on {} through grant {}", capitalised(&grant.subject), grant.role, grant.path, grant.grant)
}

fn groups_text(names: &[String]) -> String {
    match names {
        [one] => format!("group {one}"),
        many if many.len() <= 5 => format!("the groups {}", many.join(", ")),
        many => format!("any of the {} groups", many.len()),
    }
}

/// “dev”, “dev and staging”, “dev, staging and prod”.
fn listed(names: &[Environment]) -> String {
    match names {
        [] => "no environment".to_owned(),
        [one] => one.to_string(),
        [first @ .., last] => format!("{} and {last}", first.iter().map(Environment::as_str).collect::<Vec<_>>().join(", ")),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
