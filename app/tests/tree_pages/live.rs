//! What clusters say, on the tree and on the page of an app.

use windfirm_model::{
    clock::Timestamp,
    view::{
        app::AppPage,
        cluster::{
            AccountFindings, AgainstGit, ClusterAway, ClusterState, ConditionRow, DeploymentRow, Found, HealthWord, LiveFacts, LiveState, LiveTold,
            OperationFacts, OrphansWord, ProjectFacts, ProjectFinding, RevisionRow, Settled, SyncWord,
        },
        run::Permission,
        tree::{AppRow, TreePage, TreeRow},
    },
};

use crate::{
    CATALOGUE, app,
    data::{self, NOW},
    tree,
};

const COMMIT: &str = "5d1e7a4c9b0f2e6d8a7c5b3f1e9d7c5b3a190f2e";
const OLDER: &str = "8a926447c3b3e4e7acb35ea7397ae77223ae4ad5";

fn before(seconds: i64) -> Timestamp {
    NOW.plus_seconds(-seconds)
}

fn runs(deployed: &str, against_git: AgainstGit) -> RevisionRow {
    RevisionRow { repository: "https://git.example/shop/deploy.git".to_owned(), deployed: Some(deployed.to_owned()), against_git }
}

fn settled() -> LiveState {
    LiveState {
        found: Found::InBoth,
        health: Some(HealthWord::Healthy),
        sync: Some(SyncWord::Synced),
        settled: Some(Settled::Yes),
        revision: Some(runs(COMMIT, AgainstGit::Same)),
        as_of: None,
    }
}

fn broken() -> LiveState {
    let reasons = ["It is OutOfSync: what runs is not what Git asks for.", "It is Degraded: a part of it does not work."];
    LiveState {
        health: Some(HealthWord::Degraded),
        sync: Some(SyncWord::OutOfSync),
        settled: Some(Settled::No { reasons: reasons.map(str::to_owned).to_vec() }),
        revision: Some(runs(OLDER, AgainstGit::Other)),
        ..settled()
    }
}

fn nowhere(found: Found) -> LiveState {
    LiveState { found, health: None, sync: None, settled: None, revision: None, as_of: None }
}

fn heard(name: &str) -> ClusterState {
    ClusterState { name: name.to_owned(), home: name == "home", heard: Some(before(4)), away: None, complete: true }
}

fn away(name: &str) -> ClusterState {
    let away = ClusterAway { since: before(130), why: "It does not answer.".to_owned() };
    ClusterState { heard: Some(before(150)), away: Some(away), ..heard(name) }
}

fn lacking() -> AccountFindings {
    let sentence = |verb: &str| {
        format!(
            "The account shop-staging/wf-runner may not {verb} testruns of k6.io in namespace shop-staging (RBAC: role \"wf-runner\" not found). \
             It is needed to start a run. Somebody who administers that namespace can give it back."
        )
    };
    AccountFindings {
        account: "shop-staging/wf-runner".to_owned(),
        cluster: "home".to_owned(),
        asked: before(12),
        green: false,
        unknown: false,
        sentences: vec![sentence("create"), sentence("delete")],
        because: vec!["RBAC: allowed by RoleBinding \"wf-reads/shop-staging\" of Role \"wf-reads\" to ServiceAccount \"wf-runner/shop-staging\"".to_owned()],
        breaks: ["/shop/cart/", "/shop/catalogue/", "/shop/mail/", "/shop/payments/"].map(|path| path.parse().unwrap()).to_vec(),
        live_runs: 1,
        waiting_runs: 0,
    }
}

/// The tree of the other tests, with a cluster beside it.
fn live_tree() -> TreePage {
    let state = |path: &str| match path {
        "/shop/" => Some(LiveState { health: Some(HealthWord::Progressing), ..settled() }),
        "/shop/catalogue/" => Some(broken()),
        "/shop/cart/" => Some(nowhere(Found::GitOnly)),
        "/shop/payments/" => Some(settled()),
        "/shop/payments/ledger/" => Some(LiveState { as_of: Some(before(150)), ..settled() }),
        "/shop/regions/" => Some(LiveState { sync: None, settled: None, revision: None, health: Some(HealthWord::Unknown), ..settled() }),
        "/shop/mail/" => Some(LiveState { found: Found::ClusterOnly, revision: Some(runs("17.10.3-beta.1", AgainstGit::Incomparable)), ..settled() }),
        "/shop-prod/" => Some(nowhere(Found::NotHeard)),
        _ => None,
    };
    let row = |row| match row {
        TreeRow::App(row) => TreeRow::App(AppRow { in_cluster: state(row.path.as_str()), ..row }),
        hidden @ TreeRow::Hidden { .. } => hidden,
    };
    TreePage { rows: data::rows().into_iter().map(row).collect(), has_live: true, clusters: vec![heard("home")], ..data::tree() }
}

fn told() -> LiveTold {
    LiveTold {
        cluster: "home".to_owned(),
        destination_cluster: "in-cluster".to_owned(),
        destination_namespace: "shop-staging".to_owned(),
        environment: "staging".into(),
        environment_why: String::new(),
        disagreements: vec!["The cluster has other sources for it than Git, or other revisions of them.".to_owned()],
        provenance: Some("In the cluster it stands below `/shop/`: its tracking id says so, and that app lists it as synced.".to_owned()),
        reconciled: Some(before(70)),
        deleting: None,
        health_since: Some(before(700)),
        health_message: Some("<b>CrashLoopBackOff</b> of catalogue-7".to_owned()),
        revisions: vec![
            runs(OLDER, AgainstGit::Other),
            RevisionRow { repository: "https://charts.example".to_owned(), ..runs("1.4.2", AgainstGit::Incomparable) },
        ],
        images: vec!["registry.example/shop/catalogue:2.1@sha256:8f3c".to_owned()],
        urls: ["https://shop.example/catalogue", "javascript:alert(1)", "HTTP://old.example"].map(str::to_owned).to_vec(),
        operation: Some(OperationFacts {
            phase: "Failed".to_owned(),
            message: Some("one or more objects failed to apply".to_owned()),
            started: Some(before(90)),
            finished: Some(before(75)),
            by: Some("ben".to_owned()),
            partial: false,
            retries: 2,
            revisions: vec![COMMIT.to_owned()],
        }),
        operation_asked: false,
        deployments: vec![
            DeploymentRow { at: Some(before(9_000)), by: None, revisions: vec![OLDER.to_owned(), "1.4.2".to_owned()] },
            DeploymentRow { at: Some(before(90_000)), by: Some("ana".to_owned()), revisions: vec!["7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c".to_owned()] },
        ],
        conditions: vec![ConditionRow { kind: "SyncError".to_owned(), message: Some("Failed last sync attempt".to_owned()) }],
        resources: 12,
        resources_out_of_sync: 1,
        messages_withheld: false,
    }
}

fn live_app() -> AppPage {
    let live = LiveFacts { state: broken(), told: Some(Box::new(told())) };
    AppPage { live: Some(live), deployments: told().deployments, cluster_state: Some(heard("home")), ..data::app() }
}

#[tokio::test]
async fn a_row_says_in_words_how_its_app_stands() {
    let page = tree("tree-live", "/tree", live_tree()).await;
    page.is_sound();
    page.says(&["In the cluster", "healthy", "synced", "degraded", "out of sync", "progressing", "health unknown", "#i-degraded", "#i-out-of-sync"]);
    page.says(&["5d1e7a4", "as in Git", "8a92644", "not the commit shown here", "17.10.3-beta.1", "not (yet) in the cluster", "only in the cluster"]);
    page.says(&["cluster not heard yet", "as of 2 min ago"]);
    // The reasons are there without hovering and without script.
    page.says(&["<summary>not settled", ": why, catalogue", "<li>It is Degraded: a part of it does not work.</li>"]);
    assert_eq!(page.html.matches("<details class=\"more\">").count(), 1, "what is settled needs no reason");
    page.never_says(&["class=\"notice"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn every_row_has_as_many_cells_as_there_are_heads() {
    let page = tree("tree-live-cells", "/tree", live_tree()).await;
    let main = page.main();
    let heads = main.matches("role=\"columnheader\"").count();
    let cells = |row: &str| -> usize {
        let span = |cell: &str| cell.split("colspan=\"").nth(1).map_or(1, |rest| rest.split('"').next().unwrap().parse().unwrap());
        row.split("<td ").skip(1).map(|cell| span(cell.split('>').next().unwrap())).sum()
    };
    for row in main.split("<tr ").skip(2) {
        assert_eq!(cells(row), heads, "{row}");
    }
}

#[tokio::test]
async fn the_flat_table_says_it_too() {
    let page = tree("tree-live-table", "/tree?view=table", live_tree()).await;
    page.is_sound();
    page.says(&["In the cluster", "degraded", "not settled", "only in the cluster"]);
}

#[tokio::test]
async fn how_apps_stand_can_be_filtered_where_a_cluster_says_it() {
    let page = tree("tree-live-filtered", "/tree?health=degraded&sync=out-of-sync&settled=no&open=/shop/", live_tree()).await;
    page.is_sound();
    page.says(&[r#"<option value="degraded" selected"#, r#"<option value="out-of-sync" selected"#, r#"<option value="no" selected"#]);
    page.says(&[
        r#"href="/tree?open=/shop/" class="btn bare">Clear"#,
        "/tree?health=degraded&amp;sync=out-of-sync&amp;settled=no&amp;open=/shop/&amp;view=table",
    ]);
    // Without a cluster there is nothing to ask.
    let page = tree("tree-unlive", "/tree", data::tree()).await;
    page.never_says(&["tree-health", "tree-sync", "tree-settled", "In the cluster", "with-live"]);
}

#[tokio::test]
async fn a_cluster_that_is_away_says_how_old_its_part_is() {
    let clusters =
        vec![away("home"), ClusterState { heard: None, complete: false, ..away("east") }, ClusterState { complete: false, ..heard("west") }, heard("north")];
    let page = tree("tree-away-cluster", "/tree", TreePage { clusters: clusters.clone(), ..live_tree() }).await;
    page.is_sound();
    page.says(&["<code>home</code> was last heard of 2 min ago. It does not answer.", "<code>east</code> has not been heard of since 2 min ago."]);
    page.says(&["<code>west</code> has not told yet all that it holds."]);
    page.never_says(&["north"]);
    page.says_before("was last heard of", "role=\"treegrid\"");

    let page = app("app-away-cluster", CATALOGUE, AppPage { cluster_state: Some(away("home")), ..live_app() }).await;
    page.is_sound();
    page.says(&["<code>home</code> was last heard of 2 min ago.", "home, was last heard of 2 min ago"]);
}

#[tokio::test]
async fn an_account_that_lacks_something_is_told_above_the_tree() {
    let page = tree("tree-account", "/tree", TreePage { accounts: vec![lacking()], ..live_tree() }).await;
    page.is_sound();
    page.says(&["The account <code>shop-staging/wf-runner</code> lacks something in the cluster <code>home</code>", "12 s ago", "may not create testruns"]);
    page.says(&["Launches of 4 apps are locked: ", r#"href="/apps/shop/cart/""#, " and 1 more. ", "1 run goes on as it right now.", "/access#x-accounts"]);
    page.says_before("may not create testruns", "role=\"treegrid\"");
}

#[tokio::test]
async fn the_page_of_an_app_tells_what_its_cluster_says() {
    let page = app("app-live", CATALOGUE, live_app()).await;
    page.is_sound();
    page.says_before("Last 9 runs", "In the cluster");
    page.says(&["home, heard just now", "degraded", "out of sync", "It is OutOfSync", "12, 1 out of sync", "SyncError", "Failed last sync attempt"]);
    // Beside what Git has.
    page.says(&["8a92644", "not the commit that this page was read from, <code>5d1e7a4</code>", "not of the repository of the tree"]);
    page.says(&["The cluster has other sources for it than Git", "its tracking id says so", "registry.example/shop/catalogue:2.1@sha256:8f3c"]);
    page.says(&["failed", "asked for by ben", "after 2 retries", "took 0:15", "one or more objects failed to apply", "Argo CD itself", "23 Nov", "7b1c2d3"]);
    // Only what opens as a page is a link, and nothing is markup.
    page.says(&[r#"href="https://shop.example/catalogue""#, r#"href="HTTP://old.example""#, "<code>javascript:alert(1)</code>", "&lt;b&gt;CrashLoopBackOff"]);
    page.never_says(&["href=\"javascript", "<b>CrashLoopBackOff", "Deployed to</dt><dd><code>shop-staging</code> in"]);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn messages_that_are_not_the_readers_are_said_to_be_there() {
    let mut withheld = told();
    withheld.health_message = None;
    withheld.operation.as_mut().unwrap().message = None;
    withheld.conditions[0].message = None;
    withheld.messages_withheld = true;
    let live = Some(LiveFacts { state: broken(), told: Some(Box::new(withheld)) });
    let page = app("app-live-withheld", CATALOGUE, AppPage { live, ..live_app() }).await;
    page.is_sound();
    page.says(&["Argo CD wrote messages about this app.", "SyncError", "failed"]);
}

#[tokio::test]
async fn an_app_that_only_one_of_the_two_has_says_so() {
    let page = |name: &'static str, found, told| async move {
        let live = Some(LiveFacts { state: LiveState { found, ..if found == Found::ClusterOnly { settled() } else { nowhere(found) } }, told });
        let page = app(name, CATALOGUE, AppPage { live, ..live_app() }).await;
        page.is_sound();
        page
    };
    page("app-git-only", Found::GitOnly, None).await.says(&["Git has this app, and <code>home</code> has not, or not yet.", "not (yet) in the cluster"]);
    page("app-not-heard", Found::NotHeard, None).await.says(&["Not known: <code>home</code> has not told yet all that it holds."]);
    page("app-cluster-only", Found::ClusterOnly, Some(Box::new(told()))).await.says(&["Only the cluster has this app"]);
    // In another place than Git says, that place is named.
    let moved = LiveTold { destination_namespace: "shop-prod".to_owned(), environment: "prod".into(), environment_why: "Rule prod.".to_owned(), ..told() };
    page("app-moved", Found::ClusterOnly, Some(Box::new(moved))).await.says(&["<code>shop-prod</code> in in-cluster", "Rule prod."]);
}

#[tokio::test]
async fn a_launch_that_the_cluster_would_refuse_is_locked_with_its_sentences() {
    let findings = lacking();
    let launch = Permission { allowed: false, why: findings.sentences.join(" ") };
    let locked = AppPage { launch, account_findings: Some(findings.clone()), ..live_app() };
    let page = app("app-account", CATALOGUE, locked.clone()).await;
    page.is_sound();
    page.says(&[
        "A run here acts as <code>shop-staging/wf-runner</code>, and the cluster would refuse it.",
        "12 s ago",
        "may not create testruns",
        "may not delete testruns",
    ]);
    page.never_says(&["/launch?"]);
    let tab = app("app-account-tab", "/apps/shop/catalogue/?tab=access", locked.clone()).await;
    tab.is_sound();
    tab.says(&["What the cluster answered of your account", "id=\"account\"", "a run would be refused", "/shop/payments/", "1 run goes on"]);
    // What locks it beside that is told as well.
    let launch = Permission { allowed: false, why: "The cluster home is away.".to_owned() };
    app("app-account-away", CATALOGUE, AppPage { launch, ..locked.clone() }).await.says(&["The cluster home is away.", "may not create testruns"]);
    // What is not known is not told as a refusal.
    let unknown = AccountFindings { unknown: true, sentences: vec!["The cluster home gave no answer.".to_owned()], ..findings.clone() };
    let launch = Permission { allowed: false, why: "The cluster home gave no answer.".to_owned() };
    let page = app("app-account-unknown", CATALOGUE, AppPage { launch, account_findings: Some(unknown), ..locked.clone() }).await;
    page.says(&["whether the cluster would let it is not known"]);
    page.never_says(&["would refuse"]);
    // Green again: nothing is locked.
    let green = AccountFindings { green: true, sentences: Vec::new(), breaks: Vec::new(), live_runs: 0, ..findings };
    let page = app("app-account-green", "/apps/shop/catalogue/?tab=access", AppPage { launch: data::may(), account_findings: Some(green), ..locked }).await;
    page.is_sound();
    page.says(&["everything granted", "/launch?path=/shop/catalogue/"]);
    page.never_says(&["would be refused"]);
}

#[tokio::test]
async fn what_follows_from_the_project_stands_first_and_says_how_sure_it_is() {
    let finding = |sentence: &str, confirmed, at_least_until| ProjectFinding { sentence: sentence.to_owned(), confirmed, at_least_until };
    let project = ProjectFacts {
        name: "shop".to_owned(),
        unknown: None,
        findings: vec![
            finding("Nothing in the project `shop` itself allows apps in namespace `dev`.", false, None),
            finding("A deny window of the project `shop` is open.", true, Some(before(-1_800))),
        ],
        orphans: OrphansWord::WarnedOf,
    };
    let page = app("app-project", CATALOGUE, AppPage { project: Some(project.clone()), ..live_app() }).await;
    page.is_sound();
    page.says(&[
        "project, not sure",
        "itself allows apps in namespace <code>dev</code>",
        "A deny window of the project <code>shop</code> is open.",
        "It closes at the earliest",
    ]);
    page.says(&["<dt>Project</dt>", "warns where resources lie in its namespaces that no app deploys"]);
    page.says_before("project, not sure", "Last verdict");
    // Nothing wrong, nothing said; nothing known, and why.
    let quiet = ProjectFacts { findings: Vec::new(), orphans: OrphansWord::NotLookedFor, ..project.clone() };
    let page = app("app-project-quiet", CATALOGUE, AppPage { project: Some(quiet), ..live_app() }).await;
    page.says(&["<dt>Project</dt>"]);
    page.never_says(&["project, not sure", "aria-label=\"Trouble with this app\""]);
    let unknown = ProjectFacts { unknown: Some("The projects of cluster `home` have not been read yet.".to_owned()), findings: Vec::new(), ..project };
    let page = app("app-project-unknown", CATALOGUE, AppPage { project: Some(unknown), ..live_app() }).await;
    page.says(&["The projects of cluster <code>home</code> have not been read yet."]);
    page.never_says(&["that no app deploys"]);
}
