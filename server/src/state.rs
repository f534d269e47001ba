//! Everything that lives as long as the process: store, policy, tree, executor, live executions.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;
use windfirm_executor::{Executor, ExecutorError, LocalExecutor};
use windfirm_identity::Identity;
use windfirm_model::{
    clock::{Clock, Timestamp},
    view::{access::PolicyVersion, tree::TreeRevision},
};
use windfirm_policy::Policy;
use windfirm_store::{Store, runs::RunRecord};
use windfirm_tree::{LiveForest, Tree, TreeOptions, git::Snapshot};

use crate::{
    audit::Folded,
    config::TreeConfig,
    deployed::DeployedFiles,
    home::Home,
    http::{events::Places, ingest::Refusals, refusal_in_address::Stamps, turnstile::Turnstile},
    lease::Lease,
    live::LiveExecutions,
    secrets::Secrets,
    sites::Sites,
    usecase::inspection::Desk,
    worker::{backoff::Backoff, deployments::Kept, watching::Joined},
};

/// The policy that decides now, and what was wrong with a newer file.
#[derive(Clone, Debug)]
pub struct PolicyInForce {
    pub policy: Policy,
    pub since: Timestamp,
    /// Errors of a newer file that was refused; the policy above stays.
    pub refused: Vec<String>,
}

impl PolicyInForce {
    /// Without the errors of a newer file: they quote it, and the file is for those who may read the policy.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        PolicyVersion { digest: self.policy.digest().to_owned(), since: self.since, newer_refused: !self.refused.is_empty() }
    }
}

/// The tree as it was last read.
#[derive(Clone, Debug)]
pub struct TreeInForce {
    /// Git's, joined with what the clusters hold. Shared, like the files: that it was looked at again is noted every two seconds,
    /// and must not copy either.
    pub tree: Arc<Tree>,
    /// As Git alone has it, and how it was read.
    pub git: Arc<Tree>,
    pub options: Arc<TreeOptions>,
    /// What the clusters hold; none until the first of them was read to its end, and in a portal without clusters.
    pub forest: Option<Arc<LiveForest>>,
    /// The files at that commit; none when no tree could ever be read.
    pub snapshot: Option<Arc<Snapshot>>,
    pub revision: TreeRevision,
}

/// Policy and tree, changed together: the environments of the tree's apps are those of this very policy.
#[derive(Clone, Debug)]
pub struct InForce {
    pub policy: Arc<PolicyInForce>,
    pub tree: Arc<TreeInForce>,
}

/// Holds the value that is in force; readers never wait for a writer.
#[derive(Debug)]
pub struct Keeper<T> {
    value: ArcSwap<T>,
    /// Writers come one after the other, so that none overwrites what another has just put.
    writing: Mutex<()>,
}

impl<T> Keeper<T> {
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value: ArcSwap::from_pointee(value), writing: Mutex::new(()) }
    }
    #[must_use]
    pub fn in_force(&self) -> Arc<T> {
        self.value.load_full()
    }
    /// Makes the next value from the one of this very moment.
    pub fn change(&self, next: impl FnOnce(&T) -> T) {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(&self.value.load());
        self.value.store(Arc::new(next));
    }
}

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub struct Settings {
    pub public_url: Url,
    /// Where the runners on this machine find our ingest, without a slash at the end.
    pub ingest_url: String,
    pub state: PathBuf,
    pub policy_file: PathBuf,
    pub repository: PathBuf,
    pub revision: String,
    pub roots: String,
    pub repositories: Vec<String>,
    /// Runs at the same time, runs that may wait, and runs of one person that may do either.
    pub slots: u32,
    pub queue: u32,
    pub per_person: u32,
    /// Networks of the proxies in front, whose word on addresses is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub demo: bool,
    /// What is kept by the kernel for inspections and runs, told by a trial at start.
    pub confinement: windfirm_model::view::run::Confinement,
}

impl Settings {
    /// Where the tree is read from, as the configuration said it.
    #[must_use]
    pub fn tree(&self) -> TreeConfig {
        let Self { repository, revision, roots, repositories, .. } = self.clone();
        TreeConfig { repository, revision, roots, repositories }
    }
}

/// The whole portal.
pub struct Portal {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rules: Keeper<InForce>,
    /// The local executor inspects scripts too.
    pub local: Arc<LocalExecutor>,
    pub k6_version: String,
    /// The files of commits that run.
    pub deployed: DeployedFiles,
    /// Executions that could not be ordered; whose leftovers could not be removed; whose trouble was told in the log.
    pub ordering: Backoff,
    pub cleaning: Backoff,
    pub complaining: Backoff,
    /// Where questions to k6 wait for their turn.
    pub desk: Desk,
    pub identity: Arc<Identity>,
    pub turnstile: Turnstile,
    /// Who watches live runs.
    pub watching: Places,
    /// Attempts and readings that have no row of their own.
    pub folded: Folded,
    /// For faults that travel in an address.
    pub stamps: Stamps,
    pub live: LiveExecutions,
    /// For how long it may act for its runs, and who else is there.
    pub lease: Lease,
    pub home: Home,
    pub sites: Sites,
    /// The secrets of the configuration that are in force.
    pub secrets: Secrets,
    /// What of the clusters stands in the tree in force.
    pub joined: Joined,
    /// What of their deployments stands in the store.
    pub kept: Kept,
    pub settings: Settings,
    /// Wakes the supervisor, which alone waits for it: something was launched, stopped or ended. Always by `notify_one`, which is not
    /// lost when the supervisor is in a round.
    pub wake: Notify,
    pub ingest_refusals: Refusals,
    pub tasks: TaskTracker,
    /// Cancelled when the process is asked to end.
    pub ending: CancellationToken,
}

impl Portal {
    /// Who carries out this run.
    ///
    /// # Errors
    /// When it is in a cluster that the configuration does not know any more.
    pub fn executor(&self, run: &RunRecord) -> Result<&dyn Executor, ExecutorError> {
        match &run.manifest.placement {
            None => Ok(&*self.local),
            Some(placement) => self.sites.executor(&placement.cluster),
        }
    }
    /// How many runs at the same time in this cluster, or on the portal's own machine.
    #[must_use]
    pub fn slots(&self, cluster: Option<&str>) -> u32 {
        match cluster {
            None => self.settings.slots,
            Some(name) => self.sites.get(name).and_then(|site| Some(site.runs.as_ref()?.slots)).unwrap_or_default(),
        }
    }
    #[must_use]
    pub fn policy(&self) -> Arc<PolicyInForce> {
        Arc::clone(&self.rules.in_force().policy)
    }
    #[must_use]
    pub fn tree(&self) -> Arc<TreeInForce> {
        Arc::clone(&self.rules.in_force().tree)
    }
    /// Runs a task that drain waits for.
    pub fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("settings", &self.settings).finish_non_exhaustive()
    }
}
