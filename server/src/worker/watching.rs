//! Keeps what the clusters' Argo CDs hold, and joins it with Git's tree.
//!
//! A watcher for each kind and cluster goes on by itself ([`windfirm_cluster::watch`]). A round compares what the tree in force was made
//! from with what there is now, and makes it again if that differs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use windfirm_cluster::{Kind, ObjectName, Snapshot, WatchSettings, Watched, watch};
use windfirm_tree::{LiveApplication, LiveApplicationSet, LiveForest};

use crate::{
    sites::{Site, Watches},
    state::Portal,
    worker::reload,
};

/// An `Application`, as a watch keeps it.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct SeenApplication(pub LiveApplication);

/// An `ApplicationSet`, as a watch keeps it.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct SeenSet(pub LiveApplicationSet);

impl Watched for SeenApplication {
    const KIND: Kind = Kind::APPLICATION;
}
impl Watched for SeenSet {
    const KIND: Kind = Kind::APPLICATION_SET;
}

/// Begins to watch. Once, at the start.
pub fn start(portal: &Arc<Portal>) {
    for site in portal.sites.iter().filter(|site| site.has_argocd) {
        let (application_watcher, applications) = watch::<SeenApplication>(Arc::clone(&site.cluster), WatchSettings::default());
        let (set_watcher, sets) = watch::<SeenSet>(Arc::clone(&site.cluster), WatchSettings::default());
        if site.watches.set(Watches { applications, sets }).is_ok() {
            portal.run(application_watcher.run(portal.ending.clone()));
            portal.run(set_watcher.run(portal.ending.clone()));
        }
    }
}

/// What was last joined, so that only what has changed is made again.
#[derive(Debug, Default)]
pub struct Joined {
    sites: Mutex<BTreeMap<String, SiteJoined>>,
}

#[derive(Debug, Default)]
struct SiteJoined {
    applications: Kept<SeenApplication, LiveApplication>,
    sets: Kept<SeenSet, LiveApplicationSet>,
}

/// The objects of one kind in one cluster.
#[derive(Debug)]
struct Kept<S, T> {
    of: Option<Arc<Snapshot<S>>>,
    objects: BTreeMap<ObjectName, (String, Arc<T>)>,
}

impl<S, T> Default for Kept<S, T> {
    fn default() -> Self {
        Self { of: None, objects: BTreeMap::new() }
    }
}

impl<S, T> Kept<S, T> {
    /// Takes a snapshot in. Returns whether an object is another one than before.
    fn take(&mut self, snapshot: Arc<Snapshot<S>>, read: impl Fn(&S) -> T) -> bool {
        let same = |known: &Arc<Snapshot<S>>| Arc::ptr_eq(&known.objects, &snapshot.objects);
        if self.of.as_ref().is_some_and(same) {
            return false;
        }
        let mut objects = BTreeMap::new();
        let mut changed = false;
        for (name, object) in snapshot.objects.iter() {
            let version = format!("{} {}", object.uid, object.resource_version);
            // What is of another form than was expected stays as it was, if it was known.
            let known = self.objects.get(name).filter(|(of, _)| *of == version || object.view.is_err());
            let kept = match (known, &object.view) {
                (Some(known), _) => known.clone(),
                (None, Ok(view)) => {
                    changed = true;
                    (version, Arc::new(read(view)))
                }
                (None, Err(why)) => {
                    tracing::warn!(namespace = name.namespace, name = name.name, why, "watching.object_not_read");
                    continue;
                }
            };
            objects.insert(name.clone(), kept);
        }
        changed |= objects.len() != self.objects.len();
        self.objects = objects;
        self.of = Some(snapshot);
        changed
    }
    fn all(&self) -> impl Iterator<Item = Arc<T>> {
        self.objects.values().map(|(_, object)| Arc::clone(object))
    }
}

impl SiteJoined {
    /// Whether anything is another one than before.
    fn take(&mut self, name: &str, watches: &Watches) -> bool {
        let cluster: Arc<str> = name.into();
        let applications = self.applications.take(watches.applications.snapshot(), |seen| seen.0.clone().read_from(&cluster));
        self.sets.take(watches.sets.snapshot(), |seen| seen.0.clone().read_from(&cluster)) || applications
    }
}

/// One round: the forest of all clusters, if it is another one than before, beside the tree of Git.
pub async fn round(portal: Arc<Portal>) {
    let Some(options) = portal.sites.forest() else { return };
    // A cluster that was never read to its end says nothing yet of what is not there.
    let ready: Vec<(Arc<Site>, Watches)> = portal
        .sites
        .iter()
        .filter_map(|site| {
            let watches = site.watches.get()?.clone();
            let complete = watches.applications.snapshot().complete_since.is_some() && watches.sets.snapshot().complete_since.is_some();
            complete.then(|| (Arc::clone(site), watches))
        })
        .collect();
    if ready.is_empty() {
        return;
    }
    let mut options = options.clone();
    options.clusters = options.clusters.only_read(|name| ready.iter().any(|(site, _)| site.name() == name));
    let worker = Arc::clone(&portal);
    let joined = tokio::task::spawn_blocking(move || {
        let mut sites = worker.joined.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = sites.len() != ready.len();
        for (site, watches) in &ready {
            changed |= sites.entry(site.name().to_owned()).or_default().take(site.name(), watches);
        }
        if !changed {
            return;
        }
        let applications: Vec<Arc<LiveApplication>> = sites.values().flat_map(|site| site.applications.all()).collect();
        let sets: Vec<Arc<LiveApplicationSet>> = sites.values().flat_map(|site| site.sets.all()).collect();
        drop(sites);
        reload::put_forest(&worker, LiveForest::build(&applications, &sets, &options));
    });
    if let Err(error) = joined.await {
        tracing::error!(%error, "watching.not_joined");
    }
}
