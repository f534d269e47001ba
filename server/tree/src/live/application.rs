//! One `Application`.

use std::sync::Arc;

use serde::{Deserialize, de::IgnoredAny};
use windfirm_model::{clock::Timestamp, view::app::Target};

use super::{
    Compared, Condition, Deployment, Health, Identity, Listed, Marks, Operation, Owner, ResourceCounts, SyncStatus, Text,
    wire::{
        meta::{Head, Meta},
        or_default, some,
        source::Spec,
        status::Status,
        timestamp,
    },
};
use crate::manifest::{self, Destination, Source, TARGET_ANNOTATION};

/// What is kept of an `Application`. Deserialize it straight from the object, then name its cluster with [`Self::read_from`].
///
/// # Errors
/// Deserializing fails where a field has another type than Argo CD's CRD gives it; a missing or unknown field is no error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct LiveApplication {
    pub id: Identity,
    pub marks: Marks,
    pub owners: Box<[Owner]>,
    /// From its own annotation; what the parent lists may differ while it is not synced.
    pub wave: i32,
    pub project: Text,
    /// Its cluster as the object spells it, but [`manifest::IN_CLUSTER`] for the cluster that the object lives in.
    pub destination: Destination,
    /// `sources`, else the one `source`, else the dry source of a hydrator.
    pub sources: Vec<Source>,
    /// The manifests are written by Argo CD's hydrator: revisions are those of the branch that it writes to.
    pub hydrated: bool,
    /// The first address under `spec.info`.
    pub info: Option<Text>,
    pub sync: SyncStatus,
    /// What was compared last, one for each source: ids of commits, versions of charts. See [`Self::deployed`].
    pub revisions: Box<[Text]>,
    pub compared: Compared,
    pub health: Health,
    /// At most 50.
    pub images: Box<[Text]>,
    /// At most 20, as Argo CD found them at ingresses and services.
    pub external_urls: Box<[Text]>,
    pub operation: Option<Box<Operation>>,
    /// An operation is asked for, and may not have begun.
    pub operation_asked: bool,
    /// The last three, the newest last.
    pub history: Box<[Deployment]>,
    /// When Argo CD last looked at it.
    pub reconciled: Option<Timestamp>,
    /// The apps and sets among its resources, in order.
    pub listed: Box<[Listed]>,
    pub resources: ResourceCounts,
    /// At most five.
    pub conditions: Box<[Condition]>,
    /// The namespace of the Argo CD that looks after it.
    pub controller_namespace: Option<Text>,
    /// What Argo CD says of itself; older ones say nothing.
    pub is_app_of_apps: Option<bool>,
}

impl LiveApplication {
    /// The same app, known to come from this cluster (its name in the configuration).
    #[must_use]
    pub fn read_from(mut self, cluster: &Arc<str>) -> Self {
        self.id.cluster = Arc::clone(cluster);
        self
    }

    /// The revisions that run, one for each source: what was compared where everything is in sync, else those of the newest sync.
    ///
    /// Argo CD moves `sync.revision` with each look at Git, also when a commit changed nothing for this app and so nothing was
    /// synced: being in sync with a revision is to run it. The history names the revision of the last *change* instead, and lags
    /// behind for as long as nothing has to change.
    #[must_use]
    pub fn deployed(&self) -> &[Text] {
        if self.sync == SyncStatus::Synced && !self.revisions.is_empty() {
            return &self.revisions;
        }
        self.history.last().map_or(&[], |newest| &newest.revisions)
    }

    /// What its tests talk to, by the rule that holds for manifests in Git.
    #[must_use]
    pub fn target(&self) -> Target {
        manifest::target(self.marks.windfirm(TARGET_ANNOTATION), self.marks.link.as_deref(), self.info.as_deref().into_iter())
    }
}

/// The object as the API server writes it.
#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "or_default")]
    metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    spec: Spec,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
    operation: Option<IgnoredAny>,
}

impl From<Wire> for LiveApplication {
    fn from(wire: Wire) -> Self {
        let Wire { metadata, spec, mut status, operation } = wire;
        let Head { id, marks, owners, wave } = metadata.into();
        let mut sources = spec.sources();
        sources.shrink_to_fit();
        Self {
            id,
            marks,
            owners,
            wave,
            project: some(spec.project.clone()).unwrap_or_else(|| "default".into()),
            destination: spec.destination.clone().into(),
            sources,
            hydrated: spec.hydrator().is_some(),
            info: spec.info(),
            sync: status.sync.status(),
            revisions: status.sync.revisions(),
            compared: spec.compared(status.sync.compared_to.as_ref()),
            health: status.health.into(),
            images: status.summary.images.0.into(),
            external_urls: status.summary.external_urls.0.into(),
            operation: status.operation_state.map(|state| Box::new(state.into())),
            operation_asked: operation.is_some(),
            history: status.history.0.into_iter().collect(),
            reconciled: timestamp(status.reconciled_at.as_deref()),
            listed: status.resources.listed(),
            resources: status.resources.counts,
            conditions: status.conditions.0.into(),
            controller_namespace: some(status.controller_namespace),
            is_app_of_apps: status.summary.is_app_of_apps,
        }
    }
}
