//! In and out through a real identity provider: what stands on the record, and what the browser is told to keep.

use axum::http::StatusCode;
use windfirm::config::Config;
use windfirm_model::audit::EventOutcome::{Denied, Done};

use crate::visitor::{Visitor, house_with_provider};

const LOOPBACK: &str = "http://127.0.0.1:7700/";
const COMPANY: &str = "https://windfirm.example/";

fn rows(expected: &[(&str, windfirm_model::audit::EventOutcome, &str)]) -> Vec<(String, windfirm_model::audit::EventOutcome, String)> {
    expected.iter().map(|(code, outcome, who)| ((*code).to_owned(), *outcome, (*who).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_who_is_refused_and_who_goes_stands_on_the_record() {
    let Some(house) = house_with_provider(LOOPBACK).await else { return };
    let mut ana = Visitor::new(&house);
    let landed = ana.log_in("ana").await;
    assert_eq!((landed.status, landed.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/tree"), "{}", landed.body);
    assert_eq!(house.at_the_door().await, rows(&[("session.login", Done, "Ana Ruiz")]));

    // Who chooses nobody at the provider is refused, and so is who comes with a link of somebody else.
    let mut stranger = Visitor::new(&house);
    assert_eq!(stranger.log_in("-").await.status, StatusCode::FORBIDDEN);
    let stolen = ana.visit_provider("ana").await;
    assert_eq!(stranger.get(&stolen).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(stranger.get("/tree").await.status, StatusCode::SEE_OTHER, "still nobody");

    assert_eq!(ana.get("/tree").await.status, StatusCode::OK);
    assert_eq!(ana.post("/logout", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(ana.get("/tree").await.status, StatusCode::SEE_OTHER, "nobody again");
    let refused = ("session.login_refused", Denied, "somebody unknown");
    let all = rows(&[("session.login", Done, "Ana Ruiz"), refused, refused, ("session.logout", Done, "Ana Ruiz")]);
    assert_eq!(house.at_the_door().await, all);
}

/// Name and attributes of a `Set-Cookie` value, the attributes in lower case and in order.
fn parts(set: &str) -> (&str, Vec<String>) {
    let mut parts = set.split("; ");
    let name = parts.next().unwrap().split('=').next().unwrap();
    let mut attributes: Vec<String> = parts.map(str::to_lowercase).filter(|part| !part.starts_with("max-age") && !part.starts_with("expires")).collect();
    attributes.sort();
    (name, attributes)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_https_cookies_belong_to_this_host_alone_and_browsers_stay_on_https() {
    let Some(house) = house_with_provider(COMPANY).await else { return };
    let mut ana = Visitor::new(&house);
    assert_eq!(ana.log_in("ana").await.headers["location"], "/tree");
    assert_eq!(ana.get("/tree").await.status, StatusCode::OK);
    ana.post("/theme", "theme=dark").await;
    ana.post("/logout", "").await;
    let theme = ana.set.iter().position(|set| set.starts_with("windfirm_theme=")).unwrap();
    assert!(parts(&ana.set.remove(theme)).1.contains(&"secure".to_owned()));
    // Login under way (set, removed), session (set, removed), log-out under way.
    assert!(ana.set.len() >= 5, "{:?}", ana.set);
    assert!(ana.set.iter().any(|set| set.starts_with("__Host-windfirm=")), "{:?}", ana.set);
    for set in &ana.set {
        let (name, attributes) = parts(set);
        // Demanded by the prefix: Secure, Path=/, and no Domain.
        assert!(name == "__Host-windfirm" || name.starts_with("__Host-windfirm-"), "{set}");
        // A cookie that is removed has no value to be kept from scripts, but a browser removes it only when it is Secure.
        let is_removed = set.starts_with("__Host-windfirm=;");
        assert_eq!(attributes, if is_removed { vec!["path=/", "secure"] } else { vec!["httponly", "path=/", "samesite=lax", "secure"] }, "{set}");
        assert!(set.len() < 4_096);
    }
    for address in ["/login", "/tree", "/nowhere", "/health/live", "/pkg/none.css", "/api/fn/frame", "/login/demo/callback"] {
        let answer = Visitor::new(&house).get(address).await;
        let hsts = answer.headers.get("strict-transport-security").map(|value| value.to_str().unwrap());
        assert_eq!(hsts, Some("max-age=63072000; includeSubDomains"), "{address}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_cookie_is_for_http_on_this_computer() {
    let Some(house) = house_with_provider(LOOPBACK).await else { return };
    let mut ana = Visitor::new(&house);
    ana.log_in("ana").await;
    assert!(ana.cookies.contains_key("windfirm"), "{:?}", ana.set);
    for set in &ana.set {
        let (name, attributes) = parts(set);
        assert!(name == "windfirm" || name.starts_with("windfirm-login-"), "{set}");
        assert_eq!(attributes, ["httponly", "path=/", "samesite=lax"], "{set}");
    }
    assert!(!ana.get("/tree").await.headers.contains_key("strict-transport-security"));

    let file = "state: s\npolicy: p\ntree: { repository: r }\nidentity: [ { name: a, issuer: 'https://login.example', client_id: c } ]\npublic_url: ";
    for (address, is_taken) in [("http://127.0.0.1:7700", true), ("http://[::1]:7700", true), ("http://windfirm.example", false), ("http://10.0.0.7", false)] {
        let problems = Config::parse(&format!("{file}'{address}'")).err().unwrap_or_default();
        assert_eq!(problems.is_empty(), is_taken, "{address}: {problems:?}");
        assert!(is_taken || problems[0].contains("in the clear"), "{address}: {problems:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_at_the_door_does_not_fill_the_record() {
    let Some(house) = house_with_provider(LOOPBACK).await else { return };
    let mut somebody = Visitor::new(&house);
    let mut refused = Vec::new();
    for number in 0..300 {
        let answer = if number % 2 == 0 {
            somebody.get(&format!("/login/demo/callback?code=x&state={number}")).await
        } else {
            somebody.post("/login", "issuer=nobody-knows").await
        };
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused.push(answer);
        }
    }
    let written = house.at_the_door().await.len();
    // It refills while the test runs, one in six seconds.
    assert!((60..120).contains(&written) && refused.len() == 300 - written, "{written} rows, {} refused", refused.len());
    let wait: u32 = refused[0].headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait) && refused[0].body.contains("Too many attempts"), "{}", refused[0].body);
    assert!(
        house
            .send(crate::harness::As::Nobody, axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap())
            .await
            .body
            .contains("windfirm_logins_left_out_total")
    );

    // How many were left out stands there, once; a second round has nothing to add.
    for _ in 0..2 {
        windfirm::worker::housekeeping::round(std::sync::Arc::clone(&house.portal)).await;
    }
    let told: Vec<_> = house.record().await.into_values().filter_map(|row| row.why).filter(|why| why.contains("no row of their own")).collect();
    assert_eq!(told, [format!("{} further attempts to log in were answered with “too many” and have no row of their own.", refused.len())]);
    // Whoever is in already is not held up, and other pages of the door are open.
    assert_eq!(house.page(crate::harness::As::Ana, "/tree").await.status, StatusCode::OK);
    assert_eq!(somebody.get("/login").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_many_addresses_closes_the_door_for_nobody() {
    let Some(house) = house_with_provider(LOOPBACK).await else { return };
    let begin = async |address: String| {
        let request = axum::http::Request::post("/login").header("sec-fetch-site", "same-origin").header("content-type", "application/x-www-form-urlencoded");
        let mut request = request.body(axum::body::Body::from("issuer=nobody-knows")).unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo::<std::net::SocketAddr>(address.parse().unwrap()));
        house.send(crate::harness::As::Nobody, request).await.status
    };
    for number in 0..900 {
        assert_eq!(begin(format!("198.51.{}.{}:4711", number / 250, number % 250)).await, StatusCode::NOT_FOUND);
    }
    let mut ana = Visitor::new(&house);
    assert_eq!(ana.log_in("ana").await.headers["location"], "/tree", "somebody comes in meanwhile");
    // What is bounded are the rows; they refill while the test runs, one a second. The others are told of as a number.
    let refused = |rows: &[(String, windfirm_model::audit::EventOutcome, String)]| rows.iter().filter(|(code, ..)| code == "session.login_refused").count();
    let written = refused(&house.at_the_door().await);
    assert!((600..900).contains(&written), "{written}");
    windfirm::worker::housekeeping::round(std::sync::Arc::clone(&house.portal)).await;
    let told: Vec<_> = house.record().await.into_values().filter_map(|row| row.why).filter(|why| why.contains("no row of their own")).collect();
    assert_eq!(told, [format!("{} further attempts to log in were refused, each with its reason, and have no row of their own.", 900 - written)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_under_another_name_of_this_computer_leads_to_the_one_that_logins_come_back_to() {
    let Some(house) = house_with_provider(LOOPBACK).await else { return };
    let open = |address: &str, host: &str| {
        let request = axum::http::Request::get(address).header("accept", "text/html").header("host", host);
        house.send(crate::harness::As::Nobody, request.body(axum::body::Body::empty()).unwrap())
    };
    for address in ["/", "/tree?q=cart", "/login?return_to=/tree", "//evil.example/", "/nowhere"] {
        let answer = open(address, "localhost:7700").await;
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{address}");
        let there: url::Url = answer.headers["location"].to_str().unwrap().parse().unwrap();
        assert_eq!(
            (there.origin().ascii_serialization().as_str(), answer.headers["location"].to_str().unwrap()),
            ("http://127.0.0.1:7700", format!("http://127.0.0.1:7700{address}").as_str())
        );
    }
    // Under our own name, and under names that are not this computer's, nobody is sent anywhere new.
    assert_eq!(open("/login", "127.0.0.1:7700").await.status, StatusCode::OK);
    assert_eq!(open("/login", "evil.example").await.status, StatusCode::OK);
    // Machines stay where they ask.
    assert_eq!(open("/health/live", "localhost:7700").await.status, StatusCode::OK);
}
