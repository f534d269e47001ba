//! One Secret, by a right on its name alone, through a proxy that behaves badly.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use windfirm_cluster::{
    Cluster, ClusterError, SecretData, SecretError, SecretRef, Side, Snapshot, Watch, WatchSettings, read_secret, secret_in, try_watch_of_secret, watch,
};

use crate::{
    between::{Between, Mode},
    stage::{PATIENCE, Stage, cluster_of, on_stage, until},
};

fn at(stage: &Stage, name: &str) -> SecretRef {
    SecretRef::new(&stage.namespace, name, "key").unwrap()
}

async fn put(stage: &Stage, name: &str, data: Value) {
    let path = format!("{}/{name}", stage.core("secrets"));
    stage.delete(&path).await;
    stage.post(&stage.core("secrets"), json!({ "metadata": { "name": name }, "data": data })).await;
}

/// As `windfirm policy render` gives it.
async fn allow(stage: &Stage, name: &str) {
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["list", "watch"] }]);
    stage.post(&stage.rbac("roles"), json!({ "metadata": { "name": "own-secrets" }, "rules": rules })).await;
    stage.bind("own", "secrets", "Role", json!({ "kind": "ServiceAccount", "name": "portal", "namespace": "windfirm" })).await;
    let cluster = stage.cluster();
    until("the right to read", async || read_secret(&cluster, &at(stage, name)).await.is_ok().then_some(())).await;
}

struct Watching {
    at: SecretRef,
    watch: Watch<SecretData>,
    stop: CancellationToken,
}

impl Watching {
    fn start(cluster: Arc<Cluster>, at: SecretRef) -> Self {
        let settings = WatchSettings {
            namespace: Some(at.namespace().to_owned()),
            fields: Some(format!("metadata.name={}", at.name())),
            request: Duration::from_secs(2),
            patience: Duration::from_secs(2),
            longest_pause: Duration::from_millis(500),
            ..WatchSettings::default()
        };
        let (watcher, watch) = watch(cluster, settings);
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(watcher.run(stop.clone()));
        Self { at, watch, stop }
    }
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Snapshot<SecretData>, Option<Result<String, SecretError>>) -> bool) {
        let at = self.at.clone();
        let waited = tokio::time::timeout(PATIENCE, self.watch.until(|snapshot| wanted(snapshot, secret_in(snapshot, "here", &at)))).await;
        let _ = waited.unwrap_or_else(|_| panic!("waited in vain for {what}: {:?}", self.watch.snapshot())).unwrap();
    }
    async fn says(&mut self, value: &str) {
        self.until(value, |snapshot, seen| seen == Some(Ok(value.to_owned())) && snapshot.trouble.is_none()).await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[test]
fn a_secret_is_read_by_a_right_on_its_name_and_no_other_can_be() {
    on_stage("secret", async |stage| {
        put(stage, "own", json!({ "key": "b3BlbiBzZXNhbWUK", "binary": "//79" })).await;
        put(stage, "other", json!({ "key": "aHVudGVyMg==" })).await;
        allow(stage, "own").await;
        let cluster = stage.cluster();
        assert_eq!(read_secret(&cluster, &at(stage, "own")).await, Ok("open sesame".into()));
        assert_eq!(try_watch_of_secret(&cluster, &at(stage, "own")).await, Ok(()));
        let binary = SecretRef::new(&stage.namespace, "own", "binary").unwrap();
        assert!(matches!(read_secret(&cluster, &binary).await, Err(SecretError::NotText { .. })));
        let missing = SecretRef::new(&stage.namespace, "own", "kye").unwrap();
        assert!(matches!(read_secret(&cluster, &missing).await, Err(SecretError::NoKey { keys, .. }) if keys == ["binary", "key"]));
        let refused = read_secret(&cluster, &at(stage, "other")).await.unwrap_err();
        let SecretError::Cluster(ClusterError::Refused(refusal)) = &refused else { panic!("{refused:?}") };
        assert_eq!(refusal.side, Side::Portal);
        let told = format!("cannot list resource \"secrets\" in API group \"\" in the namespace \"{}\"", stage.namespace);
        assert!(refused.to_string().contains(&told) && !format!("{refused:?}").contains("hunter2"), "{refused}");
        let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["own"], "verbs": ["list"] }]);
        stage.merge(&format!("{}/own-secrets", stage.rbac("roles")), json!({ "rules": rules })).await;
        let refused = until("the refusal to watch", async || try_watch_of_secret(&cluster, &at(stage, "own")).await.err()).await;
        assert!(refused.to_string().contains("cannot watch resource"), "{refused}");
        stage.delete(&format!("{}/own", stage.core("secrets"))).await;
        assert!(matches!(read_secret(&cluster, &at(stage, "own")).await, Err(SecretError::NoSecret { .. })));
    });
}

#[test]
fn a_cut_a_silence_and_a_forgotten_version_lose_no_change() {
    on_stage("secrets", async |stage| {
        let own = format!("{}/own", stage.core("secrets"));
        put(stage, "own", json!({ "key": "b25l" })).await;
        allow(stage, "own").await;
        let between = Between::open(stage.portal_kubeconfig()).await;
        let mut watching = Watching::start(cluster_of(&between.kubeconfig()), at(stage, "own"));
        watching.says("one").await;
        stage.merge(&own, json!({ "data": { "key": "dHdv" } })).await;
        watching.says("two").await;

        // What was known is known while it is away.
        between.set(Mode::Refuse);
        watching.until("the cut", |snapshot, seen| snapshot.trouble.is_some() && seen == Some(Ok("two".into()))).await;
        stage.merge(&own, json!({ "data": { "key": "dGhyZWU=" } })).await;
        between.expire_next_watch();
        between.set(Mode::Pass);
        watching.says("three").await;

        between.set(Mode::Silent);
        watching.until("the silence to be noticed", |snapshot, seen| snapshot.trouble.is_some() && seen == Some(Ok("three".into()))).await;
        stage.merge(&own, json!({ "data": { "key": "Zm91cg==" } })).await;
        between.set(Mode::Pass);
        watching.says("four").await;

        stage.delete(&own).await;
        watching.until("its end", |_, seen| matches!(seen, Some(Err(SecretError::NoSecret { .. })))).await;
        put(stage, "own", json!({ "key": "Zml2ZQ==" })).await;
        watching.says("five").await;
        assert!(!format!("{:?}", watching.watch.snapshot()).contains("Zml2ZQ"), "what is watched does not show");
    });
}
