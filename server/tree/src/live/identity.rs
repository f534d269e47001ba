//! Who an object is, and what it bears of others: the part that all three kinds share.

use std::sync::Arc;

use windfirm_model::clock::Timestamp;

use super::Text;

/// What tells an object from all others, in all clusters and over all its lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The cluster that the object was read from, by its name in the configuration. No object says it of itself: it is empty until
    /// the watcher sets it.
    pub cluster: Arc<str>,
    pub namespace: Text,
    pub name: Text,
    /// Another one after the object was deleted and made again.
    pub uid: Text,
    /// Opaque but for its order: within one cluster the larger number is the newer state.
    pub resource_version: Text,
    pub created: Option<Timestamp>,
    /// Set once somebody asked to delete it; finalizers may keep it for long.
    pub deleting: Option<Timestamp>,
}

impl Identity {
    /// Which of two states of one object is the newer one. Total, so that duplicates are settled the same way in any order.
    pub(super) fn age_key(&self) -> (Option<u128>, &str, &str) {
        (self.resource_version.parse().ok(), &self.resource_version, &self.uid)
    }
}

/// Labels and annotations that mean something here. All others are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// `argocd.argoproj.io/tracking-id`, as written.
    pub tracking_id: Option<Text>,
    /// `argocd.argoproj.io/installation-id`, which tells several Argo CDs on one cluster apart.
    pub installation_id: Option<Text>,
    /// Labels whose key ends in `/instance`: Argo CD's own one may be configured (`application.instanceLabelKey`).
    pub instance_labels: Box<[(Text, Text)]>,
    /// Annotations that begin with `windfirm.dev/`, by key.
    pub windfirm: Box<[(Text, Text)]>,
    /// `argocd.argoproj.io/managed-by-url`: the address of the Argo CD that looks after the app, where it is another one.
    pub managed_by_url: Option<Text>,
    /// `link.argocd.argoproj.io/external-link`, as written.
    pub link: Option<Text>,
}

impl Marks {
    /// The annotation `windfirm.dev/…` of this whole key.
    #[must_use]
    pub fn windfirm(&self, key: &str) -> Option<&str> {
        self.windfirm.iter().find(|(name, _)| &**name == key).map(|(_, value)| &**value)
    }
    /// The label of this whole key, if it is one that is kept.
    #[must_use]
    pub fn instance_label(&self, key: &str) -> Option<&str> {
        self.instance_labels.iter().find(|(name, _)| &**name == key).map(|(_, value)| &**value)
    }
}

/// An entry of `metadata.ownerReferences`. Owners live in the same cluster and namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Of `argoproj.io` only; other owners are dropped.
    pub kind: Text,
    pub name: Text,
    pub uid: Text,
    /// Whether it is the one that controls the object.
    pub controller: bool,
}
