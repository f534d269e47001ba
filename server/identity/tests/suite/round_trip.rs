//! The whole way: portal and demo provider, each on its port, and a browser between them.

use std::sync::Arc;

use reqwest::StatusCode;
use windfirm_identity::{
    IssuerConfig, Secret,
    demo::{self, DemoConfig, PEOPLE},
};

use super::{
    browser::{Browser, Page},
    clock::TestClock,
    portal::Portal,
    serve::{self, Served},
};

pub(crate) struct Stage {
    pub(crate) portal: Portal,
    pub(crate) issuer: String,
    pub(crate) redirect_uri: String,
    pub(crate) provider: Served,
}

/// Portal and provider with what they have to know of each other.
pub(crate) async fn stage() -> Stage {
    let (portal_port, provider_port) = (serve::bind().await, serve::bind().await);
    let portal_url = format!("http://{}", portal_port.local_addr().unwrap());
    let issuer = format!("http://{}", provider_port.local_addr().unwrap());
    let redirect_uri = format!("{portal_url}/login/demo/callback");
    let clock = Arc::new(TestClock::new());
    let config = DemoConfig {
        issuer: issuer.clone(),
        client_id: "windfirm".to_owned(),
        client_secret: Secret::new("demo:secret"),
        redirect_uris: vec![redirect_uri.clone()],
        post_logout_redirect_uris: vec![format!("{portal_url}/logged-out")],
    };
    let provider = serve::serve(provider_port, demo::router(config, Arc::clone(&clock) as _).unwrap());
    let issuers = vec![IssuerConfig {
        name: "demo".to_owned(),
        label: "Demo people".to_owned(),
        issuer: issuer.clone(),
        client_id: "windfirm".to_owned(),
        client_secret: Some(Secret::new("demo:secret")),
        scopes: vec!["profile".to_owned(), "groups".to_owned()],
        groups_claim: "groups".to_owned(),
        name_claim: "name".to_owned(),
        ca_pem: None,
    }];
    Stage { portal: Portal::start(portal_port, issuers, clock), issuer, redirect_uri, provider }
}

impl Stage {
    /// From the log-in page to the provider's page.
    pub(crate) async fn to_provider(&self, browser: &Browser, return_to: &str) -> Page {
        let away = browser.post(self.portal.url("/login"), &[("return_to", return_to)]).await;
        assert_eq!(away.status, StatusCode::SEE_OTHER, "{}", away.body);
        browser.get(away.location()).await
    }
    /// Chooses somebody on the provider's page; the answer sends the browser back to the portal.
    pub(crate) async fn choose(&self, browser: &Browser, page: &Page, subject: &str) -> Page {
        let hidden = page.hidden_fields();
        let mut form: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.push(("person", subject));
        browser.post(format!("{}/authorize", self.issuer), &form).await
    }
    pub(crate) async fn log_in(&self, browser: &Browser, subject: &str) -> Page {
        let page = self.to_provider(browser, "/tree?x=1").await;
        let back = self.choose(browser, &page, subject).await;
        browser.get(back.location()).await
    }
    pub(crate) async fn who(&self, browser: &Browser) -> String {
        browser.get(self.portal.url("/who")).await.body
    }
}

#[tokio::test]
async fn each_of_the_five_people_gets_in_with_their_own_groups_and_out_again() {
    let stage = stage().await;
    for person in PEOPLE {
        let browser = Browser::new();
        let choose = browser.get(stage.portal.url("/login?return_to=/tree?x=1")).await;
        assert_eq!(choose.body, "choose demo then /tree?x=1");
        let landed = stage.log_in(&browser, person.subject).await;
        assert_eq!((landed.status, landed.location().as_str()), (StatusCode::SEE_OTHER, stage.portal.url("/tree?x=1").as_str()), "{}", landed.body);
        assert_eq!(stage.who(&browser).await, format!("{} {}", person.name, person.groups.join(",")));
        // Who is in already needs no log-in page.
        assert_eq!(browser.get(stage.portal.url("/login?return_to=/runs")).await.location().path(), "/runs");
        assert_eq!(browser.get(stage.portal.url("/logout")).await.status, StatusCode::METHOD_NOT_ALLOWED, "a link does not log out");

        let away = browser.post(stage.portal.url("/logout"), &[]).await.location();
        assert!(away.as_str().starts_with(&format!("{}/end_session?", stage.issuer)), "{away}");
        assert_eq!(stage.who(&browser).await, "nobody", "the session is over before the provider is asked");
        let back = browser.get(away).await.location();
        assert_eq!(browser.get(back.clone()).await.body, "ProviderToo");
        assert_eq!(browser.get(back).await.body, "WindfirmOnly", "a state of a log-out works once");
        // Tokens go from server to server; only the hint at log-out passes through the browser, as the standard has it.
        let seen = browser.seen.lock().unwrap().clone();
        let without_hint: String =
            seen.split("id_token_hint=").enumerate().map(|(n, part)| if n == 0 { part } else { part.split_once('&').unwrap().1 }).collect();
        assert!(!without_hint.contains("eyJ"), "the browser saw a token");
    }
    assert_eq!(stage.portal.events().len(), 10);
    assert_eq!(&stage.portal.events()[..2], ["in ana", "out ana"]);
    assert_eq!(stage.portal.session_count(), 0);
}

#[tokio::test]
async fn who_chooses_nobody_is_told_so_and_recorded() {
    let stage = stage().await;
    let browser = Browser::new();
    let page = stage.to_provider(&browser, "/runs").await;
    let back = stage.choose(&browser, &page, "-").await;
    let told = browser.get(back.location()).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    assert!(told.body.contains("said no") && told.body.ends_with("[/runs]"), "{}", told.body);
    assert_eq!(told.header("cache-control"), "no-store");
    assert_eq!(stage.portal.events(), ["refused refused_by_provider Firefox on Linux, 127.0.0.1"]);
    assert_eq!(stage.who(&browser).await, "nobody");
}

#[tokio::test]
async fn a_log_out_that_somebody_else_began_is_not_taken_for_ours() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    browser.post(stage.portal.url("/logout"), &[]).await;
    for query in ["", "?state=other", "?state=a&state=b"] {
        let page = browser.get(stage.portal.url(&format!("/logged-out{query}"))).await;
        assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, "WindfirmOnly"), "{query}");
    }
}

#[tokio::test]
async fn a_provider_that_is_gone_does_not_keep_anybody_in() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    let Stage { portal, provider, .. } = stage;
    drop(provider);
    portal.clock.advance(601);
    // Its metadata are kept, so the browser is still sent there; our session is dead whatever happens then.
    let answer = browser.post(portal.url("/logout"), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get(portal.url("/who")).await.body, "nobody");
    assert_eq!(portal.session_count(), 0);
}

#[tokio::test]
async fn the_policy_of_a_page_with_a_form_can_name_the_provider() {
    let stage = stage().await;
    let expected = std::slice::from_ref(&stage.issuer);
    assert_eq!(stage.portal.identity.form_origins(), expected);
    stage.portal.identity.warm().await;
    assert_eq!(stage.portal.identity.form_origins(), expected);
    let choices = stage.portal.identity.choices();
    assert_eq!((choices[0].name.as_str(), format!("http://{}", choices[0].host)), ("demo", stage.issuer.clone()));
}
