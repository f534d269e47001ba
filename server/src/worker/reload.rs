//! Reads tree and policy again when they change, each in a turn of its own: whoever may push to the repository decides how long it
//! takes to be read, and must not decide when a policy takes hold. A bad new version never replaces a good one: the good one stays, and the
//! trouble is told wherever people look.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::{Clock, Timestamp},
    id::OperationId,
    view::tree::TreeRevision,
};
use windfirm_policy::{Permit, Policy, Resource, act::Reload, compile};
use windfirm_store::{Store, audit::Details};
use windfirm_tree::{Files, LiveForest, MemoryFiles, Tree, TreeError, git::GitSource, graph::TreeOptions, join};

use crate::{
    config::TreeConfig,
    state::{InForce, PolicyInForce, Portal, TreeInForce},
};

/// A policy file larger than this is not read.
const MAX_POLICY_BYTES: u64 = 1 << 20;
/// How long a start waits for the tree.
const FIRST_TREE: Duration = Duration::from_secs(5);
/// After so long it is told that the repository does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads and compiles a policy file; all problems in words.
pub fn read_policy(file: &Path) -> Result<Policy, Vec<String>> {
    let unreadable =
        |error: std::io::Error| vec![format!("{} cannot be read: {error}. Put a policy there; deploy/demo/policy.yaml is one to start from.", file.display())];
    let about = std::fs::metadata(file).map_err(unreadable)?;
    if !about.is_file() {
        return Err(vec![format!("{} is no file that ends. Put a policy into a file.", file.display())]);
    }
    let size = about.len();
    if size > MAX_POLICY_BYTES {
        return Err(vec![format!("{} has {size} bytes; a policy has at most {MAX_POLICY_BYTES}.", file.display())]);
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let name = file.file_name().map_or_else(|| "policy".to_owned(), |name| name.to_string_lossy().into_owned());
    compile(&text, &name).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The policy at start. A file that is not good is refused as in a running portal: the policy that was in force last stays so, and
/// what is wrong is told where people look. Only a portal that never had a good one does not start.
pub async fn first_policy(file: &Path, store: &Store, clock: &dyn Clock) -> Result<PolicyInForce, String> {
    let refused = match read_policy(file) {
        Ok(policy) => return Ok(PolicyInForce { policy, since: clock.now(), refused: Vec::new() }),
        Err(problems) => problems,
    };
    let permit: Permit<Reload> = Permit::system(OperationId(clock.new_uuid()), Resource::default());
    match store.newest_policy(&permit).await {
        Ok(Some(stored)) => match compile(&stored.text, "policy that was in force last") {
            Ok(policy) => Ok(PolicyInForce { policy, since: stored.last_loaded, refused }),
            // Written by another version of this program, whose rules were others.
            Err(_) => Err(refused.join("\n")),
        },
        Ok(None) => Err(refused.join("\n")),
        Err(error) => {
            tracing::error!(%error, "policy.last_not_read");
            Err(refused.join("\n"))
        }
    }
}

/// The tree at start. Without one the portal still serves: runs and audit can be read, and the page says what is wrong. One that is
/// slow to be read is not waited for; the worker goes on with it.
pub async fn first_tree(config: &TreeConfig, policy: &Policy, clock: &dyn Clock) -> TreeInForce {
    let (then, policy, now) = (config.clone(), policy.clone(), clock.now());
    let reading = tokio::task::spawn_blocking(move || read_tree(&then, &policy, now));
    let why = match timeout(FIRST_TREE, reading).await {
        Ok(Ok(Ok(tree))) => return tree,
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(error)) => format!("The reader of the repository broke off: {error}. The portal tries again."),
        Err(_) => not_answered(FIRST_TREE),
    };
    no_tree(config, now, why)
}

/// The tree, however long it takes to be read.
pub fn tree_now(config: &TreeConfig, policy: &Policy, clock: &dyn Clock) -> TreeInForce {
    read_tree(config, policy, clock.now()).unwrap_or_else(|error| no_tree(config, clock.now(), error.to_string()))
}

fn no_tree(config: &TreeConfig, read: Timestamp, why: String) -> TreeInForce {
    let revision = TreeRevision { source: config.repository.display().to_string(), read, stale: Some(why), ..TreeRevision::default() };
    let tree = Arc::new(Tree::empty(revision.clone()));
    TreeInForce { git: Arc::clone(&tree), tree, options: Arc::default(), forest: None, snapshot: None, revision }
}

fn not_answered(after: Duration) -> String {
    format!(
        "The repository could not be read within {} s. It is large, or the disk that it lies on does not answer; the portal goes on reading.",
        after.as_secs()
    )
}

fn read_tree(config: &TreeConfig, policy: &Policy, now: Timestamp) -> Result<TreeInForce, TreeError> {
    let source = GitSource::open(&config.repository, Some(&config.revision))?;
    let repositories = if config.repositories.is_empty() { source.addresses() } else { config.repositories.clone() };
    // Without an address no source could be told from another repository's. A tree from a guess would put apps where other grants
    // hold, so there is none, or the older one stays.
    if repositories.is_empty() {
        return Err(TreeError::NoAddress { path: config.repository.display().to_string() });
    }
    let snapshot = source.read(now)?;
    let options = TreeOptions { roots: config.roots.clone(), repositories, revisions: source.revisions()? };
    let revision = snapshot.revision().clone();
    let tree = Arc::new(Tree::build(&snapshot, revision.clone(), &options, &|app| policy.environment_of(app)));
    Ok(TreeInForce { git: Arc::clone(&tree), tree, options: Arc::new(options), forest: None, snapshot: Some(Arc::new(snapshot)), revision })
}

/// Puts what is in force at start into the store and on the record.
pub async fn record_start(portal: &Portal) {
    let policy = portal.policy();
    keep_policy(portal, &policy.policy).await;
    record(portal, EventCode::PolicyLoad, EventOutcome::Done, None, vec![("digest".to_owned(), policy.policy.digest().to_owned())]).await;
    if !policy.refused.is_empty() {
        refuse_policy(portal, &policy.refused).await;
    }
    let tree = portal.tree();
    match &tree.revision.stale {
        None => record(portal, EventCode::TreeLoad, EventOutcome::Done, None, vec![("commit".to_owned(), tree.revision.commit.clone())]).await,
        Some(why) => {
            tracing::error!(why, "tree.not_read");
            record(portal, EventCode::TreeLoad, EventOutcome::Failed, Some(why), Vec::new()).await;
        }
    }
}

/// Both, one after the other.
pub async fn round(portal: Arc<Portal>) {
    policy_round(Arc::clone(&portal)).await;
    tree_round(portal).await;
}

/// One round: looks whether the policy is another one now.
pub async fn policy_round(portal: Arc<Portal>) {
    let file = portal.settings.policy_file.clone();
    let reading = tokio::task::spawn_blocking(move || read_policy(&file));
    let read = tokio::select! {
        read = reading => read,
        // A disk that does not answer keeps nobody from ending the portal.
        () = portal.ending.cancelled() => return,
    };
    let Ok(read) = read else { return };
    let current = portal.policy();
    match read {
        Ok(policy) if policy.digest() == current.policy.digest() => {
            if !current.refused.is_empty() {
                put_policy(&portal, PolicyInForce { refused: Vec::new(), ..(*current).clone() });
            }
        }
        Ok(policy) => {
            tracing::info!(digest = policy.digest(), "policy.loaded");
            keep_policy(&portal, &policy).await;
            let facts = vec![("digest".to_owned(), policy.digest().to_owned()), ("before".to_owned(), current.policy.digest().to_owned())];
            record(&portal, EventCode::PolicyLoad, EventOutcome::Done, None, facts).await;
            put_policy(&portal, PolicyInForce { policy, since: portal.clock.now(), refused: Vec::new() });
        }
        Err(problems) if problems == current.refused => {}
        Err(problems) => {
            refuse_policy(&portal, &problems).await;
            put_policy(&portal, PolicyInForce { refused: problems, ..(*current).clone() });
        }
    }
}

/// One round: looks whether the tree is another one now. It takes as long as the repository takes to answer, and says so.
pub async fn tree_round(portal: Arc<Portal>) {
    let current = portal.tree();
    let policy = portal.policy();
    let (settings, now, known) = (portal.settings.clone(), portal.clock.now(), current.revision.commit.clone());
    let under = Arc::clone(&policy);
    let mut reading = tokio::task::spawn_blocking(move || {
        let config = settings.tree();
        let head = GitSource::open(&config.repository, Some(&config.revision))?.head()?;
        if head == known {
            return Ok(None);
        }
        read_tree(&config, &under.policy, now).map(Some)
    });
    let mut patience = std::pin::pin!(sleep(PATIENCE));
    let read = loop {
        tokio::select! {
            read = &mut reading => break read,
            () = portal.ending.cancelled() => return,
            () = &mut patience, if !patience.is_elapsed() => not_read(&portal, not_answered(PATIENCE)).await,
        }
    };
    match read.map(|read| read.map_err(|error: TreeError| error.to_string())) {
        Ok(Ok(None)) => put_revision(&portal, |revision| TreeRevision { read: portal.clock.now(), stale: None, ..revision }),
        Ok(Ok(Some(tree))) => {
            tracing::info!(commit = tree.revision.commit, "tree.loaded");
            record(&portal, EventCode::TreeLoad, EventOutcome::Done, None, vec![("commit".to_owned(), tree.revision.commit.clone())]).await;
            put_tree(&portal, tree, &policy);
        }
        Ok(Err(why)) => not_read(&portal, why).await,
        Err(error) => tracing::error!(%error, "tree.reader_failed"),
    }
}

/// Tells once that an older tree stays, or none.
async fn not_read(portal: &Portal, why: String) {
    if portal.tree().revision.stale.as_deref() == Some(why.as_str()) {
        return;
    }
    tracing::error!(why, "tree.not_read");
    record(portal, EventCode::TreeLoad, EventOutcome::Failed, Some(&why), Vec::new()).await;
    put_revision(portal, |revision| TreeRevision { stale: Some(why), ..revision });
}

// Policy and tree are read in turns of their own, so each is put beside the other as it is then, with the environments of the
// policy that is in force from there on.

fn put_policy(portal: &Portal, policy: PolicyInForce) {
    portal.rules.change(|now| {
        let same = now.policy.policy.digest() == policy.policy.digest();
        let tree = if same { Arc::clone(&now.tree) } else { Arc::new(under_policy(&now.tree, &policy.policy)) };
        InForce { policy: Arc::new(policy), tree }
    });
}

/// Puts a tree that was read under `before`.
fn put_tree(portal: &Portal, tree: TreeInForce, before: &PolicyInForce) {
    portal.rules.change(|now| {
        let same = now.policy.policy.digest() == before.policy.digest();
        let tree = if same { tree } else { under_policy(&tree, &now.policy.policy) };
        let tree = joined(TreeInForce { forest: now.tree.forest.clone(), ..tree }, &now.policy.policy);
        InForce { policy: Arc::clone(&now.policy), tree: Arc::new(tree) }
    });
}

/// Puts what the clusters hold beside Git's tree. It takes as long as joining takes, so not on a thread that others wait for.
pub fn put_forest(portal: &Portal, forest: LiveForest) {
    let forest = Arc::new(forest);
    portal.rules.change(|now| {
        let tree = joined(TreeInForce { forest: Some(forest), ..(*now.tree).clone() }, &now.policy.policy);
        InForce { policy: Arc::clone(&now.policy), tree: Arc::new(tree) }
    });
}

/// Git's tree and what the clusters hold in one, if they were read.
fn joined(tree: TreeInForce, policy: &Policy) -> TreeInForce {
    let Some(forest) = &tree.forest else { return tree };
    let nothing = MemoryFiles::default();
    let files: &dyn Files = tree.snapshot.as_deref().map_or(&nothing, |snapshot| snapshot);
    let both = join(&tree.git, forest, files, &tree.options, &|app| policy.environment_of(app));
    TreeInForce { tree: Arc::new(both), ..tree }
}

fn put_revision(portal: &Portal, change: impl FnOnce(TreeRevision) -> TreeRevision) {
    portal.rules.change(|now| {
        let tree = TreeInForce { revision: change(now.tree.revision.clone()), ..(*now.tree).clone() };
        InForce { policy: Arc::clone(&now.policy), tree: Arc::new(tree) }
    });
}

fn under_policy(tree: &TreeInForce, policy: &Policy) -> TreeInForce {
    let renamed = |tree: &Tree| Arc::new(Tree::clone(tree).with_environments(&|app| policy.environment_of(app)));
    let git = renamed(&tree.git);
    let both = if Arc::ptr_eq(&tree.git, &tree.tree) { Arc::clone(&git) } else { renamed(&tree.tree) };
    TreeInForce { tree: both, git, ..tree.clone() }
}

/// Tells that a policy file was not taken.
async fn refuse_policy(portal: &Portal, problems: &[String]) {
    tracing::error!(problems = problems.join(" "), "policy.refused");
    record(portal, EventCode::PolicyLoad, EventOutcome::Failed, Some(&problems.join(" ")), Vec::new()).await;
}

async fn keep_policy(portal: &Portal, policy: &Policy) {
    let permit: Permit<Reload> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    if let Err(error) = portal.store.keep_policy(&permit, policy.digest(), policy.text()).await {
        tracing::error!(%error, "policy.not_kept");
    }
}

pub(super) async fn record(portal: &Portal, code: EventCode, outcome: EventOutcome, why: Option<&str>, facts: Vec<(String, String)>) {
    let permit: Permit<Reload> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    if let Err(error) = portal.store.record(&permit, code, &Details { facts, ..Details::default() }, outcome, why).await {
        tracing::error!(%error, code = code.code(), "reload.not_recorded");
    }
}
