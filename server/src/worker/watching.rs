//! Keeps what the clusters' Argo CDs hold, and joins it with Git's tree.
//!
//! A watcher for each kind and cluster goes on by itself ([`windfirm_cluster::watch`]). A round compares what the tree in force was made
//! from with what there is now, and makes it again if that differs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use windfirm_cluster::{Object, ObjectName, Snapshot, Watch, WatchSettings, watch};
use windfirm_tree::{LiveApplication, LiveApplicationSet, LiveForest, LiveProject};

use crate::{
    sites::{Site, Watches},
    state::Portal,
    worker::reload,
};

/// Begins to watch. Once, at the start.
pub fn start(portal: &Arc<Portal>) {
    for site in portal.sites.iter() {
        let Some(argocd) = &site.argocd else { continue };
        let watched = argocd.watched();
        let settings = |namespace: Option<String>| WatchSettings { namespace, ..WatchSettings::default() };
        let each = || watched.iter().cloned().map(settings);
        let (application_watchers, applications): (Vec<_>, Vec<_>) = each().map(|of| watch::<LiveApplication>(Arc::clone(&site.cluster), of)).unzip();
        let (set_watchers, sets): (Vec<_>, Vec<_>) = each().map(|of| watch::<LiveApplicationSet>(Arc::clone(&site.cluster), of)).unzip();
        let (project_watcher, projects) = watch::<LiveProject>(Arc::clone(&site.cluster), settings(Some(argocd.namespace.clone())));
        if site.watches.set(Watches { applications, sets, projects }).is_ok() {
            application_watchers.into_iter().for_each(|watcher| portal.run(watcher.run(portal.ending.clone())));
            set_watchers.into_iter().for_each(|watcher| portal.run(watcher.run(portal.ending.clone())));
            portal.run(project_watcher.run(portal.ending.clone()));
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
    /// As in [`Watches`]: one for each namespace that is watched by itself.
    applications: Vec<Kept<LiveApplication>>,
    sets: Vec<Kept<LiveApplicationSet>>,
}

/// The objects of one kind in one watch, with the versions that they are of.
#[derive(Debug)]
struct Kept<T> {
    of: Option<Arc<BTreeMap<ObjectName, Arc<Object<T>>>>>,
    objects: BTreeMap<ObjectName, (String, Arc<T>)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { of: None, objects: BTreeMap::new() }
    }
}

impl<T> Kept<T> {
    /// Takes a snapshot in. Returns whether an object is another one than before.
    fn take(&mut self, snapshot: &Snapshot<T>) -> bool {
        if self.of.as_ref().is_some_and(|known| Arc::ptr_eq(known, &snapshot.objects)) {
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
                    (version, Arc::clone(view))
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
        self.of = Some(Arc::clone(&snapshot.objects));
        changed
    }
    fn all(&self) -> impl Iterator<Item = Arc<T>> {
        self.objects.values().map(|(_, object)| Arc::clone(object))
    }
}

impl SiteJoined {
    /// Whether anything is another one than before.
    fn take(&mut self, watches: &Watches) -> bool {
        let applications = take_all(&mut self.applications, &watches.applications);
        take_all(&mut self.sets, &watches.sets) || applications
    }
}

fn take_all<T>(kept: &mut Vec<Kept<T>>, watches: &[Watch<T>]) -> bool {
    kept.resize_with(watches.len(), Kept::default);
    let mut changed = false;
    for (kept, watch) in kept.iter_mut().zip(watches) {
        changed |= kept.take(&watch.snapshot());
    }
    changed
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
            watches.are_complete().then(|| (Arc::clone(site), watches))
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
            changed |= sites.entry(site.name().to_owned()).or_default().take(watches);
        }
        if !changed {
            return;
        }
        let applications: Vec<Arc<LiveApplication>> = sites.values().flat_map(|site| site.applications.iter().flat_map(Kept::all)).collect();
        let sets: Vec<Arc<LiveApplicationSet>> = sites.values().flat_map(|site| site.sets.iter().flat_map(Kept::all)).collect();
        drop(sites);
        reload::put_forest(&worker, LiveForest::build(&applications, &sets, &options));
    });
    if let Err(error) = joined.await {
        tracing::error!(%error, "watching.not_joined");
    }
}
