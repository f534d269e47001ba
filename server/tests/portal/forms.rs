//! Forms that cannot be taken: wrong types, missing fields, other kinds of bodies. Each gets a status and a sentence, and
//! nothing has changed.

use axum::{
    body::{Body, Bytes},
    http::{Method, Request, StatusCode},
};
use futures::{StreamExt as _, stream};

use crate::harness::{Answer, As, House};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
const FORM: &str = "application/x-www-form-urlencoded";

fn form(address: &str, kind: &str, body: Body) -> Request<Body> {
    Request::post(address).header("host", "127.0.0.1:7700").header("sec-fetch-site", "same-origin").header("content-type", kind).body(body).unwrap()
}

/// What could have changed: the runs that wait, and how far they are.
async fn state(house: &House) -> String {
    let access = windfirm_policy::Access::system(windfirm_model::actor::SystemTask::RunSupervisor);
    let runs: Vec<_> = house.portal.store.live_runs(&access).await.unwrap().into_iter().map(|run| (run.id, run.state)).collect();
    format!("{runs:?}")
}

fn assert_told(what: &str, answer: &Answer, status: u16, word: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert!(answer.body.contains(word), "{what}: “{word}” is not in {}", answer.body);
    for inside in ["panicked", "serde", "#[server]", "register_explicit", ".rs:"] {
        assert!(!answer.body.contains(inside), "{what}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_taken_is_told_and_changes_nothing() {
    let Some(house) = House::open().await else { return };
    let launched = house.call(As::Ana, Method::POST, "launch", CART).await;
    assert_eq!(launched.status, StatusCode::OK, "{}", launched.body);
    let before = state(&house).await;
    let long = format!("handle={}", "x".repeat(100_000));
    let far = format!("issuer=demo&return_to=/{}", "x".repeat(100_000));
    let nobodys = format!("id={}", "0".repeat(32));
    let cases: &[(&str, &str, u16, &str)] = &[
        ("/api/fn/stop", "id=not-an-id", 422, "malformed"),
        ("/api/fn/stop", "", 422, "id"),
        ("/api/fn/stop", "id=1&id=2", 422, "malformed"),
        ("/api/fn/stop", &nobodys, 404, "not_found"),
        ("/api/fn/stop", "%ff=%fe", 422, "malformed"),
        ("/api/fn/end_session", "", 422, "handle"),
        ("/api/fn/end_session", "handle=", 404, "not_found"),
        ("/api/fn/end_session", &long, 404, "not_found"),
        ("/api/fn/launch", "request=text", 422, "malformed"),
        ("/api/fn/launch", "request[path]=/shop/cart/&request[path]=/shop/", 422, "malformed"),
        // No app is named, so there is none.
        ("/api/fn/launch", "", 404, "not_found"),
        ("/api/fn/nothing", "", 404, "not_found"),
        ("/login", "issuer=unknown", 404, "knows no identity provider named “unknown”"),
        ("/login", "issuer=demo&issuer=demo", 422, "duplicate field"),
        // One provider only, so it need not be named; it is away in this test.
        ("/login", "", 503, "cannot be reached"),
        ("/login", &far, 503, "cannot be reached"),
        ("/theme", "theme=purple", 422, "no such theme"),
        ("/theme", "", 422, "missing field"),
    ];
    for (address, fields, status, word) in cases {
        let answer = house.send(As::Ana, form(address, FORM, Body::from((*fields).to_owned()))).await;
        let what = format!("{address} {}", fields.chars().take(60).collect::<String>());
        assert_told(&what, &answer, *status, word);
        assert!(!answer.headers.contains_key("set-cookie"), "{what}: {:?}", answer.headers);
        assert!(answer.body.len() < 20_000, "{what}: nobody reads {} bytes", answer.body.len());
        assert_eq!(state(&house).await, before, "{what}");
    }
    // An address that is too long to be remembered leads home.
    let answer = house.send(As::Nobody, form("/login", FORM, Body::from(far))).await;
    assert!(answer.body.contains("href=\"/login\""), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_kind_or_without_end_is_told_and_changes_nothing() {
    let Some(house) = House::open().await else { return };
    let before = state(&house).await;
    let broken = || Body::from_stream(stream::iter([Ok(Bytes::from_static(b"request[path]=/sh")), Err(std::io::Error::other("gone"))]));
    let unending = || Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536]))).take(16));
    for (address, fields) in [
        ("/api/fn/launch", CART),
        ("/api/fn/stop", "id=x"),
        ("/api/fn/end_session", "handle=x"),
        ("/api/fn/judge", CART),
        ("/login", "issuer=demo"),
        ("/theme", "theme=dark"),
    ] {
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", ""] {
            let answer = house.send(As::Ana, form(address, kind, Body::from(fields))).await;
            assert_told(&format!("{address} as {kind:?}"), &answer, 415, FORM);
        }
        let answer = house.send(As::Ana, form(address, FORM, broken())).await;
        assert_told(&format!("{address} broken off"), &answer, 400, "");
        assert!(!answer.body.is_empty(), "{address} broken off");
        // 1 MiB, once said to be so and once not.
        let answer = house.send(As::Ana, form(address, FORM, unending())).await;
        assert_told(&format!("{address} unending"), &answer, 413, "");
        let mut huge = form(address, FORM, Body::from(vec![b'x'; 1 << 20]));
        huge.headers_mut().insert("content-length", (1_u32 << 20).into());
        let answer = house.send(As::Ana, huge).await;
        assert_told(&format!("{address} huge"), &answer, 413, "length limit");
        // Bytes that are no text.
        let answer = house.send(As::Ana, form(address, FORM, Body::from(vec![0xff_u8; 10]))).await;
        assert!(answer.status.is_client_error() || address == "/login", "{address} no text: {} {}", answer.status, answer.body);
    }
    for name in ["launch", "stop", "end_session", "judge"] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = Request::builder().method(method.clone()).uri(format!("/api/fn/{name}?{CART}")).header("sec-fetch-site", "same-origin");
            let answer = house.send(As::Ana, request.body(Body::empty()).unwrap()).await;
            assert_told(&format!("{method} {name}"), &answer, 405, "POST");
            assert_eq!(answer.headers["allow"], "POST", "{method} {name}");
        }
    }
    assert_eq!(state(&house).await, before);
}
