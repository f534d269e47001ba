//! Secrets for tests: by reference, into the runners alone; and what is told when one of them is not there.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use windfirm_executor::{Ending, Executor as _, Orders};
use windfirm_model::{run::Cause, view::run::SecretUse};

use crate::stage::{Stage, steady};

/// What the script must find, and nobody else. Nothing in it is expanded.
const PASSWORD: &str = "correct horse $(HOME) \"battery\"";
/// From the order to the words.
const SOON: Duration = Duration::from_secs(30);

fn with_secrets(stage: &Stage, secret: &str, key: &str) -> Orders {
    let digest: String = Sha256::digest(PASSWORD).iter().map(|byte| format!("{byte:02x}")).collect();
    let script = format!(
        "import http from 'k6/http';
import {{ sha256 }} from 'k6/crypto';
import {{ sleep, check }} from 'k6';
let file = 'shut';
try {{ file = open('/etc/windfirm/config.json'); }} catch (error) {{ /* as it should be */ }}
export default function () {{
  http.get(__ENV.TARGET + '/carts/1');
  check(__ENV, {{
    'the secret is there': (env) => sha256(env.TEST_PASSWORD, 'hex') === '{digest}',
    'the other one too': (env) => env.TEST_USER === 'ann',
    'the token is not': (env) => env.K6_CLOUD_TOKEN === undefined && file === 'shut',
    'parameters are': (env) => env.COLOUR === 'a \"b\" $(c)',
  }});
  sleep(0.5);
}}"
    );
    let mut orders = stage.orders(&script, &steady(2, 4));
    let given = |variable: &str, key: &str| SecretUse { variable: variable.into(), secret: secret.into(), key: key.into() };
    if let Some(cluster) = &mut orders.in_cluster {
        cluster.secrets = vec![given("TEST_PASSWORD", key), given("TEST_USER", "username")];
    }
    orders
}

fn make(stage: &Stage) {
    stage.hand(&["create", "secret", "generic", "pay-user", "--from-literal", &format!("password={PASSWORD}"), "--from-literal", "username=ann"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_get_them_and_nothing_else_has_them() {
    let Some(stage) = Stage::open().await else { return };
    make(&stage);
    let orders = with_secrets(&stage, "pay-user", "password");
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    let objects = stage.hand(&["get", "testruns,jobs,pods,services,configmaps,events", "-o", "json"]);
    let initializer = stage.hand(&["logs", &format!("job/windfirm-{}-initializer", orders.execution)]);
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((&report.ending, &report.cause, report.exit_code), (&Ending::Itself, &None, Some(0)), "{report:?}");
    let checks = &report.summary.as_ref().expect("the runners' own counters")["metrics"]["checks"];
    assert_eq!(checks["fails"], 0, "{checks}");
    assert!(checks["passes"].as_u64().is_some_and(|passes| passes >= 4 * 4), "{checks}");
    assert_eq!(stage.received.strangers(), 0, "the runners deliver with the token of their file");
    assert_eq!(stage.received.count("http_reqs"), report.summary.as_ref().unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    let log = stage.log(orders.execution).await.join("\n");
    for (what, text) in [("objects", &objects), ("initializer", &initializer), ("log", &log), ("report", &format!("{report:?}"))] {
        assert!(!text.contains("battery"), "{what}");
    }
    stage.executor.clean_up(&stage.permit(), orders.execution).await.unwrap();
    assert!(stage.hand(&["get", "secrets", "-o", "name"]).contains("secret/pay-user"), "it is not ours to delete");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_there_is_told_by_its_name() {
    let Some(stage) = Stage::open().await else { return };
    let missing = with_secrets(&stage, "pay-user", "password");
    told(&stage, &missing, "is not there, so runner 1 cannot start: secret \"pay-user\" not found").await;
    make(&stage);
    let no_key = with_secrets(&stage, "pay-user", "passphrase");
    told(&stage, &no_key, "has not the key that it names, so runner 1 cannot start: couldn't find key passphrase in Secret").await;
}

async fn told(stage: &Stage, orders: &Orders, words: &str) {
    stage.start(orders).await;
    let (report, took) = stage.end(orders.execution).await;
    assert!(took < SOON, "{took:?}: {report:?}");
    assert_eq!(report.ending, Ending::NotStarted);
    // Whichever of the two is seen first.
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.replace("runner 2", "runner 1").contains(words)), "{report:?}");
    stage.executor.clean_up(&stage.permit(), orders.execution).await.unwrap();
}
