//! Recorded and made-up objects of a cluster.

use std::{path::Path, sync::Arc};

use serde::Deserialize;
use windfirm_tree::{LiveApplication, LiveApplicationSet, LiveProject};

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
