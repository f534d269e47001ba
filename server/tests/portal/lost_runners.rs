//! What the policy says of lost runners: shown where it is so, frozen with the run at its launch.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use windfirm::worker::{reload, supervise};
use windfirm_model::{actor::SystemTask, id::RunId};
use windfirm_policy::Access;
use windfirm_store::runs::RunRecord;

use crate::harness::{As, House};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
const SOAK: &str = "guardrails:\n  - { name: soak, on: [/shop/], lost_runners: tolerate }\n";
const STRICT: &str = "guardrails:\n  - { name: strict, on: [/shop/cart/], lost_runners: inconclusive }\n";

async fn launch(house: &House, more: &str) -> RunId {
    let answer = house.call(As::Ana, Method::POST, "launch", &format!("{CART}{more}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.trim_matches('"').parse().unwrap()
}

async fn record(house: &House, run: RunId) -> RunRecord {
    house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap()
}

async fn add(house: &House, rule: &str) {
    let file = &house.portal.settings.policy_file;
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, text.replace("guardrails:\n", rule)).unwrap();
    reload::round(Arc::clone(&house.portal)).await;
    assert!(house.portal.policy().refused.is_empty(), "{:?}", house.portal.policy().refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_judged_by_what_was_said_of_lost_runners_at_its_launch() {
    let Some(house) = House::open().await else { return };
    let before = launch(&house, "").await;
    assert_eq!(record(&house, before).await.manifest.tolerates_lost_runners, None);
    assert!(!house.page(As::Ana, "/apps/shop/cart/").await.body.contains("guardrail <code>soak</code>"));

    add(&house, SOAK).await;
    assert_eq!(record(&house, before).await.manifest.tolerates_lost_runners, None, "what was launched before stays as it was");
    let app = house.page(As::Ana, "/apps/shop/cart/").await.body;
    assert!(app.contains("guardrail <code>soak</code>") && app.contains("tolerated"), "{app}");
    let tolerant = launch(&house, "&request[reason]=soak").await;
    let rule = Some("guardrail soak on /shop/");
    let manifest = record(&house, tolerant).await.manifest;
    assert_eq!(manifest.tolerates_lost_runners.as_deref(), rule);
    assert!(manifest.decision.contains(&"Lost runners: tolerated (guardrail soak on /shop/)".to_owned()), "{:?}", manifest.decision);

    // A stricter rule that comes while it waits is none for it, and refuses nothing.
    add(&house, STRICT).await;
    supervise::round(Arc::clone(&house.portal)).await;
    let waited = record(&house, tolerant).await;
    assert_eq!(waited.manifest.tolerates_lost_runners.as_deref(), rule);
    assert!(waited.state.is_live(), "{:?}", waited.state);
    let after = launch(&house, "&request[reason]=strict").await;
    assert_eq!(record(&house, after).await.manifest.tolerates_lost_runners, None);
}
