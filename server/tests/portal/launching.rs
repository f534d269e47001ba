//! Launching: what was typed is never lost, what is refused stands in the record, and what waits is judged again.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use windfirm::{usecase::launch::queued, worker::supervise};
use windfirm_identity::own_path;
use windfirm_model::{
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    id::RunId,
    run::{Cause, RunState},
    view::{audit::AuditRow, launch::Judgement},
};
use windfirm_policy::Access;
use windfirm_store::{
    audit::{AuditFilter, EventFilter},
    runs::RunRecord,
};

use crate::harness::{Answer, As, House};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js";

/// The launch form as a browser without script sends it.
async fn sent(house: &House, who: As, fields: &[(&str, &str)]) -> Answer {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        body.append_pair(&format!("request[{name}]"), value);
    }
    let request = Request::post("/api/fn/launch")
        .header(header::HOST, "127.0.0.1:7700")
        .header("sec-fetch-site", "same-origin")
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    house.send(who, request.body(Body::from(body.finish())).unwrap()).await
}

fn location(answer: &Answer) -> String {
    assert!(answer.status.is_redirection(), "{} {}", answer.status, answer.body);
    answer.headers.get(header::LOCATION).unwrap().to_str().unwrap().to_owned()
}

async fn launch(house: &House, who: As, fields: &str) -> RunId {
    let answer = house.call(who, Method::POST, "launch", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.trim_matches('"').parse().unwrap()
}

async fn record(house: &House, run: RunId) -> RunRecord {
    house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap()
}

/// The launches in the record, newest first.
async fn launches(house: &House) -> Vec<AuditRow> {
    let filter = AuditFilter { event: Some(EventFilter::Is(EventCode::RunLaunch)), ..AuditFilter::default() };
    house.portal.store.audit(&Access::system(SystemTask::AuditReconciler), &filter, 10_000).await.unwrap().rows
}

async fn rewrite(house: &House, from: &str, to: &str) {
    let file = &house.portal.settings.policy_file;
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(file, text.replace(from, to)).unwrap();
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
    assert!(house.portal.policy().refused.is_empty(), "{:?}", house.portal.policy().refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_changed_and_sent_again_is_another_run() {
    let Some(house) = House::open().await else { return };
    let form = |vus: &str| format!("{CART}&request[profile]=load&request[vus]={vus}&request[duration]=10s&request[once]=form-17");
    let first = launch(&house, As::Ana, &form("2")).await;
    assert_eq!(launch(&house, As::Ana, &form("2")).await, first);
    // Sent, gone back, changed, sent again.
    let second = launch(&house, As::Ana, &form("3")).await;
    assert_ne!(second, first);
    assert_eq!((record(&house, first).await.max_vus, record(&house, second).await.max_vus), (2, 3));
    assert_eq!(launch(&house, As::Ana, &form("3")).await, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_far_too_much_text_always_comes_back() {
    let Some(house) = House::open().await else { return };
    let long = 100 << 10;
    let lines = format!("GREETING=hello\n{}", "X=€€€€ &?#\n".repeat(long / 40));
    let word = "y".repeat(long);
    for (field, text) in [("env", lines.as_str()), ("env", word.as_str()), ("reason", word.as_str()), ("test", word.as_str()), ("vus", word.as_str())] {
        let mut fields =
            vec![("path", "/shop/cart/"), ("test", "services/cart/k6/cart.js"), ("profile", "load"), ("duration", "7m"), ("reason", "before the sale")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, text));
        let there = location(&sent(&house, As::Ana, &fields).await);
        assert!(there.starts_with("/launch?path=/shop/cart/&") && there.len() < 60_000, "{field}: {} bytes", there.len());
        let page = house.page(As::Ana, &there).await;
        assert_eq!(page.status, StatusCode::OK, "{field}");
        for said in ["Not started", "Shortened", "its end is missing", "value=\"7m\""] {
            assert!(page.body.contains(said), "{field}: {said} is missing");
        }
        assert!(field == "reason" || page.body.contains("before the sale"), "{field}");
        assert!(text != lines || page.body.contains("GREETING=hello"), "the beginning is kept");
    }
    assert_eq!(house.portal.store.queue_counts().await.unwrap().queued, 0);
    // Within what the fields take, nothing is lost.
    let most = format!("A={}\nB=2", "z".repeat(1_500));
    let there = location(&sent(&house, As::Ana, &[("path", "/shop/cart/"), ("env", &most), ("profile", "storm")]).await);
    assert!(!there.contains("&cut="), "{there}");
    let page = house.page(As::Ana, &there).await.body;
    assert!(page.contains("maxlength=\"500\"") && page.contains("maxlength=\"20000\"") && !page.contains("Shortened"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rule_is_judged_by_a_form_that_cannot_be_read() {
    let Some(house) = House::open().await else { return };
    let judged = async |fields: &str| -> Judgement {
        let answer = house.call(As::Ana, Method::POST, "judge", &format!("{CART}&{fields}")).await;
        serde_json::from_str(&answer.body).unwrap()
    };
    let good = judged("request[profile]=load&request[vus]=2&request[duration]=10s").await;
    assert!(good.may_start && !good.rules.is_empty() && good.rules.iter().all(|rule| rule.kept), "{good:?}");
    for (field, fields) in [
        ("vus", "request[profile]=load&request[vus]=abc"),
        ("duration", "request[profile]=load&request[duration]=soon"),
        ("profile", "request[profile]=storm"),
        ("env", "request[profile]=load&request[env]=nothing"),
        ("vus", "request[profile]=script&request[vus]=5"),
    ] {
        let judgement = judged(fields).await;
        assert_eq!(judgement.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [field], "{fields}");
        assert!(judgement.rules.is_empty() && judgement.max_vus.is_none() && !judgement.may_start, "{fields}: {judgement:?}");
    }
    // What no rule looks at keeps none from being judged.
    let reason = judged(&format!("request[profile]=load&request[reason]={}", "x".repeat(501))).await;
    assert!(!reason.rules.is_empty() && !reason.may_start, "{reason:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_session_has_ended_is_there_again_after_the_login() {
    let Some(house) = House::open().await else { return };
    let typed = [
        ("path", "/shop/cart/"),
        ("test", "services/cart/k6/cart.js"),
        ("profile", "load"),
        ("vus", "7"),
        ("env", "REGION=eu west\r\nROUND=2"),
        ("reason", "vor dem Schlußverkauf"),
        ("once", "form-17"),
    ];
    let door = location(&sent(&house, As::Nobody, &typed).await);
    let there = returns_to(&door);
    assert_eq!(own_path(&there), there, "the door takes it");
    let page = house.page(As::Ana, &there).await;
    assert_eq!(page.status, StatusCode::OK);
    for kept in ["value=\"7\"", "REGION=eu west\nROUND=2", "vor dem Schlußverkauf", "value=\"form-17\""] {
        assert!(page.body.contains(kept), "{kept} is lost");
    }
    assert!(!page.body.contains("Shortened"));

    // What does not fit through the door says so; nothing leads anywhere but to the form.
    let long = "x".repeat(50_000);
    let there = returns_to(&location(&sent(&house, As::Nobody, &[("path", "//evil.example/"), ("env", &long), ("reason", "kept")]).await));
    assert_eq!(own_path(&there), there);
    assert!(there.starts_with("/launch?path=//evil.example/&") && there.contains("reason=kept") && there.ends_with("&cut=env"), "{there}");
    assert_eq!(house.portal.store.queue_counts().await.unwrap().queued, 0);
}

/// Where a login leads back to.
fn returns_to(door: &str) -> String {
    let query = door.strip_prefix("/login?").unwrap_or_else(|| panic!("{door}"));
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return_to").unwrap().1.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_launch_that_is_refused_stands_in_the_record_with_its_reason() {
    let Some(house) = House::open_with(|_, config| (config.runner.queue, config.runner.per_person) = (4, 50)).await else { return };
    let cases = [
        (422, format!("{CART}&request[profile]=storm"), "There is no such profile", Some("/shop/cart/")),
        (422, "request[path]=/shop/cart/&request[test]=k6/none.js".to_owned(), "There is no test k6/none.js", Some("/shop/cart/")),
        (403, format!("{CART}&request[profile]=load&request[vus]=500"), "the limit here is 50", Some("/shop/cart/")),
        (404, "request[path]=/shop/nothing/".to_owned(), "There is no app “/shop/nothing/”", None),
        (404, "request[path]=nonsense".to_owned(), "There is no app “nonsense”", None),
    ];
    for (status, fields, why, path) in cases {
        let before = launches(&house).await.len();
        assert_eq!(house.call(As::Ana, Method::POST, "launch", &fields).await.status, status, "{fields}");
        let rows = launches(&house).await;
        assert_eq!(rows.len(), before + 1, "{fields}");
        assert_eq!((rows[0].outcome, rows[0].actor.as_str()), (EventOutcome::Denied, "Ana Ruiz"), "{fields}");
        assert!(rows[0].why.as_deref().unwrap_or_default().contains(why), "{fields}: {:?}", rows[0].why);
        assert!(path.is_none_or(|path| rows[0].path.as_deref() == Some(path)), "{:?}", rows[0].path);
        // Whoever only types leaves nothing.
        house.call(As::Ana, Method::POST, "judge", &fields).await;
        assert!(launches(&house).await.len() == before + 1 || status == 404, "{fields}");
    }
    let smoke = format!("{CART}&request[profile]=smoke");
    for _ in 0..house.portal.settings.queue {
        launch(&house, As::Ana, &smoke).await;
    }
    assert_eq!(house.call(As::Ana, Method::POST, "launch", &smoke).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let newest = launches(&house).await.remove(0);
    assert_eq!(newest.outcome, EventOutcome::Denied);
    assert!(newest.why.as_deref().unwrap_or_default().contains("runs are waiting already"), "{newest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_leaves_the_queue_is_judged_by_the_policy_of_then() {
    let Some(house) = House::open().await else { return };
    let run = launch(&house, As::Ana, &format!("{CART}&request[profile]=smoke&request[reason]=patience")).await;
    // Another text of the policy that says the same changes nothing for it.
    rewrite(&house, "# First match wins", "# The first match wins").await;
    assert_ne!(record(&house, run).await.manifest.policy_digest, house.portal.policy().policy.digest());
    assert_eq!(queued::judge_again(&house.portal, &record(&house, run).await).await.unwrap(), queued::Again::May);

    rewrite(&house, "guardrails:\n", "guardrails:\n  - { name: short, on: [/shop/cart/], max_duration: 5s }\n").await;
    supervise::round(std::sync::Arc::clone(&house.portal)).await;
    let refused = record(&house, run).await;
    let RunState::Errored { cause: Cause::NotAllowed { why } } = &refused.state else { panic!("{:?}", refused.state) };
    assert!(why.contains("the limit here is 5 s"), "{why}");
    let row = launches(&house).await.remove(0);
    assert_eq!((row.outcome, row.run, row.actor.as_str()), (EventOutcome::Denied, Some(run), "Ana Ruiz"));
    let page = house.page(As::Ana, &format!("/runs/{run}")).await.body;
    assert!(page.contains("The policy changed while this run waited"), "{page}");
    assert!(house.executions().await.is_empty(), "nothing was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_their_grant_while_their_run_waited_starts_nothing() {
    let Some(house) = House::open().await else { return };
    let developers = "to: [{ group: shop-dev }]\n    role: tester";
    let run = launch(&house, As::Ana, &format!("{CART}&request[profile]=smoke")).await;
    rewrite(&house, developers, "to: [{ group: shop-vault }]\n    role: tester").await;
    supervise::round(std::sync::Arc::clone(&house.portal)).await;
    let refused = record(&house, run).await;
    let RunState::Errored { cause } = &refused.state else { panic!("{:?}", refused.state) };
    assert!(cause.words().contains("Ana Ruiz may not launch here any more"), "{}", cause.words());
    // Colleagues read the run: her groups and grants are for the record alone.
    let page = house.page(As::Ben, &format!("/runs/{run}")).await.body;
    assert!(page.contains("may not launch here any more") && !page.contains("shop-vault"), "{page}");

    // Another account for the same launch is another launch.
    let run = launch(&house, As::Ben, &format!("{CART}&request[profile]=smoke")).await;
    rewrite(&house, "as: shop-staging/loadtest", "as: shop-staging/other").await;
    supervise::round(std::sync::Arc::clone(&house.portal)).await;
    let refused = record(&house, run).await;
    let RunState::Errored { cause } = &refused.state else { panic!("{:?}", refused.state) };
    assert!(cause.words().contains("service account shop-staging/loadtest"), "{}", cause.words());
}
