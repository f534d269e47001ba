//! What goes wrong in the cluster while somebody's test runs there, seen through the whole portal.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use serde_json::Value;
use windfirm_model::run::{Cause, RunState, RunStateKind};
use windfirm_tree::Presence;

use crate::{
    between::Mode,
    harness::As,
    stage::{Stage, cart, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_renamed_in_the_middle_of_its_run_keeps_run_and_history() {
    let Some(stage) = Stage::open().await else { return };
    let path = "/shop/cart/".parse().unwrap();
    let presence = || stage.house.portal.tree().tree.find(&path).map(|app| app.presence);
    until("the live app", async || (presence() == Some(Presence::Both)).then_some(())).await;
    let namespace = stage.house.portal.tree().tree.find(&path).unwrap().namespace.clone();
    let before = stage.hand(&["-n", &namespace, "get", "applications.argoproj.io", "cart", "-o", "json"]);
    let mut app: Value = serde_json::from_str(&before).unwrap();
    let metadata = app["metadata"].as_object_mut().unwrap();
    metadata.retain(|name, _| matches!(name.as_str(), "name" | "namespace" | "labels" | "annotations"));
    let original = app.to_string();

    let run = stage.launch(As::Ana, &cart(2, 2, 12)).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    stage.hand(&["-n", &namespace, "delete", "applications.argoproj.io", "cart", "--wait=false"]);
    app["metadata"]["name"] = "basket".into();
    assert!(stage.kubectl(&["apply", "-f", "-"], &app.to_string()).status.success());
    until("the app that Git alone has", async || (presence() == Some(Presence::GitOnly)).then_some(())).await;
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    // Whatever is judged below, the cluster is as it was.
    stage.hand(&["-n", &namespace, "delete", "applications.argoproj.io", "basket", "--wait=false"]);
    assert!(stage.kubectl(&["apply", "-f", "-"], &original).status.success());
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?}", ended.verdict);
    assert_eq!(stage.house.page(As::Ana, &format!("/runs/{run}")).await.status, StatusCode::OK);
    assert!(stage.house.page(As::Ana, "/apps/shop/cart/").await.body.contains(&run.to_string()), "it stands in the app's history");
    stage.nothing_left(ended.execution).await;
    until("the app as it was", async || (presence() == Some(Presence::Both)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_answers_with_errors_locks_launches_and_costs_no_run() {
    let Some((stage, between)) = Stage::open_between().await else { return };
    let run = stage.launch(As::Ana, &cart(2, 2, 40)).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    for status in [500, 429] {
        between.set(Mode::Answer(status));
        let why = until("the lock", async || stage.launch_lock("/shop/cart/", As::Ana).await).await;
        assert!(why.contains("home"), "it names the cluster: {why}");
        // Pages come as fast as ever, with what was known.
        let asked = Instant::now();
        let tree = stage.house.page(As::Ana, "/tree").await;
        assert!(tree.status == StatusCode::OK && tree.body.contains("/shop/cart/"));
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        assert!(stage.record(run).await.state.is_live(), "nobody has seen it end");
        between.set(Mode::Pass);
        until("the unlocking", async || stage.launch_lock("/shop/cart/", As::Ana).await.is_none().then_some(())).await;
    }
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?}", ended.verdict);
    stage.nothing_left(ended.execution).await;
}

/// As when nobody has renewed it: nobody can say how the run stands, and it is not ended for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_runs_out_locks_launches_and_costs_no_run() {
    let Some((stage, between)) = Stage::open_between().await else { return };
    let run = stage.launch(As::Ana, &cart(2, 2, 40)).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    between.set(Mode::Answer(401));
    let why = until("the lock", async || stage.launch_lock("/shop/cart/", As::Ana).await).await;
    assert!(why.contains("home"), "{why}");
    // Longer than a refusal may last.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(stage.record(run).await.state.is_live(), "{:?}", stage.record(run).await.state);
    between.set(Mode::Pass);
    until("the unlocking", async || stage.launch_lock("/shop/cart/", As::Ana).await.is_none().then_some(())).await;
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    stage.nothing_left(ended.execution).await;
}

/// Another account by the same name goes on with nothing, and takes away what is left.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_made_again_in_the_middle_ends_the_run_and_leaves_nothing() {
    let Some(stage) = Stage::open().await else { return };
    let run = stage.launch(As::Ana, &cart(1, 1, 300)).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    let began = Instant::now();
    stage.hand(&["-n", "shop-staging", "delete", "serviceaccount", "loadtest"]);
    stage.restore("shop-staging");
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    let RunState::Errored { cause: Cause::RefusedByCluster { why } } = &ended.state else { panic!("{:?}", ended.state) };
    assert!(why.contains("another account now") && began.elapsed() < Duration::from_secs(30), "{why} after {:?}", began.elapsed());
    stage.nothing_left(ended.execution).await;
}

/// Every answer comes two seconds late. What is launched starts later, and nothing else: pages never wait for a cluster.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_slow_makes_no_page_slow_and_costs_no_run() {
    let Some((stage, between)) = Stage::open_between().await else { return };
    between.set(Mode::Slow(Duration::from_secs(2)));
    let run = stage.launch(As::Ana, &cart(2, 2, 12)).await;
    let slowest = Instant::now();
    for page in ["/tree", "/apps/shop/cart/", "/access"] {
        assert_eq!(stage.house.page(As::Ana, page).await.status, StatusCode::OK);
    }
    assert!(slowest.elapsed() < Duration::from_secs(5), "{:?}", slowest.elapsed());
    assert_eq!(stage.launch_lock("/shop/cart/", As::Ana).await, None, "slow is not away");
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    between.set(Mode::Pass);
    stage.nothing_left(ended.execution).await;
}

/// Git does not know it, so nothing is left of it but what was measured.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_of_the_cluster_alone_that_is_deleted_in_the_middle_of_its_run_keeps_the_run() {
    let Some(stage) = Stage::open().await else { return };
    let path = "/shop/basket/".parse().unwrap();
    let presence = || stage.house.portal.tree().tree.find(&path).map(|app| app.presence);
    let before = stage.hand(&["-n", "argocd", "get", "applications.argoproj.io", "cart", "-o", "json"]);
    let mut app: Value = serde_json::from_str(&before).unwrap();
    let metadata = app["metadata"].as_object_mut().unwrap();
    metadata.retain(|name, _| matches!(name.as_str(), "name" | "namespace" | "labels" | "annotations"));
    // As if its parent had made it too, from what is in no Git that the portal reads.
    let app = app.to_string().replace("argocd/cart", "argocd/basket");
    let mut app: Value = serde_json::from_str(&app).unwrap();
    app["metadata"]["name"] = "basket".into();
    let remove = || {
        stage.kubectl(&["-n", "argocd", "delete", "--ignore-not-found", "--wait=false", "applications.argoproj.io", "basket"], "");
    };
    remove();
    assert!(stage.kubectl(&["apply", "-f", "-"], &app.to_string()).status.success());
    until("the app", async || (presence() == Some(Presence::ClusterOnly)).then_some(())).await;
    until("the first answer of the preflight", async || stage.launch_lock("/shop/basket/", As::Ana).await.is_none().then_some(())).await;

    let run = stage.launch(As::Ana, &cart(2, 2, 12).replace("/shop/cart/", "/shop/basket/")).await;
    stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
    remove();
    until("its end", async || presence().is_none().then_some(())).await;
    let ended = stage.wait_for(run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    let page = stage.house.page(As::Ana, &format!("/runs/{run}")).await;
    assert!(page.status == StatusCode::OK && page.body.contains("/shop/basket/"), "{}", page.body);
    assert!(stage.house.page(As::Ana, "/runs").await.body.contains(&run.to_string()), "it stands in the history");
    assert_eq!(stage.house.page(As::Eli, &format!("/runs/{run}")).await.status, StatusCode::NOT_FOUND, "and nobody else sees it for that");
    stage.nothing_left(ended.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_the_operators_kinds_locks_launches_in_words_until_it_has_them() {
    let Some((stage, between)) = Stage::open_between().await else { return };
    until("a cluster that is asked", async || stage.launch_lock("/shop/cart/", As::Ana).await.is_none().then_some(())).await;
    between.be_without_operator(true);
    let why = until("the lock", async || stage.launch_lock("/shop/cart/", As::Ana).await).await;
    assert!(why.contains("does not know TestRuns (k6.io/v1alpha1): k6-operator is not installed there"), "{why}");
    let answer = stage.house.call(As::Ana, Method::POST, "launch", &cart(1, 1, 3)).await;
    assert!(answer.status != StatusCode::OK && answer.body.contains("k6-operator is not installed there"), "{}", answer.body);
    for page in ["/tree", "/apps/shop/cart/", "/access"] {
        assert!(stage.house.page(As::Ana, page).await.body.contains("k6-operator is not installed there"), "{page}");
    }
    between.be_without_operator(false);
    until("the unlocking", async || stage.launch_lock("/shop/cart/", As::Ana).await.is_none().then_some(())).await;
}
