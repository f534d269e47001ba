//! Secrets for tests where no cluster is: nothing runs without them, and that is said.

use axum::http::{Method, StatusCode};
use windfirm::{
    usecase::launch::queued::{self, Again},
    worker::supervise,
};
use windfirm_model::{
    actor::SystemTask,
    id::RunId,
    run::{Cause, RunState},
    view::app::AppPage,
};
use windfirm_policy::Access;

use crate::harness::{As, House};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
const RULES: &str =
    "secrets:\n  - { name: test user, on: [/shop/cart/], in: [staging], from: { name: cart-user, keys: { TEST_USER: username, TEST_PASSWORD: password } } }\n";

async fn give_secrets(house: &House) {
    let file = &house.portal.settings.policy_file;
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, format!("{text}{RULES}")).unwrap();
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
    assert!(house.portal.policy().refused.is_empty(), "{:?}", house.portal.policy().refused);
}

async fn app(house: &House, who: As, path: &str) -> AppPage {
    let answer = house.call(who, Method::GET, "app", &format!("path={path}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_secrets_is_not_run_where_there_are_none() {
    let Some(house) = House::open().await else { return };
    give_secrets(&house).await;
    let sentence = "The policy gives the tests of this app Secrets of a cluster (TEST_PASSWORD, TEST_USER)";
    let page = app(&house, As::Ana, "/shop/cart/").await;
    assert!(!page.launch.allowed && page.launch.why.starts_with(sentence), "{}", page.launch.why);
    let html = house.page(As::Ana, "/apps/shop/cart/").await.body;
    assert!(html.contains("Secrets of the tests") && html.contains("cart-user") && html.contains(sentence), "the page says it");
    let form = house.page(As::Ana, "/launch?path=/shop/cart/").await.body;
    assert!(form.contains(sentence) && form.contains("key username of cart-user"), "the form says it");
    let refused = house.call(As::Ana, Method::POST, "launch", CART).await;
    assert_ne!(refused.status, StatusCode::OK);
    assert!(refused.body.contains(sentence), "{}", refused.body);
    assert_eq!(house.portal.store.queue_counts().await.unwrap().queued, 0);
    let other = house.call(As::Ana, Method::POST, "launch", &format!("{CART}&request[after]=<b>someone-elses")).await;
    assert!(other.body.contains("The tests of this app get no Secret <b>someone-elses."), "{}", other.body);
    let form = house.page(As::Ana, "/launch?path=/shop/cart/&after=cart-user").await.body;
    assert!(form.contains("<option value=\"cart-user\" selected>when Secret cart-user changes"), "{form}");
    // Its neighbours get none, and who does not see the app reads nothing.
    let other = app(&house, As::Ana, "/shop/catalogue/").await;
    assert!(other.secrets.is_empty() && other.launch.allowed, "{:?}", other.launch);
    let catalogue = "request[path]=/shop/catalogue/&request[profile]=smoke&request[after]=cart-user";
    let refused = house.call(As::Ana, Method::POST, "launch", catalogue).await;
    assert!(refused.body.contains("gives the tests of this app no Secret, so that none can be waited for"), "{}", refused.body);
    assert_eq!(house.call(As::Eli, Method::GET, "app", "path=/shop/cart/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_they_come_is_not_run_without_them() {
    let Some(house) = House::open().await else { return };
    let answer = house.call(As::Ana, Method::POST, "launch", CART).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let run: RunId = answer.body.trim_matches('"').parse().unwrap();
    let record = async || house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap();
    assert_eq!(queued::judge_again(&house.portal, &record().await).await.unwrap(), Again::May);
    give_secrets(&house).await;
    let refused = queued::judge_again(&house.portal, &record().await).await.unwrap();
    assert!(matches!(&refused, Again::MayNot(Cause::NotAllowed { why }) if why.contains("other Secrets than when it was launched")), "{refused:?}");
    supervise::round(std::sync::Arc::clone(&house.portal)).await;
    assert!(matches!(record().await.state, RunState::Errored { cause: Cause::NotAllowed { .. } }), "{:?}", record().await.state);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_does_not_take_the_name_of_one() {
    let Some(house) = House::open().await else { return };
    give_secrets(&house).await;
    let refused = house.call(As::Ana, Method::POST, "launch", &format!("{CART}&request[env]=TEST_USER%3Dbob")).await;
    assert!(refused.body.contains("TEST_USER comes from Secret cart-user, as the policy says."), "{}", refused.body);
}
