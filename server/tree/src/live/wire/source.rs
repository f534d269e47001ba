//! `spec`: sources and destination, in the form that manifests from Git have too.

use serde::Deserialize;
use serde_json::Value;

use super::or_default;
use crate::{
    live::{Compared, Text},
    manifest::{Destination, IN_CLUSTER, Source, SourceForm, web_address},
};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct Spec {
    source: Option<Value>,
    #[serde(deserialize_with = "or_default")]
    sources: Vec<Value>,
    source_hydrator: Option<Value>,
    #[serde(deserialize_with = "or_default")]
    pub(in crate::live) destination: Place,
    pub(in crate::live) project: Option<String>,
    #[serde(deserialize_with = "or_default")]
    info: Vec<Value>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(in crate::live) struct Place {
    name: Option<String>,
    server: Option<String>,
    namespace: Option<String>,
}

/// `comparedTo`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::live) struct ComparedTo {
    source: Option<Value>,
    #[serde(deserialize_with = "or_default")]
    sources: Vec<Value>,
}

impl From<Place> for Destination {
    fn from(place: Place) -> Self {
        let cluster = place.name.filter(|text| !text.is_empty()).or(place.server).map(|text| text.trim_end_matches('/').to_owned());
        let cluster = cluster.filter(|text| !text.is_empty() && text != "https://kubernetes.default.svc");
        Self { cluster: cluster.unwrap_or_else(|| IN_CLUSTER.into()), namespace: place.namespace.unwrap_or_default() }
    }
}

impl Spec {
    /// `sources` wins over `source`, as in Argo CD. A hydrator's manifests are written from its dry source.
    pub(in crate::live) fn sources(&self) -> Vec<Source> {
        if let Some(dry) = self.hydrator().and_then(|hydrator| hydrator.get("drySource")) {
            return vec![source(dry)];
        }
        if self.sources.is_empty() { self.source.iter().map(source).collect() } else { self.sources.iter().map(source).collect() }
    }
    pub(in crate::live) fn hydrator(&self) -> Option<&Value> {
        self.source_hydrator.as_ref().filter(|value| value.is_object())
    }
    /// The first address under `info`.
    pub(in crate::live) fn info(&self) -> Option<Text> {
        self.info.iter().filter_map(|entry| entry.get("value")?.as_str()).find_map(web_address).map(String::into_boxed_str)
    }

    /// Whether these sources are the ones that were compared last.
    pub(in crate::live) fn compared(&self, to: Option<&ComparedTo>) -> Compared {
        let Some(to) = to else { return Compared::Never };
        let then = if to.sources.is_empty() { to.source.iter().map(plain).collect() } else { to.sources.iter().map(plain).collect::<Vec<_>>() };
        // Argo CD writes an empty source before it compared anything.
        if then.iter().all(|source| text(source, "repoURL").is_none()) {
            return Compared::Never;
        }
        let now = match self.hydrator() {
            // What is compared is where the hydrated manifests are synced from (Argo CD's GetSyncSource).
            Some(hydrator) => vec![plain(&sync_source(hydrator))],
            None if self.sources.is_empty() => self.source.iter().map(plain).collect(),
            None => self.sources.iter().map(plain).collect(),
        };
        if now == then { Compared::SameSources } else { Compared::OtherSources }
    }
}

fn sync_source(hydrator: &Value) -> Value {
    let at = |path: &str| hydrator.pointer(path).cloned().unwrap_or_default();
    let own = hydrator.pointer("/syncSource/repoURL").filter(|url| url.as_str().is_some_and(|url| !url.is_empty())).cloned();
    serde_json::json!({
        "repoURL": own.unwrap_or_else(|| at("/drySource/repoURL")),
        "path": at("/syncSource/path"),
        "targetRevision": at("/syncSource/targetBranch"),
    })
}

/// A source without what Argo CD leaves out or adds when it copies it: nulls, empty texts, lists and maps, `false` and 0. What a
/// person writes into `valuesObject` and into a plugin's parameters stays as it is.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (key.clone(), if matches!(key.as_str(), "valuesObject" | "plugin") { value.clone() } else { plain(value) }))
                .filter(|(_, value)| !is_zero(value))
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The same rules as for manifests in Git: see [`crate::manifest`].
fn source(value: &Value) -> Source {
    let owned = |value: &Value, field: &str| text(value, field).map(str::to_owned);
    let present = |field: &str| value.get(field).filter(|value| !value.is_null());
    let form = if let Some(chart) = owned(value, "chart") {
        SourceForm::Chart(chart)
    } else if let Some(directory) = present("directory") {
        SourceForm::Directory {
            recurse: directory.get("recurse").and_then(Value::as_bool).unwrap_or(false),
            include: owned(directory, "include"),
            exclude: owned(directory, "exclude"),
        }
    } else if present("helm").is_some() {
        SourceForm::Helm
    } else if let Some(kustomize) = present("kustomize") {
        SourceForm::Kustomize {
            name_prefix: owned(kustomize, "namePrefix").unwrap_or_default(),
            name_suffix: owned(kustomize, "nameSuffix").unwrap_or_default(),
        }
    } else if present("plugin").is_some() {
        SourceForm::Plugin
    } else if text(value, "path").is_none() && text(value, "ref").is_some() {
        SourceForm::Values
    } else {
        SourceForm::Detect
    };
    Source {
        repository: owned(value, "repoURL").unwrap_or_default(),
        path: owned(value, "path").or_else(|| (!matches!(form, SourceForm::Chart(_) | SourceForm::Values)).then(|| ".".to_owned())),
        revision: owned(value, "targetRevision").unwrap_or_else(|| "HEAD".into()),
        form,
    }
}
