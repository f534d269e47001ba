//! An object as it comes from the API server, cut down at once to what is kept of it.

use std::{borrow::Cow, sync::Arc};

use kube::core::{DynamicResourceScope, ObjectMeta, Resource};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use super::{Object, ObjectName};
use crate::kind::Kind;

/// What kube's watcher handles in place of the whole object.
#[derive(Debug)]
pub(super) struct Projected<T> {
    /// Name, namespace, uid and version only.
    metadata: ObjectMeta,
    view: Result<Arc<T>, String>,
}

impl<T> Projected<T> {
    pub(super) fn into_object(self) -> Object<T> {
        let ObjectMeta { name, namespace, uid, resource_version, .. } = self.metadata;
        let name = ObjectName { namespace: namespace.unwrap_or_default(), name: name.unwrap_or_default() };
        Object { name, uid: uid.unwrap_or_default(), resource_version: resource_version.unwrap_or_default(), view: self.view }
    }
}

impl<T> Clone for Projected<T> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), view: self.view.clone() }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Projected<T> {
    /// Through a [`Value`], so that one object of another form than `T` does not spoil the list that it comes in.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let text = |field: &str| object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str).map(str::to_owned);
        let metadata = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        let view = T::deserialize(object).map(Arc::new).map_err(|error| without_values(&error));
        Ok(Self { metadata, view })
    }
}

/// The error without the value that it quotes: `invalid type: string "…", expected u64` becomes `expected u64`.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("a field is not what was expected: {expected}"),
        None if text.starts_with("missing field") => text,
        None => "it is of another form than was expected".to_owned(),
    }
}

impl<T> Resource for Projected<T> {
    type DynamicType = Kind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &Kind) -> Cow<'_, str> {
        kind.kind.into()
    }
    fn group(kind: &Kind) -> Cow<'_, str> {
        kind.group.into()
    }
    fn version(kind: &Kind) -> Cow<'_, str> {
        kind.version.into()
    }
    fn plural(kind: &Kind) -> Cow<'_, str> {
        kind.plural.into()
    }
    fn api_version(kind: &Kind) -> Cow<'_, str> {
        kind.api_version()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Small {
        spec: Spec,
    }
    #[derive(Debug, Deserialize)]
    struct Spec {
        project: String,
    }

    #[test]
    fn an_object_is_cut_down_to_what_is_kept() {
        let text = r#"{"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7","managedFields":[{"manager":"x"}]},"spec":{"project":"p","x":1},"status":{"history":[1,2]}}"#;
        let projected: Projected<Small> = serde_json::from_str(text).unwrap();
        assert!(projected.metadata.managed_fields.is_none());
        let object = projected.into_object();
        assert_eq!(object.name, ObjectName { namespace: "n".into(), name: "a".into() });
        assert_eq!((object.uid.as_str(), object.resource_version.as_str()), ("u", "7"));
        assert_eq!(object.view.unwrap().spec.project, "p");
    }

    #[test]
    fn an_object_of_another_form_is_told_and_its_values_are_not() {
        let wrong = |spec: &str| {
            let text = format!(r#"{{"metadata":{{"name":"a","resourceVersion":"7"}},"spec":{spec}}}"#);
            serde_json::from_str::<Projected<Small>>(&text).unwrap().into_object().view.unwrap_err()
        };
        assert_eq!(wrong("{}"), "missing field `project`");
        assert_eq!(wrong(r#""s3cret""#), "a field is not what was expected: struct Spec");
        assert_eq!(wrong(r#"{"project":["s3cret, expected x"]}"#), "a field is not what was expected: a string");
    }
}
