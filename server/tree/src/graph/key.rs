//! What makes an app one app, its place among siblings, and its name in a path: one rule for Git and for clusters.

use std::collections::BTreeSet;

use windfirm_model::path::AppPath;

use crate::manifest::{Destination, IN_CLUSTER, Kind, Manifest, is_name};

/// What makes two objects one app. Name and namespace are not enough: an Application and an ApplicationSet may share them, and so
/// may the apps of two clusters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppKey {
    /// The cluster that the object itself lives in. In a tree from Git it is as manifests spell it, and [`IN_CLUSTER`] for the one
    /// that reads this repository; among live objects it is the name of the configuration.
    pub cluster: String,
    pub namespace: String,
    pub kind: Kind,
    pub name: String,
}

pub(super) fn key_of(manifest: &Manifest, cluster: &str, namespace: &str) -> AppKey {
    let namespace = manifest.namespace.clone().unwrap_or_else(|| namespace.to_owned());
    AppKey { cluster: cluster.to_owned(), namespace, kind: manifest.kind, name: manifest.name.clone() }
}

/// The objects that an app makes live where the app is deployed to; those of a set live beside it.
pub(super) fn child_key(child: &Manifest, parent_key: &AppKey, parent: &Manifest) -> AppKey {
    if parent.kind == Kind::ApplicationSet {
        return key_of(child, &parent_key.cluster, &parent_key.namespace);
    }
    let namespace = Some(&parent.destination.namespace).filter(|namespace| !namespace.is_empty()).unwrap_or(&parent_key.namespace);
    key_of(child, &deployed_to(parent_key, &parent.destination), namespace)
}

/// “In the cluster” means the one that the object itself lives in.
pub(super) fn deployed_to(key: &AppKey, destination: &Destination) -> String {
    if destination.cluster == IN_CLUSTER { key.cluster.clone() } else { destination.cluster.clone() }
}

/// Siblings: by wave, then name; the rest only makes it total.
pub(super) fn order<'a>(key: &'a AppKey, manifest: &'a Manifest) -> (i32, &'a str, &'a str, Kind, &'a str) {
    (manifest.wave, &key.name, &key.namespace, key.kind, &key.cluster)
}

/// Whether an app may have the plain name of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Plain,
    /// Always with the namespace: a grant for a plain name must not hold for it by accident.
    Qualified,
}

/// `/shop/cart/`, and where a sibling has that already `/shop/cart~namespace/`. No name in Kubernetes has a `~`.
pub(super) fn free_path(taken: &BTreeSet<AppPath>, base: &AppPath, key: &AppKey, naming: Naming) -> Option<AppPath> {
    let AppKey { name, namespace, cluster, kind } = key;
    // Kustomize prefixes and templates can make names that Kubernetes would refuse; “..” must never become part of a path.
    if !is_name(name) {
        return None;
    }
    let plain_cluster: String = cluster.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let candidates = [
        name.clone(),
        format!("{name}~{namespace}"),
        format!("{name}~{namespace}~{}", kind.word().to_lowercase()),
        format!("{name}~{namespace}~{}~{plain_cluster}", kind.word().to_lowercase()),
    ];
    let first = usize::from(naming == Naming::Qualified);
    candidates.iter().skip(first).filter_map(|name| base.child(name).ok()).find(|path| !taken.contains(path))
}
