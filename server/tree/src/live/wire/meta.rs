//! `metadata`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{or_default, some, timestamp};
use crate::{
    live::{Identity, Marks, Owner, Text},
    manifest::{LINK_ANNOTATION, WAVE_ANNOTATION},
};

const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
const MANAGED_BY_URL: &str = "argocd.argoproj.io/managed-by-url";
/// Argo CD takes it where the wave is no number.
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
const OURS: &str = "windfirm.dev/";

/// Of each list of marks and owners. More is somebody's mistake.
const MOST: usize = 32;
/// A longer annotation is not kept.
const MAX_VALUE_BYTES: usize = 4_096;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct Meta {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    namespace: String,
    #[serde(deserialize_with = "or_default")]
    uid: String,
    #[serde(deserialize_with = "or_default")]
    resource_version: String,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
    #[serde(deserialize_with = "or_default")]
    labels: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "or_default")]
    annotations: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "or_default")]
    owner_references: Vec<Reference>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Reference {
    #[serde(deserialize_with = "or_default")]
    api_version: String,
    #[serde(deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    uid: String,
    controller: Option<bool>,
}

/// What the three kinds have in common, and the wave.
pub(in crate::live) struct Head {
    pub(in crate::live) id: Identity,
    pub(in crate::live) marks: Marks,
    pub(in crate::live) owners: Box<[Owner]>,
    pub(in crate::live) wave: i32,
}

impl From<Meta> for Head {
    fn from(mut meta: Meta) -> Self {
        let mut annotation = |key: &str| some(meta.annotations.remove(key).flatten()).filter(|value| value.len() <= MAX_VALUE_BYTES);
        let tracking_id = annotation(TRACKING_ID);
        let installation_id = annotation(INSTALLATION_ID);
        let managed_by_url = annotation(MANAGED_BY_URL);
        let link = annotation(LINK_ANNOTATION);
        let number = |text: Option<Text>| text.and_then(|text| text.trim().parse::<i32>().ok());
        let wave = number(annotation(WAVE_ANNOTATION)).or_else(|| number(annotation(HOOK_WEIGHT))).unwrap_or(0);
        let kept = |entries: BTreeMap<String, Option<String>>, keep: &dyn Fn(&str) -> bool| -> Box<[(Text, Text)]> {
            let entries = entries.into_iter().filter(|(key, _)| keep(key)).filter_map(|(key, value)| Some((key.into_boxed_str(), some(value)?)));
            entries.filter(|(_, value)| value.len() <= MAX_VALUE_BYTES).take(MOST).collect()
        };
        let owner = |reference: Reference| Owner {
            kind: reference.kind.into(),
            name: reference.name.into(),
            uid: reference.uid.into(),
            controller: reference.controller.unwrap_or(false),
        };
        Self {
            id: Identity {
                cluster: "".into(),
                namespace: meta.namespace.into(),
                name: meta.name.into(),
                uid: meta.uid.into(),
                resource_version: meta.resource_version.into(),
                created: timestamp(meta.creation_timestamp.as_deref()),
                deleting: timestamp(meta.deletion_timestamp.as_deref()),
            },
            marks: Marks {
                tracking_id,
                installation_id,
                instance_labels: kept(meta.labels, &|key| key.ends_with("/instance")),
                windfirm: kept(meta.annotations, &|key| key.starts_with(OURS)),
                managed_by_url,
                link,
            },
            owners: meta.owner_references.into_iter().filter(|owner| owner.api_version.starts_with("argoproj.io/")).take(MOST).map(owner).collect(),
            wave,
        }
    }
}
