//! Ends that are no ordinary ones: each is told for what it was.

use windfirm_executor::{Ending, Executor as _, Observation};
use windfirm_model::run::Cause;

use crate::{
    node,
    stage::{STEADY, Stage, steady, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_k6_tidy_up_and_loses_nothing() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 300));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    for _ in 0..2 {
        stage.executor.stop(&stage.permit(), orders.execution, "Ana has seen enough.").await.unwrap();
    }
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Stopped { reason: "Ana has seen enough.".into() }, None, Some(103)));
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    let log = stage.log(orders.execution).await;
    assert!((1..=2).all(|runner| log.contains(&format!("[{runner}] tidied up"))), "{log:#?}");
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_before_it_began_is_gone() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 300));
    stage.start(&orders).await;
    stage.executor.stop(&stage.permit(), orders.execution, "A mistake.").await.unwrap();
    assert_eq!(stage.observe(orders.execution).await.unwrap(), Observation::Absent);
    stage.nothing_left().await;
    assert_eq!(stage.received.count("http_reqs"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portals_answer_stops_it() {
    let Some(stage) = Stage::open().await else { return };
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
async fn broken_thresholds_are_an_ordinary_end() {
    // The portal judges; this is for a configuration that lets k6 do it too.
    let Some(stage) = Stage::open_with(|settings| settings.runner_environment.push(("K6_NO_THRESHOLDS".into(), "false".into()))).await else { return };
    let mut orders = stage.orders(STEADY, &steady(2, 3));
    if let Some(cluster) = &mut orders.in_cluster {
        cluster.options["thresholds"] = serde_json::json!({ "http_req_duration": ["p(99)<0.001"] });
    }
    stage.start(&orders).await;
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Itself, None, Some(99)));
    assert!(report.summary.is_some());
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_is_deleted_is_told_at_once_and_decides_nothing() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 25));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    let job = format!("job-name=windfirm-{}-2", orders.execution);
    stage.hand(&["delete", "pods", "-l", &job, "--force", "--grace-period=0"]);
    until("the event", async || match stage.observe(orders.execution).await.unwrap() {
        Observation::Running { events, .. } => events.iter().any(|event| event.bad && event.text.contains("runner 2 was deleted")).then_some(()),
        other => panic!("{other:?}"),
    })
    .await;
    let (report, _) = stage.end(orders.execution).await;
    assert!(
        matches!(&report.ending, Ending::RunnersLost { words, lost: 1, of: 2, others_whole: true, others_counted: Some(_) } if words.contains("runner 2")),
        "{report:?}"
    );
    assert_eq!((report.cause, report.summary), (None, None));
    assert!(stage.log(orders.execution).await.contains(&"[1] tidied up".to_owned()));
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_takes_too_much_memory_is_told_so() {
    let Some(stage) = Stage::open_with(|settings| settings.runner.memory_mib = 96).await else { return };
    let greedy = "const kept = []; export default function () { kept.push(new Uint8Array(8 << 20).fill(1)); }";
    let orders = stage.orders(greedy, &steady(2, 60));
    stage.start(&orders).await;
    let (report, _) = stage.end(orders.execution).await;
    assert!(matches!(&report.cause, Some(Cause::BoundExceeded { bound, .. }) if bound.contains("96 MiB")), "{report:?}");
    assert!(report.events.iter().any(|event| event.text.starts_with("Runner 1 needed more than its 96 MiB")), "{:?}", report.events);
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_deletes_is_absent_and_what_is_killed_too() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(2, 300));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    stage.executor.kill(&stage.permit(), orders.execution).await.unwrap();
    assert_eq!(stage.observe(orders.execution).await.unwrap(), Observation::Absent);
    stage.executor.kill(&stage.permit(), orders.execution).await.unwrap();
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_k6_that_is_killed_is_told_from_one_that_ended() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 20));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    // The node's processes are this machine's, where the cluster is the one that `make cluster` makes.
    let Some(pid) = node::process("k6", &["instance_id=2", &format!("testrun_name=windfirm-{}", orders.execution)]) else { return };
    assert!(node::signal("-9", &pid));
    let (report, _) = stage.end(orders.execution).await;
    assert!(
        matches!(&report.ending, Ending::RunnersLost { words, lost: 1, of: 2, others_whole: true, others_counted: Some(_) } if words.starts_with("Runner 2 was killed (signal 9)")),
        "{report:?}"
    );
    assert_eq!((report.cause, report.summary, report.signal), (None, None, Some(9)));
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_in_the_middle_is_told_and_found_again() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(2, 60));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    stage.hand(&["delete", "rolebinding", "windfirm-portal"]);
    let began = std::time::Instant::now();
    let told = until("words", async || stage.observe(orders.execution).await.err()).await;
    assert!(told.to_string().contains("does not let the portal act as") && !told.is_passing(), "{told}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    stage.restore_account();
    until("an answer", async || stage.observe(orders.execution).await.ok()).await;
    stage.executor.stop(&stage.permit(), orders.execution, "Enough.").await.unwrap();
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!(report.ending, Ending::Stopped { reason: "Enough.".into() });
    stage.clean_up(orders.execution).await;
}
