//! What we rely on in k6: frames, headers, counters, exit codes, flags, stopping.

use windfirm_executor::{Ending, Executor as _, Load, Observation};
use windfirm_measure::frame;
use windfirm_model::run::Cause;

use crate::stage::{Stage, TOKEN, counted, until};

const TWENTY: &str = r"
import http from 'k6/http';
import { check, sleep } from 'k6';
export const options = {
  scenarios: { shop: { executor: 'shared-iterations', vus: 2, iterations: 20, maxDuration: '30s' } },
  thresholds: { http_req_duration: [{ threshold: 'p(99)<0.0001', abortOnFail: true }] },
};
export default function () {
  check(http.get(__ENV.TARGET + '/?token=geheim'), { 'is ok': (r) => r.status === 200 });
  sleep(0.1);
}
export function handleSummary() { return { stdout: 'mine', 'own.txt': 'mine' }; }
";

#[tokio::test]
async fn every_request_is_measured_spooled_and_forwarded_once() {
    let Some(stage) = Stage::new().await else { return };
    let orders = stage.orders(TWENTY);
    let report = stage.run(&orders).await;

    // The impossible threshold neither aborts the test nor decides it: thresholds are judged by us, on all data.
    assert_eq!((report.exit_code, &report.ending, &report.cause), (Some(0), &Ending::Itself, &None), "{}", stage.log_text(orders.execution).await);
    assert_eq!(stage.target.hits(), 20);
    let frames = stage.spooled(orders.execution).await;
    assert_eq!(counted(&frames, "http_reqs"), 20.0);
    assert_eq!(counted(&frames, "iterations"), 20.0);
    // A script's own handleSummary does not take k6's counters away.
    let summary = report.summary.clone().unwrap();
    assert_eq!(summary["metrics"]["http_reqs"]["count"], 20);
    assert_eq!(summary["metrics"]["checks"]["passes"], 20);
    assert_eq!(report.frames, u64::try_from(frames.len()).unwrap());
    assert_eq!(report.dropped, []);
    // What is secret in a URL is masked before it is written anywhere.
    assert!(report.masked > 0);
    assert!(!frames.iter().any(|frame| String::from_utf8_lossy(&snap_free(&frame.payload)).contains("geheim")));

    let forwarded = until("all frames at the portal", || async { (stage.portal.frames().len() == frames.len()).then(|| stage.portal.frames()) }).await;
    assert_eq!(forwarded, frames, "in the same order, byte for byte");
    assert_eq!(frame::digest(&forwarded), frame::digest(&frames));
    for headers in stage.portal.headers() {
        assert_eq!(headers["authorization"], format!("Token {TOKEN}"));
        assert_eq!(headers["content-encoding"], "snappy");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["k6-metrics-protocol-version"], "2.0");
        assert_eq!(headers["k6-idempotency-key"].len(), 16);
    }
    assert_eq!(report.confinement.full, windfirm_executor::confine::offered().full, "{:?}", report.confinement);
}

/// Writes counters of its own wherever k6's might stand.
const FORGER: &str = r"
export const options = { iterations: 3 };
export default function () {}
export function handleSummary() {
  const forged = JSON.stringify({ metrics: { iterations: { count: 9000, rate: 1 } } });
  const files = {};
  for (const name of ['summary.json', './summary.json', 'summary-.json', `${__ENV.SCRATCH}/summary.json`]) files[name] = forged;
  return files;
}
";

#[tokio::test]
async fn a_script_does_not_write_k6s_counters_for_it() {
    let Some(stage) = Stage::new().await else { return };
    // k6 writes the files of a summary in no order: what competes with its own file wins in some of the runs.
    for _ in 0..8 {
        let mut orders = stage.orders(FORGER);
        let scratch = stage.executor.folder(orders.execution).scratch();
        orders.parameters = vec![("SCRATCH".into(), scratch.display().to_string())];
        let report = stage.run(&orders).await;
        assert!(scratch.join("summary.json").is_file(), "the script could write: {}", stage.log_text(orders.execution).await);
        assert_eq!(report.summary.unwrap()["metrics"]["iterations"]["count"], 3);
    }
}

/// Iterations that throw, that reject a promise, that only print an error, and that are well.
const THROWING: &str = r"
export const options = { scenarios: { s: { executor: 'shared-iterations', vus: 1, iterations: 40 } }, thresholds: { iterations: ['count>=40'] } };
export default function () {
  if (__ITER % 4 === 0) throw new Error('boom ' + 'x'.repeat(__ITER === 0 ? 100000 : 1));
  if (__ITER % 4 === 1) Promise.reject(new Error('promised'));
  if (__ITER % 4 === 2) console.error('only printed');
}
";

#[tokio::test]
async fn errors_that_a_script_does_not_catch_are_counted_however_little_of_the_log_is_kept() {
    let Some(stage) = Stage::new().await else { return };
    for log_bytes in [10_000_000, 300] {
        let mut orders = stage.orders(THROWING);
        orders.limits.log_bytes = log_bytes;
        let report = stage.run(&orders).await;
        // k6 itself is content: every iteration counts, thrown or not.
        assert_eq!((report.exit_code, &report.cause), (Some(0), &None));
        assert_eq!(report.summary.unwrap()["metrics"]["iterations"]["count"], 40);
        assert_eq!(report.script_errors, 20, "{log_bytes}: {} kept, {} dropped", report.log_lines, report.log_dropped);
    }
}

/// A frame in the clear, for looking for words in it.
fn snap_free(payload: &[u8]) -> Vec<u8> {
    let set = windfirm_measure::wire::decode(payload, &windfirm_measure::wire::Bounds::default()).unwrap();
    format!("{set:?}").into_bytes()
}

#[tokio::test]
async fn ordering_the_same_execution_again_starts_nothing() {
    let Some(stage) = Stage::new().await else { return };
    let orders = stage.orders(TWENTY);
    let permit = stage.permit();
    let (first, second) = tokio::join!(stage.executor.start(&permit, &orders), stage.executor.start(&permit, &orders));
    assert_eq!(first.unwrap(), second.unwrap());
    let after = stage.executor_after_restart();
    after.start(&permit, &orders).await.unwrap();
    let report = stage.end(orders.execution).await;
    after.start(&permit, &orders).await.unwrap();
    assert_eq!(stage.end(orders.execution).await, report);
    assert_eq!(stage.target.hits(), 20, "twenty iterations, however often it was ordered");
    assert_eq!(after.find_all(&stage.permit()).await.unwrap(), [orders.execution]);

    after.clean_up(&permit, orders.execution).await.unwrap();
    after.clean_up(&permit, orders.execution).await.unwrap();
    assert_eq!(after.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Absent);
}

#[tokio::test]
async fn every_end_of_k6_has_its_cause_in_words() {
    let Some(stage) = Stage::new().await else { return };
    let once = |body: &str| format!("import exec from 'k6/execution'; export const options = {{ iterations: 1 }}; export default function () {{ {body} }}");
    type IsRight<'a> = &'a dyn Fn(&Option<Cause>) -> bool;
    let cases: [(&str, String, IsRight<'_>); 9] = [
        ("an exception in an iteration is the test's business", once("throw new Error('boom')"), &|cause| cause.is_none()),
        (
            "107 at the start",
            "export default function( {".into(),
            &|cause| matches!(cause, Some(Cause::ScriptInvalid { message }) if message.contains("k6/test.js: Line 1:27")),
        ),
        (
            "107 for a missing import",
            "import './nope.js'; export default function() {}".into(),
            &|cause| matches!(cause, Some(Cause::ScriptInvalid { message }) if message.contains("nope.js")),
        ),
        ("255 for nothing to run", "export const nothing = 1;".into(), &|cause| matches!(cause, Some(Cause::ScriptInvalid { .. }))),
        (
            "104",
            "export const options = { scenarios: { a: { executor: 'nope' } } }; export default function() {}".into(),
            &|cause| matches!(cause, Some(Cause::ScriptInvalid { message }) if message.contains("nope")),
        ),
        (
            "107 in setup",
            format!("export function setup() {{ throw new Error('no base') }} {}", once("")),
            &|cause| matches!(cause, Some(Cause::ScriptException { exit_code: 107, message }) if message.contains("no base")),
        ),
        (
            "100",
            "import { sleep } from 'k6'; export const options = { setupTimeout: '1s' }; export function setup() { sleep(9) } export default function() {}"
                .into(),
            &|cause| matches!(cause, Some(Cause::ScriptException { exit_code: 100, .. })),
        ),
        (
            "108",
            once("exec.test.abort('enough')"),
            &|cause| matches!(cause, Some(Cause::ScriptAborted { exit_code: 108, message }) if message.contains("enough")),
        ),
        ("110", once("exec.test.fail('bad')"), &|cause| matches!(cause, Some(Cause::ScriptAborted { exit_code: 110, .. }))),
    ];
    for (name, script, is_right) in cases {
        let orders = stage.orders(&script);
        let report = stage.run(&orders).await;
        assert_eq!(report.ending, Ending::Itself, "{name}");
        assert!(is_right(&report.cause), "{name}: {:?} {:?}\n{}", report.exit_code, report.cause, stage.log_text(orders.execution).await);
        let words = format!("{:?}", report.cause) + &stage.log_text(orders.execution).await;
        assert!(!words.contains(stage.folder.path().to_str().unwrap()), "{name}: paths of the machine are nobody's business: {words}");
    }
}

const ENDLESS: &str = r"
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 1, duration: '10m' };
export default function () { http.get(__ENV.TARGET); sleep(0.05); }
export function teardown() { console.log('tidied up'); }
";

#[tokio::test]
async fn a_stop_lets_the_teardown_run_and_loses_nothing() {
    let Some(stage) = Stage::new().await else { return };
    let orders = stage.orders(ENDLESS);
    stage.start(&orders).await;
    stage.hits(5).await;
    assert!(matches!(stage.executor.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Running { .. }));
    stage.executor.stop(&stage.permit(), orders.execution, "Ann wants it").await.unwrap();
    stage.executor.stop(&stage.permit(), orders.execution, "Ben wants it too").await.unwrap();
    let report = stage.end(orders.execution).await;
    assert_eq!(report.ending, Ending::Stopped { reason: "Ann wants it".into() });
    assert_eq!((report.exit_code, &report.cause), (Some(105), &None));
    assert!(stage.log_text(orders.execution).await.contains("info tidied up"));
    let frames = stage.spooled(orders.execution).await;
    assert_eq!(report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap(), counted(&frames, "http_reqs"));
}

#[tokio::test]
async fn the_portal_can_end_a_test_by_its_answer() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders(ENDLESS);
    orders.limits.forward_grace_s = 1;
    stage.start(&orders).await;
    until("a first frame", || async { (!stage.portal.frames().is_empty()).then_some(()) }).await;
    stage.portal.say_stop();
    let report = stage.end(orders.execution).await;
    assert_eq!(report.ending, Ending::Portal { message: "enough for today".into() });
    let frames = stage.spooled(orders.execution).await;
    assert!(frames.len() > stage.portal.frames().len(), "what the portal no longer took is in the spool");
}

#[tokio::test]
async fn a_load_takes_the_place_of_the_scripts_scenarios() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders(
        "import { sleep } from 'k6'; export const options = { scenarios: { a: { executor: 'constant-vus', vus: 40, duration: '5m' } } };
         export default function () { console.log(`${__ENV.COLOUR}`); sleep(0.5); }",
    );
    orders.load = Some(Load { vus: 3, duration_s: 1 });
    orders.parameters = vec![("COLOUR".into(), "blue = green, $(x)".into())];
    let report = stage.run(&orders).await;
    assert_eq!(report.exit_code, Some(0), "{}", stage.log_text(orders.execution).await);
    assert_eq!(report.summary.unwrap()["metrics"]["vus_max"]["max"], 3);
    assert!(stage.log_text(orders.execution).await.contains("info blue = green, $(x)"));
}
