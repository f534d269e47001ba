//! The page at the door, and the table of its routes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use reqwest::StatusCode;
use windfirm_identity::{DoorEffect, door_routes};

use super::{
    browser::Browser,
    clock::TestClock,
    hostile::{self, HostileIdp, Reply, metadata},
    portal::Portal,
    serve,
    world::{good_mint, issuer_config},
};

/// A provider, and its issuer, that answers discovery with `reply`; the good one when there is none.
async fn provider(reply: Option<Reply>) -> (HostileIdp, String) {
    let listener = serve::bind().await;
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let mut script = hostile::script(&issuer, good_mint(&issuer));
    if let Some(reply) = reply {
        script.discovery = reply;
    }
    (HostileIdp::start(listener, script), issuer)
}

#[tokio::test]
async fn a_provider_that_never_answers_keeps_nobody_from_the_others() {
    let (silent, silent_issuer) = provider(Some(Reply::Never)).await;
    let (good, good_issuer) = provider(None).await;
    // Its login page is at another address than its issuer, as with some providers.
    let mut published = metadata(&good_issuer);
    published["authorization_endpoint"] = format!("{}/authorize", good_issuer.replace("127.0.0.1", "localhost")).into();
    good.script(|script| script.discovery = Reply::Json(published));
    let mut issuers = vec![issuer_config("silent", &silent_issuer), issuer_config("good", &good_issuer)];
    issuers[1].label = "The good one".to_owned();
    // Longer than any test: whoever waits for the silent one does not come back.
    let portal = Portal::start_with(serve::bind().await, issuers, Arc::new(TestClock::new()), |config| config.http_timeout_ms = 3_600_000);
    let browser = Browser::new();

    let page = tokio::time::timeout(Duration::from_secs(60), browser.get(portal.url("/login"))).await.unwrap();
    assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, "choose silent,good then /"));
    assert_eq!((silent.hits("/.well-known/openid-configuration"), good.hits("/.well-known/openid-configuration")), (0, 0), "the page asks nobody");

    // While the background waits for the silent one, the other is known, and people come in by it.
    let came_in = async {
        while portal.identity.form_origins().len() < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(browser.get(portal.url("/login")).await.status, StatusCode::OK);
        browser.post(portal.url("/login"), &[("issuer", "good"), ("return_to", "/tree")]).await
    };
    tokio::select! {
        () = portal.identity.warm() => panic!("the silent provider has answered"),
        page = came_in => assert!(page.location().as_str().contains("localhost"), "{}", page.body),
    }
}

#[tokio::test]
async fn the_table_says_what_the_routes_do() {
    let (_idp, issuer) = provider(None).await;
    let portal = Portal::start(serve::bind().await, vec![issuer_config("test", &issuer)], Arc::new(TestClock::new()));
    let routes: BTreeSet<(String, &str)> = door_routes().iter().map(|route| (route.method.to_string(), route.path)).collect();
    assert_eq!(routes.len(), door_routes().len(), "a route is there twice");
    for route in door_routes() {
        let address = portal.url(&route.path.replace("{issuer}", "test"));
        let browser = Browser::new();
        let before = portal.events().len();
        let page = if route.method == "GET" { browser.get(address).await } else { browser.post(address, &[("issuer", "wrong")]).await };
        assert_ne!(page.status, StatusCode::METHOD_NOT_ALLOWED, "{route:?}");
        assert_eq!(page.header("cache-control"), "no-store", "{route:?}");
        // Nobody was in, so nobody goes; all others of the kind leave their row.
        let leaves_row = route.effect == DoorEffect::Records && route.path != "/logout";
        assert_eq!(portal.events().len() - before, usize::from(leaves_row), "{route:?}");
    }
}
