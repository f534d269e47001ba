//! Rights that are taken away, and come back.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use windfirm_model::{
    actor::SystemTask,
    id::RunId,
    run::{Cause, RunState},
    view::access::AccessPage,
};
use windfirm_policy::Access;

use crate::{
    harness::As,
    stage::{Stage, cart, until},
};

const SPACE: &str = "shop-staging";

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_is_gone_locks_launches_in_words_and_opens_them_when_it_is_back() {
    let Some(stage) = Stage::open().await else { return };
    stage.hand(&["-n", SPACE, "delete", "rolebinding", "windfirm-runs-loadtest"]);
    let began = Instant::now();
    let why = until("the lock", async || stage.launch_lock("/shop/cart/", As::Ana).await).await;
    let locked_after = began.elapsed();
    for part in [
        "The account shop-staging/loadtest lacks 18 rights in namespace shop-staging: create, get, list, watch, delete testruns of k6.io",
        "Somebody who administers that namespace",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // Whoever launches all the same is refused with that sentence, and it stands in the record.
    let answer = stage.house.call(As::Ana, Method::POST, "launch", &cart(1, 1, 3)).await;
    assert_ne!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("create, get, list, watch, delete testruns"), "{}", answer.body);
    let access = stage.house.page(As::Ana, "/access").await;
    assert!(access.body.contains("create, get, list, watch, delete testruns"), "the access page says it");
    let app = stage.house.page(As::Ana, "/apps/shop/cart/").await;
    assert!(app.body.contains("create, get, list, watch, delete testruns"), "the app's page says it");
    // Who may explain access is led as far for others.
    for (groups, told) in [("shop-dev", true), ("search-dev", false)] {
        let answer = stage.house.call(As::Chris, Method::GET, "access", &format!("query[path]=/shop/cart/&query[groups]={groups}")).await;
        let page: AccessPage = serde_json::from_str(&answer.body).unwrap();
        let accounts: Vec<_> = page.accounts.iter().map(|findings| (findings.account.as_str(), findings.green)).collect();
        assert_eq!(accounts, if told { vec![("shop-staging/loadtest", false)] } else { Vec::new() }, "{groups}");
    }
    // Another account is not locked.
    assert_eq!(stage.launch_lock("/search/query/", As::Eli).await, None);
    stage.restore(SPACE);
    let began = Instant::now();
    until("the unlocking", async || stage.launch_lock("/shop/cart/", As::Ana).await.is_none().then_some(())).await;
    let unlocked_after = began.elapsed();
    assert!(locked_after < Duration::from_secs(15) && unlocked_after < Duration::from_secs(15), "{locked_after:?}, {unlocked_after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_somebody_wishes_for_are_newer_than_the_wish() {
    let Some(stage) = Stage::open().await else { return };
    let site = stage.house.portal.sites.get("home").unwrap();
    for who in [As::Ana, As::Chris] {
        let wished = stage.house.portal.clock.now();
        let mut answer = stage.house.call(who, Method::POST, "ask_clusters", "").await;
        if answer.status == StatusCode::CONFLICT {
            // The one before is not ten seconds ago: nobody asks more often, whoever it is.
            assert_eq!(who, As::Chris, "{}", answer.body);
            assert!(answer.body.contains("within the last 10 s"), "{}", answer.body);
            let wished = until("the next turn", async || {
                let wished = stage.house.portal.clock.now();
                answer = stage.house.call(who, Method::POST, "ask_clusters", "").await;
                (answer.status != StatusCode::CONFLICT).then_some(wished)
            })
            .await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            assert!(site.preflight().unwrap().asked >= wished);
            continue;
        }
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let last = site.preflight().unwrap();
        assert!(last.asked >= wished && last.reviews > 0, "{last:?}");
    }
    let system = stage.house.page(As::Chris, "/system").await;
    assert!(system.body.contains("What accounts may do in clusters") && system.body.contains("everything granted"), "{}", system.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_while_it_starts_ends_it_long_before_the_time_for_starting_does() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(1, 1, 300)).await;
    let starting = stage.wait_for(run, |state| matches!(state, RunState::Starting { .. })).await;
    // The last thing that is ordered.
    until("the files of the test", async || {
        let files = stage.hand(&["-n", SPACE, "get", "configmaps", "-o", "name"]);
        files.contains(&format!("windfirm-{}", starting.execution)).then_some(())
    })
    .await;
    ends_without_the_right(&stage, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_in_mid_run_ends_it_and_says_why() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(1, 1, 300)).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    ends_without_the_right(&stage, run).await;
}

/// Takes from the portal the right to act as the account: the run ends in time and says why, and what is left is found once the right is
/// back.
async fn ends_without_the_right(stage: &Stage, run: RunId) {
    stage.hand(&["-n", SPACE, "delete", "rolebinding", "windfirm-portal"]);
    let began = Instant::now();
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    let after = began.elapsed();
    stage.restore(SPACE);
    assert!(matches!(&ended.state, RunState::Errored { cause: Cause::RefusedByCluster { .. } }), "{:?}", ended.state);
    assert!(after < Duration::from_secs(30), "{after:?}");
    // Our record leads to the refusal in the API server's.
    let row = stage.house.record().await.into_values().find(|row| row.run == Some(run) && row.code == "run.settle").unwrap();
    let entry = stage.house.portal.store.audit_entry(&Access::system(SystemTask::AuditReconciler), row.seq).await.unwrap().unwrap();
    assert!(entry.facts.iter().any(|(name, id)| name == "audit_id" && !id.is_empty()), "{:?}", entry.facts);
    // What is left is found once the right is back.
    stage.nothing_left(ended.execution).await;
}
