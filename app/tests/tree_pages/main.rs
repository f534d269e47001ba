//! The tree and the page of an app, as the server sends them: full, empty, locked, filtered, in trouble.
//!
//! Each is rendered whole through the app and its router, from a portal that answers with made-up data. What is compared is the
//! main part of the page. The documents are also left in the target folder, to be looked at.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod data;
mod live;
mod portal;
#[expect(dead_code, reason = "shared with the pages of runs, which also post forms")]
#[path = "../run_pages/render.rs"]
mod render;
mod secrets;

use portal::Answers;
use render::{Page, page};
use windfirm_model::{
    fault::Fault,
    run::RunStateKind,
    view::{
        app::{AppPage, Target},
        tree::{AppRow, TreePage, TreeQuery, TreeRow, VerdictCounts},
    },
};

async fn tree(name: &str, address: &str, tree: TreePage) -> Page {
    page(name, address, Answers { tree: Ok(tree), ..Answers::default() }).await
}

async fn app(name: &str, address: &str, app: AppPage) -> Page {
    page(name, address, Answers { app: Ok(app), ..Answers::default() }).await
}

const CATALOGUE: &str = "/apps/shop/catalogue/";

#[tokio::test]
async fn the_tree_tells_levels_places_and_folds_row_by_row() {
    let page = tree("tree", "/tree", data::tree()).await;
    page.is_sound();
    page.says(&[r#"role="treegrid""#, r#"aria-level="3""#, r#"aria-posinset="2""#, r#"aria-setsize="5""#, r#"aria-expanded="false""#]);
    // A fold is a link: its address holds the whole state.
    page.says(&[r#"href="/tree?open=/shop/,/shop/payments/,/shop/regions/" aria-label="Unfold regions""#, r#"aria-label="Fold shop""#]);
    page.says(&["aria-label=\"Run catalogue\"", "aria-label=\"Add a test to mail\"", "/launch?path=/shop/catalogue/", "612 ms", "no runs yet"]);
    page.says(&["9 apps that you may see, 14 hidden", "5d1e7a4", "1 min ago", "Mon 23 Nov 2026, 12:04 UTC"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn one_row_alone_is_in_the_tab_order() {
    let html = tree("tree-stops", "/tree", data::tree()).await.html;
    let rows: Vec<&str> = html.split("<tr ").skip(2).filter_map(|rest| rest.split('>').next()).collect();
    assert_eq!(rows.len(), data::rows().len());
    assert_eq!(rows.iter().filter(|row| row.contains(r#"tabindex="0""#)).count(), 1);
    assert!(rows[0].contains(r#"tabindex="0""#));
}

#[tokio::test]
async fn an_app_that_leads_back_to_itself_is_shown_and_not_followed() {
    let page = tree("tree-loop", "/tree", data::tree()).await;
    page.says(&["The manifests lead in a circle; it is shown, not followed."]);
    assert_eq!(page.html.matches(r#"data-row="/shop/""#).count(), 1, "the focus can only come back to one of the two rows");
}

#[tokio::test]
async fn what_is_locked_says_why_and_offers_no_run() {
    let page = tree("tree-locked", "/tree", data::tree()).await;
    page.says(&[
        "Group <code>shop-dev</code> may read prod through grant <code>shop-read-prod</code>, not run.",
        r#"href="/access?path=/shop-prod/storefront/&amp;action=run.launch""#,
        ": shop-prod. Group shop-dev may read prod through grant shop-read-prod, not run. Ask Ben Okafor.",
    ]);
    page.never_says(&["Run shop-prod", "Run storefront"]);
    // Only the action is locked: the verdict and the number of tests stand there as for everybody.
    for address in ["/tree", "/tree?view=table"] {
        let html = tree("tree-locked", address, data::tree()).await.html;
        let row = html.split("<tr").find(|row| row.contains("/apps/shop-prod/storefront/")).unwrap();
        for words in ["never run", ">1</td>", "locked", "not run."] {
            assert!(row.contains(words), "{address}: no {words} in {row}");
        }
    }
}

#[tokio::test]
async fn runs_that_may_not_be_read_are_not_called_missing_in_the_tree_either() {
    let mut blind = data::tree();
    for row in &mut blind.rows {
        if let TreeRow::App(row) = row {
            *row = AppRow {
                runs_locked: true,
                last: None,
                last_run: None,
                rolled_up: None,
                live: 0,
                spread_us: None,
                spread_history_us: Vec::new(),
                ..row.clone()
            };
        }
    }
    for address in ["/tree", "/tree?view=table"] {
        let page = tree("tree-blind", address, blind.clone()).await;
        page.is_sound();
        page.says(&["not yours to read"]);
        page.never_says(&["no runs yet", ">never run</span>"]);
    }
}

#[tokio::test]
async fn hidden_apps_are_counted_and_never_named() {
    let page = tree("tree-hidden", "/tree", data::tree()).await;
    page.says(&["3 hidden", "11 hidden", "Their names are not shown."]);
}

#[tokio::test]
async fn filters_stand_in_the_address_and_in_the_form() {
    let rows = data::rows().into_iter().take(2).map(|row| match row {
        TreeRow::App(row) => TreeRow::App(AppRow { toggle: None, context: row.level == 1, ..row }),
        hidden @ TreeRow::Hidden { .. } => hidden,
    });
    let filtered = TreePage { rows: rows.collect(), ..data::tree() };
    let page = tree("tree-filtered", "/tree?q=cat&env=staging&verdict=fail&open=/shop/", filtered).await;
    page.is_sound();
    page.says(&[r#"value="cat""#, r#"<option value="staging" selected"#, r#"<option value="fail" selected"#, r#"type="hidden" name="open" value="/shop/""#]);
    page.says(&["leads to a match", r#"href="/tree?open=/shop/" class="btn bare">Clear"#]);
    page.never_says(&["Unfold all", "aria-label=\"Fold"]);
}

#[tokio::test]
async fn no_match_and_nothing_to_see_are_told_apart() {
    let none = tree("tree-no-match", "/tree?q=zebra&view=table", TreePage { rows: Vec::new(), ..data::tree() }).await;
    none.is_sound();
    none.says(&["No app matches these filters", r#"href="/tree?view=table""#, r#"value="zebra""#]);

    let counts = VerdictCounts::default();
    let nothing = TreePage { rows: Vec::new(), visible_apps: 0, counts, environments: Vec::new(), ..data::tree() };
    let blind = tree("tree-nothing", "/tree", nothing.clone()).await;
    blind.is_sound();
    blind.says(&["No app that you may see", "What I may do", "0 apps that you may see, 14 hidden"]);
    blind.never_says(&["class=\"filters\""]);

    let empty = tree("tree-empty", "/tree", TreePage { hidden_apps: 0, ..nothing }).await;
    empty.is_sound();
    empty.says(&["The tree holds no apps", "<code>/srv/tree.git</code>"]);
}

#[tokio::test]
async fn the_table_shows_the_same_apps_by_path() {
    let page = tree("tree-table", "/tree?view=table", data::tree()).await;
    page.is_sound();
    page.says(&["dense stack", ">/shop/payments/ledger/</a>", "data-h=\"Spread\"", r#"type="hidden" name="view" value="table""#, r#"aria-current="true""#]);
    page.never_says(&["treegrid", "Unfold all"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn what_is_not_shown_is_counted_and_one_link_away() {
    let query = TreeQuery { open: Some("all".to_owned()), ..TreeQuery::default() };
    let page = tree("tree-more", "/tree?open=all", TreePage { query, rows_left: 500, ..data::tree() }).await;
    page.is_sound();
    page.says(&["aria-rowcount=\"513\"", "Show 36 more of 500", "/tree?open=all&amp;rows=48", "data-more=\"by-itself\""]);
    // What is unfolded near the end of what is shown has room; else the address stays as short as it is.
    page.says(&["/tree?open=/shop/,/shop/payments/,/shop/regions/\" aria-label=\"Unfold regions\""]);
    let mut late = data::rows();
    late.splice(0..0, std::iter::repeat_n(TreeRow::Hidden { level: 1, count: 1, position: 1, size: 9 }, 10));
    let page = tree("tree-late", "/tree", TreePage { rows: late, rows_left: 9, ..data::tree() }).await;
    page.says(&["/tree?open=/shop/,/shop/payments/,/shop/regions/&amp;rows=38\" aria-label=\"Unfold regions\""]);

    let page = tree("tree-table-more", "/tree?view=table", TreePage { rows_left: 3, ..data::tree() }).await;
    page.is_sound();
    page.says(&["Show the other 3", "rows=48"]);

    let page = tree("tree-last", "/tree", data::tree()).await;
    page.never_says(&["aria-rowcount", "more-row"]);
}

#[tokio::test]
async fn trouble_is_told_and_the_rest_of_the_tree_stays() {
    let mut troubled = data::tree();
    troubled.revision.stale = Some("The remote does not answer.".to_owned());
    troubled.problems = ["`a.yaml` cannot be read.", "`b.yaml` cannot be read.", "`c.yaml` <b>cannot</b> be read."].map(str::to_owned).to_vec();
    let page = tree("tree-trouble", "/tree", troubled).await;
    page.is_sound();
    page.says(&[
        "The newest commit could not be read: The remote does not answer. What you see was read 1 min ago.",
        "<code>a.yaml</code>",
        "1 more",
        "&lt;b&gt;cannot&lt;/b&gt;",
    ]);
    page.says_before("cannot be read.", "role=\"treegrid\"");
}

#[tokio::test]
async fn a_question_that_cannot_be_understood_gets_the_status_that_says_so() {
    let fault = Fault::field("verdict", "There is no verdict purple. Use pass, fail, inconclusive, never or live.");
    let refused = page("tree-invalid", "/tree?verdict=purple", Answers { tree: Err(fault), ..Answers::default() }).await;
    assert_eq!(refused.status, 422);
    refused.says(&["There is no verdict purple."]);
    let away = page("tree-away", "/tree", Answers { tree: Err(Fault::Unavailable { what: "The store is away.".to_owned() }), ..Answers::default() }).await;
    assert_eq!(away.status, 503);
}

#[tokio::test]
async fn an_app_answers_with_its_last_verdict_first() {
    let page = app("app", CATALOGUE, data::app()).await;
    insta::assert_snapshot!(page.main());
    page.is_sound();
    page.says_before("Fail", "Last 9 runs");
    page.says_before("Last 9 runs", "Tests found");
    page.says(&["<code>p(99)&lt;400</code> was broken: 664 ms.", "Spread 620 ms, p99 664 ms, 7,204 requests, 0.04 % failed.", "12 min ago"]);
    page.says(&["p99 from 210 ms to 664 ms", "1 without data", "Watch", "2 hidden", "guardrail <code>shop-limits</code>", "built in; no guardrail"]);
    // Three tests: the form asks which one.
    page.says(&[r#"<a href="/launch?path=/shop/catalogue/" class="btn go">"#, "/launch?path=/shop/catalogue/&amp;test=apps/catalogue/k6/browse.js"]);
}

#[tokio::test]
async fn the_tests_of_an_app_stand_there_as_k6_reads_them() {
    let tests = app("app-tests", "/apps/shop/catalogue/?tab=tests", data::app()).await;
    tests.is_sound();
    tests.says(&["k6 cannot load it", "ReferenceError: &lt;x&gt; is not defined", "k6 is busy", "apps/catalogue/k6/", "6 min", "mend it first"]);
    tests.says(&[r#"href="/apps/shop/catalogue/?tab=tests" aria-current="page""#]);
}

#[tokio::test]
async fn a_cancelled_run_is_no_last_result_of_a_test_that_has_another() {
    let row = async |states: &[RunStateKind]| {
        let runs: Vec<_> = (1..).zip(states).map(|(number, state)| data::run(number, *state, i64::from(number) * 1_000, None)).collect();
        let html = app("app-cancelled", "/apps/shop/catalogue/?tab=tests", AppPage { runs, ..data::app() }).await.html;
        html.split("<tr").find(|row| row.contains("apps/catalogue/k6/browse.js</code>")).unwrap().to_owned()
    };
    assert!(row(&[RunStateKind::Cancelled, RunStateKind::Passed]).await.contains("pass"));
    assert!(row(&[RunStateKind::Cancelled]).await.contains("cancelled"));
}

#[tokio::test]
async fn an_app_that_never_ran_says_what_to_do_next() {
    let fresh = AppPage { runs: Vec::new(), runs_total: 0, children: Vec::new(), hidden_children: 0, ..data::app() };
    let page = app("app-fresh", CATALOGUE, fresh.clone()).await;
    page.is_sound();
    page.says(&["Never run", "Choose a test below and run it"]);
    page.never_says(&["class=\"plot\"", "Apps below"]);
    app("app-fresh-runs", "/apps/shop/catalogue/?tab=runs", fresh.clone()).await.says(&["No runs yet", "Run a test"]);

    let bare = AppPage { tests: Vec::new(), target: Target::Missing { why: "Set the annotation `windfirm.dev/target`.".to_owned() }, ..fresh };
    let page = app("app-bare", CATALOGUE, bare).await;
    page.is_sound();
    page.says(&["Add a test", "Put a k6 script into one of the places below", "apps/catalogue/k6/", "no target", "<code>windfirm.dev/target</code>"]);
    page.never_says(&["/launch?"]);
}

#[tokio::test]
async fn an_app_that_is_locked_says_why_and_offers_no_run() {
    let page = app("app-locked", CATALOGUE, AppPage { launch: data::locked(), service_account: None, ..data::app() }).await;
    page.is_sound();
    page.says(&["Group <code>shop-dev</code> may read prod", "What I may do here", "none for you"]);
    page.never_says(&["/launch?", "Runs as"]);
}

#[tokio::test]
async fn runs_that_may_not_be_read_are_not_called_missing() {
    let mut blind = AppPage { runs: Vec::new(), runs_total: 0, ..data::app() };
    for row in blind.access.iter_mut().filter(|row| row.action == "run.view") {
        row.allowed = false;
        row.decision.why = "No grant of yours gives run.view on /shop/catalogue/.".to_owned();
    }
    for address in [CATALOGUE, "/apps/shop/catalogue/?tab=runs"] {
        let page = app("app-blind", address, blind.clone()).await;
        page.is_sound();
        page.says(&["No grant of yours gives run.view on /shop/catalogue/."]);
        page.never_says(&["Never run", "No runs yet"]);
    }
}

#[tokio::test]
async fn an_address_without_an_app_is_not_found() {
    for address in ["/apps/shop/nothing/", "/apps/shop//catalogue/", "/apps/sh%C3%B6p/"] {
        let page = app("app-missing", address, data::app()).await;
        assert_eq!(page.status, 404, "{address}");
        page.says(&["Nothing here that you can see"]);
    }
    let without_slash = app("app-slash", "/apps/shop/catalogue", data::app()).await;
    assert_eq!(without_slash.status, 200);
}
