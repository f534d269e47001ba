//! Recorded and made-up objects of a cluster.

use std::{path::Path, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};
use windfirm_tree::{AppKey, Clusters, ForestOptions, Kind, LiveApplication, LiveApplicationSet, LiveForest, LiveProject, live::Parent};

/// What a cluster holds at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) applications: Vec<Arc<LiveApplication>>,
    pub(crate) sets: Vec<Arc<LiveApplicationSet>>,
    pub(crate) projects: Vec<Arc<LiveProject>>,
}

impl State {
    pub(crate) fn application(&self, name: &str) -> &LiveApplication {
        self.applications.iter().find(|app| &*app.id.name == name).unwrap()
    }
    pub(crate) fn add(&mut self, cluster: &str, object: &str) {
        let cluster: Arc<str> = cluster.into();
        let kind: OfKind = serde_json::from_str(object).unwrap();
        match kind.kind.as_str() {
            "Application" => self.applications.push(Arc::new(serde_json::from_str::<LiveApplication>(object).unwrap().read_from(&cluster))),
            "ApplicationSet" => self.sets.push(Arc::new(serde_json::from_str::<LiveApplicationSet>(object).unwrap().read_from(&cluster))),
            "AppProject" => self.projects.push(Arc::new(serde_json::from_str::<LiveProject>(object).unwrap().read_from(&cluster))),
            other => panic!("{other}"),
        }
    }
}

#[derive(Deserialize)]
struct OfKind {
    kind: String,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    object: LiveApplication,
}

pub(crate) fn read(object: &str) -> LiveApplication {
    serde_json::from_str::<LiveApplication>(object).unwrap().read_from(&"home".into())
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/argocd-3.5.1-live").join(name)).unwrap()
}

/// A recorded state of the cluster `home`.
pub(crate) fn recorded(name: &str) -> State {
    let mut state = State::default();
    for line in fixture(&format!("{name}.ndjson")).lines() {
        state.add("home", line);
    }
    state
}

/// The recorded watch events, in their order.
pub(crate) fn events() -> Vec<(String, LiveApplication)> {
    let event = |line: &str| {
        let Event { r#type, object } = serde_json::from_str(line).unwrap();
        (r#type, object.read_from(&"home".into()))
    };
    fixture("watch.ndjson").lines().map(event).collect()
}

/// An object in a few words; change what matters with the methods.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    kind: Kind,
    cluster: String,
    namespace: String,
    name: String,
    json: Value,
}

/// An app that Argo CD in the namespace `argocd` of the cluster `home` deployed, and that is settled.
pub(crate) fn live(name: &str) -> Object {
    let source = json!({"repoURL": "https://git.example.org/shop.git", "path": format!("svc/{name}")});
    let json = json!({
        "spec": {"project": "default", "source": source, "destination": {"name": "in-cluster", "namespace": "dev"}},
        "status": {
            "sync": {"status": "Synced", "revision": "8a926447c3b3e4e7acb35ea7397ae77223ae4ad5", "comparedTo": {"source": source}},
            "health": {"status": "Healthy"}, "operationState": {"phase": "Succeeded"}, "reconciledAt": "2026-11-23T13:40:57Z",
            "controllerNamespace": "argocd", "resources": [],
        },
    });
    Object { kind: Kind::Application, cluster: "home".into(), namespace: "argocd".into(), name: name.into(), json }
}

/// A set that makes nothing yet.
pub(crate) fn set(name: &str) -> Object {
    let json = json!({"spec": {"template": {"spec": {"destination": {"namespace": "{{.ns}}"}}}}, "status": {"resources": []}});
    Object { kind: Kind::ApplicationSet, cluster: "home".into(), namespace: "argocd".into(), name: name.into(), json }
}

impl Object {
    /// The cluster and the namespace of the object itself.
    pub(crate) fn at(mut self, cluster: &str, namespace: &str) -> Self {
        (self.cluster, self.namespace) = (cluster.into(), namespace.into());
        self
    }
    pub(crate) fn put(mut self, pointer: &str, value: Value) -> Self {
        let mut at = &mut self.json;
        for part in pointer.split('|') {
            at = &mut at[part];
        }
        *at = value;
        self
    }
    pub(crate) fn to(self, cluster: &str, namespace: &str) -> Self {
        self.put("spec|destination", json!({"name": cluster, "namespace": namespace}))
    }
    pub(crate) fn wave(self, wave: i32) -> Self {
        self.put("metadata|annotations|argocd.argoproj.io/sync-wave", json!(wave.to_string()))
    }
    /// Applied by the app of this instance.
    pub(crate) fn tracked(self, instance: &str) -> Self {
        let id = format!("{instance}:argoproj.io/{}:{}/{}", self.kind.word(), self.namespace, self.name);
        self.put("metadata|annotations|argocd.argoproj.io/tracking-id", json!(id))
    }
    pub(crate) fn label(self, value: &str) -> Self {
        self.put("metadata|labels|app.kubernetes.io/instance", json!(value))
    }
    pub(crate) fn owned_by(self, set: &str, uid: &str) -> Self {
        let owner = json!([{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": set, "uid": uid, "controller": true}]);
        self.put("metadata|ownerReferences", owner)
    }
    /// Has an app among its resources.
    pub(crate) fn lists(mut self, namespace: &str, name: &str, status: &str) -> Self {
        let entry = json!({"group": "argoproj.io", "kind": "Application", "namespace": namespace, "name": name, "status": status});
        self.json["status"]["resources"].as_array_mut().unwrap().push(entry);
        self
    }
    pub(crate) fn lists_set(mut self, name: &str) -> Self {
        let entry = json!({"group": "argoproj.io", "kind": "ApplicationSet", "namespace": "argocd", "name": name, "status": "Synced"});
        self.json["status"]["resources"].as_array_mut().unwrap().push(entry);
        self
    }
    pub(crate) fn uid(&self) -> String {
        format!("uid-{}-{}-{}-{}", self.cluster, self.namespace, self.kind.word(), self.name)
    }
    pub(crate) fn json(&self) -> String {
        let mut json = self.json.clone();
        json["kind"] = json!(self.kind.word());
        json["metadata"]["name"] = json!(self.name);
        json["metadata"]["namespace"] = json!(self.namespace);
        for (field, value) in [("uid", self.uid()), ("resourceVersion", "7".to_owned())] {
            if json["metadata"][field].is_null() {
                json["metadata"][field] = json!(value);
            }
        }
        json.to_string()
    }
}

pub(crate) fn state(objects: &[Object]) -> State {
    let mut state = State::default();
    for object in objects {
        state.add(&object.cluster, &object.json());
    }
    state
}

/// `home`, where the Argo CD of the repository lives, and `east`.
pub(crate) fn clusters() -> Clusters {
    Clusters::new("home").with("east", &["https://east.example:6443"])
}

pub(crate) fn forest_of(state: &State) -> LiveForest {
    LiveForest::build(&state.applications, &state.sets, &ForestOptions::new(clusters()))
}

pub(crate) fn forest(objects: &[Object]) -> LiveForest {
    forest_of(&state(objects))
}

/// `cart`, with its namespace where that is not `argocd`, its cluster where that is not `home`, and a mark for a set.
pub(crate) fn name(key: &AppKey) -> String {
    let namespace = if key.namespace == "argocd" { String::new() } else { format!("{}/", key.namespace) };
    let cluster = if key.cluster == "home" { String::new() } else { format!("@{}", key.cluster) };
    let kind = if key.kind == Kind::ApplicationSet { "set " } else { "" };
    format!("{kind}{namespace}{}{cluster}", key.name)
}

/// `cart < shop` for each app, by key; `cart` for a root.
pub(crate) fn sketch(forest: &LiveForest) -> Vec<String> {
    let other = |index: &usize| name(&forest.nodes()[*index].key);
    forest
        .nodes()
        .iter()
        .map(|node| {
            let parent = match &node.parent {
                Parent::Root => String::new(),
                Parent::Below(parent) => format!(" < {}", other(parent)),
                Parent::Loop(parent) => format!(" < loop {}", other(parent)),
                Parent::Missing { named } => format!(" < missing {named}"),
                Parent::Unsure(several) => format!(" < one of {}", several.iter().map(other).collect::<Vec<_>>().join(", ")),
            };
            format!("{}{parent}{}", name(&node.key), if node.manages_itself { ", itself" } else { "" })
        })
        .collect()
}
