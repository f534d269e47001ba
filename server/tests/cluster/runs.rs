//! Runs as TestRuns, through the whole portal.

use axum::http::{Method, StatusCode};
use windfirm_model::run::{RunState, RunStateKind};

use crate::{
    harness::As,
    stage::{Stage, cart, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_three_runners_is_measured_judged_and_leaves_nothing() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(3, 6, 12)).await;
    let running = stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    let placement = running.manifest.placement.clone().unwrap();
    assert_eq!((placement.cluster.as_str(), placement.runners), ("home", 3));
    assert_eq!(running.service_account, "shop-staging/loadtest");
    // Live numbers come while it runs.
    let seen = until("the first numbers", async || {
        let live = stage.house.portal.live.get(running.execution).await?;
        let requests = windfirm_measure::results::measured(&live.lock().await.merger, running.started?, &[]).totals.requests;
        (requests > 0).then_some(requests)
    })
    .await;
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?}", ended.verdict);
    let page = stage.house.call(As::Ana, Method::GET, "run", &format!("id={run}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let page: windfirm_model::view::run::RunPage = serde_json::from_str(&page.body).unwrap();
    assert!(page.measured.totals.requests > seen, "{} after {seen}", page.measured.totals.requests);
    let completeness = page.completeness.unwrap();
    assert!(!completeness.rows.is_empty() && completeness.rows.iter().all(|row| row.received == row.k6), "{completeness:?}");
    assert!(page.events.iter().any(|event| event.text == "k6 runs"), "{:?}", page.events);
    until("an empty namespace", async || {
        let left = stage.hand(&["-n", "shop-staging", "get", "testruns,jobs,secrets,configmaps", "-o", "name"]);
        (!left.contains(&format!("windfirm-{}", running.execution))).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_runs_its_teardown_and_keeps_its_numbers() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(2, 4, 300)).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    let running = stage.record(run).await;
    until("the first numbers", async || {
        let live = stage.house.portal.live.get(running.execution).await?;
        (windfirm_measure::results::measured(&live.lock().await.merger, running.started?, &[]).totals.requests > 0).then_some(())
    })
    .await;
    let answer = stage.house.call(As::Ana, Method::POST, "stop", &format!("id={run}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert!(matches!(&ended.state, RunState::Cancelled { by } if by.contains("Ana")), "{:?}", ended.state);
    let page = stage.house.call(As::Ana, Method::GET, "run", &format!("id={run}")).await;
    let page: windfirm_model::view::run::RunPage = serde_json::from_str(&page.body).unwrap();
    assert!(page.measured.totals.requests > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_runners_than_users_are_refused_in_words() {
    let Some(stage) = Stage::open().await else { return };
    let answer = stage.house.call(As::Ana, Method::POST, "launch", &cart(5, 2, 10)).await;
    assert_ne!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("Each runner needs a virtual user"), "{}", answer.body);
}
