//! What a TestRun may be, as the API server sees it.

use serde_json::{Value, json};
use windfirm_cluster::{ClusterError, Gateway, Kind, Side};
use windfirm_model::{
    actor::{Actor, Groups, PersonKey},
    clock::Clock as _,
    environment::Environment,
    id::OperationId,
};
use windfirm_policy::{Permit, Place, Resource, act::StopRun};

use crate::clock::SystemClock;
use crate::stage::{Stage, asked, in_real_time, until};

/// As the portal calls TestRuns, and the Secrets that are theirs.
const OURS: &str = "windfirm-01935c7e8b1a70008000123456789abc";

fn test_run(stage: &Stage, account: &str) -> Value {
    let pod = json!({ "serviceAccountName": account, "metadata": { "labels": { "windfirm.dev/execution": "x" } } });
    let mut runner = pod.clone();
    runner["resources"] = json!({ "limits": { "memory": "512Mi" } });
    runner["env"] = json!([{ "name": "K6_CLOUD_TOKEN", "valueFrom": { "secretKeyRef": { "name": OURS, "key": "token" } } }, { "name": "A", "value": "b" }]);
    runner["volumes"] = json!([{ "name": "scratch", "emptyDir": {} }]);
    json!({
        "apiVersion": "k6.io/v1alpha1", "kind": "TestRun", "metadata": { "name": OURS, "namespace": stage.namespace },
        "spec": { "parallelism": 2, "script": { "configMap": { "name": OURS, "file": "a.js" } }, "initializer": pod, "starter": pod, "runner": runner },
    })
}

/// What the API server says to a TestRun of this user; nothing when it would take it.
fn refused(stage: &Stage, user: Option<&str>, run: &Value) -> String {
    let arguments = ["create", "--dry-run=server", "-f", "-"].map(str::to_owned);
    let user = user.map(|user| format!("--as={user}"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(user.as_deref()).chain(["--validate=false"]).collect();
    let output = stage.kubectl(&arguments, &run.to_string());
    if output.status.success() { String::new() } else { String::from_utf8(output.stderr).unwrap() }
}

fn changed(run: &Value, pointer: &str, value: Value) -> Value {
    let mut run = run.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = run.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(field)
    } else {
        parent.insert(field.to_owned(), value)
    };
    run
}

fn of_secret(secret: &str, key: &str) -> Value {
    json!({ "name": format!("A_{}", key.to_uppercase()), "valueFrom": { "secretKeyRef": { "name": secret, "key": key, "optional": false } } })
}

/// Whatever is not exactly what the policy gives, or not the runner's.
fn secrets(stage: &Stage) -> Vec<(&'static str, Value, &'static str)> {
    let runners = "The runners of a TestRun read no Secret but";
    let others = "The initializer and the starter of a TestRun read no Secret but";
    let of_other_namespace = format!("{}-prod/username", stage.namespace);
    vec![
        ("/spec/runner/env", json!([of_secret("pay-users", "username")]), runners),
        ("/spec/runner/env", json!([of_secret("pay-user", "user")]), runners),
        ("/spec/runner/env", json!([of_secret("pay-user", "")]), runners),
        ("/spec/runner/env", json!([of_secret("pay-user/username", "")]), runners),
        ("/spec/runner/env", json!([of_secret("pay-user", &of_other_namespace)]), runners),
        ("/spec/runner/env", json!([of_secret("pay-user", "username"), of_secret("prod-user", "username")]), runners),
        ("/spec/runner/env", json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "key": "username", "name": "" } } }]), runners),
        ("/spec/runner/envFrom", json!([{ "secretRef": { "name": "pay-user" } }]), runners),
        ("/spec/runner/volumes", json!([{ "name": "a", "secret": { "secretName": "pay-user" } }]), runners),
        ("/spec/runner/volumes", json!([{ "name": "a", "projected": { "sources": [{ "secret": { "name": "pay-user" } }] } }]), runners),
        ("/spec/starter/env", json!([of_secret("pay-user", "username")]), others),
        ("/spec/initializer/env", json!([of_secret("pay-user", "username")]), others),
        ("/spec/starter/volumes", json!([{ "name": "a", "secret": { "secretName": OURS } }]), others),
    ]
}

#[test]
fn the_pods_of_a_run_stay_on_the_account_that_creates_it() {
    let Some(stage) = Stage::open(|_| {}) else { return };
    in_real_time(async {
        stage.apply();
        let loadtest = format!("system:serviceaccount:{}:loadtest", stage.namespace);
        let good = test_run(&stage, "loadtest");
        let wrong = changed(&good, "/spec/runner/serviceAccountName", json!("leads"));
        // A policy is in force a moment after it is made.
        until("the policy to be in force", async || refused(&stage, Some(&loadtest), &wrong).contains("Forbidden").then_some(())).await;
        assert_eq!(refused(&stage, Some(&loadtest), &good), "");
        let same = "run as the account that creates it";
        let cases = [
            ("/metadata/name", json!("database"), "cannot have the name of a Secret"),
            ("/metadata/name", json!("windfirm-database"), "cannot have the name of a Secret"),
            ("/spec/runner/serviceAccountName", json!("leads"), same),
            ("/spec/starter/serviceAccountName", json!("default"), same),
            ("/spec/initializer/serviceAccountName", json!("leads"), same),
            ("/spec/runner/serviceAccountName", json!(""), same),
            ("/spec/runner/serviceAccountName", Value::Null, same),
            ("/spec/initializer", Value::Null, same),
            ("/spec/starter", Value::Null, same),
            ("/spec/runner/metadata", Value::Null, "carry the label windfirm.dev/execution"),
            ("/spec/starter/metadata/labels", json!({ "app": "other" }), "carry the label windfirm.dev/execution"),
            ("/spec/runner/envFrom", json!([{ "secretRef": { "name": "database" } }]), "read no Secret but the one"),
            ("/spec/runner/env", json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "database", "key": "k" } } }]), "read no Secret but the one"),
            ("/spec/starter/volumes", json!([{ "name": "a", "secret": { "secretName": "database" } }]), "mount nothing but empty folders"),
            ("/spec/initializer/initContainers", json!([{ "name": "a", "image": "b" }]), "read no Secret but the one"),
            ("/spec/parallelism", json!(5), "more runners than the guardrails"),
            ("/spec/runner/resources", json!({ "limits": { "memory": "1Gi" } }), "memory limit, of at most 512Mi"),
            ("/spec/runner/resources", Value::Null, "memory limit, of at most 512Mi"),
        ];
        for (pointer, value, expected) in cases.into_iter().chain(secrets(&stage)) {
            let told = refused(&stage, Some(&loadtest), &changed(&good, pointer, value.clone()));
            assert!(told.contains(expected) && told.contains("Forbidden"), "{pointer} {value}: {told:?}");
        }
        let given = changed(&good, "/spec/runner/env", json!([of_secret("pay-user", "username"), of_secret("pay-user", "password"), of_secret(OURS, "x")]));
        assert_eq!(refused(&stage, Some(&loadtest), &given), "");
        assert_eq!(refused(&stage, Some(&loadtest), &changed(&good, "/spec/runner/volumes", json!([{ "name": "a", "secret": { "secretName": OURS } }]))), "");
        // What this namespace's accounts get is nothing to those of another, nor the other way round.
        let on_call = format!("system:serviceaccount:{}-prod:loadtest", stage.namespace);
        let there = |run: &Value| changed(run, "/metadata/namespace", json!(format!("{}-prod", stage.namespace)));
        assert!(refused(&stage, Some(&on_call), &there(&given)).contains("The runners of a TestRun read no Secret but"));
        let theirs = changed(&good, "/spec/runner/env", json!([of_secret("prod-user", "username")]));
        assert_eq!(refused(&stage, Some(&on_call), &there(&theirs)), "");
        assert!(refused(&stage, Some(&loadtest), &theirs).contains("The runners of a TestRun read no Secret but"));
        // As somebody else of the same policy, and in the other namespace, nothing of it fits.
        let leads = format!("system:serviceaccount:{}:leads", stage.namespace);
        assert!(refused(&stage, Some(&leads), &good).contains(same));
        assert_eq!(refused(&stage, Some(&leads), &test_run(&stage, "leads")), "");
        // Others' TestRuns are theirs.
        assert_eq!(refused(&stage, None, &changed(&good, "/spec/runner/serviceAccountName", json!("leads"))), "");
        let checked = stage.get(&["validatingadmissionpolicy", &format!("windfirm-portal-{}.portal-testruns", stage.settings.portal.namespace())]);
        assert_eq!(checked["status"]["typeChecking"]["expressionWarnings"], Value::Null, "{checked}");
    });
}

/// Where the portal has an image that fetches, that image may come before k6, as the portal writes it, and nothing else.
#[test]
fn nothing_comes_before_k6_but_what_fetches_its_files() {
    let image = format!("windfirm.local/runner@sha256:{}", "5e".repeat(32));
    let Some(stage) = Stage::open(|settings| settings.runner_image = Some(image.clone())) else { return };
    in_real_time(async {
        stage.apply();
        let fetching = json!({ "name": "files", "image": image, "command": ["/usr/bin/k6", "fetch-archive"], "args": ["http://portal.host/x", "d", "1", "t", "f"],
            "volumeMounts": [{ "name": "bundle", "mountPath": "/bundle" }] });
        let own = json!([{ "name": "bundle", "emptyDir": {} }, { "name": "fetching", "secret": { "secretName": OURS } }]);
        let other = |field: &str, value: Value| changed(&json!({ "one": fetching }), &format!("/one/{field}"), value)["one"].clone();
        let all = |account: &str, namespace: &str| {
            let mut run = changed(&test_run(&stage, account), "/metadata/namespace", json!(namespace));
            for part in ["initializer", "runner"] {
                run = changed(&run, &format!("/spec/{part}/initContainers"), json!([fetching]));
                run = changed(&run, &format!("/spec/{part}/volumes"), own.clone());
            }
            run
        };
        let prod = format!("{}-prod", stage.namespace);
        // With Secrets that the policy gives, and in the other namespace with another one.
        for (account, namespace) in [("loadtest", &stage.namespace), ("leads", &stage.namespace), ("loadtest", &prod)] {
            let user = format!("system:serviceaccount:{namespace}:{account}");
            let good = all(account, namespace);
            let wrong = changed(&good, "/spec/starter/initContainers", json!([fetching]));
            until("the policy to be in force", async || refused(&stage, Some(&user), &wrong).contains("Forbidden").then_some(())).await;
            assert_eq!(refused(&stage, Some(&user), &good), "");
            assert_eq!(refused(&stage, Some(&user), &changed(&test_run(&stage, account), "/metadata/namespace", json!(namespace))), "");
            for part in ["initializer", "runner"] {
                for containers in [
                    json!([other("image", json!("windfirm.local/runner:1"))]),
                    json!([other("image", Value::Null)]),
                    json!([other("command", json!(["/usr/bin/k6", "run"]))]),
                    json!([other("command", Value::Null)]),
                    json!([other("env", json!([of_secret("pay-user", "username")]))]),
                    json!([other("envFrom", json!([{ "secretRef": { "name": "pay-user" } }]))]),
                    json!([other("restartPolicy", json!("Always"))]),
                    json!([fetching, fetching]),
                ] {
                    let told = refused(&stage, Some(&user), &changed(&good, &format!("/spec/{part}/initContainers"), containers.clone()));
                    assert!(told.contains("Forbidden") && told.contains("no Secret but the one"), "{part} {containers}: {told:?}");
                }
                let volumes = json!([{ "name": "a", "secret": { "secretName": "pay-user" } }]);
                assert!(refused(&stage, Some(&user), &changed(&good, &format!("/spec/{part}/volumes"), volumes)).contains("Forbidden"), "{part}");
            }
            assert!(refused(&stage, Some(&user), &changed(&good, "/spec/starter/volumes", own.clone())).contains("Forbidden"));
        }
        let checked = stage.get(&["validatingadmissionpolicy", &format!("windfirm-portal-{}.portal-testruns", stage.settings.portal.namespace())]);
        assert_eq!(checked["status"]["typeChecking"]["expressionWarnings"], Value::Null, "{checked}");
    });
}

fn permit(stage: &Stage) -> Permit<StopRun> {
    let key = PersonKey { issuer: "https://idp.example".into(), subject: "ann".into() };
    let access = stage.policy.access(&Actor::Person { key, name: "Ann".into(), groups: Groups::Known(vec!["dev".into()]) });
    let place = Place { path: "/shop/".parse().unwrap(), environment: Environment::from("dev") };
    access.permit(OperationId(SystemClock.new_uuid()), &place, Resource::default()).unwrap()
}

/// Through the portal's own way, with nothing but what was rendered.
#[test]
fn the_portal_is_told_that_a_rule_of_the_cluster_forbids_it() {
    let Some(stage) = Stage::open(|_| {}) else { return };
    in_real_time(async {
        stage.apply();
        let cluster = stage.cluster();
        until("the first green", async || asked(&cluster, &stage.accounts()).await.is_green().then_some(())).await;
        let gateway = Gateway::new(cluster);
        let permit = permit(&stage);
        let acting = gateway.as_service_account(&permit).await.unwrap();
        let wrong = changed(&test_run(&stage, "loadtest"), "/spec/runner/serviceAccountName", json!("leads"));
        let error = until("the policy to be in force", async || match acting.create::<Value>(Kind::TEST_RUN, &wrong).await {
            Err(error) => Some(error),
            Ok(_) => {
                acting.delete(Kind::TEST_RUN, OURS, None).await.unwrap();
                None
            }
        })
        .await;
        let ClusterError::Refused(refusal) = &error else { panic!("{error:?}") };
        assert_eq!(refusal.side, Side::ClusterRule);
        assert!(error.to_string().contains("run as the account that creates it"), "{error}");
    });
}
