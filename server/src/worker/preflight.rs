//! Asks each cluster again and again what the service accounts of the policy may do there, so that a right that went missing is told
//! before a run needs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use windfirm_cluster::{Account, Question, preflight};
use windfirm_policy::Policy;
use windfirm_tree::Tree;

use crate::{
    sites::{Site, Sites},
    state::Portal,
};

/// The pause between two sweeps is as long as the last one took, and at least this: a right that went missing is told within fifteen
/// seconds, and the API server is left alone for half of the time at least.
const PAUSE: Duration = Duration::from_secs(5);

/// One task for each cluster, so that none waits for another.
pub fn start(portal: &Arc<Portal>) {
    for site in portal.sites.iter().filter(|site| site.runs.is_some()) {
        let (portal, site) = (Arc::clone(portal), Arc::clone(site));
        let ending = portal.ending.clone();
        let worker = Arc::clone(&portal);
        portal.run(async move {
            let again_and_again = async {
                loop {
                    let took = sweep(&worker, &site).await;
                    // Sooner when somebody asks; how often that may be is not decided here.
                    let _ = tokio::time::timeout(PAUSE.max(took), site.ask_now.notified()).await;
                }
            };
            let _ = ending.run_until_cancelled(again_and_again).await;
        });
    }
}

/// Asks once; how long that took.
async fn sweep(portal: &Portal, site: &Arc<Site>) -> Duration {
    let in_force = portal.rules.in_force();
    let accounts = accounts(&portal.sites, &in_force.policy.policy, &in_force.tree.tree).remove(site.name()).unwrap_or_default();
    let questions = questions(&accounts);
    let found = preflight(&site.cluster, &questions).await;
    let took = Duration::from_millis(found.took_ms);
    if questions.is_empty()
        && let Err(error) = site.cluster.probe().await
    {
        tracing::debug!(%error, cluster = site.name(), "preflight.not_reached");
    }
    for findings in found.accounts.iter().filter(|findings| !findings.is_green()) {
        let before = site.findings(&findings.account).is_none_or(|(_, before)| before.is_green());
        if before {
            tracing::warn!(cluster = site.name(), account = %findings.account, why = findings.sentences().join(" "), "preflight.lacking");
        }
    }
    site.keep_preflight(found);
    took
}

/// Accounts, and which Secrets the tests get that run as them.
pub type Accounts = BTreeMap<Account, BTreeSet<String>>;

/// All that runs as these accounts need, and what pages need to tell of their Secrets.
#[must_use]
pub fn questions(accounts: &Accounts) -> Vec<Question> {
    let of_secrets = |(account, secrets): (&Account, &BTreeSet<String>)| {
        let account = account.clone();
        secrets.iter().map(|secret| Question::of_secret(&account, secret)).collect::<Vec<_>>()
    };
    accounts.keys().flat_map(Question::of_a_run).chain(accounts.iter().flat_map(of_secrets)).collect()
}

/// By cluster, every account that some grant gives for some app there. What is no account is told where somebody wants to launch.
#[must_use]
pub fn accounts(sites: &Sites, policy: &Policy, tree: &Tree) -> BTreeMap<String, Accounts> {
    let mut found: BTreeMap<String, Accounts> = BTreeMap::new();
    for app in tree.apps() {
        let Some(cluster) = sites.meant(&app.cluster) else { continue };
        let place = app.place();
        let there = found.entry(cluster).or_default();
        let secrets: BTreeSet<String> = policy.secret_rules(&place).map(|rule| rule.secret.clone()).collect();
        for account in policy.accounts_at(&place).filter_map(|(_, account)| account.parse::<Account>().ok()) {
            there.entry(account).or_default().extend(secrets.iter().cloned());
        }
    }
    found
}
