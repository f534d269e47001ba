//! The API server's audit log and ours tell the same story.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use windfirm_model::{actor::SystemTask, audit::EventOutcome, run::RunState};
use windfirm_policy::Access;
use windfirm_store::audit::AuditFilter;

use crate::{
    harness::As,
    stage::{Stage, cart, until},
};

/// Who asks in the API server's log when the portal asks.
const PORTAL: &str = "system:serviceaccount:windfirm:portal";

#[tokio::test(flavor = "multi_thread")]
async fn every_change_in_the_cluster_has_one_operation_of_ours() {
    let Some(stage) = Stage::open().await else { return };
    let Some(before) = stage.audit_log().map(|log| log.lines().count()) else { return };
    let stopped = stage.launch(As::Ana, &cart(2, 2, 120)).await;
    stage.wait_for(stopped, |state| matches!(state, RunState::Running { .. })).await;
    stage.house.call(As::Ana, axum::http::Method::POST, "stop", &format!("id={stopped}")).await;
    stage.wait_for(stopped, |state| !state.is_live()).await;
    let whole = stage.launch(As::Ben, &cart(1, 2, 3)).await;
    stage.wait_for(whole, |state| !state.is_live()).await;
    // Other tests have runs at the same time, in namespaces of their own.
    let here = |entry: &Value| !entry["objectRef"]["namespace"].as_str().unwrap_or_default().starts_with("windfirm-test-");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // The log is written a moment later than the answer is given.
    let log = until("the last deletion in the API server's log", async || {
        let log: Vec<Value> = stage.audit_log().unwrap().lines().skip(before).filter_map(|line| serde_json::from_str(line).ok()).filter(here).collect();
        let deletions =
            log.iter().filter(|entry| entry["verb"] == "delete" && entry["objectRef"]["resource"] == "testruns" && entry["user"]["username"] == PORTAL);
        (deletions.count() >= 2).then_some(log)
    })
    .await;
    let changes: Vec<&Value> = log
        .iter()
        .filter(|entry| entry["user"]["username"] == PORTAL && entry["stage"] == "ResponseComplete")
        .filter(|entry| matches!(entry["verb"].as_str(), Some("create" | "update" | "patch" | "delete" | "deletecollection")))
        // A question that is asked by creating it: nothing is kept of it.
        .filter(|entry| entry["objectRef"]["apiGroup"] != "authorization.k8s.io")
        .collect();
    assert!(changes.len() >= 9, "two TestRuns, Secrets, ConfigMaps and deletions, and one stop: {}", changes.len());

    let ours = stage.house.portal.store.audit(&Access::system(SystemTask::AuditReconciler), &AuditFilter::default(), 10_000).await.unwrap().rows;
    let mut rows = BTreeMap::new();
    for row in ours {
        let detail = stage.house.portal.store.audit_entry(&Access::system(SystemTask::AuditReconciler), row.seq).await.unwrap().unwrap();
        assert!(rows.insert(detail.operation.clone(), (row, detail)).is_none(), "an operation is one pair");
    }
    let mut requests = BTreeSet::new();
    for change in changes {
        let id = text(&change["auditID"]);
        assert!(requests.insert(id.clone()), "{id} is there twice");
        let what = format!("{} {} {}", text(&change["verb"]), text(&change["objectRef"]["resource"]), text(&change["objectRef"]["name"]));
        assert_eq!(change["impersonatedUser"]["username"], "system:serviceaccount:shop-staging:loadtest", "{what} was made as the portal itself");
        let (operation, _) = id.rsplit_once('.').unwrap_or_else(|| panic!("{what} has no operation of ours: {id}"));
        let (row, detail) = rows.get(operation).unwrap_or_else(|| panic!("{what} has no entry in our record: {id}"));
        assert_eq!(row.path.as_deref(), Some("/shop/cart/"), "{what}");
        assert_eq!(row.outcome, EventOutcome::Done, "{what} is a pair: {row:?}");
        assert_eq!(detail.row.service_account.as_deref(), Some("shop-staging/loadtest"), "{what}");
        assert!([Some(stopped), Some(whole)].contains(&row.run), "{what}");
    }
}
