//! The pages of runs, as the server sends them: launch, history, one run in every state, its log.
//!
//! Each is rendered whole through the app and its router, from a portal that answers with made-up data. What is compared is the
//! main part of the page; the side bar has tests of its own. The documents are also left in the target folder, to be looked at.

#[cfg(test)]
mod data;
#[cfg(test)]
mod portal;
#[cfg(test)]
mod render;

use data::{live_run, run_in};
use portal::Answers;
use render::{Page, page};
use windfirm_model::{
    fault::Fault,
    run::{Cause, RunState},
    verdict::{Outcome, Verdict},
    view::{
        app::{TestOptions, TestRow},
        launch::LaunchForm,
        run::{LogPage, Permission, Placement, RunEvent, RunPage, SecretUse},
        runs::RunsPage,
    },
};

const RUN: &str = "/runs/01935c7e8b1a70008000123456789abc";

fn address() -> String {
    RUN.to_owned()
}

async fn run_page(name: &str, run: RunPage) -> Page {
    page(name, &address(), Answers { run: Ok(run), ..Answers::default() }).await
}

fn verdict(outcome: Outcome, reasons: &[&str]) -> Option<Verdict> {
    Some(Verdict { outcome, reasons: reasons.iter().map(|&reason| reason.to_owned()).collect() })
}

#[tokio::test]
async fn a_running_test_shows_time_numbers_and_a_way_to_stop_it() {
    let page = run_page("run-live", live_run()).await;
    page.is_sound();
    page.says(&["<b>1:12</b> of 2:00", "0:48 remaining, ends 12:02:00 UTC", "measured just now", "Stop this run", "Thresholds so far"]);
    page.says(&["No data from 0:40 to 0:46", r#"action="/api/fn/stop""#, r#"name="id" value="01935c7e8b1a70008000123456789abc""#]);
    page.says(&["class=\"ahead\"", "class=\"now\"", "<noscript><p"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn who_may_not_stop_is_told_why_and_gets_no_button() {
    let stop = Permission { allowed: false, why: "Role `viewer` may read this run, not stop it. Ask shop-leads.".to_owned() };
    let page = run_page("run-locked", RunPage { again: stop.clone(), stop, ..live_run() }).await;
    page.is_sound();
    page.says(&["Role <code>viewer</code> may read this run, not stop it.", "#i-s-locked"]);
    page.never_says(&["/api/fn/stop", "Run again</a>"]);
}

#[tokio::test]
async fn running_it_again_starts_from_all_that_it_was_launched_with() {
    let page = run_page("run-again", run_in(RunState::Passed)).await;
    page.says(&["/launch?path=/shop/payments/&amp;test=apps/payments/k6/pay.js&amp;profile=load&amp;vus=10&amp;duration=120s&amp;env=CART%3D3%0AREGION%3Deu%20west&amp;reason=Before%20release%2048\""]);
}

#[tokio::test]
async fn a_failed_run_answers_first() {
    let reasons = ["`p(99)<400` was broken: 538 ms.", "The data is complete: every counter agrees with k6’s own."];
    let page = run_page("run-fail", RunPage { verdict: verdict(Outcome::Fail, &reasons), ..run_in(RunState::Failed) }).await;
    page.is_sound();
    page.says(&["<code>p(99)&lt;400</code> was broken: 538 ms.", "Run again</a>", "over the threshold", "Whole manifest", "Confinement of k6"]);
    page.never_says(&["Stop this run", "remaining", "class=\"ahead\""]);
    page.says_before("Verdict", "Latency band");
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn every_other_end_says_what_it_means_and_what_to_do() {
    // The last thing that is said of a run is how it was settled.
    let deleted = RunEvent { at: data::START, text: "The TestRun of this run is not in cluster home any more: somebody deleted it".to_owned(), bad: true };
    let ends = [
        ("run-pass", RunPage { verdict: verdict(Outcome::Pass, &["All 3 thresholds were kept."]), ..run_in(RunState::Passed) }, "All 3 thresholds were kept."),
        (
            "run-inconclusive",
            RunPage { verdict: verdict(Outcome::Inconclusive, &["11 % of the iterations were dropped."]), ..run_in(RunState::Inconclusive) },
            "11 % of the iterations were dropped.",
        ),
        ("run-cancelled", run_in(RunState::Cancelled { by: "Ben Okafor".to_owned() }), "Ben Okafor stopped this run before its end."),
        ("run-lost", RunPage { events: Vec::new(), ..run_in(RunState::Lost) }, "The runner is gone and left no end."),
        (
            "run-deleted",
            RunPage { events: vec![deleted], ..run_in(RunState::Lost) },
            "somebody deleted it. Nobody knows what k6 did after its last sign of life.",
        ),
        ("run-errored", run_in(RunState::Errored { cause: Cause::Killed { signal: 9 } }), "k6 was ended by signal 9, as happens when memory runs out."),
    ];
    for (name, run, sentence) in ends {
        let page = run_page(name, run).await;
        page.is_sound();
        page.says(&[sentence, "class=\"reasons\""]);
        page.never_says(&["Stop this run"]);
    }
}

#[tokio::test]
async fn before_it_runs_it_says_where_it_stands() {
    let state = RunState::Waiting { secret: "cart-user".to_owned(), changed: None, version: String::new(), until: data::START.plus_seconds(14_400) };
    let waiting = run_page("run-waiting", RunPage { state, started: None, ..data::fresh_run() }).await;
    waiting.is_sound();
    waiting.says(&["It starts when Secret <code>cart-user</code> is changed. If that has not happened by ", "Stop this run"]);
    waiting.never_says(&["place 3"]);
    let event = RunEvent { at: data::START, text: "Secret cart-user was not changed within 4 h".to_owned(), bad: false };
    let called_off = RunPage { state: RunState::Cancelled { by: "The portal".to_owned() }, started: None, events: vec![event], ..data::fresh_run() };
    let called_off = run_page("run-called-off", called_off).await;
    called_off.says(&["Secret cart-user was not changed within 4 h.", "The portal called it off before k6 ran: nothing was sent to the target."]);
    called_off.never_says(&["What was measured stands below"]);

    let queued = RunPage { state: RunState::Queued, queue_place: Some(3), started: None, ..data::fresh_run() };
    let page = run_page("run-queued", queued).await;
    page.is_sound();
    page.says(&["It has place 3 in the queue.", "Stop this run", "There is nothing to draw before k6 runs."]);
    page.never_says(&["NaN", "inf"]);
    insta::assert_snapshot!(page.main());

    let starting = RunPage { state: RunState::Starting { since: data::START }, started: None, ..data::fresh_run() };
    run_page("run-starting", starting.clone()).await.says(&["k6 is being started since 12:00:00 UTC.", "The first numbers come within seconds."]);
    // What keeps it from starting is told in place of a promise.
    let waits_for = RunEvent { at: data::START.plus_seconds(9), text: "No node takes runner 1: 0/1 nodes are available.".to_owned(), bad: false };
    let stuck = run_page("run-stuck", RunPage { events: vec![waits_for], ..starting }).await;
    stuck.says(&["No node takes runner 1: 0/1 nodes are available."]);
    stuck.never_says(&["within seconds"]);
    let finishing = RunPage { state: RunState::Finishing { since: data::START }, ..live_run() };
    let page = run_page("run-finishing", finishing).await;
    page.says(&["k6 ended at 12:00:00 UTC."]);
    page.never_says(&["Stop this run"]);
}

#[tokio::test]
async fn a_run_of_somebody_else_is_the_same_as_none() {
    let other = page("run-404", &address(), Answers { run: Err(Fault::NotFound), ..Answers::default() }).await;
    let misspelt = page("run-misspelt", "/runs/nonsense", Answers::default()).await;
    assert_eq!((other.status, misspelt.status), (404, 404));
    assert_eq!(other.main(), misspelt.main());
}

#[tokio::test]
async fn the_log_goes_page_by_page() {
    let lines = live_run().log_tail;
    let page_two = LogPage { from: 100, total: 100 + u64::try_from(lines.len()).unwrap() + 50, dropped: 12, lines };
    let log = page("log", &format!("{}/log?from=100", address()), Answers { log: Ok(page_two), ..Answers::default() }).await;
    log.is_sound();
    log.says(&["lines 101 to 105 of 155", "/log?from=95", "/log?from=105", "12 lines were not kept"]);
    let wrong = page("log-wrong", &format!("{}/log?from=x", address()), Answers::default()).await;
    assert_eq!(wrong.status, 422);
    let none = page("log-empty", &format!("{}/log", address()), Answers { log: Ok(LogPage::default()), ..Answers::default() }).await;
    none.says(&["k6 has written nothing in this run."]);
}

#[tokio::test]
async fn the_history_lists_filters_and_pages() {
    let address = "/runs?path=/shop/&state=live&env=&by=me";
    let full = page("runs", address, Answers { runs: Ok(data::history(address)), ..Answers::default() }).await;
    full.is_sound();
    full.says(&[
        r#"<option value="live" selected"#,
        r#"value="/shop/""#,
        "/runs?path=/shop/&amp;state=live&amp;by=me&amp;before=older-cursor",
        "class=\"mini\"",
    ]);
    full.says(&["inconclusive", "11 % of the iterations were dropped.", "data-h=\"Spread\""]);
    insta::assert_snapshot!(full.main());
}

#[tokio::test]
async fn no_runs_yet_is_not_the_same_as_none_that_match() {
    let nothing = RunsPage { rows: Vec::new(), older: None, ..data::history("/runs") };
    let yet = page("runs-none", "/runs", Answers { runs: Ok(RunsPage { any: false, ..nothing.clone() }), ..Answers::default() }).await;
    yet.is_sound();
    yet.says(&["No runs yet", "Open your tree"]);
    yet.never_says(&["<form class=\"filters\""]);
    let filtered = RunsPage { query: data::history("/runs?by=zoe").query, ..nothing };
    let none = page("runs-empty", "/runs?by=zoe", Answers { runs: Ok(filtered), ..Answers::default() }).await;
    none.is_sound();
    none.says(&["No run matches these filters", "Clear all filters", r#"value="zoe""#]);
}

#[tokio::test]
async fn the_launch_form_says_what_would_happen_and_starts_it_with_one_click() {
    let form =
        page("launch", "/launch?path=/shop/payments/&test=apps/payments/k6/pay.js", Answers { launch: Ok(data::launch_form()), ..Answers::default() }).await;
    form.is_sound();
    form.says(&[r#"action="/api/fn/launch""#, r#"method="post""#, r#"name="request[once]" value="once-1""#, r#"name="request[path]" value="/shop/payments/""#]);
    form.says(&["May start", "4 rules are kept", "20 of 50", "http://127.0.0.1:9001", "shop-dev/loadtest", "10 VUs for 60 s"]);
    form.never_says(&["disabled>", "aria-invalid=\"true\""]);
    insta::assert_snapshot!(form.main());
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_where_it_is() {
    let form = page("launch-refused", "/launch?path=/shop/payments/&vus=900", Answers { launch: Ok(data::refused_form()), ..Answers::default() }).await;
    form.is_sound();
    form.says(&[
        "May not start like this",
        "900 of 50",
        "Ask for fewer VUs",
        r#"value="900""#,
        r#"aria-invalid="true""#,
        "Write a number of seconds, minutes or hours",
        "A=1\nB=2",
    ]);
    // Without script a corrected form must still be sent.
    form.never_says(&[r#"form="launch" disabled"#]);
    insta::assert_snapshot!(form.main());
}

#[tokio::test]
async fn no_text_becomes_markup_where_the_framework_writes_it_as_it_is() {
    let mut form = data::launch_form();
    form.request.reason = "</textarea><form action=/api/fn/stop>&amp;".to_owned();
    form.request.env = "A=</textarea><meta http-equiv=refresh>".to_owned();
    let form = page("launch-hostile", "/launch?path=/shop/payments/", Answers { launch: Ok(form), ..Answers::default() }).await;
    form.never_says(&["</textarea><form action", "</textarea><meta"]);
    form.says(&["&lt;/textarea>&lt;form action=/api/fn/stop>&amp;amp;</textarea>", "A=&lt;/textarea>&lt;meta http-equiv=refresh></textarea>"]);
    let run = run_page("run-hostile-name", RunPage { test: "k6/<b>.js".to_owned(), ..run_in(RunState::Passed) }).await;
    assert!(run.html.contains("&lt;b>.js · Windfirm</title>"), "the title in the window is text too");
}

#[tokio::test]
async fn a_form_that_lost_the_end_of_a_text_says_where() {
    let mut form = data::launch_form();
    form.request.env = "A=1".to_owned();
    form.request.cut = "env".to_owned();
    let form = page("launch-shortened", "/launch?path=/shop/payments/&env=A%3D1&cut=env", Answers { launch: Ok(form), ..Answers::default() }).await;
    form.is_sound();
    form.says(&["Shortened", "its end is missing here", r#"aria-invalid="true""#, r#"maxlength="20000""#, r#"maxlength="500""#]);
}

#[tokio::test]
async fn while_k6_is_being_asked_the_form_says_so_and_how_to_go_on() {
    let mut form = data::launch_form();
    let judgement = &mut form.judgement;
    (judgement.may_start, judgement.pending, judgement.max_vus, judgement.duration_s) = (false, true, None, None);
    judgement.rules.clear();
    judgement.sentence = "k6 is still being asked what this script does.".to_owned();
    let form = page("launch-pending", "/launch?path=/shop/payments/", Answers { launch: Ok(form), ..Answers::default() }).await;
    form.is_sound();
    form.says(&[
        "verdict running one",
        "k6 is being asked",
        "The answer comes here by itself",
        "check again in a moment",
        "Check again",
        "They judge as soon as",
    ]);
    form.never_says(&["May not start", "No guardrail of the policy", r#"form="launch" disabled"#]);
}

#[tokio::test]
async fn a_script_that_breaks_a_rule_has_a_way_out_that_keeps_what_was_typed() {
    let mut form = data::refused_form();
    form.request.profile = "script".to_owned();
    let page_of = async |form: LaunchForm| page("launch-way-out", "/launch?path=/shop/payments/", Answers { launch: Ok(form), ..Answers::default() }).await;
    let page = page_of(form.clone()).await;
    page.is_sound();
    page.says(&["takes virtual users and duration from the script", "Choose load", "Choose smoke"]);
    page.says(&[r#"form="launch" formmethod="get" formaction="/launch" name="profile" value="load""#]);

    form.request.profile = "load".to_owned();
    page_of(form.clone()).await.never_says(&["Choose load"]);
    form.request.profile = "script".to_owned();
    form.judgement.rules.retain(|rule| rule.kept);
    page_of(form).await.never_says(&["Choose load"]);
}

#[tokio::test]
async fn who_may_not_launch_sees_why_in_place_of_the_button() {
    let mut locked = data::launch_form();
    locked.allowed = false;
    locked.decision.why = "Group `shop-dev` may read prod through grant `shop readers`, not run.".to_owned();
    let form = page("launch-locked", "/launch?path=/shop/payments/", Answers { launch: Ok(locked), ..Answers::default() }).await;
    form.is_sound();
    form.says(&["Locked", "Group <code>shop-dev</code> may read prod"]);
    form.never_says(&[r#"type="submit" form="launch""#]);
}

#[tokio::test]
async fn the_form_and_the_manifest_say_which_secrets_the_test_gets() {
    let given = SecretUse { variable: "TEST_PASSWORD".to_owned(), secret: "pay-user".to_owned(), key: "password".to_owned() };
    let running = Some("8a926447c3b3e4e7acb35ea7397ae77223ae4ad5".to_owned());
    let form = LaunchForm { cluster: Some("home".to_owned()), secrets: vec![given.clone()], tests_at: running.clone(), ..data::launch_form() };
    let form = page("launch-secrets", "/launch?path=/shop/payments/", Answers { launch: Ok(form), ..Answers::default() }).await;
    form.is_sound();
    form.says(&["<dt>Secrets</dt>", "<code>TEST_PASSWORD</code>", "key password of pay-user"]);
    form.says(&["<dt>Test from</dt>", "8a92644</code>", "the commit that runs in the cluster"]);

    let mut run = live_run();
    (run.manifest.test_commit, run.manifest.deployed) = (running.clone(), running.into_iter().collect());
    run.manifest.placement = Some(Placement { cluster: "home".to_owned(), runners: 2, options: "{}".to_owned(), secrets: vec![given] });
    let run = page("run-secrets", &address(), Answers { run: Ok(run), ..Answers::default() }).await;
    run.is_sound();
    run.says(&["<dt>Secrets</dt>", "<code>TEST_PASSWORD</code>", "key password of pay-user"]);
    run.says(&["<dt>Test from</dt>", "<dt>Deployed</dt>", "in the cluster at the launch"]);
}

#[tokio::test]
async fn a_script_that_does_not_load_shows_what_k6_said() {
    let broken = TestRow {
        path: "apps/payments/k6/broken.js".to_owned(),
        name: "broken.js".to_owned(),
        digest: "sha256:bb".to_owned(),
        options: TestOptions::Broken { message: "ReferenceError: <x> is not defined".to_owned() },
    };
    let mut with_broken = data::launch_form();
    with_broken.tests.push(broken);
    let form = page("launch-broken", "/launch?path=/shop/payments/", Answers { launch: Ok(with_broken), ..Answers::default() }).await;
    form.is_sound();
    form.says(&["k6 cannot load it", "ReferenceError: &lt;x&gt; is not defined"]);

    let untested = LaunchForm { tests: Vec::new(), ..data::launch_form() };
    let form = page("launch-no-test", "/launch?path=/shop/payments/", Answers { launch: Ok(untested), ..Answers::default() }).await;
    form.is_sound();
    form.says(&["This app has no test"]);
    form.never_says(&["<form class=\"form\""]);

    let nowhere = page("launch-nowhere", "/launch", Answers::default()).await;
    nowhere.is_sound();
    nowhere.says(&["No app is chosen"]);
}

#[tokio::test]
async fn a_plain_form_that_is_refused_comes_back_with_everything_in_it() {
    let fault = Fault::field("vus", "900 VUs are more than 50. Enter 50 or fewer.");
    let answers = Answers { launch: Ok(data::launch_form()), launched: Err(fault), ..Answers::default() };
    let body = "request[path]=/shop/payments/&request[test]=apps/payments/k6/pay.js&request[profile]=load&request[vus]=900&request[reason]=Before%20release&request[once]=once-1";
    let answer = render::post("/api/fn/launch", body, answers).await;
    assert_eq!(answer.status, 302);
    let location = answer.location.unwrap();
    assert!(
        location.starts_with("/launch?path=/shop/payments/&test=apps/payments/k6/pay.js&profile=load&vus=900&reason=Before%20release&once=once-1"),
        "{location}"
    );
    let again = page("launch-again", &location, Answers { launch: Ok(data::launch_form()), ..Answers::default() }).await;
    again.says(&["Not started", "900 VUs are more than 50. Enter 50 or fewer. What you entered is kept.", r#"aria-invalid="true""#]);

    let answers = Answers { launched: Ok(live_run().id), ..Answers::default() };
    let answer = render::post("/api/fn/launch", body, answers).await;
    assert_eq!((answer.status, answer.location), (302, Some(address())));
}
