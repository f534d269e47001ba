//! What one person can do to the others, and what somebody outside can make a person see.

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use std::net::SocketAddr;
use windfirm_model::{audit::EventOutcome, view::launch::Judgement};

use crate::{
    gate::Gate,
    harness::{As, House, Plan},
    later_clock::LaterClock,
};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_all_the_places_to_themselves() {
    let Some(house) = House::open_with(|_, config| (config.runner.queue, config.runner.per_person) = (5, 3)).await else { return };
    // All at once: a bound that is looked at before it is taken would let more in.
    let launches = (0..12).map(|_| house.call(As::Ana, Method::POST, "launch", CART));
    let answers = futures::future::join_all(launches).await;
    let started = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(started, 3);
    for refused in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
        assert!(refused.body.contains("3 of your runs are waiting or running") && refused.body.contains("Stop one"), "{}", refused.body);
    }
    let form = house.page(As::Ana, "/launch?path=/shop/cart/").await.body;
    assert!(form.contains("3 of your runs are waiting or running"), "the form says it before it is sent");

    // Others have their places; then the queue is full for all, and each refusal stands in the record.
    for _ in 0..2 {
        assert_eq!(house.call(As::Ben, Method::POST, "launch", CART).await.status, StatusCode::OK);
    }
    let full = house.call(As::Ben, Method::POST, "launch", CART).await;
    assert!(full.body.contains("5 runs are waiting already"), "{}", full.body);
    let refused = house.record().await.into_values().filter(|row| row.code == "run.launch" && row.outcome == EventOutcome::Denied).count();
    assert_eq!(refused, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_cannot_put_words_into_our_mouth() {
    let Some(house) = House::open().await else { return };
    // A form of one's own that is refused without script comes back to its page, which says why.
    let form = |referer: &str| {
        Request::post("/api/fn/end_session")
            .header(header::HOST, "127.0.0.1:7700")
            .header("sec-fetch-site", "same-origin")
            .header(header::ACCEPT, "text/html")
            .header(header::REFERER, referer)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("handle=none"))
            .unwrap()
    };
    let cookie = house.cookie(As::Ana).await.unwrap();
    let with_cookie = async |mut request: Request<Body>, cookie: &str| {
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        house.send(As::Nobody, request).await
    };
    let back = with_cookie(form("http://127.0.0.1:7700/sessions"), &cookie).await;
    let there = back.headers[header::LOCATION].to_str().unwrap().to_owned();
    assert!(there.starts_with("/sessions?") && there.contains("__err="), "{there}");
    let get = |address: &str| Request::get(address).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
    let shown = with_cookie(get(&there), &cookie).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.body.contains("There is nothing here for you"), "{}", shown.body);

    // The same address for another person, or with other words, shows the page alone.
    let others = house.cookie(As::Eli).await.unwrap();
    for (address, cookie) in [
        (there.clone(), &others),
        (there.replace("__stamp=", "__stamp=A"), &cookie),
        ("/sessions?__path=%2Fapi%2Ffn%2Fend_session&__err=e30".to_owned(), &cookie),
    ] {
        let led = with_cookie(get(&address), cookie).await;
        assert!(led.status.is_redirection(), "{address}: {}", led.status);
        assert_eq!(led.headers[header::LOCATION], "/sessions", "{address}");
    }

    // The way back is ours, whatever stands in the header.
    for referer in ["https://evil.example/sessions", "//evil.example/", "javascript:alert(1)"] {
        let back = with_cookie(form(referer), &cookie).await;
        let there = back.headers[header::LOCATION].to_str().unwrap();
        assert!(there.starts_with('/') && !there.starts_with("//") && !there.contains("evil"), "{referer}: {there}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_invented_is_recorded_like_one_that_is_hidden() {
    let Some(house) = House::open().await else { return };
    let before = house.record().await.len();
    let hidden = house.page(As::Eli, "/apps/shop/cart/").await;
    let invented = house.page(As::Eli, "/apps/shop/none/").await;
    assert_eq!((hidden.status, invented.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let run = house.page(As::Eli, "/runs/00000000000070008000000000000001").await;
    assert_eq!(run.status, StatusCode::NOT_FOUND);
    let rows: Vec<_> = house.record().await.into_values().skip(before).collect();
    assert!(rows.len() >= 3 && rows.iter().all(|row| row.outcome == EventOutcome::Denied), "{rows:?}");
    // The team whose app it is sees the attempt on it; what is nobody's is for those who see everything.
    assert!(rows.iter().any(|row| row.path.as_deref() == Some("/shop/cart/")) && rows.iter().any(|row| row.path.is_none()), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_each_person_has_their_own_bound_at_the_door() {
    let Some(house) = House::open_with(|_, config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await else { return };
    let try_from = async |peer: &str, forwarded: &str| {
        let mut request = Request::post("/login").header("sec-fetch-site", "same-origin").header("content-type", "application/x-www-form-urlencoded");
        if !forwarded.is_empty() {
            request = request.header("x-forwarded-for", forwarded);
        }
        let mut request = request.body(Body::from("issuer=nobody-knows")).unwrap();
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(format!("{peer}:4711").parse().unwrap()));
        house.send(As::Nobody, request).await.status
    };
    for _ in 0..80 {
        try_from("10.0.0.1", "192.0.2.7").await;
    }
    assert_eq!(try_from("10.0.0.1", "192.0.2.7").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(try_from("10.0.0.1", "192.0.2.8").await, StatusCode::NOT_FOUND, "somebody else behind the same proxy");
    assert_eq!(try_from("10.0.0.1", "203.0.113.1, 192.0.2.7").await, StatusCode::TOO_MANY_REQUESTS, "whatever they invent");
    // Who is no proxy of ours cannot lend themselves another address.
    for _ in 0..80 {
        try_from("198.51.100.1", "192.0.2.9").await;
    }
    assert_eq!(try_from("198.51.100.1", "192.0.2.10").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(try_from("10.0.0.1", "192.0.2.9").await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_person_repeats_without_end_is_one_row_a_minute() {
    let clock = std::sync::Arc::new(LaterClock::default());
    let plan = Plan { clock: std::sync::Arc::<LaterClock>::clone(&clock), ..Plan::default() };
    let Some(house) = House::build(plan).await else { return };
    let rows = async |code: &str, outcome: EventOutcome| {
        let rows = house.record().await.into_values().filter(|row| row.code == code && row.outcome == outcome);
        rows.map(|row| (row.actor, row.why.unwrap_or_default())).collect::<Vec<_>>()
    };
    let told = async || windfirm::worker::housekeeping::round(std::sync::Arc::clone(&house.portal)).await;
    for _ in 0..100 {
        assert_eq!(house.call(As::Eli, Method::GET, "audit", "").await.status, StatusCode::FORBIDDEN, "the answer stays the same");
        assert_eq!(house.call(As::Dora, Method::GET, "audit", "").await.status, StatusCode::OK);
    }
    assert_eq!(house.call(As::Ana, Method::GET, "audit", "").await.status, StatusCode::FORBIDDEN);
    told().await;
    assert_eq!(rows("audit.read", EventOutcome::Denied).await.iter().filter(|(who, _)| who == "Eli Tanaka").count(), 60);
    assert_eq!(rows("audit.read", EventOutcome::Denied).await.iter().filter(|(who, _)| who == "Ana Ruiz").count(), 1, "others have rows of their own");
    assert_eq!(rows("audit.read", EventOutcome::Done).await.len(), 60);

    clock.advance(61);
    told().await;
    told().await;
    let further = |rows: Vec<(String, String)>| rows.into_iter().filter(|(_, why)| why.contains("further")).collect::<Vec<_>>();
    let refused = "40 further attempts like those before were refused and have no row of their own.";
    assert_eq!(further(rows("audit.read", EventOutcome::Denied).await), [("Eli Tanaka".to_owned(), refused.to_owned())]);
    let read = "40 further readings like those before have no row of their own; the last of them was here.";
    assert_eq!(further(rows("audit.read", EventOutcome::Done).await), [("Dora Weiss".to_owned(), read.to_owned())]);
    // A minute later it is as it was.
    house.call(As::Eli, Method::GET, "audit", "").await;
    assert_eq!(rows("audit.read", EventOutcome::Denied).await.iter().filter(|(who, _)| who == "Eli Tanaka").count(), 62);
}

#[tokio::test(flavor = "multi_thread")]
async fn k6_is_asked_for_those_who_may_launch() {
    let Some((house, gate)) = Gate::closed().await else { return };
    gate.open();
    // Chris sees the app and may not launch there; Ana may.
    let fields = |number: usize| format!("{CART}&request[env]=NUMBER={number}");
    let judged = async |who: As, number: usize| {
        let answer = house.call(who, Method::POST, "judge", &fields(number)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        serde_json::from_str::<Judgement>(&answer.body).unwrap()
    };
    let chris = judged(As::Chris, 7).await;
    assert!(!chris.may_start && !chris.pending && chris.max_vus.is_none() && chris.rules.is_empty(), "{chris:?}");
    assert!(chris.sentence.contains("launch"), "{}", chris.sentence);
    assert!(!gate.asked().iter().any(|order| order.contains("NUMBER=7")), "{:?}", gate.asked());
    let ana = judged(As::Ana, 7).await;
    assert!(ana.may_start && ana.max_vus.is_some(), "{ana:?}");
    assert!(gate.asked().iter().any(|order| order.contains("NUMBER=7")), "{:?}", gate.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_asks_k6_so_much_a_minute_and_no_more() {
    let clock = std::sync::Arc::new(LaterClock::default());
    let plan = Plan { clock: std::sync::Arc::<LaterClock>::clone(&clock), runner: vec!["/bin/false".into()], ..Plan::default() };
    let Some(house) = House::build(plan).await else { return };
    let judged = async |who: As, number: usize| house.call(who, Method::POST, "judge", &format!("{CART}&request[env]=NUMBER={number}")).await;
    for number in 0..60 {
        let answer = judged(As::Ana, number).await;
        assert!(answer.status == StatusCode::OK && !answer.body.contains("new questions"), "{number}: {}", answer.body);
    }
    let answer = judged(As::Ana, 60).await;
    assert!(
        answer.status == StatusCode::OK && answer.body.contains("60 new questions within a minute") && answer.body.contains("Wait a minute"),
        "{}",
        answer.body
    );
    let launched = house.call(As::Ana, Method::POST, "launch", &format!("{CART}&request[env]=NUMBER=61")).await;
    assert!(launched.body.contains("60 new questions"), "{}: {}", launched.status, launched.body);
    assert_eq!(house.page(As::Ana, "/launch?path=/shop/cart/").await.status, StatusCode::OK, "the form is still there");
    assert!(!judged(As::Ben, 60).await.body.contains("new questions"), "others ask");
    clock.advance(60);
    assert!(!judged(As::Ana, 60).await.body.contains("new questions"));
}
