//! What people learn of the policy: their own part of it, and of others only what holds where they may ask.

use axum::http::{Method, StatusCode};
use windfirm_model::view::access::AccessPage;

use crate::harness::{As, House};

/// Puts another policy file into place and lets the portal read it.
async fn rewrite(house: &House, change: impl FnOnce(&str) -> String) {
    let file = &house.portal.settings.policy_file;
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, change(&text)).unwrap();
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
}

async fn asked(house: &House, who: As, fields: &str) -> AccessPage {
    let answer = house.call(who, Method::GET, "access", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{fields}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_policy_tells_a_stranger_that_it_is_there_and_nothing_of_it() {
    let Some(house) = House::open().await else { return };
    rewrite(&house, |good| good.replace("role: lead\n    on: [/shop-prod/]", "role: vault-keeper\n    on: [/shop-prod/]")).await;
    assert!(house.portal.policy().refused.iter().any(|problem| problem.contains("vault-keeper")), "{:?}", house.portal.policy().refused);

    let (call, page) = (house.call(As::Eli, Method::GET, "access", "").await, house.page(As::Eli, "/access").await);
    for answer in [&call, &page] {
        assert_eq!(answer.status, StatusCode::OK);
        for foreign in ["vault-keeper", "shop-prod", "policy.yaml", "grants["] {
            assert!(!answer.body.contains(foreign), "{foreign}: {}", answer.body);
        }
    }
    assert!(page.body.contains("A newer policy was refused"));
    // Who may read the policy reads its errors on its page, and nowhere else.
    assert!(house.page(As::Chris, "/policy").await.body.contains("vault-keeper"));
    for address in ["/access", "/system"] {
        assert!(!house.page(As::Chris, address).await.body.contains("vault-keeper"), "{address}");
    }
}

/// Ana may explain access in the shop's staging, and nowhere else.
async fn with_a_desk(house: &House) {
    rewrite(house, |good| {
        let desk = "  - name: desk of the shop\n    to: [{ group: shop-dev }]\n    role: desk\n    on: [/shop/]\n    in: [staging]\n";
        good.replace("  platform:", "  desk: { includes: [viewer], can: [access.explain] }\n  platform:")
            .replace("guardrails:", &format!("{desk}\nguardrails:"))
    })
    .await;
    assert!(house.portal.policy().refused.is_empty(), "{:?}", house.portal.policy().refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_explains_one_part_learns_nothing_of_the_others() {
    let Some(house) = House::open().await else { return };
    with_a_desk(&house).await;

    // The leads' grants on prod and dev are not for this desk; what holds in staging is.
    let leads = asked(&house, As::Ana, "query[groups]=shop-leads").await;
    assert_eq!(leads.grants.iter().map(|grant| grant.name.as_str()).collect::<Vec<_>>(), ["shop leads, staging"]);
    assert_eq!(leads.grants[0].on.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/shop/"]);
    assert_eq!(leads.grants[0].environments.iter().map(ToString::to_string).collect::<Vec<_>>(), ["staging"]);
    assert!(asked(&house, As::Ana, "query[groups]=search-dev").await.grants.is_empty());

    // Nor do the sentences name a grant from elsewhere.
    let search = house.call(As::Ana, Method::GET, "access", "query[groups]=search-dev&query[path]=/shop/cart/").await;
    assert_eq!(search.status, StatusCode::OK, "{}", search.body);
    assert!(!search.body.contains("search developers") && !search.body.contains("/search/"), "{}", search.body);
    let page: AccessPage = serde_json::from_str(&search.body).unwrap();
    assert!(page.actions.iter().all(|row| row.action != "policy.view"), "what concerns the whole portal cannot be told from one part");
    let whole = house.call(As::Ana, Method::GET, "access", "query[groups]=platform&query[path]=/shop/cart/&query[action]=policy.view").await;
    assert_eq!(whole.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", whole.body);

    // Chris may ask everywhere, and sees everything as it is.
    let all = asked(&house, As::Chris, "query[groups]=shop-leads").await;
    assert_eq!(all.grants.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_about_others_is_judged_where_it_is_asked() {
    let Some(house) = House::open().await else { return };
    with_a_desk(&house).await;
    let here = house.call(As::Ana, Method::GET, "access", "query[groups]=shop-leads&query[path]=/shop/cart/").await;
    assert_eq!(here.status, StatusCode::OK, "{}", here.body);
    // She may read prod, but not explain it.
    let there = house.call(As::Ana, Method::GET, "access", "query[groups]=shop-leads&query[path]=/shop-prod/cart/").await;
    assert_eq!(there.status, StatusCode::FORBIDDEN, "{}", there.body);
    assert!(!there.body.contains("shop leads, prod"), "{}", there.body);
}
