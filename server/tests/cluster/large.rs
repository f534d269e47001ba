//! A test that no ConfigMap takes, through the whole portal: found in Git, laid out by the executor, fetched by the pods, and gone.

use std::{path::Path, process::Command};

use serde_json::json;
use windfirm_model::run::RunStateKind;
use windfirm_policy::compile;
use windfirm_render::{Settings, render};

use crate::{
    cluster::TestCluster,
    harness::As,
    runner_image::runner_image,
    stage::{Stage, until},
};

const SPACE: &str = "shop-staging";
/// Of the cluster's own policy.
const POLICY: &str = include_str!("../../../deploy/example/cluster-policy.yaml");
const SCRIPT: &str = "import http from 'k6/http';
import { check, sleep } from 'k6';
const large = open('./large.bin', 'b');
export const options = { vus: 1, duration: '3s', thresholds: { checks: ['rate==1'] } };
export default function () {
  http.get(__ENV.TARGET + '/carts/1');
  check(large, { 'all of it': (data) => data.byteLength === 18874368 });
  sleep(0.3);
}";

/// What a TestRun may be, with this image before k6 or with none.
fn admission(image: Option<&str>) -> String {
    let mut settings = Settings::new("windfirm/portal".parse().unwrap());
    settings.runner_image = image.map(str::to_owned);
    let rendered = render(&compile(POLICY, "policy.yaml").unwrap(), &settings).unwrap().stream();
    let documents: Vec<&str> = rendered.split("---\n").filter(|document| document.contains("\nkind: ValidatingAdmissionPolicy\n")).collect();
    assert_eq!(documents.len(), 1);
    documents.concat()
}

fn apply(stage: &Stage, manifest: &str) {
    let output = stage.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifest);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Leaves the cluster as it was, however the test ends.
struct Tidy<'a>(&'a Stage, String);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        self.0.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &admission(None));
        deploy(self.0, &self.1);
    }
}

/// Whether the API server would take a TestRun of the account with this image before k6.
fn admitted(stage: &Stage, image: &str) -> bool {
    let pod = json!({ "serviceAccountName": "loadtest", "metadata": { "labels": { "windfirm.dev/execution": "x" } } });
    let mut runner = pod.clone();
    runner["resources"] = json!({ "limits": { "memory": "256Mi" } });
    runner["initContainers"] = json!([{ "name": "files", "image": image, "command": ["/usr/bin/k6", "fetch-archive"] }]);
    let run = json!({
        "apiVersion": "k6.io/v1alpha1", "kind": "TestRun", "metadata": { "name": "windfirm-01935c7e8b1a70008000123456789abc", "namespace": SPACE },
        "spec": { "parallelism": 1, "script": { "configMap": { "name": "try", "file": "a.js" } }, "initializer": pod, "starter": pod, "runner": runner },
    });
    let account = format!("--as=system:serviceaccount:{SPACE}:loadtest");
    stage.kubectl(&["create", "--dry-run=server", "--validate=false", &account, "-f", "-"], &run.to_string()).status.success()
}

/// The shop's repository with one test more; the commit that has it.
fn repository(cluster: &TestCluster, folder: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(["-c", "user.name=Ana", "-c", "user.email=ana@localhost", "-c", "safe.directory=*"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let path = folder.to_str().unwrap();
    git(&["clone", "-q", cluster.folder.join("shop").to_str().unwrap(), path]);
    std::fs::write(folder.join("services/cart/k6/large.js"), SCRIPT).unwrap();
    std::fs::write(folder.join("services/cart/k6/large.bin"), vec![7_u8; 18 << 20]).unwrap();
    git(&["-C", path, "add", "-A"]);
    git(&["-C", path, "commit", "-qm", "Load the cart with much data"]);
    git(&["-C", path, "rev-parse", "HEAD"])
}

/// Has the cart run this commit, as after a sync; the one before it. What is tested is what runs.
fn deploy(stage: &Stage, commit: &str) -> String {
    let before = stage.hand(&["-n", "argocd", "get", "applications.argoproj.io", "cart", "-o", "jsonpath={.status.sync.revision}"]);
    let patch = json!({ "status": { "sync": { "revision": commit } } }).to_string();
    stage.hand(&["-n", "argocd", "patch", "applications.argoproj.io", "cart", "--type=merge", "-p", &patch]);
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_test_is_launched_fetched_measured_and_gone() {
    let Some(cluster) = TestCluster::given() else { return };
    let Some(image) = runner_image(&cluster.folder) else { return };
    let folder = tempfile::tempdir().unwrap();
    let shop = folder.path().join("shop");
    let commit = repository(&cluster, &shop);
    let Some(stage) = Stage::open_with_image(cluster, &image, shop).await else { return };
    let tidy = Tidy(&stage, deploy(&stage, &commit));
    assert!(!admitted(&stage, &image), "what the policy was not rendered for is refused");
    apply(&stage, &admission(Some(&image)));
    until("the admission", async || admitted(&stage, &image).then_some(())).await;
    assert!(!admitted(&stage, "windfirm.local/another@sha256:5e"));

    let test = "request[path]=/shop/cart/&request[test]=services/cart/k6/large.js&request[profile]=script&request[runners]=1";
    until("the test of the commit that runs", async || {
        let page = stage.house.page(As::Ana, "/apps/shop/cart/").await;
        page.body.contains("large.js").then_some(())
    })
    .await;
    let run = stage.launch(As::Ana, test).await;
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    stage.nothing_left(ended.execution).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    let archives = stage.house.portal.settings.state.join("archives");
    assert_eq!(std::fs::read_dir(archives).unwrap().count(), 0, "what was laid out for the pods is removed with them");
    drop(tidy);
}
