//! What does not start says why, in words, within half a minute.

use std::time::Duration;

use windfirm_executor::{Ending, Executor as _, ExecutorError, ExitReport};
use windfirm_model::run::Cause;

use crate::stage::{STEADY, Stage, steady};

/// From the order to the words.
const SOON: Duration = Duration::from_secs(30);

/// Waits for the end, which must come soon, and be none of k6's.
async fn not_started(stage: &Stage, orders: &windfirm_executor::Orders) -> ExitReport {
    stage.start(orders).await;
    let (report, took) = stage.end(orders.execution).await;
    assert!(took < SOON, "{took:?}: {report:?}");
    assert_eq!(report.ending, Ending::NotStarted);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_k6_cannot_read() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders("export default function () { let x = ; }", &steady(2, 3));
    let report = not_started(&stage, &orders).await;
    assert!(matches!(&report.cause, Some(Cause::ScriptInvalid { message }) if message.starts_with("k6/test.js: Line 1:")), "{report:?}");
    stage.clean_up(orders.execution).await;
}

/// A rule of the cluster that is named as the test's namespace; it belongs to none.
struct Rule<'a>(&'a Stage);

impl Drop for Rule<'_> {
    fn drop(&mut self) {
        let kinds = "mutatingadmissionpolicybinding,mutatingadmissionpolicy";
        self.0.kubectl(&["delete", "--ignore-not-found", kinds, &self.0.namespace], "");
    }
}

/// As a service mesh does that puts itself before every program of a namespace.
#[tokio::test(flavor = "multi_thread")]
async fn an_initializer_that_prints_more_than_k6_does() {
    let Some(stage) = Stage::open().await else { return };
    let rule = serde_json::json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": { "name": stage.namespace },
        "spec": {
            "matchConstraints": {
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": stage.namespace } },
                "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
            },
            "matchConditions": [{ "name": "initializer", "expression": "object.metadata.?generateName.orValue('').endsWith('-initializer-')" }],
            "reinvocationPolicy": "Never", "failurePolicy": "Fail",
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression":
                "[JSONPatch{op: 'replace', path: '/spec/containers/0/command/2', value: 'echo the mesh is ready; ' + object.spec.containers[0].command[2]}]" } }],
        },
    });
    let binding = serde_json::json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": stage.namespace },
        "spec": { "policyName": stage.namespace },
    });
    let _rule = Rule(&stage);
    let made = stage.kubectl(&["create", "-f", "-"], &format!("{rule}\n---\n{binding}"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let probe = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "generateName": "probe-initializer-" },
        "spec": { "containers": [{ "name": "k6", "image": "none", "command": ["sh", "-c", "true"] }] },
    });
    crate::stage::until("the rule to be in force", async || {
        let seen = stage.kubectl(&["create", "--namespace", &stage.namespace, "--dry-run=server", "-o", "json", "-f", "-"], &probe.to_string());
        String::from_utf8_lossy(&seen.stdout).contains("the mesh is ready").then_some(())
    })
    .await;
    let orders = stage.orders(STEADY, &steady(2, 3));
    let report = not_started(&stage, &orders).await;
    let told = "k6-operator could not read what its initializer printed: ";
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.starts_with(told) && message.contains("a sidecar for one")), "{report:?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there() {
    let Some(stage) = Stage::open_with(|settings| settings.k6_image = "windfirm.local/none:1".into()).await else { return };
    let orders = stage.orders(STEADY, &steady(2, 3));
    let report = not_started(&stage, &orders).await;
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.contains("windfirm.local/none:1 of the initializer")), "{report:?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starter_that_is_not_there() {
    let Some(stage) = Stage::open_with(|settings| settings.starter_image = "windfirm.local/none:1".into()).await else { return };
    let orders = stage.orders(STEADY, &steady(2, 3));
    let report = not_started(&stage, &orders).await;
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.contains("windfirm.local/none:1 of the starter")), "{report:?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_whose_pod_security_refuses_the_pods() {
    let Some(stage) = Stage::open_with(|settings| settings.run_as = Some(0)).await else { return };
    let level = "pod-security.kubernetes.io/enforce=restricted";
    assert!(stage.kubectl(&["label", "namespace", &stage.namespace, level], "").status.success());
    let orders = stage.orders(STEADY, &steady(2, 3));
    let report = not_started(&stage, &orders).await;
    let told = "The namespace's pod security refuses the initializer: ";
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.starts_with(told) && message.contains("runAsUser=0")), "{report:?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_there() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(2, 90));
    for other in ["nobody", "default"] {
        let refused = stage.executor.start(&stage.permit_as(other), &orders).await.unwrap_err();
        assert!(refused.to_string().contains(&format!("does not let the portal act as {}/{other}", stage.namespace)), "{refused}");
    }
    // In the middle of a run: nobody can act as it any more, and that is said. (Earlier it could be that its pods cannot be made.)
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    stage.hand(&["delete", "serviceaccount", "loadtest"]);
    let told = crate::stage::until("words", async || stage.observe(orders.execution).await.err()).await;
    assert!(told.to_string().contains("/loadtest does not exist") && !told.is_passing(), "{told}");
    // Made again it is another account.
    stage.hand(&["create", "serviceaccount", "loadtest"]);
    let told =
        crate::stage::until("words", async || stage.observe(orders.execution).await.err().filter(|error| error.to_string().contains("made again"))).await;
    assert!(!told.is_passing());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_do_all_of_it_leaves_nothing_behind() {
    let Some(stage) = Stage::open().await else { return };
    let rules = r#"[{"op": "test", "path": "/rules/5", "value": {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}}, {"op": "remove", "path": "/rules/5"}]"#;
    stage.hand(&["patch", "role", "windfirm-runs-loadtest", "--type=json", "-p", rules]);
    let orders = stage.orders(STEADY, &steady(2, 3));
    let refused = crate::stage::until("a refusal", async || stage.executor.start(&stage.permit(), &orders).await.err()).await;
    let words = refused.to_string();
    assert!(words.contains("may not do this") && words.contains("cannot create resource \"configmaps\""), "{words}");
    stage.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_run_of_somebody_else_with_that_name() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(2, 3));
    let theirs = format!(
        r#"{{"apiVersion": "k6.io/v1alpha1", "kind": "TestRun", "metadata": {{"name": "windfirm-{}", "namespace": "{}"}}, "spec": {{"parallelism": 0, "script": {{"configMap": {{"name": "x"}}}}}}}}"#,
        orders.execution, stage.namespace
    );
    assert!(stage.kubectl(&["create", "-f", "-"], &theirs).status.success());
    let refused = stage.executor.start(&stage.permit(), &orders).await.unwrap_err();
    assert!(refused.to_string().contains("that this portal did not make"), "{refused}");
    assert!(stage.executor.kill(&stage.permit(), orders.execution).await.is_err(), "it is not ours to delete");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_be_carried_out() {
    let Some(stage) = Stage::open().await else { return };
    let good = stage.orders(STEADY, &steady(2, 3));
    let many = windfirm_executor::Orders { max_vus: 1, ..good.clone() };
    let none = windfirm_executor::Orders { in_cluster: None, ..good.clone() };
    let big = good.clone();
    std::fs::write(big.bundle.join("k6/large.csv"), "x".repeat(1 << 20)).unwrap();
    for (orders, told) in [(many, "too many for 1 virtual users"), (none, "nothing for a cluster"), (big, "a ConfigMap takes 1008 KiB")] {
        let refused = stage.executor.start(&stage.permit(), &orders).await.unwrap_err();
        assert!(matches!(&refused, ExecutorError::Orders(why) if why.contains(told)), "{refused}");
    }
    stage.nothing_left().await;
}
