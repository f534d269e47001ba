//! What the program writes: JSON lines, a request id on each line about a request, and nothing secret in them.

use std::collections::BTreeMap;

use axum::http::header;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{
    process::Process,
    visitor::{choose, location, serve_provider},
};

/// A browser at the program itself, and every secret that it got to see.
struct Browser<'a> {
    portal: &'a Process,
    cookies: BTreeMap<String, String>,
    secrets: Vec<String>,
}

impl Browser<'_> {
    async fn ask(&mut self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let answer = request.header(header::COOKIE, cookies).header("accept", "text/html").header("sec-fetch-site", "same-origin").send().await.unwrap();
        for set in answer.headers().get_all(header::SET_COOKIE) {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
            self.secrets.push(value.to_owned());
        }
        answer
    }
    async fn get(&mut self, address: &str) -> reqwest::Response {
        self.ask(self.portal.client.get(self.portal.url(address))).await
    }
    async fn post(&mut self, address: &str, form: &str) -> reqwest::Response {
        let request = self.portal.client.post(self.portal.url(address)).header("content-type", "application/x-www-form-urlencoded");
        self.ask(request.body(form.to_owned())).await
    }
    fn note_values(&mut self, address: &url::Url, names: &[&str]) {
        for name in names {
            let value = address.query_pairs().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name} in {address}")).1.into_owned();
            self.secrets.push(value);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_json_with_request_ids_and_without_secrets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    // Everything that we write ourselves, and what libraries think worth knowing.
    let Some(mut portal) = Process::prepare(7_710, &issuer, "client-secret-of-the-test", "info,windfirm=trace") else { return };
    serve_provider(listener, &issuer, &portal.url("/"), "client-secret-of-the-test");
    portal.start().await;

    let mut browser = Browser { portal: &portal, cookies: BTreeMap::new(), secrets: vec!["client-secret-of-the-test".into()] };
    browser.get("/login?return_to=/tree%3Fq%3Dsecret-in-a-query").await;
    let away = location(browser.post("/login", "issuer=demo&return_to=/tree?q=secret-in-a-query").await.headers().get(header::LOCATION));
    browser.note_values(&away, &["state", "nonce", "code_challenge"]);
    let back = choose(&away, "ana").await;
    browser.note_values(&back, &["code"]);
    let landed = browser.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
    assert_eq!(landed.headers()[header::LOCATION], "/tree?q=secret-in-a-query");
    assert!(browser.cookies.contains_key("windfirm"), "{:?}", browser.cookies);
    assert_eq!(browser.get("/tree?q=secret-in-a-query").await.status(), 200);
    let cart = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
    let launch = format!("{cart}&request[reason]=secret-in-a-reason&request[env]=PASSWORD%3Dsecret-in-a-variable");
    assert!(browser.post("/api/fn/launch", &launch).await.status().is_redirection());
    browser.post("/api/fn/launch", &launch.replace("smoke", "secret-in-a-form")).await;
    browser.post("/api/fn/stop", "id=secret-in-a-form").await;
    browser.get("/api/fn/run?id=secret-in-a-query").await;
    browser.get("/login/demo/callback?code=secret-garbage-code&state=secret-garbage-state&error=secret-garbage-error").await;
    browser.get("/login/demo/callback?code=secret-garbage-code&state=secret-garbage-state").await;
    let ingest = portal.client.post(portal.url("/ingest/v2/metrics/00000000000000000000000000000000")).header("authorization", "Token secret-ingest-token");
    assert_eq!(ingest.body("secret-in-a-body").send().await.unwrap().status(), 401);
    let bye = location(browser.post("/logout", "").await.headers().get(header::LOCATION));
    browser.note_values(&bye, &["id_token_hint", "state"]);
    let mut secrets = browser.secrets;
    secrets.retain(|secret| !secret.is_empty());
    assert!(secrets.len() > 9, "{secrets:?}");
    portal.ask_to_end();
    portal.ended().await;

    let log = portal.log();
    let mut routes = BTreeMap::new();
    for line in log.lines() {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"));
        assert!(read["timestamp"].is_string() && read["level"].is_string(), "{line}");
        if read["message"] == "http.request" {
            let id = read["request_id"].as_str().unwrap_or_else(|| panic!("no request id: {line}"));
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
            assert!(read["status"].is_u64() && read["duration_ms"].is_number() && read["method"].is_string(), "{line}");
            *routes.entry(read["route"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    for route in ["/login", "/login/{issuer}/callback", "/tree", "/api/fn/launch", "/ingest/v2/metrics/{execution}", "/logout"] {
        assert!(routes.contains_key(route), "{route} is not told: {routes:?}");
    }
    // A token is not to be found in pieces either.
    secrets.push("eyJ".into());
    secrets.push("secret-".into());
    for secret in secrets {
        let told = log.lines().find(|line| line.contains(&secret));
        assert_eq!(told, None, "“{secret}” stands in the log");
    }
}
