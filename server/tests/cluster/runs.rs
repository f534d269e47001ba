//! Runs as TestRuns, through the whole portal.

use axum::http::{Method, StatusCode};
use windfirm_model::{
    actor::SystemTask,
    audit::EventOutcome,
    run::{RunState, RunStateKind},
};
use windfirm_policy::Access;
use windfirm_store::audit::AuditFilter;

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
    let seen = stage.first_numbers(&running).await;
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
    stage.first_numbers(&running).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_test_run_somebody_deletes_ends_in_words() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(1, 1, 300)).await;
    let running = stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    stage.hand(&["-n", "shop-staging", "delete", "testrun", &format!("windfirm-{}", running.execution), "--wait=false"]);
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert_eq!(ended.state, RunState::Lost);
    let events = stage.events(run).await;
    assert!(events.iter().any(|event| event.bad && event.text.contains("is not in cluster home any more: somebody deleted it")), "{events:?}");
    let html = stage.house.page(As::Ana, &format!("/runs/{run}")).await.body;
    assert!(html.contains("somebody deleted it"), "{html}");
    stage.nothing_left(ended.execution).await;
}

/// As when an older copy of the store was put back: the cluster has what no run is known of.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_run_of_ours_without_a_run_is_removed_on_the_record_when_it_is_old() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(1, 1, 2)).await;
    let running = stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    let made = stage.hand(&["-n", "shop-staging", "get", "testrun", &format!("windfirm-{}", running.execution), "-o", "json"]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    stage.nothing_left(ended.execution).await;
    let orphan = |seconds_ago: u64| {
        let now_s = u64::try_from(stage.house.portal.clock.now().0 / 1_000_000).unwrap();
        let id = uuid::Builder::from_unix_timestamp_millis((now_s - seconds_ago) * 1_000, &[7; 10]).into_uuid();
        let id = windfirm_model::id::ExecutionId(id);
        let mut orphan = made.clone();
        let name = format!("windfirm-{id}");
        orphan["metadata"] = serde_json::json!({ "name": name, "namespace": "shop-staging", "labels": made["metadata"]["labels"], "annotations": made["metadata"]["annotations"] });
        orphan["metadata"]["labels"]["windfirm.dev/execution"] = id.to_string().into();
        orphan["spec"]["paused"] = "true".into();
        orphan.as_object_mut().unwrap().remove("status");
        let text = orphan.to_string().replace(&running.execution.to_string(), &id.to_string());
        let account = "--as=system:serviceaccount:shop-staging:loadtest";
        let output = stage.kubectl(&["create", account, "-f", "-"], &text);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (id, name)
    };
    let ((old, old_name), (_, young)) = (orphan(20 * 60), orphan(60));
    let there = || stage.hand(&["-n", "shop-staging", "get", "testruns", "-o", "name"]);
    until("the end of the old one", async || {
        windfirm::worker::housekeeping::round(stage.house.portal.clone()).await;
        (!there().contains(&old_name)).then_some(())
    })
    .await;
    assert!(there().contains(&young), "what is younger may be on its way into the store");
    stage.hand(&["-n", "shop-staging", "delete", "testrun", &young]);
    let rows = stage.house.portal.store.audit(&Access::system(SystemTask::AuditReconciler), &AuditFilter::default(), 1_000).await.unwrap().rows;
    let cleaned: Vec<_> = rows.iter().filter(|row| row.code == "run.clean" && row.run.is_none()).collect();
    let [row] = cleaned.as_slice() else { panic!("{cleaned:?}") };
    let detail = stage.house.portal.store.audit_entry(&Access::system(SystemTask::AuditReconciler), row.seq).await.unwrap().unwrap();
    assert_eq!((row.outcome, detail.row.service_account.as_deref()), (EventOutcome::Done, Some("shop-staging/loadtest")));
    assert!(format!("{detail:?}").contains(&format!("Execution {old} is marked as this portal's")), "{detail:?}");
}
