//! Runners of our own image: what they measure outlives a portal that is away, and they fetch what is too large for a ConfigMap.

use std::time::Duration;

use windfirm_executor::{Ending, Executor as _, Observation};
use windfirm_model::run::Cause;

use crate::stage::{STEADY, Stage, steady, until};

/// From the order to the words.
const SOON: Duration = Duration::from_secs(30);
/// Data of three megabytes beside the script, which no ConfigMap takes.
const LARGE: &str = "import http from 'k6/http';
import { sleep, check } from 'k6';
const large = open('./large.bin', 'b');
let others = 'shut';
try { others = open('/etc/windfirm-token/token'); } catch (error) { /* as it should be */ }
export default function () {
  http.get(__ENV.TARGET + '/carts/1');
  check(large, { 'all of it': (data) => data.byteLength === 3145728 && new Uint8Array(data)[3145727] === 7, 'the token is not': () => others === 'shut' });
  sleep(0.5);
}";

fn large(stage: &Stage, seconds: u32) -> windfirm_executor::Orders {
    let orders = stage.orders(LARGE, &steady(2, seconds));
    std::fs::write(orders.bundle.join("k6/large.bin"), vec![7_u8; 3 << 20]).unwrap();
    orders
}

/// As the supervisor orders what it may have ordered before.
fn ordered_again(orders: &windfirm_executor::Orders) -> windfirm_executor::Orders {
    let mut again = orders.clone();
    again.in_cluster.as_mut().unwrap().again = true;
    again
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_comes_back_when_k6_has_ended_gets_everything() {
    let Some(stage) = Stage::open_with_image().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 8));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    stage.received.be_away(true);
    let known = stage.received.count("http_reqs");
    // k6 prints its counters last.
    for runner in 1..=2 {
        let job = format!("job/windfirm-{}-{runner}", orders.execution);
        until("the end of k6", async || stage.hand(&["logs", &job, "-c", "k6"]).contains("\"http_reqs\"").then_some(())).await;
    }
    assert!(matches!(stage.observe(orders.execution).await.unwrap(), Observation::Running { .. }), "they wait for the portal");
    assert_eq!(stage.received.count("http_reqs"), known);
    stage.received.be_away(false);
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((&report.ending, &report.cause, report.exit_code), (&Ending::Itself, &None, Some(0)), "{report:?}");
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    let log = stage.log(orders.execution).await;
    assert!((1..=2).all(|runner| log.contains(&format!("[{runner}] colour a \"b\" $(c), token undefined"))), "{log:#?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_reach_k6_through_it_both_ways() {
    let Some(stage) = Stage::open_with_image().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 300));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    stage.executor.stop(&stage.permit(), orders.execution, "Ana has seen enough.").await.unwrap();
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Stopped { reason: "Ana has seen enough.".into() }, None, Some(103)));
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    stage.clean_up(orders.execution).await;

    let orders = stage.orders(STEADY, &steady(4, 300));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    stage.received.say_stop();
    let (report, _) = stage.end(orders.execution).await;
    assert!(matches!(&report.ending, Ending::Portal { message } if message.contains("The portal has had enough.")), "{report:?}");
    assert_eq!((report.cause, report.exit_code), (None, Some(105)));
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_no_config_map_takes_is_fetched() {
    let Some(stage) = Stage::open_with_image().await else { return };
    let orders = large(&stage, 4);
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    let objects = stage.hand(&["get", "testruns,jobs,pods,configmaps,events", "-o", "json"]);
    let initializer = stage.hand(&["logs", &format!("job/windfirm-{}-initializer", orders.execution), "-c", "k6"]);
    for (what, text) in [("objects", objects), ("initializer", initializer)] {
        assert!(!text.contains("write-only-token"), "{what}");
    }
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((&report.ending, &report.cause, report.exit_code), (&Ending::Itself, &None, Some(0)), "{report:?}");
    let summary = report.summary.unwrap();
    assert_eq!(summary["metrics"]["checks"]["fails"], 0, "{summary}");
    assert_eq!(stage.received.count("http_reqs"), summary["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    assert_eq!(stage.received.strangers(), 0);
    assert!(stage.shelf_is_used());
    stage.clean_up(orders.execution).await;
    assert!(!stage.shelf_is_used(), "it goes with the run");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_went_with_the_portals_state_folder_are_laid_out_again() {
    let Some(stage) = Stage::open_with_image().await else { return };
    let orders = large(&stage, 4);
    stage.start(&orders).await;
    stage.lose_shelf();
    until("the lack of them", async || (stage.observe(orders.execution).await.unwrap() == Observation::Absent).then_some(())).await;
    // So the supervisor orders it again; with another token, as the store has kept the digest of the first one alone.
    let orders = ordered_again(&orders);
    let again = windfirm_executor::Orders { token: windfirm_executor::Secret::new("another-token".into()), ..orders.clone() };
    let refused = stage.executor.start(&stage.permit(), &again).await.unwrap_err();
    assert!(refused.is_passing() && refused.to_string().contains("begun anew"), "{refused}");
    until("the first one to be gone", async || stage.executor.start(&stage.permit(), &orders).await.ok()).await;
    stage.running(orders.execution).await;
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((&report.ending, &report.cause, report.exit_code), (&Ending::Itself, &None, Some(0)), "{report:?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_those_of_the_launch_never_reach_k6() {
    let Some(stage) = Stage::open_with_image().await else { return };
    stage.received.garble();
    let orders = large(&stage, 4);
    stage.start(&orders).await;
    let (report, took) = stage.end(orders.execution).await;
    assert!(took < SOON, "{took:?}: {report:?}");
    assert_eq!(report.ending, Ending::NotStarted);
    let told = "The files of the test did not come to the pod of the initializer: What the portal gave are not the files";
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.starts_with(told)), "{report:?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_fetch_is_told() {
    let Some(stage) = Stage::open_with_image().await else { return };
    let name = format!("windfirm.local/none@sha256:{}", "0".repeat(64));
    let stage = stage.renamed(name.clone());
    let orders = large(&stage, 4);
    stage.start(&orders).await;
    let (report, took) = stage.end(orders.execution).await;
    assert!(took < SOON, "{took:?}: {report:?}");
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.contains(&format!("The image {name} of the initializer"))), "{report:?}");
    stage.clean_up(orders.execution).await;
}
