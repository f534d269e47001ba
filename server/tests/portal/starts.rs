//! How a portal comes up when something that it needs is not as it should be: what goes on, and what people are told.

use axum::http::{Method, StatusCode};
use windfirm_model::{
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    view::system::SystemPage,
};
use windfirm_policy::Access;
use windfirm_store::audit::AuditFilter;

use crate::harness::{As, House};

async fn system(house: &House) -> SystemPage {
    let answer = house.call(As::Chris, Method::GET, "system", "").await;
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.body))
}

async fn policy_loads(house: &House) -> Vec<(EventOutcome, String)> {
    let access = Access::system(SystemTask::Ingest);
    let rows = house.portal.store.audit(&access, &AuditFilter::default(), 100).await.unwrap().rows;
    rows.into_iter().filter(|row| row.code == EventCode::PolicyLoad.code()).map(|row| (row.outcome, row.why.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_bad_policy_goes_on_with_the_last_good_one() {
    let Some(house) = House::open().await else { return };
    let file = house.config.policy.clone();
    let good = std::fs::read_to_string(&file).unwrap();
    let other = good.replace("max_vus: 50", "max_vus: 40");
    // Two good versions, so that there is one too many to choose from.
    std::fs::write(&file, &other).unwrap();
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
    let digest = house.portal.policy().policy.digest().to_owned();

    std::fs::write(&file, good.replace("role: lead", "role: leader")).unwrap();
    let again = house.start_again(|_| {}).await;
    let in_force = again.portal.policy();
    assert_eq!((in_force.policy.digest(), in_force.policy.text()), (digest.as_str(), other.as_str()));
    assert!(in_force.refused.iter().any(|problem| problem.contains("leader")), "{:?}", in_force.refused);
    assert_eq!(again.page(As::Ben, "/audit").await.status, StatusCode::OK);
    assert!(again.page(As::Chris, "/system").await.body.contains("A newer policy has"));
    let loads = policy_loads(&again).await;
    assert!(loads.iter().any(|(outcome, why)| *outcome == EventOutcome::Failed && why.contains("leader")), "{loads:?}");

    // The next round has nothing new to tell, and a mended file is taken.
    windfirm::worker::reload::round(std::sync::Arc::clone(&again.portal)).await;
    assert_eq!(policy_loads(&again).await.len(), loads.len());
    std::fs::write(&file, &good).unwrap();
    windfirm::worker::reload::round(std::sync::Arc::clone(&again.portal)).await;
    assert!(again.portal.policy().refused.is_empty() && again.portal.policy().policy.text() == good);
    assert!(system(&again).await.parts.iter().all(|part| part.name != "policy" || !part.sentence.contains("refused")));
}
