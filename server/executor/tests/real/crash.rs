//! Runners and portals that die or go away, and scripts that do not end.

use rustix::process::Signal;
use windfirm_executor::{Ending, Executor as _, ExecutorError, Limits, Observation, inspect::Request};
use windfirm_model::run::Cause;

use crate::stage::{Stage, counted, until};

const STEADY: &str = r"
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 2, duration: '10m' };
export default function () { http.get(__ENV.TARGET); sleep(0.05); }
";

#[tokio::test]
async fn a_killed_runner_takes_k6_along_and_leaves_what_it_had() {
    let Some(stage) = Stage::new().await else { return };
    let orders = stage.orders(STEADY);
    stage.start(&orders).await;
    until("a spooled frame", || async { (!stage.spooled(orders.execution).await.is_empty()).then_some(()) }).await;
    let file = stage.runner(orders.execution);
    let k6 = file.k6.unwrap();
    assert!(k6.is_alive());
    file.runner.signal(Signal::KILL);
    until("the end of k6", || async { (!k6.is_alive()).then_some(()) }).await;

    for executor in [&stage.executor, &stage.executor_after_restart()] {
        assert_eq!(executor.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Lost);
    }
    let left = stage.spooled(orders.execution).await;
    assert!(counted(&left, "http_reqs") > 0.0);
    // Lost is lost: ordering it again does not run it again.
    let hits = stage.target.hits();
    stage.start(&orders).await;
    assert_eq!(stage.executor.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Lost);
    assert_eq!(stage.target.hits(), hits);
    stage.executor.clean_up(&stage.permit(), orders.execution).await.unwrap();
    assert_eq!(stage.executor.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Absent);
}

#[tokio::test]
async fn a_portal_that_was_away_gets_every_frame_once_and_in_order() {
    let Some(stage) = Stage::without_portal().await else { return };
    let orders = stage.orders(STEADY);
    stage.start(&orders).await;
    until("three spooled frames", || async { (stage.spooled(orders.execution).await.len() >= 3).then_some(()) }).await;
    assert!(stage.portal.frames().is_empty());
    assert!(matches!(stage.executor.clean_up(&stage.permit(), orders.execution).await, Err(ExecutorError::StillGoing(_))));

    // A new portal process adopts what it finds, and stops it.
    let after = stage.executor_after_restart();
    assert_eq!(after.find_all(&stage.permit()).await.unwrap(), [orders.execution]);
    assert!(matches!(after.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Running { .. }));
    stage.portal.come(&stage.tasks).await;
    until("a frame at the portal", || async { (!stage.portal.frames().is_empty()).then_some(()) }).await;
    after.stop(&stage.permit(), orders.execution, "seen enough").await.unwrap();
    let report = stage.end(orders.execution).await;
    let spooled = stage.spooled(orders.execution).await;
    until("all frames at the portal", || async { (stage.portal.frames().len() >= spooled.len()).then_some(()) }).await;
    assert_eq!(stage.portal.frames(), spooled);
    assert_eq!(report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap(), counted(&spooled, "http_reqs"));
}

#[tokio::test]
async fn a_run_ends_at_its_deadline_also_without_a_portal() {
    let Some(stage) = Stage::without_portal().await else { return };
    let mut orders = stage.orders(STEADY);
    orders.deadline_s = 3;
    orders.limits.forward_grace_s = 0;
    let report = stage.run(&orders).await;
    assert_eq!((report.ending, report.cause), (Ending::Deadline { limit_s: 3 }, Some(Cause::DeadlinePassed { limit_s: 3 })));
    assert_eq!(report.exit_code, Some(105), "it could end in order");
    let frames = stage.spooled(orders.execution).await;
    assert_eq!(report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap(), counted(&frames, "http_reqs"));
}

#[tokio::test]
async fn a_script_that_never_finishes_loading_is_ended() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders("for (;;) {} export default function () {}");
    orders.deadline_s = 1;
    orders.limits.stop_grace_s = 1;
    let report = stage.run(&orders).await;
    assert_eq!(report.cause, Some(Cause::DeadlinePassed { limit_s: 1 }));
    assert_eq!(report.frames, 0);
}

#[tokio::test]
async fn a_script_that_prints_without_end_fills_its_log_and_no_more() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders(
        "export const options = { vus: 1, duration: '5m' }; export default function () { for (let i = 0; i < 1000; i++) console.log('again and again ' + i); }",
    );
    orders.deadline_s = 3;
    orders.limits.log_bytes = 50_000;
    let report = stage.run(&orders).await;
    assert_eq!(report.cause, Some(Cause::DeadlinePassed { limit_s: 3 }));
    assert!(report.log_dropped > report.log_lines && report.log_lines > 100, "{} kept, {} dropped", report.log_lines, report.log_dropped);
    assert!(std::fs::metadata(stage.executor.folder(orders.execution).log()).unwrap().len() <= 50_000);
    let page = stage.executor.log(&stage.permit(), orders.execution, 10).await.unwrap();
    assert_eq!((page.total, page.dropped, page.from), (report.log_lines, report.log_dropped, 10));
}

const WRITING: &str = "
export const options = { iterations: 1 };
export default function () {}
export function handleSummary() {
  const text = 'x'.repeat(2 << 20), files = {};
  for (let i = 0; i < 12; i++) files[`file-${i}`] = text;
  return files;
}";

#[tokio::test]
async fn a_script_that_writes_many_files_is_stopped_at_a_bound_for_all_together() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders(WRITING);
    orders.limits.scratch_bytes = 10 << 20;
    let report = stage.run(&orders).await;
    let Some(Cause::BoundExceeded { bound, .. }) = &report.cause else { panic!("{report:?}") };
    assert_eq!(bound, "10 MiB of files that the script may write in all");
    // Within the bound, files are the script's own business.
    orders.execution = stage.orders(WRITING).execution;
    orders.limits = Limits::default();
    assert_eq!(stage.run(&orders).await.cause, None);
}

#[tokio::test]
async fn a_script_that_takes_more_users_than_it_said_is_stopped() {
    let Some(stage) = Stage::new().await else { return };
    // What was inspected said one; what is run wants more. The clock or chance would do the same.
    let fickle = STEADY.replace("vus: 2", "vus: Number(__ENV.VUS || 1)");
    let ask = |parameters| Request { bundle: stage.bundle(&fickle), entry: "k6/test.js".into(), target: stage.target.url(), parameters, load: None };
    let limit = stage.executor.inspect(ask(Vec::new())).await.unwrap().max_vus;
    assert_eq!(limit, 1);
    let mut orders = stage.orders(&fickle);
    orders.max_vus = limit;
    orders.parameters = vec![("VUS".into(), "40".into())];
    let report = stage.run(&orders).await;
    // It is seen while k6 still makes its users, or when it has made them all.
    let Ending::TooManyVus { reached: reached @ 2..=40, .. } = report.ending else { panic!("{report:?}") };
    assert_eq!(report.cause, Some(Cause::TooManyVus { limit, reached }));
    assert_eq!(report.exit_code, Some(105), "it could end in order");
    assert!(report.frames > 0, "what it measured is kept");

    // With what it said, it is let be.
    orders.max_vus = 40;
    orders.execution = stage.orders(&fickle).execution;
    orders.deadline_s = 4;
    assert_eq!(stage.run(&orders).await.cause, Some(Cause::DeadlinePassed { limit_s: 4 }));
}

#[tokio::test]
async fn a_k6_that_is_killed_from_outside_is_told_so() {
    let Some(stage) = Stage::new().await else { return };
    let orders = stage.orders(STEADY);
    stage.start(&orders).await;
    stage.hits(3).await;
    stage.runner(orders.execution).k6.unwrap().signal(Signal::KILL);
    let report = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause), (Ending::Itself, Some(Cause::Killed { signal: 9 })));
}

#[tokio::test]
async fn a_k6_that_cannot_be_executed_is_a_start_that_failed() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders(STEADY);
    orders.k6 = stage.folder.path().join("no-k6");
    let report = stage.run(&orders).await;
    assert_eq!(report.ending, Ending::NotStarted);
    assert!(matches!(&report.cause, Some(Cause::StartFailed { message }) if message.contains("k6 cannot be executed")), "{:?}", report.cause);
}

#[tokio::test]
async fn orders_that_cannot_be_carried_out_are_refused_before_anything_starts() {
    let Some(stage) = Stage::new().await else { return };
    let good = stage.orders(STEADY);
    let permit = stage.permit();
    for (word, bad) in [
        ("file ../x.js", windfirm_executor::Orders { entry: "../x.js".into(), ..good.clone() }),
        ("deadline", windfirm_executor::Orders { deadline_s: 0, ..good.clone() }),
        ("parameter", windfirm_executor::Orders { parameters: vec![("A B".into(), String::new())], ..good.clone() }),
        ("bundle", windfirm_executor::Orders { bundle: "/nowhere".into(), ..good.clone() }),
        ("other runs", windfirm_executor::Orders { bundle: stage.folder.path().canonicalize().unwrap(), ..good.clone() }),
        ("HTTP URL", windfirm_executor::Orders { portal: "portal".into(), ..good.clone() }),
    ] {
        let error = stage.executor.start(&permit, &bad).await.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(stage.executor.observe(&stage.permit(), good.execution).await.unwrap(), Observation::Absent);
    assert!(matches!(stage.executor.stop(&permit, good.execution, "").await, Err(ExecutorError::Absent(_))));
}
