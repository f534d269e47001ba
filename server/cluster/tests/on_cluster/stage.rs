//! The stage of one test: a namespace of its own in the real cluster, with an account `runner` that may do what runs need, and the
//! portal's right to act as it. Whatever happens, the namespace is deleted in the end.

use std::{panic::AssertUnwindSafe, path::Path, sync::Arc, time::Duration};

use crate::{clock::SystemClock, cluster::TestCluster};
use futures::FutureExt as _;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use windfirm_cluster::{Account, Cluster, ClusterSpec, Clusters, Gateway, Impersonation, RUN_RIGHTS, Right, Source};
use windfirm_model::{
    actor::{Actor, Groups, PersonKey},
    clock::Clock,
    environment::Environment,
    id::OperationId,
};
use windfirm_policy::{Permit, Place, Resource, act::StopRun, compile};

/// However slow the machine is: nothing here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Stage {
    pub(crate) given: TestCluster,
    pub(crate) namespace: String,
    /// As the administrator: what other people do to the cluster.
    admin: Client,
}

/// Plays `act` on a stage of its own; or says loudly that it does not.
pub(crate) fn on_stage(name: &str, act: impl AsyncFnOnce(&Stage)) {
    let Some(given) = TestCluster::given() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::build(given, name).await;
        let played = AssertUnwindSafe(act(&stage)).catch_unwind().await;
        stage.delete(&format!("/api/v1/namespaces/{}", stage.namespace)).await;
        if let Err(panic) = played {
            std::panic::resume_unwind(panic);
        }
    });
}

impl Stage {
    async fn build(given: TestCluster, name: &str) -> Self {
        let kubeconfig = Kubeconfig::read_from(given.folder.join("admin.kubeconfig")).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let admin = Client::try_from(config).unwrap();
        let unique = SystemClock.new_uuid().simple().to_string();
        let (time, count) = (unique.get(4..12).unwrap(), unique.get(24..).unwrap());
        let stage = Self { given, namespace: format!("test-{name}-{time}{count}"), admin };
        stage.post("/api/v1/namespaces", json!({ "metadata": { "name": stage.namespace } })).await;
        stage.add_account("runner").await;
        // Also of accounts that are not there. By a binding of its own, so that a test may take the rest away.
        let reading = json!([{ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"] }]);
        stage.post(&stage.rbac("roles"), json!({ "metadata": { "name": "portal-reads" }, "rules": reading })).await;
        stage.bind("portal", "reads", "Role", json!({ "kind": "ServiceAccount", "name": "portal", "namespace": "windfirm" })).await;
        stage.give("runner", "account", RUN_RIGHTS, |right| right.verb.to_owned()).await;
        stage.bind("runner", "account", "Role", json!({ "kind": "ServiceAccount", "name": "runner", "namespace": stage.namespace })).await;
        stage.let_the_portal_act("runner", RUN_RIGHTS).await;
        stage
    }
    pub(crate) fn account(&self, name: &str) -> Account {
        format!("{}/{name}", self.namespace).parse().unwrap()
    }
    pub(crate) async fn add_account(&self, name: &str) {
        self.post(&self.core("serviceaccounts"), json!({ "metadata": { "name": name } })).await;
    }
    /// A role `NAME-SUFFIX` with rights, verbs as `verb` says them.
    async fn give(&self, name: &str, suffix: &str, rights: &[Right], verb: impl Fn(&Right) -> String) {
        let rules: Vec<Value> =
            rights.iter().map(|right| json!({ "apiGroups": [right.group], "resources": [right.resource_with_part()], "verbs": [verb(right)] })).collect();
        self.post(&self.rbac("roles"), json!({ "metadata": { "name": format!("{name}-{suffix}") }, "rules": rules })).await;
    }
    pub(crate) async fn bind(&self, name: &str, suffix: &str, kind: &str, subject: Value) {
        let role = format!("{name}-{suffix}");
        let reference = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role });
        self.post(&self.rbac("rolebindings"), json!({ "metadata": { "name": role }, "roleRef": reference, "subjects": [subject] })).await;
    }
    pub(crate) async fn bind_account(&self, name: &str) {
        self.bind(name, "account", "Role", json!({ "kind": "ServiceAccount", "name": name, "namespace": self.namespace })).await;
    }
    /// Constrained impersonation, for these rights only.
    pub(crate) async fn let_the_portal_act(&self, name: &str, rights: &[Right]) {
        let become_it = json!({
            "apiGroups": ["authentication.k8s.io"], "resources": ["serviceaccounts"], "resourceNames": [name], "verbs": ["impersonate:serviceaccount"],
        });
        let on = rights.iter().map(|right| {
            let verb = format!("impersonate-on:serviceaccount:{}", right.verb);
            json!({ "apiGroups": [right.group], "resources": [right.resource_with_part()], "verbs": [verb] })
        });
        let rules: Vec<Value> = std::iter::once(become_it).chain(on).collect();
        self.post(&self.rbac("roles"), json!({ "metadata": { "name": format!("{name}-portal") }, "rules": rules })).await;
        self.bind(name, "portal", "Role", json!({ "kind": "ServiceAccount", "name": "portal", "namespace": "windfirm" })).await;
    }
    pub(crate) fn core(&self, plural: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}", self.namespace)
    }
    pub(crate) fn rbac(&self, plural: &str) -> String {
        format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{plural}", self.namespace)
    }
    pub(crate) fn argo(&self, plural: &str) -> String {
        format!("/apis/argoproj.io/v1alpha1/namespaces/{}/{plural}", self.namespace)
    }
    pub(crate) async fn post(&self, path: &str, object: Value) -> Value {
        self.as_admin("POST", path, "application/json", &object).await.unwrap()
    }
    pub(crate) async fn merge(&self, path: &str, change: Value) -> Value {
        self.as_admin("PATCH", path, "application/merge-patch+json", &change).await.unwrap()
    }
    /// Also when it is gone already.
    pub(crate) async fn delete(&self, path: &str) {
        let _ = self.as_admin("DELETE", path, "application/json", &json!({})).await;
    }
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.as_admin("GET", path, "application/json", &Value::Null).await.unwrap()
    }
    async fn as_admin(&self, method: &str, path: &str, content: &str, object: &Value) -> Result<Value, kube::Error> {
        let body = if object.is_null() { Vec::new() } else { serde_json::to_vec(object).unwrap() };
        let request = http::Request::builder().method(method).uri(path).header("content-type", content).body(body).unwrap();
        self.admin.request(request).await
    }
    /// The cluster as the portal knows it.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        cluster_of(&self.given.folder.join("portal.kubeconfig"))
    }
    pub(crate) fn gateway(&self) -> Gateway {
        Gateway::new(self.cluster())
    }
    pub(crate) fn portal_kubeconfig(&self) -> Value {
        serde_json::to_value(Kubeconfig::read_from(self.given.folder.join("portal.kubeconfig")).unwrap()).unwrap()
    }
    /// A permit as this account, as the policy makes it.
    pub(crate) fn permit(&self, account: &str) -> Permit<StopRun> {
        permit_as(&format!("{}/{account}", self.namespace))
    }
    /// The entry of the API server's audit log, where that can be read.
    pub(crate) async fn audited(&self, audit_id: &str) -> Option<Value> {
        self.given.audit_log()?;
        let entry = until("the entry in the audit log", async || {
            let text = self.given.audit_log().unwrap_or_default();
            text.lines().rev().find(|line| line.contains(audit_id)).and_then(|line| serde_json::from_str(line).ok())
        })
        .await;
        Some(entry)
    }
}

pub(crate) fn cluster_of(kubeconfig: &Path) -> Arc<Cluster> {
    let spec = ClusterSpec {
        name: "here".parse().unwrap(),
        source: Source::Kubeconfig { file: kubeconfig.to_owned(), context: None },
        impersonation: Impersonation::Constrained,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Arc::clone(Clusters::new(vec![spec], &clock).unwrap().get("here").unwrap())
}

pub(crate) fn permit_as(account: &str) -> Permit<StopRun> {
    let text = format!(
        "apiVersion: windfirm.dev/v1\nkind: Policy\nenvironments: [{{ name: dev, match: {{ namespace: '*' }} }}]\n\
         roles: {{ lead: {{ can: [app.view, run.stop] }} }}\n\
         grants: [{{ name: leads, to: [{{ group: leads }}], role: lead, on: [/], as: {account} }}]\n"
    );
    let policy = compile(&text, "policy.yaml").unwrap();
    let key = PersonKey { issuer: "https://idp.example".into(), subject: "ann".into() };
    let access = policy.access(&Actor::Person { key, name: "Ann".into(), groups: Groups::Known(vec!["leads".into()]) });
    let place = Place { path: "/shop/".parse().unwrap(), environment: Environment::from("dev") };
    access.permit(OperationId(SystemClock.new_uuid()), &place, Resource::default()).unwrap()
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
