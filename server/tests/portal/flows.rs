//! What happens between a click and a result, with the real k6 against real services; and what a changed policy does.

use axum::http::{Method, StatusCode};
use windfirm_model::{
    actor::SystemTask,
    id::RunId,
    run::{RunState, RunStateKind},
    view::run::RunPage,
};
use windfirm_policy::Access;
use windfirm_store::runs::RunRecord;

use crate::harness::{As, House};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js";

pub(crate) async fn launch(house: &House, who: As, fields: &str) -> RunId {
    let answer = house.call(who, Method::POST, "launch", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.trim_matches('"').parse().unwrap()
}

pub(crate) async fn record(house: &House, run: RunId) -> RunRecord {
    house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap()
}

/// Waits until the run is in a state that fits; fails after a minute and a half, saying where it stands.
pub(crate) async fn wait_for(house: &House, run: RunId, fits: impl Fn(&RunState) -> bool) -> RunRecord {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    loop {
        let now = record(house, run).await;
        if fits(&now.state) {
            return now;
        }
        assert!(std::time::Instant::now() < deadline, "the run stays {:?}", now.state);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_from_click_to_verdict_with_every_sample() {
    let Some(house) = House::open_live(21_000).await else { return };
    let run = launch(&house, As::Ana, &format!("{CART}&request[profile]=smoke&request[reason]=first light")).await;
    let ended = wait_for(&house, run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.verdict, ended.completeness);
    let completeness = ended.completeness.clone().unwrap();
    assert!(completeness.compared && completeness.complete, "{completeness:?}");
    let requests = completeness.rows.iter().find(|row| row.counter == "http_reqs").unwrap();
    assert!(requests.k6 > 20 && requests.received == requests.k6, "{requests:?}");
    assert_eq!(ended.totals.unwrap().requests, requests.k6);
    assert!(!ended.verdict.unwrap().reasons.is_empty());
    assert_eq!(ended.service_account, "shop-staging/loadtest");
    assert_eq!(ended.manifest.results_digest.as_ref().map(String::len), Some(64));
    assert_eq!(ended.manifest.policy_digest, house.portal.policy().policy.digest());

    // A colleague with the right role reads it; a stranger learns nothing; nothing of the execution is left on the disk.
    let page = house.call(As::Ben, Method::GET, "run", &format!("id={run}")).await;
    let page: RunPage = serde_json::from_str(&page.body).unwrap();
    assert!(page.measured.windows.len() > 5 && page.log_total < 100, "{} windows", page.measured.windows.len());
    assert_eq!(house.call(As::Eli, Method::GET, "run", &format!("id={run}")).await.status, StatusCode::NOT_FOUND);
    assert!(house.executions().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_ends_with_what_it_measured() {
    let Some(house) = House::open_live(21_100).await else { return };
    let run = launch(&house, As::Ana, &format!("{CART}&request[profile]=load&request[vus]=3&request[duration]=60s")).await;
    wait_for(&house, run, |state| matches!(state, RunState::Running { .. })).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while house.portal.live.get(record(&house, run).await.execution).await.is_none() {
        assert!(std::time::Instant::now() < deadline, "nothing was delivered");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(house.call(As::Ben, Method::POST, "stop", &format!("id={run}")).await.status, StatusCode::OK);
    let ended = wait_for(&house, run, |state| !state.is_live()).await;
    assert_eq!(ended.state, RunState::Cancelled { by: "Ben Okafor".into() });
    assert!(ended.verdict.is_none() && ended.measured.is_some_and(|measured| !measured.windows.is_empty()), "numbers, and no verdict");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_form_sent_many_times_at_once_is_one_run() {
    let Some(house) = House::open().await else { return };
    let fields = format!("{CART}&request[profile]=smoke&request[once]=form-17");
    let tries = futures::future::join_all((0..8).map(|_| launch(&house, As::Ana, &fields))).await;
    assert!(tries.iter().all(|run| *run == tries[0]), "{tries:?}");
    // Somebody else's form with the same key is another run.
    assert_ne!(launch(&house, As::Ben, &fields).await, tries[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_launching_at_once_get_a_run_each() {
    let Some(house) = House::open().await else { return };
    let fields = format!("{CART}&request[profile]=smoke");
    let (ana, ben) = tokio::join!(launch(&house, As::Ana, &fields), launch(&house, As::Ben, &fields));
    assert_ne!(ana, ben);
    assert_eq!(house.portal.store.queue_counts().await.unwrap().queued, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_policy_never_replaces_a_good_one() {
    let Some(house) = House::open().await else { return };
    let file = house.portal.settings.policy_file.clone();
    let good = std::fs::read_to_string(&file).unwrap();
    let before = house.portal.policy().policy.digest().to_owned();

    std::fs::write(&file, good.replace("role: lead", "role: leader")).unwrap();
    worker_round(&house).await;
    assert_eq!(house.portal.policy().policy.digest(), before);
    assert!(house.portal.policy().refused.iter().any(|problem| problem.contains("leader")), "{:?}", house.portal.policy().refused);
    assert_eq!(house.page(As::Ben, "/audit").await.status, StatusCode::OK);

    std::fs::write(&file, good.replace("can: [run.stop, audit.view]", "can: [run.stop]")).unwrap();
    worker_round(&house).await;
    assert_ne!(house.portal.policy().policy.digest(), before);
    assert!(house.portal.policy().refused.is_empty());
    assert_eq!(house.page(As::Ben, "/audit").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_repository_the_rest_goes_on_and_says_so() {
    let Some(house) = House::open().await else { return };
    let repository = house.portal.settings.repository.clone();
    let away = repository.with_extension("away");
    std::fs::rename(&repository, &away).unwrap();
    worker_round(&house).await;
    let page = house.page(As::Ana, "/tree").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("catalogue"), "the older tree stays");
    assert!(house.portal.tree().revision.stale.is_some());
    std::fs::rename(&away, &repository).unwrap();
    worker_round(&house).await;
    assert!(house.portal.tree().revision.stale.is_none());
}

async fn worker_round(house: &House) {
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
}
