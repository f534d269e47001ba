//! What people learn of the policy: their own part of it, and of others only what holds where they may ask.

use axum::http::{Method, StatusCode};

use crate::harness::{As, House};

/// Puts another policy file into place and lets the portal read it.
async fn rewrite(house: &House, change: impl FnOnce(&str) -> String) {
    let file = &house.portal.settings.policy_file;
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, change(&text)).unwrap();
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
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
