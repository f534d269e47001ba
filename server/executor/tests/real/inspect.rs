//! Asking k6 what a script would do, without letting the script do anything.

use serde_json::json;
use windfirm_executor::{
    Load,
    inspect::{InspectError, Inspected, Request, Scenario},
};

use crate::stage::{Stage, skipped};

async fn inspect(stage: &Stage, script: &str, load: Option<Load>) -> Result<Inspected, InspectError> {
    let request =
        Request { bundle: stage.bundle(script), entry: "k6/test.js".into(), target: stage.target.url(), parameters: vec![("VUS".into(), "7".into())], load };
    stage.executor.inspect(request).await
}

const SHOP: &str = r"
const data = JSON.parse(open('./data.json'));
export const options = {
  scenarios: {
    browse: { executor: 'constant-vus', vus: Number(__ENV.VUS), duration: '1m' },
    buy: { executor: 'ramping-arrival-rate', preAllocatedVUs: data.length, maxVUs: 10, startRate: 1, stages: [{ target: 5, duration: '2m' }] },
  },
  thresholds: { 'http_req_duration{name:buy}': ['p(99)<400', { threshold: 'avg<100', abortOnFail: true }] },
};
export default function () {}
";

#[tokio::test]
async fn a_script_is_described_by_k6_itself() {
    let Some(stage) = Stage::new().await else { return };
    let told = inspect(&stage, SHOP, None).await.unwrap();
    let scenario = |name: &str, executor: &str| Scenario { name: name.into(), executor: executor.into() };
    assert_eq!(told.scenarios, [scenario("browse", "constant-vus"), scenario("buy", "ramping-arrival-rate")]);
    assert_eq!(told.max_vus, 17);
    assert_eq!(told.total_duration_s, Some(150), "the longer one, with 30 s for iterations to end");
    let thresholds = &told.thresholds["http_req_duration{name:buy}"];
    assert_eq!(thresholds[0], json!("p(99)<400"));
    assert_eq!(thresholds[1]["abortOnFail"], json!(true));

    let smoke = inspect(&stage, SHOP, Some(Load { vus: 1, duration_s: 10 })).await.unwrap();
    assert_eq!(smoke.scenarios, [scenario("default", "constant-vus")]);
    assert_eq!((smoke.max_vus, smoke.total_duration_s), (1, Some(40)));
}

#[tokio::test]
async fn a_script_that_does_not_load_is_told_in_k6s_words() {
    let Some(stage) = Stage::new().await else { return };
    for (script, words) in [
        ("export default function( {", "k6/test.js: Line 1:27 Unexpected end of input"),
        ("import './nope.js'; export default function () {}", "nope.js"),
        ("throw new Error('not today'); export default function () {}", "not today"),
        ("export const options = { vus: 'many' }; export default function () {}", "many"),
        ("import sql from 'k6/x/sql'; export default function () {}", "k6/x/sql"),
    ] {
        let error = inspect(&stage, script, None).await.unwrap_err();
        assert!(matches!(&error, InspectError::Script(message) if message.contains(words)), "{words}: {error}");
        assert!(!error.to_string().contains(stage.folder.path().to_str().unwrap()), "{error}");
    }
    if windfirm_executor::confine::offered().full {
        let error = inspect(&stage, "open('/etc/hostname'); export default function () {}", None).await.unwrap_err();
        assert!(error.to_string().contains("/etc/hostname: permission denied"), "{error}");
    } else {
        skipped("this kernel cannot confine files");
    }
    assert_eq!(std::fs::read_dir(stage.folder.path().join("state/inspect")).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_script_that_loads_without_end_is_given_up() {
    let Some(stage) = Stage::new().await else { return };
    let error = inspect(&stage, "for (;;) {} export default function () {}", None).await.unwrap_err();
    assert!(matches!(error, InspectError::TimedOut), "{error}");
}
