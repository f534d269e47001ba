//! The service accounts of a policy, and what they are used for: what `windfirm policy render` asks a cluster for.

use std::collections::{BTreeMap, BTreeSet};

use windfirm_model::{action::Action, environment::Environment, path::AppPath, view::access::GrantRow};

use crate::{
    access::{Place, bit},
    compile::identities,
    policy::{Grant, Policy},
    secret::AccountSecret,
};

/// One service account, by all grants that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountUse {
    /// `namespace/name`.
    pub account: String,
    /// In the order of the file.
    pub grants: Vec<GrantRow>,
    /// Places that together have every set of limits that a run as this account can be under: where the grants with `run.launch` begin,
    /// and below those wherever a guardrail begins. Sorted; empty when runs are never launched as this account.
    pub launches: Vec<Place>,
    /// What its ServiceAccount carries. The same in all environments that runs are launched in: the compiler refuses anything else.
    pub annotations: BTreeMap<String, String>,
    /// What its runs may get of Secrets of its namespace, by Secret.
    pub secrets: Vec<AccountSecret>,
}

impl Policy {
    /// Every account that a grant names, sorted.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountUse> {
        let mut by_account: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
        for grant in &self.grants {
            if let Some(account) = &grant.service_account {
                by_account.entry(account).or_default().push(grant);
            }
        }
        let guarded: BTreeSet<&AppPath> = self.guardrails.iter().flat_map(|guardrail| &guardrail.on).collect();
        let all = self.environments();
        by_account.into_iter().map(|(account, grants)| self.account(account, &grants, &guarded, &all)).collect()
    }

    fn account(&self, account: &str, grants: &[&Grant], guarded: &BTreeSet<&AppPath>, all: &[Environment]) -> AccountUse {
        let mut launches: BTreeSet<(AppPath, Environment)> = BTreeSet::new();
        for grant in grants.iter().filter(|grant| grant.actions & bit(Action::LaunchRun) != 0) {
            for path in &grant.on {
                let below = guarded.iter().copied().filter(|guarded| path.covers(guarded));
                for environment in grant.environments.as_deref().unwrap_or(all) {
                    launches.extend(below.clone().chain([path]).map(|path| (path.clone(), environment.clone())));
                }
            }
        }
        AccountUse {
            account: account.to_owned(),
            secrets: self.secrets_of(grants),
            grants: grants.iter().map(|grant| grant.row(subjects(grant))).collect(),
            annotations: launches.first().map(|(_, environment)| identities::of_environment(&self.environments, environment)).unwrap_or_default(),
            launches: launches.into_iter().map(|(path, environment)| Place { path, environment }).collect(),
        }
    }
}

fn subjects(grant: &Grant) -> String {
    grant.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
