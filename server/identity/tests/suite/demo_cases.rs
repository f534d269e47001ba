//! The demo provider by itself: it is as strict as a real one.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{StatusCode, header};
use serde_json::Value;
use url::Url;
use windfirm_identity::{
    Secret,
    demo::{self, DemoConfig, DemoError},
};

use super::{
    browser::{Browser, Page},
    clock::TestClock,
    round_trip::{Stage, stage},
    world::param,
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The example of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn request<'a>(stage: &'a Stage, change: &[(&'a str, &'a str)]) -> String {
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", "windfirm"),
        ("redirect_uri", stage.redirect_uri.as_str()),
        ("scope", "openid profile groups"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in change {
        params.retain(|(other, _)| other != name);
        params.push((name, value));
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

async fn authorize(stage: &Stage, change: &[(&str, &str)]) -> Page {
    Browser::new().get(format!("{}/authorize?{}", stage.issuer, request(stage, change))).await
}

async fn code(stage: &Stage) -> String {
    let query = request(stage, &[("person", "ana")]);
    let form: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let back = Browser::new().post(format!("{}/authorize", stage.issuer), &pairs).await.location();
    assert_eq!((param(&back, "state").as_str(), param(&back, "iss")), ("st", stage.issuer.clone()));
    param(&back, "code")
}

async fn exchange(stage: &Stage, change: &[(&str, &str)], code: &str) -> (StatusCode, Value) {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", stage.redirect_uri.as_str()),
        ("code_verifier", VERIFIER),
        ("client_id", "windfirm"),
        ("client_secret", "demo:secret"),
    ];
    for (name, value) in change {
        form.retain(|(other, _)| other != name);
        form.push((name, value));
    }
    let page = Browser::new().post(format!("{}/token", stage.issuer), &form).await;
    assert_eq!(page.header("cache-control"), "no-store");
    (page.status, serde_json::from_str(&page.body).unwrap())
}

async fn userinfo(stage: &Stage, token: &str) -> (StatusCode, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(format!("{}/userinfo", stage.issuer)).bearer_auth(token).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test]
async fn it_runs_on_this_computer_only() {
    let build = |issuer: &str| {
        let config = DemoConfig {
            issuer: issuer.to_owned(),
            client_id: "x".to_owned(),
            client_secret: Secret::new("x"),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
        };
        demo::router(config, Arc::new(TestClock::new())).map(|_| ()).err()
    };
    for issuer in ["http://127.0.0.1:1", "http://localhost:1/", "http://[::1]:1", "http://127.0.0.1:1/idp"] {
        assert_eq!(build(issuer), None, "{issuer}");
    }
    for issuer in
        ["http://0.0.0.0:1", "http://192.168.1.1", "http://idp.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://[::]:1"]
    {
        assert!(matches!(build(issuer), Some(DemoError::NotLoopback(_))), "{issuer}");
    }
    for issuer in ["x", "https://127.0.0.1", "http://127.0.0.1/?x", "http://127.0.0.1/#x"] {
        assert!(matches!(build(issuer), Some(DemoError::BadIssuer(_))), "{issuer}");
    }
}

#[tokio::test]
async fn the_page_needs_no_script_and_allows_none() {
    let stage = stage().await;
    let page = authorize(&stage, &[("state", "\"><script>alert(1)</script>")]).await;
    assert_eq!(page.status, StatusCode::OK);
    for name in ["Ana Ruiz", "Ben Okafor", "Eli Tanaka", "Chris Lindqvist", "Dora Weiss"] {
        assert!(page.body.contains(name), "{name}");
    }
    for forbidden in ["<script", "style=", "<style", "onclick", "javascript:"] {
        assert!(!page.body.contains(forbidden), "{forbidden}");
    }
    let origin = stage.redirect_uri.parse::<Url>().unwrap().origin().ascii_serialization();
    let policy = format!("default-src 'none'; style-src 'self'; form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'");
    assert_eq!(page.header("content-security-policy"), policy);
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    let style = Browser::new().get(format!("{}/style.css", stage.issuer)).await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_was_not_registered() {
    let stage = stage().await;
    let longer = format!("{}/", stage.redirect_uri);
    let with_query = format!("{}?x=1", stage.redirect_uri);
    for uri in ["https://evil.example", longer.as_str(), with_query.as_str(), ""] {
        let page = authorize(&stage, &[("redirect_uri", uri)]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(!page.headers.contains_key(header::LOCATION), "{uri}");
    }
    assert_eq!(authorize(&stage, &[("client_id", "other")]).await.status, StatusCode::BAD_REQUEST);
    let twice = Browser::new().get(format!("{}/authorize?{}&state=b", stage.issuer, request(&stage, &[]))).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_the_application_asks_wrongly_it_is_told() {
    let stage = stage().await;
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("prompt", "none"), "login_required"),
        (("request", "x"), "request_not_supported"),
        (("request_uri", "http://127.0.0.1/"), "request_uri_not_supported"),
    ] {
        let back = authorize(&stage, &[change]).await.location();
        assert_eq!((param(&back, "error").as_str(), param(&back, "state").as_str()), (error, "st"), "{change:?}");
        assert_eq!(param(&back, "iss"), stage.issuer);
    }
}

#[tokio::test]
async fn a_code_works_once_for_a_minute_for_who_asked() {
    let stage = stage().await;
    let refused = |answer: (StatusCode, Value)| (answer.0.as_u16(), answer.1["error"].as_str().unwrap_or("none").to_owned());
    for (change, expected) in [
        (("code_verifier", "wrong"), (400, "invalid_grant")),
        (("code_verifier", ""), (400, "invalid_grant")),
        (("redirect_uri", "https://evil.example"), (400, "invalid_grant")),
        (("grant_type", "password"), (400, "unsupported_grant_type")),
        (("client_secret", "wrong"), (401, "invalid_client")),
        (("client_secret", ""), (401, "invalid_client")),
        (("client_id", "other"), (401, "invalid_client")),
    ] {
        let answer = refused(exchange(&stage, &[change], &code(&stage).await).await);
        assert_eq!(answer, (expected.0, expected.1.to_owned()), "{change:?}");
    }
    let late = code(&stage).await;
    stage.portal.clock.advance(60);
    assert_eq!(refused(exchange(&stage, &[], &late).await).1, "invalid_grant");

    // One wrong try uses a code up.
    let tried = code(&stage).await;
    exchange(&stage, &[("code_verifier", "wrong")], &tried).await;
    assert_eq!(refused(exchange(&stage, &[], &tried).await).1, "invalid_grant");

    let once = code(&stage).await;
    let (status, answer) = exchange(&stage, &[], &once).await;
    assert_eq!((status, answer["token_type"].as_str()), (StatusCode::OK, Some("Bearer")));
    let token = answer["access_token"].as_str().unwrap();
    let (status, info) = userinfo(&stage, token).await;
    assert_eq!((status, info.contains("shop-dev")), (StatusCode::OK, true));
    assert_eq!(refused(exchange(&stage, &[], &once).await).1, "invalid_grant");
    assert_eq!(userinfo(&stage, token).await.0, StatusCode::UNAUTHORIZED, "a code that comes twice withdraws what came of it");
}

#[tokio::test]
async fn access_tokens_run_out() {
    let stage = stage().await;
    let (_, answer) = exchange(&stage, &[], &code(&stage).await).await;
    let token = answer["access_token"].as_str().unwrap();
    stage.portal.clock.advance(600);
    assert_eq!(userinfo(&stage, token).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(userinfo(&stage, "").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_secret_may_stand_in_the_header_but_not_in_both_places() {
    let stage = stage().await;
    let code = code(&stage).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |id_and_secret: &str, more: &str| {
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}{more}", stage.redirect_uri);
        let request = client.post(format!("{}/token", stage.issuer)).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        request.header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(id_and_secret))).send().await.unwrap().status()
    };
    assert_eq!(send("windfirm:demo%3Asecret", "&client_secret=demo%3Asecret").await, StatusCode::BAD_REQUEST);
    assert_eq!(send("windfirm:demo", "").await, StatusCode::UNAUTHORIZED);
    assert_eq!(send("windfirm:demo%3Asecret", "").await, StatusCode::OK);
}

#[tokio::test]
async fn a_log_out_leads_only_where_the_client_registered() {
    let stage = stage().await;
    let (_, answer) = exchange(&stage, &[], &code(&stage).await).await;
    let hint = answer["id_token"].as_str().unwrap().to_owned();
    let home = stage.portal.url("/logged-out");
    let ask = async |params: &[(&str, &str)]| {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        Browser::new().get(format!("{}/end_session?{query}", stage.issuer)).await
    };
    let good = ask(&[("id_token_hint", &hint), ("post_logout_redirect_uri", &home), ("state", "s")]).await;
    assert_eq!(good.location().as_str(), format!("{home}?state=s"));
    let forged = format!("{hint}x");
    for params in [
        vec![],
        vec![("post_logout_redirect_uri", home.as_str())],
        vec![("id_token_hint", &hint), ("post_logout_redirect_uri", "https://evil.example")],
        vec![("id_token_hint", &forged), ("post_logout_redirect_uri", &home)],
        vec![("id_token_hint", &hint), ("post_logout_redirect_uri", &home), ("client_id", "other")],
    ] {
        let page = ask(&params).await;
        assert_eq!(page.status, StatusCode::OK, "{params:?}");
        assert!(page.body.contains("You are logged out") && !page.headers.contains_key(header::LOCATION));
    }
}
