//! Secrets that the tests of an app get: which by the policy, how old each is by the cluster, and whether it works since it changed.
//!
//! The cluster is asked as the account that a launch of the asker's would act as, and for metadata alone. Who may not launch is told names.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use windfirm_cluster::{ClusterError, SecretFacts};
use windfirm_model::{
    action::Action,
    fault::Fault,
    run::RunState,
    view::secret::{SecretRow, SecretTold, Since},
};
use windfirm_policy::{Permit, Resource, act::LookAtSecrets};
use windfirm_store::runs::Passed;
use windfirm_tree::graph::App;

use crate::{
    context::Asker,
    sites::{RunsAt, Site},
};

/// A page does not wait longer for a cluster.
const PATIENCE: Duration = Duration::from_secs(3);
/// Newest runs that are looked through for one that had a Secret.
const LOOKED_THROUGH: u32 = 50;

impl Asker {
    /// Why runs of this app on the portal's own machine would be without what the policy gives them; `None`: it gives them nothing.
    pub(super) fn secrets_out_of_reach(&self, app: &App) -> Option<String> {
        let given = self.policy.policy.secrets_for(&app.place());
        let names = given.iter().map(|given| given.variable.as_str()).collect::<Vec<_>>().join(", ");
        (!given.is_empty()).then(|| {
            format!(
                "The policy gives the tests of this app Secrets of a cluster ({names}), and its runs are carried out on the portal's own machine, where there are none. Nothing is launched without them: have the portal carry out its runs in a cluster, or take the rule out of the policy."
            )
        })
    }

    /// Every Secret that the tests of this app get, each once, as the cluster has it now.
    pub(super) async fn secret_rows(&self, app: &App) -> Result<Vec<SecretRow>, Fault> {
        let mut by_name: BTreeMap<String, SecretRow> = BTreeMap::new();
        for rule in self.policy.policy.secret_rules(&app.place()) {
            let not_asked = || SecretTold::NotAsked { why: String::new() };
            let empty = || SecretRow { name: rule.secret.clone(), keys: Vec::new(), rules: Vec::new(), told: not_asked(), waiting: None };
            let row = by_name.entry(rule.secret.clone()).or_insert_with(empty);
            row.keys.extend(rule.keys.clone());
            row.rules.push(rule.name.clone());
        }
        if by_name.is_empty() {
            return Ok(Vec::new());
        }
        let told = self.told(app, by_name.keys().cloned().collect()).await?;
        let live = self.portal.store.live_runs(&self.access).await.map_err(|error| self.store_fault(&error))?;
        let waiting = |name: &str| {
            live.iter()
                .filter(|run| run.path == app.path)
                .find(|run| matches!(&run.state, RunState::Waiting { secret, .. } if secret == name))
                .map(|run| run.id)
        };
        Ok(by_name.into_values().zip(told).map(|(row, told)| SecretRow { waiting: waiting(&row.name), told, ..row }).collect())
    }

    async fn told(&self, app: &App, names: Vec<String>) -> Result<Vec<SecretTold>, Fault> {
        let not_asked = |why: String| Ok(names.iter().map(|_| SecretTold::NotAsked { why: why.clone() }).collect());
        let place = app.place();
        let site = match self.portal.sites.runs_at(&app.cluster) {
            RunsAt::In(site) => site,
            RunsAt::Nowhere(why) => return not_asked(why),
            RunsAt::Here => return not_asked(self.secrets_out_of_reach(app).unwrap_or_default()),
        };
        let permit: Permit<LookAtSecrets> = match self.access.permit(self.operation(), &place, Resource::default()) {
            Ok(permit) => permit,
            Err(_) => {
                let why = self.access.why_not(Action::LaunchRun, &place);
                return not_asked(format!("It is looked at as the account that a launch of yours would act as, and there is none. {why}"));
            }
        };
        let asked = futures::future::join_all(names.iter().map(|name| look(&site, &permit, name))).await;
        let namespace = permit.service_account().and_then(|account| account.split_once('/')).map(|(namespace, _)| namespace.to_owned()).unwrap_or_default();
        let mut told = Vec::new();
        for (name, facts) in names.iter().zip(asked) {
            told.push(match facts {
                Err(told) => told,
                Ok(facts) => {
                    let since = self.since(app, &site, &namespace, name, &facts).await?;
                    let SecretFacts { created, changed, by, copied, version: _ } = facts;
                    SecretTold::Known { namespace: namespace.clone(), created, changed, by, copied, since }
                }
            });
        }
        Ok(told)
    }

    async fn since(&self, app: &App, site: &Site, namespace: &str, secret: &str, facts: &SecretFacts) -> Result<Since, Fault> {
        if !self.access.allows(Action::ViewRun, &app.place()) {
            return Ok(Since::Hidden);
        }
        // The API server writes down whole seconds, and pods are made after a run is queued: what was queued before may have had the old values.
        let after = facts.changed.plus_seconds(1);
        let passed = self.portal.store.passed_since(&self.access, &app.path, after, LOOKED_THROUGH).await.map_err(|error| self.store_fault(&error))?;
        let had_it = |passed: &&Passed| {
            let same_namespace = passed.service_account.split_once('/').is_some_and(|(found, _)| found == namespace);
            same_namespace
                && passed
                    .placement
                    .as_ref()
                    .is_some_and(|placement| placement.cluster == site.name() && placement.secrets.iter().any(|given| given.secret == secret))
        };
        Ok(passed.iter().find(had_it).map_or(Since::NotYet, |passed| Since::Passed { run: passed.id, at: passed.queued }))
    }
}

/// What a cluster says of one Secret, or why it does not. Addresses are not for everybody.
pub(crate) async fn look(site: &Arc<Site>, permit: &Permit<LookAtSecrets>, name: &str) -> Result<SecretFacts, SecretTold> {
    let asking = async { site.gateway.as_service_account(permit).await?.secret_facts(name).await };
    Err(match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(facts)) => return Ok(facts),
        Err(_) => SecretTold::NotAsked {
            why: format!("The cluster {} did not answer within {} s. Load the page again in a moment.", site.name(), PATIENCE.as_secs()),
        },
        Ok(Err(error @ ClusterError::NotThere { .. })) => SecretTold::Missing { why: error.to_string() },
        Ok(Err(
            error @ (ClusterError::Refused(_)
            | ClusterError::NoAccount { .. }
            | ClusterError::BadAccount(_)
            | ClusterError::GhostAccount { .. }
            | ClusterError::OtherAccount { .. }),
        )) => SecretTold::Refused { why: error.to_string() },
        Ok(Err(error)) => {
            tracing::info!(%error, cluster = site.name(), "secrets.not_asked");
            SecretTold::NotAsked { why: format!("The cluster {} could not be asked right now. Load the page again in a moment.", site.name()) }
        }
    })
}
