//! The clusters of the configuration as the portal uses them: where runs are carried out, what the accounts may do there, and what
//! Argo CD holds.

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tokio::sync::{Notify, watch as channel};
use windfirm_cluster::{
    Account, BadClusters, Cluster, Clusters, Findings, Gateway, Preflight, Reach, Watch,
    operator::{KubernetesExecutor, OperatorSettings},
};
use windfirm_executor::{Executor, ExecutorError};
use windfirm_model::clock::{Clock, Timestamp};
use windfirm_tree::{ForestOptions, LiveApplication, LiveApplicationSet, LiveProject};

use crate::config::{ArgoCdSection, ClusterSection};

/// An answer older than this locks launches: the cluster may have changed its mind since.
const PREFLIGHT_GOOD_S: i64 = 120;

/// Between two sweeps of the clusters that somebody wishes for. All who ask share it: it is there for the API servers.
pub const ASK_PAUSE_S: i64 = 10;

/// All of them. None in a portal without clusters: k6 runs beside it, and the tree is Git's alone.
#[derive(Debug, Default)]
pub struct Sites {
    sites: Vec<Arc<Site>>,
    /// How apps name clusters, and how the marks of live objects are read; none without clusters.
    forest: Option<ForestOptions>,
    /// When somebody last wished for answers.
    last_asked: Mutex<Option<Timestamp>>,
}

/// One cluster.
#[derive(Debug)]
pub struct Site {
    pub cluster: Arc<Cluster>,
    /// The way to act as accounts there.
    pub gateway: Gateway,
    pub runs: Option<SiteRuns>,
    /// The Argo CD that is read here, if any is.
    pub argocd: Option<ArgoCdSection>,
    /// Set when the watching begins.
    pub watches: OnceLock<Watches>,
    preflight: channel::Sender<Option<Arc<Preflight>>>,
    /// Wakes whoever asks this cluster: somebody wants to know now. Not lost while it is asking.
    pub ask_now: Notify,
}

/// How runs are carried out in a cluster.
#[derive(Debug)]
pub struct SiteRuns {
    pub executor: KubernetesExecutor,
    /// How runners reach the portal.
    pub ingest_url: String,
    /// Runs at the same time.
    pub slots: u32,
}

/// What Argo CD holds in a cluster.
#[derive(Clone, Debug)]
pub struct Watches {
    /// One for each namespace that is read by itself, or one for all.
    pub applications: Vec<Watch<LiveApplication>>,
    pub sets: Vec<Watch<LiveApplicationSet>>,
    /// Of Argo CD's own namespace. What it does not say keeps nothing from being told of apps.
    pub projects: Watch<LiveProject>,
}

/// How well the Argo CD of a cluster is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub heard: Option<Timestamp>,
    /// Since when it is not, and why, in the words of the cluster layer: with addresses.
    pub away: Option<(Timestamp, String)>,
    /// All objects were read once.
    pub complete: bool,
}

/// Where the runs of an app are carried out.
#[derive(Clone, Debug)]
pub enum RunsAt {
    /// On the portal's own machine.
    Here,
    /// In this cluster, which has [`Site::runs`].
    In(Arc<Site>),
    /// Nowhere, and why.
    Nowhere(String),
}

impl Sites {
    /// For looking only: nothing that runners fetch is kept anywhere.
    ///
    /// # Errors
    /// When the configuration names clusters that cannot be.
    pub fn new(sections: &[ClusterSection], instance: &str, clock: &Arc<dyn Clock>) -> Result<Self, BadClusters> {
        Self::serving(sections, instance, Path::new("/nonexistent"), clock)
    }
    /// For carrying out runs, with the portal's state folder.
    ///
    /// # Errors
    /// When the configuration names clusters that cannot be.
    pub fn serving(sections: &[ClusterSection], instance: &str, state: &Path, clock: &Arc<dyn Clock>) -> Result<Self, BadClusters> {
        let specs = sections.iter().map(ClusterSection::spec).collect::<Result<Vec<_>, _>>()?;
        let clusters = Clusters::new(specs, clock)?;
        let mut sites = Vec::new();
        for section in sections {
            let Some(cluster) = clusters.get(&section.name) else { continue };
            let gateway = Gateway::new(Arc::clone(cluster));
            let runs = section.runs.as_ref().map(|runs| {
                let settings: OperatorSettings = runs.operator(instance, state);
                let executor = KubernetesExecutor::new(gateway.clone(), settings, Arc::clone(clock));
                SiteRuns { executor, ingest_url: runs.ingest_url(), slots: runs.slots }
            });
            sites.push(Arc::new(Site {
                cluster: Arc::clone(cluster),
                gateway,
                runs,
                argocd: section.argocd.clone(),
                watches: OnceLock::new(),
                preflight: channel::Sender::new(None),
                ask_now: Notify::new(),
            }));
        }
        Ok(Self { sites, forest: forest_options(sections), last_asked: Mutex::default() })
    }
    /// Lets one through that wishes to have the clusters asked now, and then nobody for [`ASK_PAUSE_S`].
    ///
    /// # Errors
    /// In how many seconds the next may.
    pub fn take_turn(&self, now: Timestamp) -> Result<(), i64> {
        let mut last = self.last_asked.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not keep everybody out for long.
        let since_s = last.map(|last| now.micros_since(last) / 1_000_000).filter(|since_s| (0..ASK_PAUSE_S).contains(since_s));
        match since_s {
            Some(since_s) => Err(ASK_PAUSE_S.saturating_sub(since_s)),
            None => {
                *last = Some(now);
                Ok(())
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.iter()
    }
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Site>> {
        self.sites.iter().find(|site| site.name() == name)
    }
    #[must_use]
    pub const fn forest(&self) -> Option<&ForestOptions> {
        self.forest.as_ref()
    }
    /// The name in the configuration of the cluster that an app of the tree is deployed to, or its own spelling of one that is not
    /// there; `None` without clusters.
    #[must_use]
    pub fn meant(&self, spelling: &str) -> Option<String> {
        let clusters = &self.forest.as_ref()?.clusters;
        Some(clusters.meant(clusters.home(), spelling))
    }
    /// Where the runs of an app with this destination are carried out.
    #[must_use]
    pub fn runs_at(&self, spelling: &str) -> RunsAt {
        let Some(name) = self.meant(spelling) else { return RunsAt::Here };
        match self.get(&name) {
            Some(site) if site.runs.is_some() => RunsAt::In(Arc::clone(site)),
            Some(_) => {
                RunsAt::Nowhere(format!("No runs are carried out in cluster {name}. Those who look after the portal can allow them in its configuration."))
            }
            None => RunsAt::Nowhere(format!(
                "The app is deployed to {name}, which is no cluster of the portal's configuration. Those who look after the portal can add it."
            )),
        }
    }
    /// How runners in a cluster reach the portal; `None` where no runs are carried out.
    #[must_use]
    pub fn ingest_url(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.runs.as_ref()?.ingest_url.clone())
    }
    /// Who carries out runs in a cluster.
    ///
    /// # Errors
    /// When the configuration does not know it, or not for runs.
    pub fn executor(&self, name: &str) -> Result<&dyn Executor, ExecutorError> {
        match self.get(name).and_then(|site| site.runs.as_ref()) {
            Some(runs) => Ok(&runs.executor),
            None => {
                let message = format!(
                    "The run is in cluster {name}, where the portal's configuration carries out no runs any more. Put it back until the run has ended."
                );
                Err(ExecutorError::Cluster { message, passing: true, audit_id: None })
            }
        }
    }
}

fn forest_options(sections: &[ClusterSection]) -> Option<ForestOptions> {
    let home = sections.iter().find(|section| section.argocd.is_some()).or_else(|| sections.first())?;
    let spellings = |section: &ClusterSection| section.known_as.clone();
    let mut clusters = windfirm_tree::Clusters::new(&home.name);
    for section in sections {
        let known_as = spellings(section);
        clusters = clusters.with(&section.name, &known_as.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let argocd = home.argocd.clone().unwrap_or_default();
    Some(ForestOptions {
        control_namespace: argocd.namespace,
        instance_label_key: argocd.instance_label,
        installation_id: argocd.installation_id,
        ..ForestOptions::new(clusters)
    })
}

impl Site {
    #[must_use]
    pub fn name(&self) -> &str {
        self.cluster.name().as_str()
    }
    /// When Argo CD's objects were last heard of, why not since, and whether all were read; `None` where none is read.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let Some(watches) = self.watches.get() else { return self.argocd.as_ref().map(|_| Standing::default()) };
        let applications = watches.applications.iter().map(|watch| (watch.heard(), watch.snapshot().trouble.clone()));
        let sets = watches.sets.iter().map(|watch| (watch.heard(), watch.snapshot().trouble.clone()));
        let (heard, troubles): (Vec<_>, Vec<_>) = applications.chain(sets).unzip();
        Some(Standing {
            // What has never been heard of is the oldest.
            heard: heard.into_iter().min().flatten(),
            away: troubles.into_iter().flatten().min_by_key(|trouble| trouble.since).map(|trouble| (trouble.since, trouble.why.to_string())),
            complete: watches.are_complete(),
        })
    }
    pub fn keep_preflight(&self, preflight: Preflight) {
        self.preflight.send_replace(Some(Arc::new(preflight)));
    }
    #[must_use]
    pub fn preflight(&self) -> Option<Arc<Preflight>> {
        self.preflight.borrow().clone()
    }
    /// Waits until there are answers to questions that were asked at `since` or later.
    pub async fn answered(&self, since: Timestamp) {
        let is_new = |last: &Option<Arc<Preflight>>| last.as_ref().is_some_and(|last| last.asked >= since);
        // The sender lives as long as the site.
        let mut answers = self.preflight.subscribe();
        let _ = answers.wait_for(is_new).await;
    }
    /// What the cluster last said of an account, and when.
    #[must_use]
    pub fn findings(&self, account: &Account) -> Option<(Timestamp, Findings)> {
        let preflight = self.preflight()?;
        Some((preflight.asked, preflight.of(account)?.clone()))
    }
    /// Whether any account lacks something here, as far as the cluster was asked.
    #[must_use]
    pub fn any_lacks(&self) -> bool {
        self.preflight().is_some_and(|preflight| preflight.accounts.iter().any(|account| !account.is_green()))
    }
    /// What keeps a run as this account from being carried out here, a sentence each; empty: nothing.
    #[must_use]
    pub fn locks(&self, account: &str, now: Timestamp) -> Vec<String> {
        // Why is for those who look after the portal: it names addresses.
        if let Reach::Away { since, .. } = self.cluster.reach() {
            let minutes = now.micros_since(since) / 60_000_000;
            let long = if minutes < 1 { "less than a minute".to_owned() } else { format!("{minutes} min") };
            return vec![format!("The cluster {} has not been reached for {long}, so nothing can be started there. It is tried again and again.", self.name())];
        }
        let Ok(account) = account.parse::<Account>() else {
            return vec![format!("The policy names “{account}”, which is no service account. Whoever writes the policy has to name namespace/name.")];
        };
        match self.findings(&account) {
            None => vec![format!("The cluster {} has not been asked yet what {account} may do. That takes some seconds.", self.name())],
            Some((asked, _)) if now.micros_since(asked) > PREFLIGHT_GOOD_S * 1_000_000 => {
                vec![format!("What {account} may do in cluster {} was last asked more than {PREFLIGHT_GOOD_S} s ago.", self.name())]
            }
            Some((_, findings)) => findings.sentences(),
        }
    }
}

impl Watches {
    /// Whether everything was read to its end once, so that what is not there is known not to be there.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.applications.iter().all(|watch| watch.snapshot().complete_since.is_some())
            && self.sets.iter().all(|watch| watch.snapshot().complete_since.is_some())
    }
}

impl RunsAt {
    /// The name of the cluster, if it is one.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Self::In(site) => Some(site.name()),
            Self::Here | Self::Nowhere(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn sites() -> Sites {
        let text = "
- { name: home, kubeconfig: { file: /nowhere }, known_as: ['https://kubernetes.default.svc'], argocd: {}, runs: { portal: 'http://p', k6_image: k, starter_image: s } }
- { name: other, kubeconfig: { file: /nowhere }, known_as: ['https://10.0.0.1:6443/'] }
";
        let sections: Vec<ClusterSection> = serde_saphyr::from_str(text).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Sites::new(&sections, "test", &clock).unwrap()
    }

    #[test]
    fn an_app_runs_where_it_is_deployed_or_nowhere() {
        let sites = sites();
        for home in ["in-cluster", "https://kubernetes.default.svc", "home", ""] {
            assert_eq!(sites.runs_at(home).cluster(), Some("home"), "{home}");
        }
        assert!(matches!(sites.runs_at("https://10.0.0.1:6443"), RunsAt::Nowhere(why) if why.contains("in cluster other")));
        assert!(matches!(sites.runs_at("https://10.9.9.9"), RunsAt::Nowhere(why) if why.contains("https://10.9.9.9, which is no cluster")));
        assert!(matches!(Sites::default().runs_at("https://10.9.9.9"), RunsAt::Here));
    }

    #[test]
    fn one_wish_in_a_while_is_let_through_whoever_has_it() {
        let sites = sites();
        let at = Timestamp::from_seconds;
        assert_eq!([1_000, 1_001, 1_009, 1_010, 1_011].map(|s| sites.take_turn(at(s))), [Ok(()), Err(9), Err(1), Ok(()), Err(9)]);
        assert_eq!(sites.take_turn(at(900)), Ok(()), "a clock that was set back");
    }

    #[tokio::test]
    async fn answers_are_waited_for_until_they_are_newer_than_the_question() {
        let sites = sites();
        let home = sites.get("home").unwrap();
        let asked = |at| Preflight { cluster: "home".into(), asked: Timestamp::from_seconds(at), took_ms: 1, reviews: 1, accounts: Vec::new() };
        home.keep_preflight(asked(900));
        let mut waiting = std::pin::pin!(home.answered(Timestamp::from_seconds(1_000)));
        assert!(futures::poll!(&mut waiting).is_pending());
        home.keep_preflight(asked(999));
        assert!(futures::poll!(&mut waiting).is_pending(), "what was asked before may not know yet");
        home.keep_preflight(asked(1_000));
        waiting.await;
    }

    #[test]
    fn what_was_not_asked_or_long_ago_locks() {
        let sites = sites();
        let home = sites.get("home").unwrap();
        let now = Timestamp::from_seconds(1_000);
        assert!(home.locks("shop-dev/loadtest", now)[0].contains("has not been asked yet"));
        assert!(home.locks("nobody", now)[0].contains("no service account"));
        let found = Findings {
            account: "shop-dev/loadtest".parse().unwrap(),
            presence: windfirm_cluster::Presence::Exists { uid: "1".into() },
            lacks: Vec::new(),
            unanswered: Vec::new(),
            obstacle: None,
            because: Vec::new(),
        };
        let asked = |at| Preflight { cluster: "home".into(), asked: Timestamp::from_seconds(at), took_ms: 1, reviews: 1, accounts: vec![found.clone()] };
        home.keep_preflight(asked(900));
        assert_eq!(home.locks("shop-dev/loadtest", now), Vec::<String>::new());
        home.keep_preflight(asked(800));
        assert!(home.locks("shop-dev/loadtest", now)[0].contains("more than 120 s ago"));
        assert!(sites.executor("home").is_ok() && sites.executor("gone").is_err());
    }
}
