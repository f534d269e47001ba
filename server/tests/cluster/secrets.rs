//! Secrets for tests, and rotating one: through the whole portal, on a real cluster, with what is rendered for them and no more.

use axum::http::{Method, StatusCode};
use serde_json::json;
use windfirm_model::{
    id::RunId,
    run::{Cause, RunState, RunStateKind},
    view::{
        app::AppPage,
        run::SecretUse,
        secret::{SecretRow, SecretTold, Since},
    },
};
use windfirm_policy::compile;
use windfirm_render::{Settings, render};

use crate::{
    cluster::TestCluster,
    harness::As,
    stage::{Stage, cart, until},
};

const SPACE: &str = "shop-staging";
pub(crate) const NAME: &str = "windfirm-test-cart-user";
pub(crate) const RULES: &str =
    "secrets:\n  - { name: test user, on: [/shop/cart/], in: [staging], from: { name: windfirm-test-cart-user, keys: { TEST_USER: username } } }\n";
/// Of the cluster's own policy.
const POLICY: &str = include_str!("../../../deploy/example/cluster-policy.yaml");

/// What of the manifests depends on Secrets: what accounts may do in the namespace, and what a TestRun may be.
fn rights(policy: &str) -> String {
    let policy = compile(policy, "policy.yaml").unwrap();
    let rendered = render(&policy, &Settings::new("windfirm/portal".parse().unwrap())).unwrap().stream();
    let of_secrets = |document: &&str| {
        document.contains("\nkind: ValidatingAdmissionPolicy\n")
            || document.contains("\nkind: Role\n") && document.contains(&format!("\n  namespace: {SPACE}\n"))
    };
    let documents: Vec<&str> = rendered.split("---\n").filter(of_secrets).collect();
    assert_eq!(documents.len(), 3, "the account's role, the portal's, and admission");
    documents.join("---\n")
}

/// What the policy of the cluster needs with a Secret for tests more.
pub(crate) fn give(cluster: &TestCluster) {
    apply(cluster, &rights(&format!("{POLICY}{RULES}")));
}

fn apply(cluster: &TestCluster, manifests: &str) {
    let output = cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifests);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Leaves the cluster as it was, however the test ends.
pub(crate) struct Tidy(pub(crate) TestCluster);

impl Drop for Tidy {
    fn drop(&mut self) {
        self.0.kubectl(&["-n", SPACE, "delete", "--ignore-not-found", "secret", NAME], "");
        self.0.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &rights(POLICY));
    }
}

/// Whether the API server would take a TestRun of the account that reads the Secret.
fn admitted(stage: &Stage) -> bool {
    let pod = json!({ "serviceAccountName": "loadtest", "metadata": { "labels": { "windfirm.dev/execution": "x" } } });
    let mut runner = pod.clone();
    runner["resources"] = json!({ "limits": { "memory": "256Mi" } });
    runner["env"] = json!([{ "name": "TEST_USER", "valueFrom": { "secretKeyRef": { "name": NAME, "key": "username" } } }]);
    let run = json!({
        "apiVersion": "k6.io/v1alpha1", "kind": "TestRun", "metadata": { "name": "windfirm-01935c7e8b1a70008000123456789abc", "namespace": SPACE },
        "spec": { "parallelism": 1, "script": { "configMap": { "name": "try", "file": "a.js" } }, "initializer": pod, "starter": pod, "runner": runner },
    });
    let account = format!("--as=system:serviceaccount:{SPACE}:loadtest");
    stage.kubectl(&["create", "--dry-run=server", "--validate=false", &account, "-f", "-"], &run.to_string()).status.success()
}

async fn page(stage: &Stage, who: As) -> AppPage {
    let answer = stage.house.call(who, Method::GET, "app", "path=/shop/cart/").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(!answer.body.contains("s3cret") && !answer.body.contains("czNjcmV0"), "no value, and none as base64");
    serde_json::from_str(&answer.body).unwrap()
}

async fn told(stage: &Stage) -> SecretTold {
    let page = page(stage, As::Ana).await;
    let [SecretRow { told, .. }] = page.secrets.as_slice() else { panic!("{:?}", page.secrets) };
    told.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_with_its_age_and_tried_after_it_changed() {
    let Some(stage) = Stage::open().await else { return };
    let tidy = Tidy(TestCluster::given().unwrap());
    assert!(!admitted(&stage), "what no policy gives is refused");
    let file = &stage.house.portal.settings.policy_file;
    let policy = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, format!("{policy}{RULES}")).unwrap();

    // The new right is asked for as the others are, and its lack locks.
    let why = until("the lock", async || stage.launch_lock("/shop/cart/", As::Ana).await).await;
    assert!(why.contains(&format!("may not get secrets “{NAME}” in namespace shop-staging")), "{why}");
    let SecretTold::Refused { why } = told(&stage).await else { panic!() };
    assert!(why.contains("secrets") && why.contains(NAME), "{why}");

    give(&tidy.0);
    until("the unlocking", async || stage.launch_lock("/shop/cart/", As::Ana).await.is_none().then_some(())).await;
    until("the admission", async || admitted(&stage).then_some(())).await;
    let SecretTold::Missing { why } = told(&stage).await else { panic!() };
    assert!(why.contains(&format!("secrets \"{NAME}\" not found")), "{why}");

    stage.hand(&["-n", SPACE, "create", "secret", "generic", NAME, "--from-literal=username=s3cret"]);
    let SecretTold::Known { namespace, created, changed, by, copied, since } = told(&stage).await else { panic!() };
    assert_eq!((namespace.as_str(), created, by.as_deref(), copied, since), (SPACE, changed, Some("kubectl-create"), false, Since::NotYet));
    // Who may not launch as that account is told names, and nobody is asked.
    let others = page(&stage, As::Chris).await.secrets;
    assert!(matches!(&others[0].told, SecretTold::NotAsked { why } if why.contains("there is none")), "{others:?}");

    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let run = stage.launch(As::Ana, &cart(1, 1, 3)).await;
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    stage.nothing_left(ended.execution).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    let given = SecretUse { variable: "TEST_USER".to_owned(), secret: NAME.to_owned(), key: "username".to_owned() };
    assert_eq!(ended.manifest.placement.unwrap().secrets, [given]);
    let SecretTold::Known { since, .. } = told(&stage).await else { panic!() };
    assert!(matches!(since, Since::Passed { run: passed, .. } if passed == run), "{since:?}");

    stage.hand(&["-n", SPACE, "patch", "secret", NAME, "--field-manager=rotator", "-p", r#"{"stringData":{"username":"s3cret too"}}"#]);
    let SecretTold::Known { changed: later, by, since, .. } = told(&stage).await else { panic!() };
    assert_eq!((by.as_deref(), &since), (Some("rotator"), &Since::NotYet));
    assert!(later > changed);
    let html = stage.house.page(As::Ana, "/apps/shop/cart/").await.body;
    assert!(html.contains("Secrets of the tests") && html.contains("rotator") && html.contains("not tried") && !html.contains("s3cret"), "{html}");
    tried_when_it_changes(&stage, &tidy.0).await;
    drop(tidy);
}

/// Launched before the change, started by it, as who launched it; and called off where nothing changes.
async fn tried_when_it_changes(stage: &Stage, cluster: &TestCluster) {
    let smoke = format!("request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke&request[after]={NAME}");
    // Within the second of the last change any change counts.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let (run, in_vain) = (stage.launch(As::Ana, &smoke).await, stage.launch(As::Ana, &format!("{smoke}&request[reason]=in vain")).await);
    let waits = |state: &RunState| matches!(state, RunState::Waiting { secret, changed: Some(_), .. } if secret == NAME);
    assert!(waits(&stage.record(run).await.state), "{:?}", stage.record(run).await.state);
    let row = page(stage, As::Ana).await.secrets.remove(0);
    assert!([Some(run), Some(in_vain)].contains(&row.waiting), "{row:?}");
    // What is no change of its values is none.
    stage.hand(&["-n", SPACE, "annotate", "secret", NAME, "looked=at"]);
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    assert!(waits(&stage.record(run).await.state), "{:?}", stage.record(run).await.state);
    let answer = stage.house.call(As::Ana, Method::POST, "stop", &format!("id={in_vain}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(stage.record(in_vain).await.state.kind(), RunStateKind::Cancelled);

    stage.hand(&["-n", SPACE, "patch", "secret", NAME, "--field-manager=rotator", "-p", r#"{"stringData":{"username":"s3cret three"}}"#]);
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    stage.nothing_left(ended.execution).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    assert_eq!(ended.service_account, "shop-staging/loadtest");
    let events = stage.events(run).await;
    assert!(events.iter().any(|event| event.text == format!("Secret {NAME} was changed by “rotator”; the run is queued")), "{events:?}");
    let row = page(stage, As::Ana).await.secrets.remove(0);
    assert!(matches!(row.told, SecretTold::Known { since: Since::Passed { run: passed, .. }, .. } if passed == run), "{row:?}");
    assert_eq!(row.waiting, None);

    // A policy that does not give it any more ends what waits for it; a right that is taken away is told, and what is put back is seen.
    let told = async |run: RunId, part: &str| {
        let events = stage.events(run).await;
        events.last().is_some_and(|event| event.text.contains(part)).then_some(())
    };
    let locked = stage.launch(As::Ana, &format!("{smoke}&request[reason]=locked")).await;
    stage.hand(&["-n", SPACE, "delete", "rolebinding", "windfirm-runs-loadtest"]);
    until("the right that is missing", async || told(locked, "as it is now:").await).await;
    let broken = async || page(stage, As::Ana).await.account_findings.filter(|findings| !findings.green);
    assert_eq!(until("what it breaks", broken).await.waiting_runs, 1);
    stage.restore(SPACE);
    // Which took the right to the Secret with it.
    give(cluster);
    until("what can be seen again", async || told(locked, "can be seen again").await).await;
    let file = &stage.house.portal.settings.policy_file;
    let policy = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, policy.replace(RULES, "")).unwrap();
    let ended = stage.wait_for(locked, |state| !state.is_live()).await;
    assert!(matches!(&ended.state, RunState::Errored { cause: Cause::NotAllowed { why } } if why.contains("other Secrets")), "{:?}", ended.state);
    std::fs::write(file, policy).unwrap();
    until("the unlocking", async || {
        let page = page(stage, As::Ana).await;
        (page.launch.allowed && page.secrets.len() == 1).then_some(())
    })
    .await;

    // Times in the cluster are whole seconds: a change within the one of the change before is seen all the same.
    stage.hand(&["-n", SPACE, "patch", "secret", NAME, "--field-manager=rotator", "-p", r#"{"stringData":{"username":"s3cret four"}}"#]);
    let quick = stage.launch(As::Ana, &format!("{smoke}&request[reason]=quick")).await;
    stage.hand(&["-n", SPACE, "patch", "secret", NAME, "--field-manager=rotator", "-p", r#"{"stringData":{"username":"s3cret five"}}"#]);
    let ended = stage.wait_for(quick, |state| !state.is_live()).await;
    stage.nothing_left(ended.execution).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);

    let late = stage.launch(As::Ana, &format!("{smoke}&request[reason]=late")).await;
    stage.clock.advance(4 * 3_600 + 5);
    let ended = stage.wait_for(late, |state| !state.is_live()).await;
    assert_eq!(ended.state, RunState::Cancelled { by: "The portal".to_owned() });
    let events = stage.events(late).await;
    assert_eq!(events.last().unwrap().text, format!("Secret {NAME} was not changed within 4 h"));
}
