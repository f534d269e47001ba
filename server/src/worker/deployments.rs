//! Keeps what Argo CD deployed, as the tree in force tells it: a history has ten entries at most and ends with its Application, a trend does not.
//!
//! A round looks at the tree only if it is another one than at the last. Each entry is kept once, by what it says of itself
//! ([`windfirm_store::deployments`]), so that a restart, a second portal, and a cluster that comes back add nothing. Where an app stands is
//! kept with it and never changed, so nothing is kept of an app whose place is not certain yet.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use windfirm_model::{actor::SystemTask, clock::Timestamp, id::OperationId};
use windfirm_policy::{Access, Permit, Resource, act::KeepDeployments};
use windfirm_store::deployments::Deployment;
use windfirm_tree::{
    LiveApplication, Presence, Tree,
    graph::App,
    live::{self, Identity},
};

use crate::state::{Portal, TreeInForce};

/// Of each app. One that is deployed every hour is remembered for three weeks, one that is deployed every day for a year and more.
pub const MOST_OF_AN_APP: u32 = 500;
/// In one transaction: others wait for it.
const AT_ONCE: usize = 200;
/// What somebody writes into a history by hand has bounds of its own.
const MOST_SOURCES: usize = 20;
const MOST_CHARACTERS: usize = 200;

/// The newest entry of each Application that is kept, as far as this process knows: by cluster, then by `namespace/name`.
type Newest = HashMap<String, HashMap<Box<str>, (Timestamp, i64)>>;

/// What was looked at last.
#[derive(Debug, Default)]
pub struct Kept {
    /// The tree that was looked at, which is not kept alive for this, and what is kept of it.
    of: Mutex<(Weak<Tree>, Newest)>,
}

/// One round.
pub async fn round(portal: Arc<Portal>) {
    let in_force = portal.tree();
    if !portal.kept.is_another(&in_force) {
        return;
    }
    let read = is_read_whole(&portal, &in_force);
    let permit: Permit<KeepDeployments> = Permit::system(OperationId(portal.clock.new_uuid()), Resource::default());
    let (mut count, mut next) = (0_u64, Some(0));
    // Part by part: of a large tree that is new there is much.
    while let Some(from) = next {
        let (worker, tree) = (Arc::clone(&portal), Arc::clone(&in_force.tree));
        let Ok((new, then)) = tokio::task::spawn_blocking(move || worker.kept.not_kept(&tree, read, from)).await else { return };
        for part in new.chunks(AT_ONCE) {
            match portal.store.keep_deployments(&permit, part, MOST_OF_AN_APP).await {
                Ok(added) => {
                    count = count.saturating_add(added);
                    portal.kept.note(part);
                }
                // What is not noted is tried again in the next round.
                Err(error) => return tracing::warn!(%error, "deployments.not_kept"),
            }
        }
        next = then;
    }
    if count > 0 {
        tracing::info!(count, "deployments.kept");
    }
    // While a cluster has not told everything, the same tree may have more to tell at the next look.
    if read == Read::Whole {
        portal.kept.done_with(&in_force);
    }
}

/// How much of the tree is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// Git's part is: its apps have their places whatever clusters say.
    Git,
    /// All of it.
    Whole,
}

/// Every cluster of the configuration has told all that it holds: before, an app may stand elsewhere than it will.
fn is_read_whole(portal: &Portal, in_force: &TreeInForce) -> Read {
    let Some(forest) = &in_force.forest else { return Read::Git };
    let clusters = &forest.options().clusters;
    let all = portal.sites.iter().filter(|site| site.argocd.is_some()).all(|site| clusters.is_read(site.name()));
    if all { Read::Whole } else { Read::Git }
}

impl Kept {
    /// Whether there is anything to look at: a tree from Git and clusters, another one than the last.
    fn is_another(&self, in_force: &TreeInForce) -> bool {
        // Without Git's tree every app would stand where only clusters say.
        if in_force.forest.is_none() || in_force.revision.is_unread() {
            return false;
        }
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        !std::ptr::eq(of.0.as_ptr(), Arc::as_ptr(&in_force.tree))
    }

    fn done_with(&self, in_force: &TreeInForce) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).0 = Arc::downgrade(&in_force.tree);
    }

    /// What the tree tells and is not known to be kept, from this app on: some of it, and from which app on there may be more.
    fn not_kept(&self, tree: &Tree, read: Read, from: usize) -> (Vec<Deployment>, Option<usize>) {
        let access = Access::system(SystemTask::ClusterWatcher);
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let certain = |app: &App| app.presence == Presence::Both || (app.presence == Presence::ClusterOnly && read == Read::Whole);
        let told = |app: &App| {
            let live = app.live(&access)?;
            let application = live.object.application()?;
            let Identity { cluster, namespace, name, .. } = &application.id;
            let newest = of.1.get(&**cluster).and_then(|apps| apps.get(key(namespace, name).as_str())).copied();
            Some(entries(app, live, application, newest))
        };
        let mut new = Vec::new();
        for (index, app) in tree.apps().iter().enumerate().skip(from) {
            if new.len() >= AT_ONCE {
                return (new, Some(index));
            }
            if certain(app) {
                new.extend(told(app).into_iter().flatten());
            }
        }
        (new, None)
    }

    fn note(&self, kept: &[Deployment]) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        for one in kept {
            let apps = of.1.entry(one.cluster.clone()).or_default();
            let newest = apps.entry(key(&one.namespace, &one.name).into_boxed_str()).or_insert((one.deployed, one.history));
            *newest = (*newest).max((one.deployed, one.history));
        }
    }
}

fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// The entries of one history behind the newest that is kept.
fn entries(app: &App, live: &live::Live, application: &LiveApplication, newest: Option<(Timestamp, i64)>) -> Vec<Deployment> {
    let cut = |text: &str| text.chars().take(MOST_CHARACTERS).collect::<String>();
    let entry = |entry: &live::Deployment| {
        // Without a time it stands nowhere on a trend.
        let deployed = entry.at?;
        if newest.is_some_and(|newest| (deployed, entry.id) <= newest) {
            return None;
        }
        Some(Deployment {
            cluster: application.id.cluster.to_string(),
            namespace: application.id.namespace.to_string(),
            name: application.id.name.to_string(),
            deployed,
            history: entry.id,
            path: app.path.clone(),
            environment: live.environment.clone(),
            by: entry.by.as_deref().map(cut),
            revisions: entry.revisions.iter().take(MOST_SOURCES).map(|revision| cut(revision)).collect(),
        })
    };
    application.history.iter().filter_map(entry).collect()
}
