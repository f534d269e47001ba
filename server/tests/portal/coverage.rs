//! Every page, server function and route, as the program itself lists them, asked as nobody and as each person. A new one
//! without a case here fails the test.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use windfirm::http::{
    routes::{ordinary, pages},
    table::{Changes, Who},
};
use windfirm_model::{audit::EventOutcome, id::RunId};

use crate::harness::{As, House};

/// Statuses in the order of [`As::PEOPLE`]: Ana (developer of the shop), Ben (its lead), Eli (developer of search), Chris
/// (platform), Dora (auditor).
type Expected = [u16; 5];

const EVERYBODY: Expected = [200; 5];
/// The shop's things: Eli may not know that they exist.
const SHOP: Expected = [200, 200, 404, 200, 200];
const LEADS_AND_AUDITORS: Expected = [403, 200, 403, 403, 200];
const PLATFORM: Expected = [403, 403, 403, 200, 403];

/// Page as listed, address to ask (`RUN` becomes the id of a run of /shop/cart/, `SHORT` its six characters), statuses.
const PAGES: &[(&str, &str, Expected)] = &[
    ("/", "/", EVERYBODY),
    ("/tree", "/tree", EVERYBODY),
    ("/apps/{*path}", "/apps/shop/cart/", SHOP),
    ("/launch", "/launch?path=/shop/cart/", SHOP),
    ("/runs", "/runs", EVERYBODY),
    ("/runs/{id}", "/runs/RUN", SHOP),
    ("/runs/{id}", "/runs/SHORT", [302, 302, 404, 302, 302]),
    ("/runs/{id}", "/runs/zzzzzz", [404; 5]),
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
    ("find_run", Method::GET, "short=SHORT", SHOP, false),
    ("find_run", Method::GET, "short=zzzzzz", [404; 5], false),
    ("log", Method::GET, "id=RUN", SHOP, false),
    // Ana's run: she stops it herself, then there is nothing left to stop for Ben; the others may not or may not know.
    ("stop", Method::POST, "id=RUN", [200, 409, 404, 403, 403], true),
    ("audit", Method::GET, "", LEADS_AND_AUDITORS, false),
    ("access", Method::GET, "", EVERYBODY, false),
    ("policy", Method::GET, "", PLATFORM, false),
    ("system", Method::GET, "", PLATFORM, false),
    // Here is no cluster to ask; whoever would see no answer may not even try.
    ("ask_clusters", Method::POST, "", [409, 409, 409, 409, 403], true),
];

/// An ordinary route as listed, how to ask it, and the statuses for nobody and for the five people.
struct Case {
    method: Method,
    path: &'static str,
    address: &'static str,
    form: &'static str,
    nobody: u16,
    people: Expected,
}

const fn case(method: Method, path: &'static str, address: &'static str, form: &'static str, nobody: u16, people: Expected) -> Case {
    Case { method, path, address, form, nobody, people }
}

/// Every route that is neither page nor server function. No identity provider answers here, and nobody knows a runner's token.
const ORDINARY: &[Case] = &[
    case(Method::GET, "/health/live", "/health/live", "", 200, EVERYBODY),
    case(Method::GET, "/health/ready", "/health/ready", "", 200, EVERYBODY),
    case(Method::GET, "/metrics", "/metrics", "", 200, EVERYBODY),
    case(Method::POST, "/ingest/v2/metrics/{execution}", "/ingest/v2/metrics/0193", "", 404, [404; 5]),
    case(Method::POST, "/ingest/v2/metrics/{execution}", "/ingest/v2/metrics/00000000000000000000000000000000", "", 401, [401; 5]),
    case(Method::GET, "/ingest/v2/archives/{execution}/{digest}", "/ingest/v2/archives/0193/x", "", 404, [404; 5]),
    case(Method::GET, "/ingest/v2/archives/{execution}/{digest}", "/ingest/v2/archives/00000000000000000000000000000000/x", "", 401, [401; 5]),
    case(Method::GET, "/runs/{id}/events", "/runs/RUN/events", "", 401, SHOP),
    case(Method::GET, "/login", "/login?return_to=/tree", "", 200, [303; 5]),
    case(Method::POST, "/login", "/login", "issuer=demo&return_to=/tree", 503, [503; 5]),
    case(Method::GET, "/login/{issuer}/callback", "/login/demo/callback?code=x&state=y", "", 400, [400; 5]),
    case(Method::POST, "/logout", "/logout", "", 303, [303; 5]),
    case(Method::GET, "/logged-out", "/logged-out", "", 200, EVERYBODY),
    case(Method::POST, "/theme", "/theme", "theme=dark&to=/tree", 303, [303; 5]),
];

/// A form as a page of ours sends it, or a plain reading.
fn asked(method: &Method, address: &str, form: &str) -> Request<Body> {
    let request = Request::builder().method(method.clone()).uri(address).header("host", "127.0.0.1:7700").header("sec-fetch-site", "same-origin");
    request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(form.to_owned())).unwrap()
}

async fn launch(house: &House) -> String {
    let fields = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke&request[reason]=coverage";
    let answer = house.call(As::Ana, Method::POST, "launch", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.trim_matches('"').to_owned()
}

/// With the run in the place of `RUN` and `SHORT`.
fn named(text: &str, run: &str) -> String {
    text.replace("RUN", run).replace("SHORT", &run.parse::<RunId>().unwrap().short())
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
        let address = named(address, &run);
        let nobody = house.page(As::Nobody, &address).await;
        assert_eq!(nobody.status, StatusCode::SEE_OTHER, "{page} as nobody");
        assert!(nobody.headers["location"].to_str().unwrap().starts_with("/login?return_to="), "{page} as nobody");
        for (who, expected) in As::PEOPLE.into_iter().zip(*expected) {
            let answer = house.page(who, &address).await;
            if answer.status != expected {
                wrong.push(format!("{page} as {who:?}: {} instead of {expected}", answer.status));
            }
            if expected == 302 {
                assert_eq!(answer.headers["location"], format!("/runs/{}", run.parse::<RunId>().unwrap()), "{page} as {who:?}");
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
        let fields = named(fields, &run);
        let nobody = house.call(As::Nobody, method.clone(), name, &fields).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{name} as nobody");
        for (who, expected) in As::PEOPLE.into_iter().zip(*expected) {
            let before = house.record().await;
            let answer = house.call(who, method.clone(), name, &fields).await;
            if answer.status != expected {
                wrong.push(format!("{name} as {who:?}: {} instead of {expected}: {}", answer.status, answer.body.chars().take(200).collect::<String>()));
            }
            let after = house.record().await;
            let new = after.iter().filter(|(seq, _)| !before.contains_key(seq)).map(|(_, row)| row.outcome).collect::<Vec<_>>();
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
async fn every_ordinary_route_has_its_cases() {
    let Some(house) = House::open().await else { return };
    let listed: BTreeSet<String> = ordinary().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let cases: BTreeSet<String> = ORDINARY.iter().map(|case| format!("{} {}", case.method, case.path)).collect();
    assert_eq!(listed, cases, "a route without a case, or a case without its route");
    let run = launch(&house).await;
    let mut wrong = Vec::new();
    for case in ORDINARY {
        let route = ordinary().into_iter().find(|route| route.method == case.method && route.path == case.path).unwrap();
        let address = case.address.replace("RUN", &run);
        let everybody = [(As::Nobody, case.nobody)].into_iter().chain(As::PEOPLE.into_iter().zip(case.people));
        for (who, expected) in everybody {
            let what = format!("{} {address} as {who:?}", case.method);
            let before = house.record().await;
            let (status, headers) = house.head(who, asked(&case.method, &address, case.form)).await;
            if status != expected {
                wrong.push(format!("{what}: {status} instead of {expected}"));
            }
            for header in ["x-content-type-options", "x-request-id", "content-security-policy"] {
                assert!(headers.contains_key(header), "{what} has no {header}");
            }
            let new: Vec<_> = house.record().await.into_iter().filter(|(seq, _)| !before.contains_key(seq)).map(|(_, row)| row).collect();
            // Who is not there cannot leave, and nothing is to be told of it.
            let is_recorded = route.changes == Changes::Recorded && !(case.path == "/logout" && who == As::Nobody);
            // A stranger's attempt to read a run is on the record too.
            let is_stranger = route.who == Who::LoggedIn && expected == 404;
            // Of runners that were refused the record has one row a minute, so the first of these leaves it.
            let is_first_delivery = case.path.starts_with("/ingest/v2/metrics/") && expected == 401 && who == As::Nobody;
            if new.is_empty() == (is_recorded || is_stranger || is_first_delivery) {
                wrong.push(format!("{what} left on the record: {new:?}"));
            }
            if route.who == Who::LoggedIn && who == As::Nobody && status.is_success() {
                wrong.push(format!("{what}: nobody got in"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_route_is_registered_beside_the_tables() {
    // One address of server functions; the app lists what lies behind it.
    let routes = include_str!("../../src/http/routes.rs");
    let by_hand: Vec<&str> = routes.lines().map(str::trim).filter(|line| [".route(", ".nest", "_service("].iter().any(|way| line.contains(way))).collect();
    assert!(matches!(by_hand.as_slice(), [functions, ".fallback_service(files)"] if functions.starts_with(".route(")), "put it into a table: {by_hand:?}");
    assert!(routes.contains("\"/api/fn/{*name}\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_may_read_anything() {
    let Some(house) = House::open().await else { return };
    let addresses = pages().into_iter().map(|page| page.path().to_owned()).chain(ordinary().into_iter().map(|route| route.path.to_owned()));
    for address in addresses.chain(["/api/fn/frame".to_owned(), "/nowhere".to_owned()]) {
        let address = address
            .replace("{*path}", "shop/cart/")
            .replace("{id}", "0193")
            .replace("{issuer}", "demo")
            .replace("{execution}", "0193")
            .replace("{digest}", "x");
        let request = Request::get(&address).header("origin", "https://evil.example").body(Body::empty()).unwrap();
        let (_, headers) = house.head(As::Ana, request).await;
        assert!(!headers.contains_key("access-control-allow-origin"), "{address}");
    }
}

/// Everything that changes something for somebody with a browser: address and form.
fn changing() -> Vec<(String, &'static str)> {
    let functions = FUNCTIONS.iter().filter(|(_, method, ..)| *method == Method::POST).map(|(name, _, fields, ..)| (format!("/api/fn/{name}"), *fields));
    let routes = ordinary().into_iter().filter(|route| route.method == Method::POST && route.who != Who::Runners);
    let forms = routes.map(|route| (route.path.to_owned(), ORDINARY.iter().find(|case| case.path == route.path && case.method == Method::POST).unwrap().form));
    functions.chain(forms).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_taken_from_our_own_pages_only() {
    let Some(house) = House::open().await else { return };
    let elsewhere: &[&[(&str, &str)]] = &[
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:7700")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://127.0.0.1:7701")],
        &[("origin", "null")],
        // Neither: no browser that shows our pages leaves both out.
        &[],
        &[("origin", ""), ("sec-fetch-site", "")],
    ];
    for (address, form) in changing() {
        for headers in elsewhere {
            let mut request = asked(&Method::POST, &address, form);
            request.headers_mut().remove("sec-fetch-site");
            for (name, value) in *headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            let before = house.record().await.len();
            let answer = house.send(As::Ana, request).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{address} with {headers:?}");
            assert!(answer.body.contains("Nothing was changed"), "{address} with {headers:?}: {}", answer.body);
            assert!(!answer.headers.contains_key("set-cookie"), "{address} with {headers:?}");
            assert_eq!(house.record().await.len(), before, "{address} with {headers:?} did something");
        }
        // An older browser says its origin only.
        let mut request = asked(&Method::POST, &address, form);
        request.headers_mut().remove("sec-fetch-site");
        request.headers_mut().insert("origin", "http://127.0.0.1:7700".parse().unwrap());
        assert_ne!(house.send(As::Ana, request).await.status, StatusCode::FORBIDDEN, "{address} from our own page");
    }
    // The way back from an identity provider comes from another site by its nature, with GET; its state and cookie protect it.
    let back = Request::get("/login/demo/callback?code=x&state=y").header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap();
    assert_eq!(house.send(As::Nobody, back).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_changes_nothing() {
    let Some(house) = House::open().await else { return };
    let readable: Vec<&str> = ordinary().into_iter().filter(|route| route.method == Method::GET).map(|route| route.path).collect();
    for (address, form) in changing() {
        // Where GET is a page of its own, it was asked above.
        if readable.contains(&address.as_str()) {
            continue;
        }
        let before = house.record().await.len();
        let answer = house.send(As::Ana, asked(&Method::GET, &format!("{address}?{form}"), "")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "GET {address}");
        assert_eq!(house.record().await.len(), before, "GET {address} did something");
    }
}
