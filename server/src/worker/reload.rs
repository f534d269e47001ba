//! Reads tree and policy again when they change. A bad new version never replaces a good one: the good one stays, and the
//! trouble is told wherever people look.

use std::{path::Path, sync::Arc};

use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::{Clock, Timestamp},
    id::OperationId,
    view::tree::TreeRevision,
};
use windfirm_policy::{Permit, Policy, Resource, act::Reload, compile};
use windfirm_store::{Store, audit::Details};
use windfirm_tree::{Tree, TreeError, git::GitSource, graph::TreeOptions};

use crate::{
    config::TreeConfig,
    state::{InForce, PolicyInForce, Portal, TreeInForce},
};

/// A policy file larger than this is not read.
const MAX_POLICY_BYTES: u64 = 1 << 20;

/// Reads and compiles a policy file; all problems in words.
pub fn read_policy(file: &Path) -> Result<Policy, Vec<String>> {
    let unreadable =
        |error: std::io::Error| vec![format!("{} cannot be read: {error}. Put a policy there; deploy/demo/policy.yaml is one to start from.", file.display())];
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
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

/// The tree at start. Without one the portal still serves: runs and audit can be read, and the page says what is wrong.
pub fn first_tree(config: &TreeConfig, policy: &Policy, clock: &dyn Clock) -> TreeInForce {
    read_tree(config, policy, clock.now()).unwrap_or_else(|error| {
        let why = error.to_string();
        let revision = TreeRevision { source: config.repository.display().to_string(), read: clock.now(), stale: Some(why), ..TreeRevision::default() };
        TreeInForce { tree: Arc::new(Tree::empty(revision.clone())), snapshot: None, revision }
    })
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
    let tree = Tree::build(&snapshot, revision.clone(), &options, &|app| policy.environment_of(app));
    Ok(TreeInForce { tree: Arc::new(tree), snapshot: Some(Arc::new(snapshot)), revision })
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

/// One round: looks whether policy or tree is another one now.
pub async fn round(portal: Arc<Portal>) {
    policy_round(&portal).await;
    tree_round(&portal).await;
}

async fn policy_round(portal: &Arc<Portal>) {
    let file = portal.settings.policy_file.clone();
    let Ok(read) = tokio::task::spawn_blocking(move || read_policy(&file)).await else { return };
    let current = portal.policy();
    match read {
        Ok(policy) if policy.digest() == current.policy.digest() => {
            if !current.refused.is_empty() {
                put_policy(portal, PolicyInForce { refused: Vec::new(), ..(*current).clone() });
            }
        }
        Ok(policy) => {
            tracing::info!(digest = policy.digest(), "policy.loaded");
            keep_policy(portal, &policy).await;
            let facts = vec![("digest".to_owned(), policy.digest().to_owned()), ("before".to_owned(), current.policy.digest().to_owned())];
            record(portal, EventCode::PolicyLoad, EventOutcome::Done, None, facts).await;
            let tree = portal.tree();
            let renamed = Tree::clone(&tree.tree).with_environments(&|app| policy.environment_of(app));
            let tree = Arc::new(TreeInForce { tree: Arc::new(renamed), ..(*tree).clone() });
            let policy = Arc::new(PolicyInForce { policy, since: portal.clock.now(), refused: Vec::new() });
            portal.rules.replace(InForce { policy, tree });
        }
        Err(problems) if problems == current.refused => {}
        Err(problems) => {
            refuse_policy(portal, &problems).await;
            put_policy(portal, PolicyInForce { refused: problems, ..(*current).clone() });
        }
    }
}

async fn tree_round(portal: &Arc<Portal>) {
    let current = portal.tree();
    let policy = portal.policy();
    let (settings, now, known) = (portal.settings.clone(), portal.clock.now(), current.revision.commit.clone());
    let read = tokio::task::spawn_blocking(move || {
        let config = settings.tree();
        let head = GitSource::open(&config.repository, Some(&config.revision))?.head()?;
        if head == known {
            return Ok(None);
        }
        read_tree(&config, &policy.policy, now).map(Some)
    })
    .await;
    match read.map(|read| read.map_err(|error: TreeError| error.to_string())) {
        Ok(Ok(None)) => {
            let revision = TreeRevision { read: portal.clock.now(), stale: None, ..current.revision.clone() };
            put_tree(portal, TreeInForce { revision, ..(*current).clone() });
        }
        Ok(Ok(Some(tree))) => {
            tracing::info!(commit = tree.revision.commit, "tree.loaded");
            record(portal, EventCode::TreeLoad, EventOutcome::Done, None, vec![("commit".to_owned(), tree.revision.commit.clone())]).await;
            put_tree(portal, tree);
        }
        Ok(Err(why)) if current.revision.stale.as_deref() == Some(why.as_str()) => {}
        Ok(Err(why)) => {
            tracing::error!(why, "tree.not_read");
            record(portal, EventCode::TreeLoad, EventOutcome::Failed, Some(&why), Vec::new()).await;
            let revision = TreeRevision { stale: Some(why), ..current.revision.clone() };
            put_tree(portal, TreeInForce { revision, ..(*current).clone() });
        }
        Err(error) => tracing::error!(%error, "tree.reader_failed"),
    }
}

// Both rounds run in one task, one after the other, so nothing changes between reading and putting.
fn put_policy(portal: &Portal, policy: PolicyInForce) {
    portal.rules.replace(InForce { policy: Arc::new(policy), tree: portal.tree() });
}

fn put_tree(portal: &Portal, tree: TreeInForce) {
    portal.rules.replace(InForce { policy: portal.policy(), tree: Arc::new(tree) });
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

async fn record(portal: &Portal, code: EventCode, outcome: EventOutcome, why: Option<&str>, facts: Vec<(String, String)>) {
    let permit: Permit<Reload> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    if let Err(error) = portal.store.record(&permit, code, &Details { facts, ..Details::default() }, outcome, why).await {
        tracing::error!(%error, code = code.code(), "reload.not_recorded");
    }
}
