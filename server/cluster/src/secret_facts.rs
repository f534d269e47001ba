//! How old a Secret is, when it was last changed and by what: from its metadata, so that its values never come here.
//!
//! The API server is asked for the metadata alone. Some tools keep a copy of the whole object there (`kubectl apply` does, in an
//! annotation): what annotations hold is read past and kept nowhere, and that there is such a copy is told.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use windfirm_model::clock::Timestamp;

use crate::operator::seen::time_of;

/// What the API server is asked for. Without a second choice: one that does not know the form refuses, instead of sending all of it.
pub(crate) const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
/// Fields with values. Whoever applies `stringData` is written down as having set that, though it is stored as `data`.
const VALUES: [&str; 2] = ["f:data", "f:stringData"];
const COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFacts {
    pub created: Timestamp,
    /// When what stands in it last changed.
    pub changed: Timestamp,
    /// Moves with every change, of metadata too.
    pub version: String,
    /// What changed it, by the name that it gave itself (`managedFields`); `None` where nobody wrote that down.
    pub by: Option<String>,
    /// Its values stand in its metadata too, where whoever may read that finds them.
    pub copied: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partial {
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: String,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    annotations: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    managed_fields: Vec<Managed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Managed {
    #[serde(default)]
    manager: String,
    time: Option<String>,
    #[serde(default)]
    fields_v1: BTreeMap<String, IgnoredAny>,
}

impl SecretFacts {
    /// # Errors
    /// Why it cannot be used; never with anything that stands in it.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let partial: Partial =
            serde_json::from_slice(body).map_err(|error| format!("it is not the metadata of an object, at line {} column {}", error.line(), error.column()))?;
        if partial.kind != "PartialObjectMetadata" {
            return Err("it is not the metadata alone, which was asked for".to_owned());
        }
        let metadata = partial.metadata;
        let created = time_of(&metadata.creation_timestamp).ok_or("it does not say when the object was made")?;
        let of_values = metadata.managed_fields.into_iter().filter(|managed| VALUES.iter().any(|field| managed.fields_v1.contains_key(*field)));
        let last = of_values.filter_map(|managed| Some((time_of(managed.time.as_deref()?)?, managed.manager))).max();
        let (changed, by) = last.map_or((created, None), |(changed, by)| (changed, Some(by).filter(|by| !by.is_empty())));
        Ok(Self { created, changed, version: metadata.resource_version, by, copied: metadata.annotations.contains_key(COPY) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(metadata: &Value) -> Result<SecretFacts, String> {
        SecretFacts::read(&serde_json::to_vec(&json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })).unwrap())
    }

    #[test]
    fn the_newest_change_of_its_values_counts_and_labels_do_not() {
        let by = |manager: &str, time: &str, field: &str| json!({ "manager": manager, "operation": "Update", "time": time, "fieldsV1": { field: {} } });
        let facts = read(&json!({
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "managedFields": [
                by("external-secrets", "2026-11-20T10:00:00Z", "f:data"),
                by("kubectl-edit", "2026-11-10T10:00:00Z", "f:data"),
                by("kubectl-label", "2026-11-25T10:00:00Z", "f:metadata"),
            ],
        }))
        .unwrap();
        let expected = SecretFacts {
            version: String::new(),
            created: time_of("2026-11-01T00:00:00Z").unwrap(),
            changed: time_of("2026-11-20T10:00:00Z").unwrap(),
            by: Some("external-secrets".into()),
            copied: false,
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn values_that_were_applied_as_text_count_too() {
        let applied = json!({ "manager": "kubectl", "operation": "Apply", "time": "2026-11-20T10:00:00Z", "fieldsV1": { "f:stringData": {} } });
        let facts = read(&json!({ "creationTimestamp": "2026-11-01T00:00:00Z", "managedFields": [applied] })).unwrap();
        assert_eq!((facts.changed, facts.by.as_deref()), (time_of("2026-11-20T10:00:00Z").unwrap(), Some("kubectl")));
    }

    #[test]
    fn where_nobody_wrote_down_who_it_is_as_old_as_the_object() {
        let facts = read(&json!({ "creationTimestamp": "2026-11-01T00:00:00Z" })).unwrap();
        assert_eq!((facts.changed, facts.by), (facts.created, None));
    }

    #[test]
    fn a_copy_of_the_values_is_told_of_and_not_kept() {
        let facts = read(&json!({ "creationTimestamp": "2026-11-01T00:00:00Z", "annotations": { COPY: "{\"data\":{\"password\":\"cGFzcw==\"}}" } })).unwrap();
        assert!(facts.copied && !format!("{facts:?}").contains("cGFzcw"));
    }

    #[test]
    fn a_whole_secret_is_not_taken() {
        let whole = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": { "creationTimestamp": "2026-11-01T00:00:00Z" }, "data": { "a": "cGFzcw==" } });
        let why = SecretFacts::read(&serde_json::to_vec(&whole).unwrap()).unwrap_err();
        assert!(why.contains("metadata alone") && !why.contains("cGFzcw"), "{why}");
    }
}
