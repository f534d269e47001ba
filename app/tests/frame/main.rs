//! What is around every page: routes, statuses, headers, the theme, and the server functions as public endpoints.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod portal;
mod serve;

use portal::{Answers, frame};
use serve::{call, page, page_with, routes};
use windfirm_app::{FormTargets, api::ApiError, shell::content_security_policy};
use windfirm_model::fault::Fault;

fn no_portal_away() -> Fault {
    Fault::Unavailable { what: "The store is away since 12:00:00 UTC. Try again in a minute.".to_owned() }
}

#[tokio::test]
async fn every_page_is_whole_in_the_first_answer() {
    let mut paths: Vec<&str> = routes().iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        ["/", "/access", "/apps/{*path}", "/audit", "/launch", "/policy", "/runs", "/runs/{id}", "/runs/{id}/log", "/sessions", "/system", "/tree"]
    );
    for (path, mode) in routes() {
        // A streamed page would need script to put its parts in place, and its status would be sent before it is known.
        assert_eq!(mode, "Async", "{path}");
    }
}

#[test]
fn server_functions_have_stable_names() {
    windfirm_app::api::register();
    let mut names: Vec<String> = server_fn::axum::server_fn_paths().map(|(path, method)| format!("{method} {path}")).collect();
    names.sort_unstable();
    insta::assert_snapshot!(names.join("\n"));
}

#[tokio::test]
async fn a_fault_is_a_page_with_the_status_that_says_the_same() {
    let forbidden = Fault::Forbidden { why: "Reading the policy needs `policy.view`, which no grant of yours gives.".to_owned() };
    let internal = Fault::Internal { request_id: "req-41c0".to_owned() };
    for (fault, status, words) in [
        (Fault::NotFound, 404, "Nothing here that you can see"),
        (forbidden, 403, "<code>policy.view</code>"),
        (no_portal_away(), 503, "The store is away since"),
        (internal, 500, "req-41c0"),
        (Fault::field("env", "There is no environment “moon”."), 422, "There is no environment “moon”."),
        (Fault::NotLoggedIn, 401, "href=\"/login\""),
    ] {
        let page = page("/policy", Answers::failing(fault)).await;
        assert_eq!(page.status, status, "{words}");
        assert!(page.html.contains(words), "{words}: {}", page.html);
        assert_eq!(page.html.matches("<h1").count(), 1);
        assert!(page.html.contains("<title>") && page.html.contains(" · Windfirm</title>"));
    }
}

#[tokio::test]
async fn an_address_without_a_page_tells_the_same_as_a_thing_of_somebody_else() {
    let none = page("/nonsense/deep", Answers::default()).await;
    let hidden = page("/apps/other/team/", Answers::default()).await;
    assert_eq!((none.status, hidden.status), (404, 404));
    assert_eq!(none.main(), hidden.main());
}

#[tokio::test]
async fn a_menu_that_cannot_be_loaded_does_not_take_the_page_with_it() {
    let page = page("/sessions", Answers { frame: Err(no_portal_away()), sessions: Ok(Vec::new()), ..Answers::default() }).await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("<h1"));
    assert!(page.html.contains("The store is away since"), "the side bar says what is missing");
}

#[tokio::test]
async fn the_policy_allows_the_scripts_of_this_answer_and_nothing_else() {
    let page =
        page_with("/sessions", Answers { sessions: Ok(Vec::new()), ..Answers::default() }, "", FormTargets(vec!["http://127.0.0.1:7001".to_owned()])).await;
    let policy = page.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("the policy names a nonce");
    assert!(nonce.len() >= 16);
    let scripts: Vec<&str> = page.html.split("<script").skip(1).filter_map(|rest| rest.split('>').next()).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        assert!(script.contains(&format!("nonce=\"{nonce}\"")), "a script without the nonce would be refused: <script{script}>");
    }
    assert!(!page.html.contains(" style="), "inline styles would be refused");
    assert!(!page.html.contains("<style"));
    assert!(policy.contains("form-action 'self' http://127.0.0.1:7001;"));
    for forbidden in ["unsafe-inline", "unsafe-eval'", "*"] {
        assert!(!policy.replace("wasm-unsafe-eval", "").contains(forbidden), "{policy}");
    }
}

#[test]
fn a_page_without_script_gets_a_policy_without_a_nonce() {
    let policy = content_security_policy(None, &FormTargets::default());
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';") && policy.contains("form-action 'self';"));
}

#[tokio::test]
async fn two_answers_never_share_a_nonce() {
    let answers = || Answers { sessions: Ok(Vec::new()), ..Answers::default() };
    let (first, second) = (page("/sessions", answers()).await, page("/sessions", answers()).await);
    assert_ne!(first.header("content-security-policy"), second.header("content-security-policy"));
}

#[tokio::test]
async fn the_theme_of_the_cookie_stands_on_the_root_element() {
    for (cookie, root) in [
        ("", "<html lang=\"en\">"),
        ("windfirm_theme=dark", "<html lang=\"en\" data-theme=\"dark\">"),
        ("a=b; windfirm_theme=light", "<html lang=\"en\" data-theme=\"light\">"),
        ("windfirm_theme=\"><script>", "<html lang=\"en\">"),
    ] {
        let page = page_with("/sessions", Answers { sessions: Ok(Vec::new()), ..Answers::default() }, cookie, FormTargets::default()).await;
        assert!(page.html.contains(root), "{cookie}");
    }
}

#[tokio::test]
async fn the_menu_shows_only_what_exists_for_this_person() {
    let sessions = || Ok(Vec::new());
    let low = page("/sessions", Answers { sessions: sessions(), ..Answers::default() }).await;
    for place in ["href=\"/audit\"", "href=\"/policy\"", "href=\"/system\""] {
        assert!(!low.html.contains(place), "{place}");
    }
    let high = windfirm_model::view::frame::Frame { may_view_audit: true, may_view_policy: true, may_view_system: true, ..frame() };
    let high = page("/sessions", Answers { frame: Ok(high), sessions: sessions(), ..Answers::default() }).await;
    for place in ["href=\"/audit\"", "href=\"/policy\"", "href=\"/system\""] {
        assert!(high.html.contains(place), "{place}");
    }
}

#[tokio::test]
async fn a_call_by_script_gets_the_status_and_the_fault_itself() {
    let refused = call("GET", "/api/fn/app?path=/shop/", "application/json", Answers::default()).await;
    assert_eq!(refused.status, 404);
    let error: ApiError = serde_json::from_str(&refused.html).expect("the fault is JSON");
    assert_eq!(error.into_fault(), Fault::NotFound);

    let malformed = call("GET", "/api/fn/app?path=half", "application/json", Answers::default()).await;
    assert_eq!(malformed.status, 422);
    assert!(matches!(serde_json::from_str(&malformed.html), Ok(ApiError::Malformed { .. })));

    let without_arguments = call("GET", "/api/fn/tree", "application/json", Answers::failing(Fault::NotLoggedIn)).await;
    assert_eq!(without_arguments.status, 401, "a query without filters is a query all the same: {}", without_arguments.html);
}

#[tokio::test]
async fn a_plain_form_is_sent_back_to_its_page_with_the_fault() {
    let refused = call("POST", "/api/fn/end_session", "text/html", Answers::failing(Fault::NotFound)).await;
    assert_eq!(refused.status, 302);
    let back = refused.header("location");
    assert!(back.starts_with("http://portal.example/sessions?") && back.contains("__err="), "{back}");
}
