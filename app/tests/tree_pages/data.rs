//! A made-up part of a tree, always the same.

use windfirm_model::{
    clock::Timestamp,
    environment::Environment,
    id::RunId,
    path::AppPath,
    run::{Profile, RunStateKind},
    view::{
        access::{ActionRow, DecisionRow},
        app::{AppPage, ChildRow, CommitRow, GuardrailRow, ScenarioRow, SourceRow, Target, TestOptions, TestRow},
        run::Permission,
        runs::{RunRow, Totals},
        tree::{AppRow, TreePage, TreeQuery, TreeRevision, TreeRow, VerdictCounts},
    },
};

/// Mon 23 Nov 2026, 12:04:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_435_440);

fn path(text: &str) -> AppPath {
    text.parse().unwrap()
}
fn text(text: &str) -> String {
    text.to_owned()
}
fn before(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_435_440 - seconds)
}
fn run_id(number: u8) -> RunId {
    format!("01935c7e-8b1a-7000-8000-1234567890{number:02x}").parse().unwrap()
}
pub(crate) fn may() -> Permission {
    Permission { allowed: true, why: text("You act as shop-staging/wf-runner through grant shop-run.") }
}
pub(crate) fn locked() -> Permission {
    Permission { allowed: false, why: text("Group `shop-dev` may read prod through grant `shop-read-prod`, not run. Ask Ben Okafor.") }
}

pub(crate) fn revision() -> TreeRevision {
    TreeRevision {
        commit: text("5d1e7a4c9b0f2e6d8a7c5b3f1e9d7c5b3a190f2e"),
        subject: text("Load variants per product"),
        author: text("Eli Tanaka"),
        committed: before(9_000),
        read: before(63),
        source: text("/srv/tree.git"),
        stale: None,
    }
}

/// An app row without runs; the tests change what they are about.
fn row(at: &str, level: u32, position: u32, size: u32) -> AppRow {
    let path = path(at);
    AppRow {
        name: path.name().to_owned(),
        path,
        kind: text("Application"),
        level,
        position,
        size,
        expanded: None,
        toggle: None,
        wave: 0,
        environment: "staging".into(),
        last: None,
        last_run: None,
        runs_locked: false,
        rolled_up: None,
        live: 0,
        spread_us: None,
        spread_history_us: Vec::new(),
        tests: 1,
        launch: may(),
        context: false,
        cycle: false,
        elsewhere: false,
        in_cluster: None,
    }
}

fn ran(row: AppRow, state: RunStateKind, number: u8, spreads_ms: &[u64]) -> AppRow {
    let spread_history_us: Vec<u64> = spreads_ms.iter().map(|spread| spread * 1_000).collect();
    AppRow { last: Some(state), last_run: Some(run_id(number)), rolled_up: Some(state), spread_us: spread_history_us.last().copied(), spread_history_us, ..row }
}

/// Two roots: one to run in, with everything that a row can be, and one that can be seen only.
pub(crate) fn rows() -> Vec<TreeRow> {
    use RunStateKind::{Failed, Inconclusive, Passed};
    let shop = AppRow { expanded: Some(true), toggle: Some(text("/shop/payments/")), rolled_up: Some(Failed), live: 1, ..row("/shop/", 1, 1, 2) };
    let catalogue = AppRow { wave: 1, ..ran(row("/shop/catalogue/", 2, 1, 5), Failed, 1, &[188, 190, 180, 186, 440, 522, 612]) };
    let cart = AppRow { wave: 2, live: 1, rolled_up: None, ..row("/shop/cart/", 2, 2, 5) };
    let payments = AppRow { wave: 2, expanded: Some(true), toggle: Some(text("/shop/")), ..ran(row("/shop/payments/", 2, 3, 5), Passed, 2, &[96, 92, 96]) };
    let ledger = ran(row("/shop/payments/ledger/", 3, 1, 3), Inconclusive, 3, &[61]);
    let again = AppRow { cycle: true, ..row("/shop/", 3, 2, 3) };
    let set = AppRow {
        kind: text("ApplicationSet"),
        expanded: Some(false),
        toggle: Some(text("/shop/,/shop/payments/,/shop/regions/")),
        ..row("/shop/regions/", 2, 4, 5)
    };
    let untested = AppRow { tests: 0, ..row("/shop/mail/", 2, 5, 5) };
    let prod = AppRow {
        environment: "prod".into(),
        launch: locked(),
        expanded: Some(true),
        toggle: Some(text("/shop/,/shop/payments/")),
        ..ran(row("/shop-prod/", 1, 2, 2), Passed, 4, &[118])
    };
    let storefront = AppRow { environment: "prod".into(), launch: locked(), wave: 3, ..row("/shop-prod/storefront/", 2, 1, 2) };
    let app = TreeRow::App;
    vec![
        app(shop),
        app(catalogue),
        app(cart),
        app(payments),
        app(ledger),
        app(again),
        TreeRow::Hidden { level: 3, count: 3, position: 3, size: 3 },
        app(set),
        app(untested),
        app(prod),
        app(storefront),
        TreeRow::Hidden { level: 2, count: 11, position: 2, size: 2 },
    ]
}

pub(crate) fn tree() -> TreePage {
    TreePage {
        query: TreeQuery::default(),
        rows: rows(),
        rows_left: 0,
        environments: vec!["prod".into(), "staging".into()],
        visible_apps: 9,
        hidden_apps: 14,
        may_view_system: true,
        counts: VerdictCounts { pass: 2, fail: 1, inconclusive: 1, live: 2, never: 3 },
        revision: revision(),
        problems: Vec::new(),
        clusters: Vec::new(),
        has_live: false,
        accounts: Vec::new(),
        granted: None,
        now: NOW,
    }
}

pub(crate) fn run(number: u8, state: RunStateKind, ago_s: i64, totals: Option<Totals>) -> RunRow {
    RunRow {
        id: run_id(number),
        path: path("/shop/catalogue/"),
        environment: "staging".into(),
        test: text("apps/catalogue/k6/browse.js"),
        profile: Profile::Load,
        state,
        by: text("Ana Ruiz"),
        created: before(ago_s),
        ended: (!state.is_live()).then(|| before(ago_s - 65)),
        planned_s: Some(60),
        reason: (state == RunStateKind::Failed).then(|| text("`p(99)<400` was broken: 664 ms.")),
        band_us: totals.map(|totals| vec![Some((totals.p50_us, totals.p90_us, totals.p99_us)); 10]).unwrap_or_default(),
        totals,
        commit: text("8f3c2d1a90"),
    }
}

pub(crate) fn totals(p99_ms: u64) -> Option<Totals> {
    Some(Totals { requests: 7_204, failed: 3, p50_us: 44_000, p90_us: p99_ms * 400, p99_us: p99_ms * 1_000, ..Totals::default() })
}

/// One live, two failed, one without data, and good ones before.
pub(crate) fn runs() -> Vec<RunRow> {
    use RunStateKind::{Errored, Failed, Passed, Running};
    let newest = [run(20, Running, 40, None), run(21, Failed, 785, totals(664)), run(22, Failed, 9_000, totals(569)), run(23, Errored, 12_000, None)];
    let older = (0..6_u8).map(|back| run(30 + back, Passed, 90_000 + i64::from(back) * 7_000, totals(230 - u64::from(back) * 4)));
    newest.into_iter().chain(older).collect()
}

pub(crate) fn tests() -> Vec<TestRow> {
    let script = |name: &str, options: TestOptions| TestRow {
        path: format!("apps/catalogue/k6/{name}"),
        name: text(name),
        digest: text("sha256:8f3c2d1a90bb"),
        options,
    };
    let scenario = |name: &str, executor: &str| ScenarioRow { name: text(name), executor: text(executor) };
    vec![
        script(
            "browse.js",
            TestOptions::Read {
                scenarios: vec![scenario("browse", "ramping-vus"), scenario("search", "constant-vus")],
                max_vus: 60,
                duration_s: 360,
                thresholds: vec![text("http_req_duration p(99)<400"), text("http_req_failed rate<0.01")],
                unbounded: false,
            },
        ),
        script("broken.js", TestOptions::Broken { message: text("ReferenceError: <x> is not defined\n\tat file:///broken.js:3:1") }),
        script("soak.js", TestOptions::Unread { why: text("k6 is busy; reload the page in a moment") }),
    ]
}

pub(crate) fn access() -> Vec<ActionRow> {
    let row = |action: &str, sentence: &str, why: &str, grant: Option<&str>, account: Option<&str>| ActionRow {
        action: text(action),
        sentence: text(sentence),
        allowed: grant.is_some(),
        decision: DecisionRow {
            subject: grant.map(|_| text("group shop-dev")),
            grant: grant.map(text),
            role: grant.map(|_| text("runner")),
            path: grant.map(|_| text("/shop/")),
            service_account: account.map(text),
            why: text(why),
        },
    };
    vec![
        row("app.view", "See an app in the tree.", "Group `shop-dev` has role runner on /shop/ through grant shop-run.", Some("shop-run"), None),
        row("run.view", "Read the results of a run.", "Group `shop-dev` has role runner on /shop/ through grant shop-run.", Some("shop-run"), None),
        row(
            "run.launch",
            "Launch a load test on an app.",
            "Group `shop-dev` has role runner on /shop/ through grant shop-run, acting as service account shop-staging/wf-runner.",
            Some("shop-run"),
            Some("shop-staging/wf-runner"),
        ),
        row("run.stop", "Stop anybody's run.", "No grant of yours gives run.stop on /shop/catalogue/. Group `shop-leads` has it.", None, None),
    ]
}

pub(crate) fn app() -> AppPage {
    let guardrail = |kind: &str, limit: &str, name: &str, at: &str| GuardrailRow { kind: text(kind), limit: text(limit), name: text(name), path: path(at) };
    AppPage {
        path: path("/shop/catalogue/"),
        name: text("catalogue"),
        kind: text("Application"),
        environment: Environment::from("staging"),
        environment_why: text("Rule staging of the policy: namespace *-staging."),
        wave: 1,
        cluster: text("in-cluster"),
        namespace: text("argocd"),
        destination_namespace: text("shop-staging"),
        target: Target::Known { url: text("http://127.0.0.1:9001"), from: text("annotation `windfirm.dev/target`") },
        parent: Some(path("/shop/")),
        children: vec![ChildRow { path: path("/shop/catalogue/images/"), name: text("images"), wave: 2, environment: "staging".into() }],
        hidden_children: 2,
        sources: vec![
            SourceRow {
                repository: text("https://git.example/shop/deploy.git"),
                path: text("apps/catalogue"),
                revision: text("main"),
                kind: text("kustomize"),
                last_commit: Some(CommitRow {
                    id: text("8f3c2d1a90"),
                    subject: text("Load variants per product"),
                    author: text("Eli Tanaka"),
                    at: before(9_000),
                }),
            },
            SourceRow { repository: text("https://charts.example"), path: String::new(), revision: text("1.4.2"), kind: text("chart"), last_commit: None },
        ],
        revision: revision(),
        tests: tests(),
        tests_at: None,
        searched: vec![text("apps/catalogue/k6/")],
        runs: runs(),
        runs_total: 214,
        launch: may(),
        service_account: Some(text("shop-staging/wf-runner")),
        access: access(),
        guardrails: vec![
            guardrail("max_vus", "150 VUs", "shop-limits", "/shop/"),
            guardrail("max_duration", "30 min", "built in", "/"),
            guardrail("target_hosts", "127.0.0.1:*", "loopback", "/"),
        ],
        problems: Vec::new(),
        unresolved: Vec::new(),
        live: None,
        project: None,
        deployments: Vec::new(),
        cluster_state: None,
        account_findings: None,
        secrets: Vec::new(),
        now: NOW,
    }
}
