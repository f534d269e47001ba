//! Asking the clusters now, at somebody's wish: who may, how often, and what stands on the record.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use windfirm::{config::ClusterSection, sites::Site};
use windfirm_cluster::Preflight;
use windfirm_model::audit::EventOutcome;

use crate::harness::{As, House};

/// A portal with a cluster that nobody reaches and nobody asks: workers do not run here.
async fn house() -> Option<House> {
    let section = "{ name: home, kubeconfig: { file: /nowhere }, runs: { portal: 'http://p', k6_image: k, starter_image: s, pull_policy: Never } }";
    let section: ClusterSection = serde_saphyr::from_str(section).unwrap();
    House::open_with(|_, config| config.clusters = vec![section]).await
}

/// Answers the next wish, as the worker does.
fn answer_once(house: &House) -> Arc<Site> {
    let site = Arc::clone(house.portal.sites.get("home").unwrap());
    let (asked, clock) = (Arc::clone(&site), Arc::clone(&house.portal.clock));
    tokio::spawn(async move {
        asked.ask_now.notified().await;
        asked.keep_preflight(Preflight { cluster: "home".into(), asked: clock.now(), took_ms: 1, reviews: 1, accounts: Vec::new() });
    });
    site
}

async fn outcomes(house: &House) -> Vec<(EventOutcome, String)> {
    let rows = house.record().await.into_values().filter(|row| row.code == "preflight.ask");
    rows.map(|row| (row.outcome, row.actor)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wish_in_a_while_is_granted_whoever_has_it_and_all_are_on_the_record() {
    let Some(house) = house().await else { return };
    let site = answer_once(&house);
    let before = house.portal.clock.now();
    let first = house.call(As::Chris, Method::POST, "ask_clusters", "").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert!(site.preflight().unwrap().asked >= before, "the answer is newer than the wish");
    // Somebody else, at once: the bound is for all.
    let second = house.call(As::Ana, Method::POST, "ask_clusters", "").await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.body.contains("within the last 10 s"), "{}", second.body);
    // Who is told no answer may not ask.
    assert_eq!(house.call(As::Dora, Method::POST, "ask_clusters", "").await.status, StatusCode::FORBIDDEN);
    let told = |name: &str| name.to_owned();
    let expected = [(EventOutcome::Done, told("Chris Lindqvist")), (EventOutcome::Denied, told("Ana Ruiz")), (EventOutcome::Denied, told("Dora Weiss"))];
    assert_eq!(outcomes(&house).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_the_form_leads_back_to_its_page_with_what_came_of_it() {
    let Some(house) = house().await else { return };
    answer_once(&house);
    let form = || {
        let request = Request::post("/api/fn/ask_clusters").header(header::HOST, "127.0.0.1:7700").header("sec-fetch-site", "same-origin");
        let request = request.header(header::ACCEPT, "text/html").header(header::REFERER, "http://127.0.0.1:7700/system");
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::empty()).unwrap()
    };
    let location = |answer: &crate::harness::Answer| answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    let first = house.send(As::Chris, form()).await;
    assert!(first.status.is_redirection(), "{}", first.status);
    assert_eq!(location(&first), "/system");
    let page = house.page(As::Chris, "/system").await;
    assert!(page.body.contains("What accounts may do in clusters") && page.body.contains("Ask again now"), "{}", page.body);
    let second = house.send(As::Chris, form()).await;
    assert!(second.status.is_redirection(), "{}", second.status);
    let page = house.page(As::Chris, &location(&second)).await;
    assert!(page.body.contains("Not asked") && page.body.contains("within the last 10 s"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_does_not_keep_anybody_waiting() {
    let Some(house) = house().await else { return };
    let asked = house.call(As::Chris, Method::POST, "ask_clusters", "");
    let answer = tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(outcomes(&house).await, [(EventOutcome::Done, "Chris Lindqvist".to_owned())]);
}
