//! The stage of one test: a policy for namespaces of its own, its manifests applied by an administrator, and the cluster as the portal of
//! those manifests sees it. Whatever happens, all of it is deleted in the end.

use std::{collections::BTreeSet, path::Path, process::Output, sync::Arc, time::Duration};

use crate::{clock::SystemClock, cluster::TestCluster};
use serde_json::Value;
use windfirm_cluster::{Account, Cluster, ClusterSpec, Clusters, Impersonation, Preflight, Question, Source, preflight};
use windfirm_model::clock::Clock;
use windfirm_policy::{Policy, compile};
use windfirm_render::{Rendered, Settings, render};

/// However slow the machine is: nothing here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Two accounts of one namespace, one of another, under guardrails.
const POLICY: &str = r#"apiVersion: windfirm.dev/v1
kind: Policy
environments:
  - { name: prod, match: { namespace: "*-prod" }, service_account_annotations: { azure.workload.identity/client-id: 00000000-1111-2222-3333-444444444444 } }
  - { name: dev, match: { namespace: "*" } }
roles:
  tester: { can: [app.view, run.view, run.launch, run.stop] }
grants:
  - { name: developers, to: [{ group: dev }], role: tester, on: [/shop/], in: [dev], as: @/loadtest }
  - { name: leads, to: [{ group: leads }], role: tester, on: [/shop/], in: [dev], as: @/leads }
  - { name: on call, to: [{ group: on-call }], role: tester, on: [/shop/], in: [prod], as: @-prod/loadtest }
guardrails:
  - { name: all, on: [/], max_vus: 4, max_duration: 10m, target_hosts: ["*.shop-staging.svc.cluster.local:*", "10.1.2.3:80", "127.0.0.1:*"] }
"#;

pub(crate) struct Stage {
    pub(crate) given: TestCluster,
    /// Of two accounts; with `-prod` behind it, of one.
    pub(crate) namespace: String,
    pub(crate) policy: Policy,
    pub(crate) settings: Settings,
    kubeconfig: tempfile::TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The namespaces first, as all else goes with them.
        self.kubectl(&["delete", "--ignore-not-found", "--wait=false", "-f", "-"], &self.rendered().stream());
    }
}

impl Stage {
    /// `None` after saying so: there is no cluster. Nothing is applied yet.
    pub(crate) fn open(change: impl FnOnce(&mut Settings)) -> Option<Self> {
        let given = TestCluster::given()?;
        let id = SystemClock.new_uuid().simple().to_string();
        let namespace = format!("windfirm-render-{}-{}", &id[4..12], &id[28..]);
        let policy = compile(&POLICY.replace('@', &namespace), "policy.yaml").unwrap_or_else(|errors| panic!("{errors:?}"));
        let mut settings = Settings::new(format!("{namespace}-portal/portal").parse().unwrap());
        change(&mut settings);
        Some(Self { given, namespace, policy, settings, kubeconfig: tempfile::tempdir().unwrap() })
    }
    pub(crate) fn rendered(&self) -> Rendered {
        render(&self.policy, &self.settings).unwrap()
    }
    /// All of it, as an administrator would.
    pub(crate) fn apply(&self) {
        self.done(&["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"], &self.rendered().stream());
        let token = self.done(&["create", "token", self.settings.portal.name(), "--namespace", self.settings.portal.namespace(), "--duration=1h"], "");
        let admin = std::fs::read_to_string(self.given.folder.join("admin.kubeconfig")).unwrap();
        let mut portal: String =
            admin.lines().filter(|line| !line.starts_with("users:")).map(|line| format!("{}\n", line.replace("user: admin", "user: portal"))).collect();
        portal.push_str(&format!("users: [{{ name: portal, user: {{ token: {} }} }}]\n", token.trim()));
        std::fs::write(self.kubeconfig.path().join("portal"), portal).unwrap();
    }
    /// One document of the manifests, as it is rendered.
    pub(crate) fn put_back(&self, kind: &str, namespace: Option<&str>, name: &str) {
        let stream = self.rendered().stream();
        let rendered = self.rendered();
        let at = rendered.objects().iter().position(|object| (object.kind().kind, object.namespace(), object.name()) == (kind, namespace, name)).unwrap();
        let document = stream.split("---\n").nth(at + 1).unwrap();
        self.done(&["apply", "--server-side", "--force-conflicts", "-f", "-"], document);
    }
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        self.given.kubectl(arguments, input)
    }
    /// The same; what it prints.
    pub(crate) fn done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.kubectl(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[&["get", "-o", "json"], arguments].concat(), "")).unwrap()
    }
    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.policy.accounts().iter().map(|used| used.account.parse().unwrap()).collect()
    }
    /// The cluster as the portal of these manifests sees it.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        self.cluster_by(&self.kubeconfig.path().join("portal"))
    }
    /// The cluster as its administrator sees it.
    pub(crate) fn as_admin(&self) -> Arc<Cluster> {
        self.cluster_by(&self.given.folder.join("admin.kubeconfig"))
    }
    fn cluster_by(&self, file: &Path) -> Arc<Cluster> {
        let source = Source::Kubeconfig { file: file.to_owned(), context: None };
        let impersonation: Impersonation = self.settings.kubernetes.impersonation();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let spec = ClusterSpec { name: "here".parse().unwrap(), source, impersonation };
        Arc::clone(Clusters::new(vec![spec], &clock).unwrap().get("here").unwrap())
    }
}

/// The preflight of these accounts.
pub(crate) async fn asked(cluster: &Arc<Cluster>, accounts: &[Account]) -> Preflight {
    let questions: Vec<Question> = accounts.iter().flat_map(Question::of_a_run).collect();
    preflight(cluster, &questions).await
}

/// What the preflight finds wrong, each once: `portal impersonate-on:serviceaccount:get pods/log`; `unanswered …`.
pub(crate) fn wrong(preflight: &Preflight) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for findings in &preflight.accounts {
        wrong.extend(findings.lacks.iter().map(|lack| {
            let side = serde_json::to_value(lack.side).unwrap();
            format!("{} {} {} {} in {}", side.as_str().unwrap(), lack.verb, lack.resource, lack.group, lack.namespace).replace("  ", " ")
        }));
        wrong.extend(findings.unanswered.iter().map(|why| format!("unanswered {}", why.split(": User").next().unwrap())));
        if !matches!(findings.presence, windfirm_cluster::Presence::Exists { .. }) {
            wrong.insert(format!("presence of {}", findings.account));
        }
    }
    wrong
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub(crate) fn in_real_time(act: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(act);
}
