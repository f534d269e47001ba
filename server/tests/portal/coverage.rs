//! Every page, server function and route, as the program itself lists them, asked as nobody and as each person. A new one
//! without a case here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use windfirm::http::routes::pages;
use windfirm_model::{actor::SystemTask, audit::EventOutcome};
use windfirm_policy::Access;
use windfirm_store::audit::AuditFilter;

use crate::harness::{As, House};

/// Statuses in the order of [`As::PEOPLE`]: Ana (developer of the shop), Ben (its lead), Eli (developer of search), Chris
/// (platform), Dora (auditor).
type Expected = [u16; 5];

const EVERYBODY: Expected = [200; 5];
/// The shop's things: Eli may not know that they exist.
const SHOP: Expected = [200, 200, 404, 200, 200];
const LEADS_AND_AUDITORS: Expected = [403, 200, 403, 403, 200];
const PLATFORM: Expected = [403, 403, 403, 200, 403];

/// Page as listed, address to ask (`RUN` becomes the id of a run of /shop/cart/), statuses.
const PAGES: &[(&str, &str, Expected)] = &[
    ("/", "/", EVERYBODY),
    ("/tree", "/tree", EVERYBODY),
    ("/apps/{*path}", "/apps/shop/cart/", SHOP),
    ("/launch", "/launch?path=/shop/cart/", SHOP),
    ("/runs", "/runs", EVERYBODY),
    ("/runs/{id}", "/runs/RUN", SHOP),
    ("/runs/{id}/log", "/runs/RUN/log", SHOP),
    ("/audit", "/audit", LEADS_AND_AUDITORS),
    ("/access", "/access", EVERYBODY),
    ("/policy", "/policy", PLATFORM),
    ("/system", "/system", PLATFORM),
    ("/sessions", "/sessions", EVERYBODY),
];

/// Server function as listed, method, fields, statuses, and whether it changes something (and so must leave audit rows).
const FUNCTIONS: &[(&str, Method, &str, Expected, bool)] = &[
    ("frame", Method::GET, "", EVERYBODY, false),
    ("home", Method::GET, "", EVERYBODY, false),
    ("sessions", Method::GET, "", EVERYBODY, false),
    // Nobody has a session with this handle.
    ("end_session", Method::POST, "handle=0123456789abcdef", [404; 5], true),
    ("tree", Method::GET, "", EVERYBODY, false),
    ("app", Method::GET, "path=/shop/cart/", SHOP, false),
    ("launch_form", Method::GET, "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke", SHOP, false),
    ("judge", Method::POST, "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke", SHOP, false),
    ("launch", Method::POST, "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke", [200, 200, 404, 403, 403], true),
    ("launch", Method::POST, "request[path]=/shop/cart/&request[profile]=storm", [422, 422, 404, 403, 403], true),
    ("runs", Method::GET, "", EVERYBODY, false),
    ("run", Method::GET, "id=RUN", SHOP, false),
    ("log", Method::GET, "id=RUN", SHOP, false),
    // Ana's run: she stops it herself, then there is nothing left to stop for Ben; the others may not or may not know.
    ("stop", Method::POST, "id=RUN", [200, 409, 404, 403, 403], true),
    ("audit", Method::GET, "", LEADS_AND_AUDITORS, false),
    ("access", Method::GET, "", EVERYBODY, false),
    ("policy", Method::GET, "", PLATFORM, false),
    ("system", Method::GET, "", PLATFORM, false),
];

/// Everything else that answers, as nobody: machines' routes and the door. May only shrink, or grow with a reason.
const OPEN: &[(Method, &str, u16)] = &[
    (Method::GET, "/health/live", 200),
    (Method::GET, "/health/ready", 200),
    (Method::GET, "/metrics", 200),
    (Method::POST, "/ingest/v2/metrics/0193", 404),
    (Method::POST, "/ingest/v2/metrics/00000000000000000000000000000000", 401),
    (Method::GET, "/login", 200),
    (Method::GET, "/logged-out", 200),
];

async fn launch(house: &House) -> String {
    let fields = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke&request[reason]=coverage";
    let answer = house.call(As::Ana, Method::POST, "launch", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.trim_matches('"').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_its_cases() {
    let Some(house) = House::open().await else { return };
    let run = launch(&house).await;
    let listed: BTreeSet<String> = pages().iter().map(|page| page.path().to_owned()).collect();
    let cases: BTreeSet<String> = PAGES.iter().map(|(page, ..)| (*page).to_owned()).collect();
    assert_eq!(listed, cases, "a page without a case, or a case without its page");
    let mut wrong = Vec::new();
    for (page, address, expected) in PAGES {
        let address = address.replace("RUN", &run);
        let nobody = house.page(As::Nobody, &address).await;
        assert_eq!(nobody.status, StatusCode::SEE_OTHER, "{page} as nobody");
        assert!(nobody.headers["location"].to_str().unwrap().starts_with("/login?return_to="), "{page} as nobody");
        for (who, expected) in As::PEOPLE.into_iter().zip(*expected) {
            let answer = house.page(who, &address).await;
            if answer.status != expected {
                wrong.push(format!("{page} as {who:?}: {} instead of {expected}", answer.status));
            }
            for forbidden in ["style=\"", "eyJ"] {
                assert!(!answer.body.contains(forbidden), "{page} as {who:?} holds {forbidden}");
            }
            let policy = answer.headers.get("content-security-policy").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{page} as {who:?}: {policy}");
            if who == As::Eli && expected == 404 {
                assert!(!answer.body.contains("cart.js"), "{page}: the answer to a stranger names what is not theirs");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_has_its_cases() {
    let Some(house) = House::open().await else { return };
    let listed: BTreeSet<String> = server_fn::axum::server_fn_paths().map(|(path, _)| path.trim_start_matches("/api/fn/").to_owned()).collect();
    let cases: BTreeSet<String> = FUNCTIONS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(listed, cases, "a server function without a case, or a case without its function");
    let run = launch(&house).await;
    let mut wrong = Vec::new();
    for (name, method, fields, expected, changes) in FUNCTIONS {
        let fields = fields.replace("RUN", &run);
        let nobody = house.call(As::Nobody, method.clone(), name, &fields).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{name} as nobody");
        for (who, expected) in As::PEOPLE.into_iter().zip(*expected) {
            let before = audit_rows(&house).await;
            let answer = house.call(who, method.clone(), name, &fields).await;
            if answer.status != expected {
                wrong.push(format!("{name} as {who:?}: {} instead of {expected}: {}", answer.status, answer.body.chars().take(200).collect::<String>()));
            }
            let after = audit_rows(&house).await;
            let new = after.iter().filter(|(seq, _)| !before.contains_key(seq)).map(|(_, outcome)| *outcome).collect::<Vec<_>>();
            if *changes && new.is_empty() {
                wrong.push(format!("{name} as {who:?} left no audit row"));
            }
            if *changes && expected == 200 && !new.contains(&EventOutcome::Done) {
                wrong.push(format!("{name} as {who:?} left no outcome: {new:?}"));
            }
            if (expected == 403 || *changes && expected == 422) && !new.contains(&EventOutcome::Denied) {
                wrong.push(format!("{name} as {who:?} was refused without a row"));
            }
            if name != &"end_session" && expected == 404 && !new.contains(&EventOutcome::Denied) {
                wrong.push(format!("{name} as {who:?}: the attempt of a stranger is not on the record"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_is_for_those_who_may_see_the_run() {
    let Some(house) = House::open().await else { return };
    let run = launch(&house).await;
    let address = format!("/runs/{run}/events");
    for (who, expected) in [(As::Nobody, 401), (As::Eli, 404)] {
        assert_eq!(house.send(who, Request::get(&address).body(Body::empty()).unwrap()).await.status, expected, "{who:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_to_nobody_is_a_short_list() {
    let Some(house) = House::open().await else { return };
    for (method, address, expected) in OPEN {
        let request = Request::builder().method(method.clone()).uri(*address).body(Body::empty()).unwrap();
        let answer = house.send(As::Nobody, request).await;
        assert_eq!(answer.status, *expected, "{method} {address}: {}", answer.body);
        assert!(answer.headers.contains_key("x-content-type-options") && answer.headers.contains_key("x-request-id"), "{address}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_asked_for_from_another_site_is_refused() {
    let Some(house) = House::open().await else { return };
    for (name, method, fields, _, changes) in FUNCTIONS {
        if !changes {
            continue;
        }
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("/api/fn/{name}"))
            .header("host", "127.0.0.1:7700")
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(*fields))
            .unwrap();
        let before = audit_rows(&house).await.len();
        assert_eq!(house.send(As::Ana, request).await.status, StatusCode::FORBIDDEN, "{name}");
        assert_eq!(audit_rows(&house).await.len(), before, "{name} did something");
        // And a GET changes nothing either.
        let answer = house.call(As::Ana, Method::GET, name, fields).await;
        assert!(matches!(answer.status.as_u16(), 400 | 404 | 405), "{name} by GET: {}", answer.status);
    }
}

/// Number and outcome of every operation in the log.
async fn audit_rows(house: &House) -> BTreeMap<i64, EventOutcome> {
    let slice = house.portal.store.audit(&Access::system(SystemTask::AuditReconciler), &AuditFilter::default(), 10_000).await.unwrap();
    slice.rows.into_iter().map(|row| (row.seq, row.outcome)).collect()
}
