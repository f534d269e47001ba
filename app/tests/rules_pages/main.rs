//! The pages of rules and records, as the server sends them: access, audit, policy, system.
//!
//! Each is rendered whole through the app and its router, from a portal that answers with made-up data. What is compared is the
//! main part of the page. The documents are also left in the target folder, to be looked at.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod data;
mod portal;
#[expect(dead_code, reason = "shared with the pages of runs, which also post forms")]
#[path = "../run_pages/render.rs"]
mod render;

use portal::Answers;
use render::page;
use windfirm_model::{
    audit::EventOutcome,
    fault::Fault,
    view::{
        access::{AccessPage, PolicyPage},
        audit::{AuditPage, AuditQuery},
        system::SystemPage,
    },
};

fn access(page: AccessPage) -> Answers {
    Answers { access: Ok(page), ..Answers::default() }
}
fn audit(page: AuditPage) -> Answers {
    Answers { audit: Ok(page), ..Answers::default() }
}
fn policy(page: PolicyPage) -> Answers {
    Answers { policy: Ok(page), ..Answers::default() }
}
fn system(page: SystemPage) -> Answers {
    Answers { system: Ok(page), ..Answers::default() }
}
fn refusing(fault: Fault) -> Answers {
    Answers { access: Err(fault.clone()), audit: Err(fault.clone()), policy: Err(fault.clone()), system: Err(fault.clone()), asked: Err(fault) }
}

#[tokio::test]
async fn access_shows_what_is_held() {
    let page = page("access", "/access", access(data::access())).await;
    page.is_sound();
    page.says(&["Ana Ruiz", "<code>shop-dev</code>", "shop developers", "shop-staging/loadtest", "nobody: it reaches no cluster", "2f81c4e", "since"]);
    page.never_says(&["Groups to try", "class=\"chain\"", "class=\"notice"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn one_action_that_is_allowed_shows_its_whole_chain() {
    let page = page("access-allowed", "/access?path=/shop/payments/&action=run.launch", access(data::allowed())).await;
    page.is_sound();
    page.says(&["Allowed", "<code>run.launch</code>", "named by the identity provider at login", "shop-staging/loadtest", "href=\"/apps/shop/payments/\""]);
    page.says(&["<option value=\"run.launch\" selected", "href=\"/access?path=/shop/payments/\">All actions here"]);
    page.never_says(&["class=\"broken\"", "not reached"]);
    page.says_before("Allowed", "The chain");
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn one_action_that_is_refused_shows_where_the_chain_breaks() {
    let page = page("access-refused", "/access?path=/shop-prod/payments/&action=run.launch", access(data::refused())).await;
    page.is_sound();
    page.says(&["Refused", "which does not include run.launch.", "class=\"broken\"", "not reached", "ask the people who keep the policy"]);
    page.never_says(&["Allowed"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn the_chain_goes_on_to_what_the_cluster_answered() {
    let page =
        page("access-broken", "/access?path=/shop/payments/&action=run.launch", access(AccessPage { accounts: data::accounts(), ..data::allowed() })).await;
    page.is_sound();
    page.says(&["Broken", "The policy allows it, and the cluster would refuse it:", "may not create testruns", "class=\"chain seven\"", "class=\"broken\""]);
    page.says(&["Service accounts in their clusters", "1 of 3 lack something", "<tr class=\"red\">", "everything granted", "2 runs go on as it right now."]);
    page.never_says(&["Allowed"]);
    page.says_before("shop-staging/loadtest</code></th>", "shop-dev/loadtest</code></th>");
    page.says(&["action=\"/api/fn/ask_clusters\"", "Ask again now"]);
    insta::assert_snapshot!(page.main());

    // In another cluster the account of that name has everything, and this app is not locked.
    let mut elsewhere = AccessPage { accounts: data::accounts(), ..data::allowed() };
    elsewhere.accounts[1].breaks.clear();
    let page = render::page("access-green", "/access?path=/shop/payments/&action=run.launch", access(elsewhere)).await;
    page.is_sound();
    page.says(&["Allowed", "east, asked", "<span class=\"v\">Yes</span>"]);
    page.never_says(&["Broken"]);
}

#[tokio::test]
async fn without_an_action_every_action_is_decided() {
    let page = page("access-matrix", "/access?path=/shop/payments/", access(data::matrix())).await;
    page.is_sound();
    page.says(&["What you may do on /shop/payments/", "1 of 2 actions", "/access?path=/shop/payments/&amp;action=run.stop", "#i-s-pass", "#i-s-locked"]);
}

#[tokio::test]
async fn who_may_ask_about_others_gets_the_fields_and_is_told_that_it_is_recorded() {
    let mut asked = data::allowed();
    asked.query.groups = Some("shop-dev".to_owned());
    asked.person = "anybody in shop-dev".to_owned();
    asked.may_explain_others = true;
    let page = page("access-others", "/access?path=/shop/payments/&action=run.launch&groups=shop-dev", access(asked)).await;
    page.is_sound();
    page.says(&["Groups to try", "value=\"shop-dev\"", "stands in the audit log", "for anybody in shop-dev", "Grants that would hold", "Back to your own"]);
    page.never_says(&["ask the people who keep the policy", "named by the identity provider"]);
}

#[tokio::test]
async fn unknown_groups_no_grants_and_an_older_policy_are_said_in_words() {
    let mut nobody = data::access();
    nobody.groups.clear();
    nobody.grants.clear();
    nobody.groups_unknown = Some("the claim `groups` is missing".to_owned());
    nobody.policy.newer_refused = true;
    let page = page("access-empty", "/access", access(nobody)).await;
    page.is_sound();
    page.says(&["Groups unknown", "the claim <code>groups</code> is missing. Unknown groups grant nothing", "No grant", "Older policy"]);
    page.never_says(&["<tbody>"]);
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_keeps_the_form() {
    let wrong = page("access-wrong", "/access?path=shop&action=run.launch", refusing(Fault::field("path", "a path starts with “/”; “shop” does not."))).await;
    assert_eq!(wrong.status, 422);
    wrong.says(&["a path starts with “/”", "aria-invalid=\"true\"", "value=\"shop\"", "<option value=\"run.launch\" selected"]);
    // Missing, misspelt and not yours are one answer, at the field.
    let nowhere = page("access-nowhere", "/access?path=/shop/x/", refusing(Fault::NotFound)).await;
    assert_eq!(nowhere.status, 404);
    nowhere.says(&["There is no app at this path for you", "value=\"/shop/x/\"", "Show my own access"]);
}

#[tokio::test]
async fn audit_lists_operations_with_intent_and_outcome() {
    let address = "/audit?path=/shop/&event=run.*&from=2026-11-22&entry=41&before=99";
    let query = AuditQuery {
        path: Some("/shop/".to_owned()),
        event: Some("run.*".to_owned()),
        from: Some("2026-11-22".to_owned()),
        before: Some("99".to_owned()),
        ..AuditQuery::default()
    };
    let page = page("audit", address, audit(AuditPage { query, ..data::audit() })).await;
    page.is_sound();
    page.says(&[
        "value=\"/shop/\"",
        "<option value=\"run.*\" selected",
        "value=\"2026-11-22\"",
        "denied in 4 ms",
        "open, 1.8 s",
        "done in 210 ms",
        "reconciled after a crash",
    ]);
    page.says(&["role viewer does not include run.launch", "22 Nov 2026", "href=\"/runs/01935c7e8b1a70008000123456789abc\"", "the portal"]);
    page.says(&["/audit?path=/shop/&amp;event=run.*&amp;from=2026-11-22&amp;before=99&amp;entry=44#entry"]);
    page.says(&[
        "/audit?path=/shop/&amp;event=run.*&amp;from=2026-11-22&amp;before=40\"",
        "/audit?path=/shop/&amp;event=run.*&amp;from=2026-11-22\" class=\"btn sm\">Newest",
    ]);
    page.says(&["You read the events of <code>/shop/</code> and <code>/shop-prod/</code> and below"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn an_entry_opens_in_full() {
    let page = page("audit-entry", "/audit?entry=42", audit(data::audit_with_detail())).await;
    page.is_sound();
    page.says(&[
        "aria-label=\"Open entry\"",
        "42 and 43",
        "https://login.example|ana",
        "Before the release",
        "max_vus",
        "class=\"on\"",
        "href=\"/audit\">Close",
    ]);
    page.never_says(&["style="]);
    insta::assert_snapshot!(page.main());

    let mut open = data::audit_with_detail();
    let detail = open.detail.as_mut().unwrap();
    detail.outcome_seq = None;
    detail.row.outcome = EventOutcome::Open;
    detail.row.outcome_at = None;
    detail.groups.clear();
    detail.facts.clear();
    let bare = render::page("audit-entry-open", "/audit?entry=42", audit(open)).await;
    bare.is_sound();
    bare.says(&["the intent; its outcome is not there"]);
    bare.never_says(&["What it carried"]);
}

#[tokio::test]
async fn an_empty_log_says_which_kind_of_empty() {
    let nothing = AuditPage { rows: Vec::new(), older: None, ..data::audit() };
    let yet = page("audit-none", "/audit", audit(nothing.clone())).await;
    yet.is_sound();
    yet.says(&["No events yet"]);
    let filtered = AuditQuery { actor: Some("zoe".to_owned()), ..AuditQuery::default() };
    let none = page("audit-empty", "/audit?actor=zoe", audit(AuditPage { query: filtered, ..nothing.clone() })).await;
    none.is_sound();
    none.says(&["No event matches these filters", "Clear all filters", "value=\"zoe\""]);
    let end = AuditQuery { before: Some("1".to_owned()), ..AuditQuery::default() };
    let end = page("audit-end", "/audit?before=1", audit(AuditPage { query: end, ..nothing })).await;
    end.says(&["Nothing older", "Show the newest"]);
}

#[tokio::test]
async fn a_filter_that_cannot_be_taken_is_refused_in_its_place_and_shows_nothing() {
    let wrong =
        page("audit-wrong", "/audit?from=yesterday&outcome=denied", refusing(Fault::field("from", "“yesterday” is no day. Write it like 2026-11-23."))).await;
    assert_eq!(wrong.status, 422);
    wrong.says(&["“yesterday” is no day", "aria-invalid=\"true\"", "<option value=\"denied\" selected", "so nothing is shown"]);
    wrong.never_says(&["<tbody>"]);
    let damaged = page("audit-damaged", "/audit?before=x", refusing(Fault::field("before", "This link to older entries is damaged."))).await;
    assert_eq!(damaged.status, 422);
    damaged.says(&["This link to older entries is damaged."]);
}

#[tokio::test]
async fn the_policy_stands_there_as_it_is() {
    let page = page("policy", "/policy", policy(data::policy())).await;
    page.is_sound();
    page.says(&["kind: Policy", "id=\"L2\"", "data-n=\"2\"", "deploy/policy.yaml", "shop developers", "app.view, run.view", "2 grants"]);
    // Text from the file stays text.
    page.says(&["&lt;b&gt;not bold&lt;/b&gt;"]);
    page.never_says(&["Refused", "<b>not bold"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn a_newer_policy_that_was_refused_is_told_with_all_its_errors() {
    let mut stale = data::policy();
    stale.refused = vec!["policy.yaml:3:1: grants[0].role: no role “x”".to_owned(), "policy.yaml:9:4: unknown key".to_owned()];
    let page = page("policy-refused", "/policy", policy(stale)).await;
    page.is_sound();
    page.says(&["A newer file has 2 errors and was refused as a whole", "no role “x”", "policy.yaml:9:4", "kind: Policy"]);
    page.says_before("policy.yaml:9:4", "kind: Policy");
    let bare = PolicyPage { grants: Vec::new(), roles: Vec::new(), text: String::new(), ..data::policy() };
    let bare = render::page("policy-bare", "/policy", policy(bare)).await;
    bare.is_sound();
    bare.says(&["allows nothing to anybody", "The file is empty"]);
}

#[tokio::test]
async fn the_system_says_first_whether_it_works() {
    let page = page("system", "/system", system(data::system())).await;
    page.is_sound();
    page.says(&["Healthy", "All 3 parts work.", "of 4 slots", "nothing waits", "Narrow what runners may do", "/health/ready"]);
    page.says_before("Healthy", "Parts");
    page.never_says(&["#i-s-fail", "class=\"notice"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn the_system_says_what_clusters_answered_and_how_long_ago() {
    let without = page("system-here", "/system", system(data::system())).await;
    without.never_says(&["Ask again now", "What accounts may do in clusters"]);
    let page = page("system-clusters", "/system", system(SystemPage { clusters: data::asked_clusters(), ..data::system() })).await;
    page.is_sound();
    page.says(&["What accounts may do in clusters", "1 of 3 lack something", "not asked yet", "1,240 ms", "12 s ago", "action=\"/api/fn/ask_clusters\""]);
    // One that is away says nothing of its accounts, whatever it said before.
    page.says(&["Cluster away", "<code>far</code> cannot be reached", "since 1 min ago", "connection refused"]);
    page.never_says(&["everything granted"]);
}

#[tokio::test]
async fn a_broken_part_an_old_tree_and_an_old_policy_are_named() {
    let mut broken = data::system();
    broken.parts[0].healthy = false;
    broken.parts[0].sentence = "The database does not answer.".to_owned();
    broken.tree.stale = Some("the branch `main` is gone.".to_owned());
    broken.policy.newer_refused = true;
    let page = page("system-broken", "/system", system(broken)).await;
    page.is_sound();
    page.says(&[
        "Not healthy",
        "1 of 3 parts does not work as wanted: store.",
        "The database does not answer.",
        "Older tree",
        "Older policy",
        "<tr class=\"red\">",
    ]);
    page.never_says(&["All 3 parts work."]);
    let mut fresh = data::system();
    fresh.parts.clear();
    fresh.tree.commit.clear();
    let fresh = render::page("system-unread", "/system", system(fresh)).await;
    fresh.is_sound();
    fresh.says(&["Unknown", "The tree could not be read yet"]);
}

#[tokio::test]
async fn who_may_not_open_a_page_is_told_which_action_is_missing() {
    for (name, address) in [("audit", "/audit"), ("policy", "/policy"), ("system", "/system"), ("access", "/access?groups=x")] {
        let why = format!("None of your grants gives you {name}.view.");
        let page = page(&format!("{name}-locked"), address, refusing(Fault::Forbidden { why: why.clone() })).await;
        assert_eq!(page.status, 403);
        page.says(&[&why, &format!("You may not open {name}"), "href=\"/access\""]);
    }
    for address in ["/audit", "/policy", "/system", "/access"] {
        let page = page("rules-away", address, refusing(Fault::Unavailable { what: "The store does not answer. Try again in a minute.".to_owned() })).await;
        assert_eq!(page.status, 503);
        page.says(&["The store does not answer.", "Try again"]);
    }
    // A refusal that names a person or a field is not mistaken for a wrong form.
    let entry = page("audit-no-entry", "/audit?entry=7", refusing(Fault::NotFound)).await;
    assert_eq!(entry.status, 404);
}
