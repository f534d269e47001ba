//! Runs that do not end by themselves: the portal ends them, and without a portal the cluster.

use axum::http::StatusCode;
use serde_json::Value;
use windfirm_model::{
    audit::EventCode,
    run::{Cause, RunState},
};
use windfirm_store::runs::RunRecord;

use crate::{
    harness::As,
    stage::{Stage, cart},
};

const SPACE: &str = "shop-staging";

/// A run may take two minutes longer than it plans.
fn deadline_s(run: &RunRecord) -> u32 {
    run.planned_s.unwrap() + 120
}

/// A run with two runners that measures.
async fn measuring(stage: &Stage) -> RunRecord {
    let run = stage.launch(As::Ana, &cart(2, 2, 300)).await;
    let running = stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    stage.first_numbers(&running).await;
    running
}

/// It ended at its deadline, as its page says, with what was measured.
async fn ended_late(stage: &Stage, run: &RunRecord) {
    let ended = stage.wait_for(run.id, |state| !state.is_live()).await;
    assert_eq!(ended.state, RunState::Errored { cause: Cause::DeadlinePassed { limit_s: deadline_s(run) } }, "{:?}", stage.events(run.id).await);
    let page = stage.house.page(As::Ana, &format!("/runs/{}", run.id)).await;
    assert!(page.status == StatusCode::OK && page.body.contains(&format!("did not end within {} s and was stopped", deadline_s(run))), "{}", page.body);
    assert!(ended.totals.unwrap().requests > 0, "what was measured is kept");
    stage.nothing_left(run.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_late_is_asked_to_end_by_the_portal_and_keeps_what_it_measured() {
    let Some(stage) = Stage::open().await else { return };
    let run = measuring(&stage).await;
    stage.clock.advance(i64::from(deadline_s(&run)) + 31);
    ended_late(&stage, &run).await;
    let stops: Vec<_> = stage.house.record().await.into_values().filter(|row| row.run == Some(run.id) && row.code == EventCode::RunStop.code()).collect();
    assert_eq!(stops.len(), 1, "asked once, on the record, by the portal itself: {stops:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_ends_a_runner_whose_time_is_over_where_no_portal_does() {
    let Some(stage) = Stage::open().await else { return };
    let run = measuring(&stage).await;
    let of_run = format!("windfirm.dev/execution={},runner=true", run.execution);
    let runners = stage.hand(&["-n", SPACE, "get", "pods", "-l", &of_run, "-o", "json"]);
    let runners: Value = serde_json::from_str(&runners).unwrap();
    let runners = runners["items"].as_array().unwrap();
    assert_eq!(runners.len(), 2);
    for runner in runners {
        // The rendered rule has put it there: the deadline, the time for starting, and three minutes.
        assert_eq!(runner["spec"]["activeDeadlineSeconds"], deadline_s(&run) + 110 + 180, "{runner}");
        // It may be made shorter, so that nobody waits here for as long.
        let name = runner["metadata"]["name"].as_str().unwrap();
        stage.hand(&["-n", SPACE, "patch", "pod", name, "-p", r#"{"spec":{"activeDeadlineSeconds":1}}"#]);
    }
    // Which then is no deadline of the run, and told as what it is.
    let ended = stage.wait_for(run.id, |state| !state.is_live()).await;
    let RunState::Errored { cause: Cause::BoundExceeded { bound, .. } } = &ended.state else { panic!("{:?}", ended.state) };
    assert!(bound.contains("activeDeadlineSeconds"), "{bound}");
    stage.nothing_left(run.execution).await;
    let events = stage.events(run.id).await;
    assert!(events.iter().any(|event| event.bad && event.text.contains("ended by its node")), "{events:?}");
}
