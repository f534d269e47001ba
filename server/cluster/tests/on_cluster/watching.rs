//! Watching a real API server, through a proxy that behaves badly.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use windfirm_cluster::{Cluster, ClusterError, Kind, Snapshot, Watch, WatchSettings, Watched, watch};

use crate::{
    between::{Between, Mode},
    stage::{PATIENCE, Stage, cluster_of, on_stage},
};

#[derive(Debug, Deserialize)]
struct App {
    spec: AppSpec,
}
#[derive(Debug, Deserialize)]
struct AppSpec {
    project: String,
}
impl Watched for App {
    const KIND: Kind = Kind::APPLICATION;
}

fn settings() -> WatchSettings {
    WatchSettings { request: Duration::from_secs(2), patience: Duration::from_secs(2), longest_pause: Duration::from_millis(500), ..WatchSettings::default() }
}

/// Watches in a task until it is dropped.
struct Watching<T> {
    watch: Watch<T>,
    stop: CancellationToken,
}

impl<T: Watched> Watching<T> {
    fn start(cluster: Arc<Cluster>) -> Self {
        let (watcher, watch) = watch(cluster, settings());
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(watcher.run(stop.clone()));
        Self { watch, stop }
    }
    async fn until(&mut self, what: &str, wanted: impl FnMut(&Snapshot<T>) -> bool) -> Arc<Snapshot<T>> {
        let waited = tokio::time::timeout(PATIENCE, self.watch.until(wanted)).await;
        waited.unwrap_or_else(|_| panic!("waited in vain for {what}: {:?}", self.watch.snapshot().trouble)).unwrap()
    }
}

impl<T> Drop for Watching<T> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The names of the stage's own objects.
fn own<T>(snapshot: &Snapshot<T>, stage: &Stage) -> BTreeSet<String> {
    snapshot.objects.keys().filter(|name| name.namespace == stage.namespace).map(|name| name.name.clone()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn add(stage: &Stage, name: &str) {
    let spec = json!({ "project": "default", "destination": { "namespace": "x" } });
    stage
        .post(&stage.argo("applications"), json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": name }, "spec": spec }))
        .await;
}

async fn remove(stage: &Stage, name: &str) {
    stage.delete(&format!("{}/{name}", stage.argo("applications"))).await;
}

#[test]
fn objects_come_change_and_go() {
    on_stage("watch", async |stage| {
        add(stage, "before").await;
        let mut watching = Watching::<App>::start(stage.cluster());
        let first = watching.until("the first list", |snapshot| snapshot.complete_since.is_some()).await;
        assert_eq!(own(&first, stage), names(&["before"]));
        add(stage, "after").await;
        watching.until("a new object", |snapshot| own(snapshot, stage) == names(&["after", "before"])).await;
        stage.merge(&format!("{}/after", stage.argo("applications")), json!({ "spec": { "project": "shop" } })).await;
        let is_changed = |snapshot: &Snapshot<App>| {
            let object = snapshot.objects.iter().find(|(name, _)| name.namespace == stage.namespace && name.name == "after").map(|(_, object)| object);
            object.is_some_and(|object| object.view.as_ref().unwrap().spec.project == "shop")
        };
        watching.until("the change", is_changed).await;
        remove(stage, "before").await;
        let last = watching.until("the end of an object", |snapshot| own(snapshot, stage) == names(&["after"])).await;
        // What is heard is noted as it comes in, a moment before it is taken in.
        assert!(last.trouble.is_none() && last.changed >= last.listed && watching.watch.heard() >= last.listed, "{last:?}");
    });
}

#[test]
fn a_cut_keeps_the_last_state_with_its_age_and_nothing_is_missed() {
    on_stage("cut", async |stage| {
        let between = Between::open(stage).await;
        add(stage, "old").await;
        let mut watching = Watching::<App>::start(cluster_of(&between.kubeconfig()));
        watching.until("the first list", |snapshot| own(snapshot, stage) == names(&["old"])).await;
        between.set(Mode::Refuse);
        let cut = watching.until("the cut", |snapshot| snapshot.trouble.is_some()).await;
        add(stage, "new").await;
        remove(stage, "old").await;
        assert_eq!(own(&cut, stage), names(&["old"]));
        let heard = watching.watch.heard().unwrap();
        let trouble = cut.trouble.clone().unwrap();
        assert!(trouble.why.is_passing() && trouble.since >= heard, "{trouble:?}");
        watching.until("another try", |snapshot| snapshot.trouble.as_ref().is_some_and(|now| now.tried > trouble.tried && now.since == trouble.since)).await;
        let lists = between.asked("limit=");
        between.set(Mode::Pass);
        let back = watching.until("what happened meanwhile", |snapshot| own(snapshot, stage) == names(&["new"])).await;
        assert!(back.trouble.is_none() && watching.watch.heard().unwrap() > heard);
        assert_eq!(between.asked("limit="), lists, "it goes on from where it was, without another list");
    });
}

#[test]
fn a_silent_connection_is_found_out() {
    on_stage("mute", async |stage| {
        let between = Between::open(stage).await;
        let mut watching = Watching::<App>::start(cluster_of(&between.kubeconfig()));
        watching.until("the first list", |snapshot| snapshot.complete_since.is_some()).await;
        between.set(Mode::Silent);
        add(stage, "unheard").await;
        let mute = watching.until("the silence to be noticed", |snapshot| snapshot.trouble.is_some()).await;
        assert!(matches!(&mute.trouble.as_ref().unwrap().why, ClusterError::Unanswered { .. }), "{:?}", mute.trouble);
        assert!(own(&mute, stage).is_empty());
        between.set(Mode::Pass);
        watching.until("what was unheard", |snapshot| own(snapshot, stage) == names(&["unheard"]) && snapshot.trouble.is_none()).await;
    });
}

#[test]
fn a_quiet_cluster_is_not_taken_for_a_silent_one() {
    on_stage("quiet", async |stage| {
        let between = Between::open(stage).await;
        let mut watching = Watching::<App>::start(cluster_of(&between.kubeconfig()));
        watching.until("the first list", |snapshot| snapshot.complete_since.is_some()).await;
        let lists = between.asked("limit=");
        // several watch requests pass, whatever happens in between
        crate::stage::until("five watches", async || (between.asked("watch=true") >= 5).then_some(())).await;
        assert_eq!(between.asked("limit="), lists);
        assert!(watching.watch.snapshot().trouble.is_none());
    });
}

#[test]
fn a_version_that_is_forgotten_makes_it_read_everything_again() {
    on_stage("gone", async |stage| {
        let between = Between::open(stage).await;
        add(stage, "kept").await;
        add(stage, "lost").await;
        let mut watching = Watching::<App>::start(cluster_of(&between.kubeconfig()));
        let first = watching.until("the first list", |snapshot| own(snapshot, stage) == names(&["kept", "lost"])).await;
        between.set(Mode::Refuse);
        watching.until("the cut", |snapshot| snapshot.trouble.is_some()).await;
        remove(stage, "lost").await;
        add(stage, "found").await;
        between.expire_next_watch();
        between.set(Mode::Pass);
        let again = watching.until("the second list", |snapshot| snapshot.listed > first.listed).await;
        assert_eq!(own(&again, stage), names(&["found", "kept"]));
        assert_eq!(again.complete_since, first.complete_since);
        watching.until("the trouble to be over", |snapshot| snapshot.trouble.is_none()).await;
        add(stage, "later").await;
        watching.until("later changes", |snapshot| own(snapshot, stage) == names(&["found", "kept", "later"])).await;
    });
}

#[derive(Debug, Deserialize)]
struct Leaf {}
impl Watched for Leaf {
    const KIND: Kind = Kind::new("test.windfirm.dev", "v1", "leaves", "Leaf");
}

#[test]
fn a_definition_that_is_missing_is_told_and_found_when_it_comes() {
    on_stage("crd", async |stage| {
        const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let own_path = format!("{DEFINITIONS}/leaves.test.windfirm.dev");
        stage.delete(&own_path).await;
        // As the administrator, because the portal would not even be told that it is missing.
        let mut watching = Watching::<Leaf>::start(cluster_of(&stage.given.folder.join("admin.kubeconfig")));
        let without = watching.until("the missing definition", |snapshot| snapshot.trouble.is_some()).await;
        assert!(matches!(&without.trouble.as_ref().unwrap().why, ClusterError::NoSuchKind { .. }), "{:?}", without.trouble);
        let names = json!({ "plural": "leaves", "singular": "leaf", "kind": "Leaf", "listKind": "LeafList" });
        let version = json!({ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } });
        let spec = json!({ "group": "test.windfirm.dev", "names": names, "scope": "Namespaced", "versions": [version] });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "leaves.test.windfirm.dev" }, "spec": spec,
        });
        stage.post(DEFINITIONS, definition).await;
        let found = tokio::time::timeout(PATIENCE, watching.watch.until(|snapshot| snapshot.complete_since.is_some() && snapshot.trouble.is_none())).await;
        stage.delete(&own_path).await;
        found.unwrap().unwrap();
    });
}
