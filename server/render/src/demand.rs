//! What the policy asks of a cluster, namespace by namespace, before it has the form of Kubernetes.
//!
//! The rule for bounds: of all places that runs can be launched in as an account, the widest limit counts. The portal judges each launch
//! by the limits of its own place; what is rendered is the fence behind it, and must never refuse what the policy allows.

use std::collections::{BTreeMap, BTreeSet};

use windfirm_cluster::Account;
use windfirm_model::view::access::GrantRow;
use windfirm_policy::{AccountSecret, AccountUse, HostPattern, Policy};

use crate::{
    error::RenderError,
    settings::{Settings, Sizes},
};

/// A namespace with accounts of the policy.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    /// Sorted; never empty.
    pub(crate) accounts: Vec<Need>,
    /// Nothing but runs lives in it.
    pub(crate) is_dedicated: bool,
}

/// What one account needs.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) account: Account,
    pub(crate) grants: Vec<GrantRow>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// The most runners of one run; none when nothing is launched as this account.
    pub(crate) runners: Option<u32>,
    /// What its runs get of Secrets of the namespace, by Secret.
    pub(crate) secrets: Vec<AccountSecret>,
    /// By their own text, so that the order is always the same.
    pub(crate) hosts: BTreeMap<String, HostPattern>,
}

impl Namespace {
    /// Whether pods of runs can come to be here.
    pub(crate) fn has_runs(&self) -> bool {
        self.accounts.iter().any(|need| need.runners.is_some())
    }
    /// The most runners of one run.
    pub(crate) fn runners(&self) -> u32 {
        self.accounts.iter().filter_map(|need| need.runners).max().unwrap_or_default()
    }
    /// Every Secret that some account of it may look at, once.
    pub(crate) fn secrets(&self) -> BTreeSet<&str> {
        self.accounts.iter().flat_map(|need| &need.secrets).map(|given| given.secret.as_str()).collect()
    }
    pub(crate) fn grants(&self) -> impl Iterator<Item = &GrantRow> {
        self.accounts.iter().flat_map(|need| &need.grants)
    }
}

/// Sorted by name.
pub(crate) fn of(policy: &Policy, settings: &Settings) -> Result<Vec<Namespace>, RenderError> {
    let mut namespaces: BTreeMap<String, Vec<Need>> = BTreeMap::new();
    for used in policy.accounts() {
        let account: Account = used.account.parse().map_err(RenderError::Account)?;
        if account == settings.portal {
            return Err(RenderError::PortalIsAccount { account, grant: used.grants.first().map(|grant| grant.name.clone()).unwrap_or_default() });
        }
        namespaces.entry(account.namespace().to_owned()).or_default().push(need(policy, account, used, settings.sizes));
    }
    if let Some(unknown) = settings.dedicated.iter().find(|name| !namespaces.contains_key(*name)) {
        let known = namespaces.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(RenderError::NoSuchNamespace { name: unknown.clone(), known });
    }
    let named = namespaces.into_iter().map(|(name, accounts)| Namespace { is_dedicated: settings.dedicated.contains(&name), name, accounts });
    Ok(named.collect())
}

fn need(policy: &Policy, account: Account, used: AccountUse, sizes: Sizes) -> Need {
    let mut vus: Option<u32> = None;
    let mut hosts = BTreeMap::new();
    for place in &used.launches {
        let limits = policy.limits(place);
        vus = vus.max(Some(limits.max_vus.value));
        hosts.extend(limits.hosts().into_iter().map(|pattern| (pattern.to_string(), pattern)));
    }
    // A runner without a virtual user does nothing, and k6-operator refuses it.
    let runners = vus.map(|vus| vus.min(sizes.runners).max(1));
    Need { account, grants: used.grants, annotations: used.annotations, secrets: used.secrets, runners, hosts }
}
