//! One `ApplicationSet`: as far as it makes apps and is made by one.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    Condition, Health, Identity, Listed, Marks, Owner, Text,
    wire::{
        meta::{Head, Meta},
        or_default, some,
        source::Spec,
        status::Status,
    },
};
use crate::manifest::Destination;

/// What is kept of an `ApplicationSet`. Deserialize it straight from the object, then name its cluster with [`Self::read_from`].
///
/// # Errors
/// As for [`super::LiveApplication`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct LiveApplicationSet {
    pub id: Identity,
    pub marks: Marks,
    pub owners: Box<[Owner]>,
    pub wave: i32,
    /// Of its template, where that is plain; `default` where it is not.
    pub project: Text,
    /// Of its template; empty where that is not plain.
    pub destination: Destination,
    pub health: Health,
    /// The apps that it says it makes, in order. Owner references are the truth: this list may be cut.
    pub listed: Box<[Listed]>,
    /// How many it says it makes; more than the list holds if that was cut.
    pub listed_count: u64,
    pub conditions: Box<[Condition]>,
}

impl LiveApplicationSet {
    /// The same set, known to come from this cluster (its name in the configuration).
    #[must_use]
    pub fn read_from(mut self, cluster: &Arc<str>) -> Self {
        self.id.cluster = Arc::clone(cluster);
        self
    }
    /// Whether Argo CD left apps out of the list, because the object would have grown too large.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        u64::try_from(self.listed.len()).unwrap_or(u64::MAX) < self.listed_count
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "or_default")]
    metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    spec: SetSpec,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SetSpec {
    #[serde(deserialize_with = "or_default")]
    template: Template,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template {
    #[serde(deserialize_with = "or_default")]
    spec: Spec,
}

impl From<Wire> for LiveApplicationSet {
    fn from(wire: Wire) -> Self {
        let Wire { metadata, spec, mut status } = wire;
        let Head { id, marks, owners, wave } = metadata.into();
        let plain = |text: String| if text.contains("{{") { String::new() } else { text };
        let spec = spec.template.spec;
        let destination = Destination::from(spec.destination.clone());
        Self {
            id,
            marks,
            owners,
            wave,
            project: some(spec.project.map(plain)).unwrap_or_else(|| "default".into()),
            destination: Destination { cluster: plain(destination.cluster), namespace: plain(destination.namespace) },
            health: status.health.into(),
            listed_count: status.resources_count.unwrap_or(0),
            listed: status.resources.listed(),
            conditions: status.conditions.0.into(),
        }
    }
}
