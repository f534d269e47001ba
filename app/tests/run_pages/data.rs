//! Made-up runs, always the same.

use windfirm_model::{
    clock::Timestamp,
    environment::Environment,
    id::{ExecutionId, RunId},
    path::AppPath,
    run::{Profile, RunState, RunStateKind},
    view::{
        access::DecisionRow,
        app::{ScenarioRow, Target, TestOptions, TestRow},
        launch::{Judgement, LaunchForm, LaunchRequest, ProfileRow, RuleRow},
        run::{
            CheckRow, Completeness, CompletenessRow, Confinement, Heatmap, LogLine, Manifest, ManifestFile, Measured, Permission, RequestRow, RunEvent,
            RunPage, ThresholdRow, WindowPoint,
        },
        runs::{RunRow, RunsPage, RunsQuery, Totals},
        tree::TreeRevision,
    },
};

/// Mon 23 Nov 2026, 12:00:00 UTC.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_795_435_200);
const PLANNED_S: u32 = 120;

fn path(text: &str) -> AppPath {
    text.parse().unwrap()
}
fn text(text: &str) -> String {
    text.to_owned()
}
fn id() -> RunId {
    "01935c7e-8b1a-7000-8000-123456789abc".parse().unwrap()
}

/// A little unrest, the same in every run of the tests.
fn unrest(at_s: u32, upto: u64) -> u64 {
    u64::from(at_s.wrapping_mul(2_654_435_761) >> 16) % upto.max(1)
}

/// A rise of p99 after 50 s, and six seconds without data.
fn windows(until_s: u32) -> Vec<WindowPoint> {
    (0..until_s)
        .filter(|at_s| !(40..46).contains(at_s))
        .map(|at_s| {
            let slow = u64::from(at_s.saturating_sub(50)) * 9_000;
            let vus = u64::from(at_s.min(20)) / 2;
            WindowPoint {
                at_s,
                p50_us: 42_000 + unrest(at_s, 6_000),
                p90_us: 96_000 + unrest(at_s + 7, 18_000) + slow / 4,
                p99_us: 180_000 + unrest(at_s + 3, 40_000) + slow.min(330_000),
                requests: 20 + vus * 11 + unrest(at_s, 9),
                failed: if at_s > 60 { unrest(at_s, 5) } else { 0 },
                iterations: 30,
                dropped_iterations: 0,
                vus: Some(vus),
            }
        })
        .collect()
}

fn measured(until_s: u32) -> Measured {
    let windows = windows(until_s);
    let requests = windows.iter().map(|window| window.requests).sum::<u64>();
    let failed = windows.iter().map(|window| window.failed).sum();
    let columns = usize::try_from(until_s.div_ceil(2)).unwrap();
    let cells = (0..columns)
        .map(|column| {
            let at_s = u32::try_from(column * 2).unwrap();
            if (40..46).contains(&at_s) {
                return vec![0; 9];
            }
            let slow = u64::from(at_s.saturating_sub(50)) / 4;
            vec![0, 0, unrest(at_s, 3), 14 + unrest(at_s, 12), 120 + unrest(at_s, 60), 60 + unrest(at_s, 30), 9 + slow, slow / 2, 0]
        })
        .collect();
    Measured {
        totals: Totals {
            requests,
            failed,
            iterations: 2_040,
            dropped_iterations: 4,
            p50_us: 44_812,
            p90_us: 141_000,
            p95_us: 260_000,
            p99_us: 538_211,
            p999_us: 641_000,
            min_us: 9_100,
            max_us: 812_400,
            requests_per_s: 118.4,
            checks_passed: 4_071,
            checks_failed: 9,
            max_vus: 10,
            received_bytes: 18_412_006,
            sent_bytes: 912_400,
        },
        windows,
        thresholds: vec![
            ThresholdRow {
                metric: text("http_req_duration"),
                expression: text("p(99)<400"),
                measured: Some(text("538 ms")),
                kept: Some(false),
                abort_on_fail: false,
            },
            ThresholdRow {
                metric: text("http_req_failed"),
                expression: text("rate<0.05"),
                measured: Some(text("1.4 %")),
                kept: Some(true),
                abort_on_fail: true,
            },
            ThresholdRow { metric: text("http_req_duration{name:refund}"), expression: text("p(95)<300"), measured: None, kept: None, abort_on_fail: false },
        ],
        checks: vec![
            CheckRow { group: String::new(), name: text("status is 200"), passed: 2_031, failed: 9 },
            CheckRow { group: text("::checkout"), name: text("has a receipt"), passed: 2_040, failed: 0 },
        ],
        checks_more: 0,
        requests_more: 0,
        requests: vec![
            RequestRow {
                name: text("http://127.0.0.1:9001/pay"),
                method: text("POST"),
                status: 200,
                error_code: None,
                count: 6_120,
                failed: 0,
                p50_us: 46_000,
                p90_us: 150_000,
                p99_us: 540_000,
                max_us: 812_400,
            },
            RequestRow {
                name: text("http://127.0.0.1:9001/pay"),
                method: text("POST"),
                status: 503,
                error_code: Some(1_503),
                count: 61,
                failed: 61,
                p50_us: 12_000,
                p90_us: 18_000,
                p99_us: 22_000,
                max_us: 24_000,
            },
            RequestRow { name: text("http://10.0.0.1/"), method: text("GET"), status: 0, error_code: Some(1_110), count: 4, failed: 4, ..request() },
        ],
        heatmap: Heatmap { column_s: 2, row_edges_us: (0..9).map(|power| 4_096 << power).collect(), cells },
        last_measured: Some(START.plus_seconds(i64::from(until_s))),
        percentile_error: 0.008,
    }
}

fn request() -> RequestRow {
    RequestRow { name: String::new(), method: String::new(), status: 0, error_code: None, count: 0, failed: 0, p50_us: 0, p90_us: 0, p99_us: 0, max_us: 0 }
}

fn manifest() -> Manifest {
    Manifest {
        bundle_digest: text("sha256:41c9f2d07a6c5b3e8d1f00aa12bb34cc56dd78ee90ff11223344556677889900"),
        files: vec![
            ManifestFile { path: text("apps/payments/k6/pay.js"), digest: text("sha256:1f0a"), bytes: 1_204 },
            ManifestFile { path: text("apps/payments/k6/lib/cards.json"), digest: text("sha256:9bce"), bytes: 20_880 },
        ],
        entry: text("apps/payments/k6/pay.js"),
        parameters: vec![(text("CART"), text("3")), (text("REGION"), text("eu west"))],
        parameters_digest: text("sha256:9b1f22d4"),
        options: vec![text("--vus=10"), text("--duration=120s")],
        policy_digest: text("sha256:2f81c4e0"),
        grant: text("shop developers"),
        decision: vec![text("`max_vus`: 10 of 50, kept."), text("`max_duration`: 2 min of 10 min, kept.")],
        tree_commit: text("5d1e7a4b8c"),
        tree_commit_subject: text("Retry refunds once"),
        test_commit: None,
        deployed: Vec::new(),
        k6_version: text("k6 v2.2.0"),
        service_account: text("shop-dev/loadtest"),
        actor: text("Ana Ruiz"),
        target: text("http://127.0.0.1:9001"),
        reason: text("Before release 48"),
        thresholds: None,
        placement: None,
        tolerates_lost_runners: None,
        results_digest: None,
    }
}

/// A run 72 seconds after its start.
pub(crate) fn live_run() -> RunPage {
    let yes = Permission { allowed: true, why: String::new() };
    let line = |at_s: i64, level: &str, words: &str| LogLine { at: Some(START.plus_seconds(at_s)), level: text(level), text: text(words) };
    let event = |at_s: i64, words: &str, bad: bool| RunEvent { at: START.plus_seconds(at_s), text: text(words), bad };
    RunPage {
        id: id(),
        execution: ExecutionId(id().0),
        path: path("/shop/payments/"),
        environment: Environment::from("dev"),
        test: text("apps/payments/k6/pay.js"),
        profile: Profile::Load,
        state: RunState::Running { since: START },
        by: text("Ana Ruiz"),
        service_account: text("shop-dev/loadtest"),
        reason: text("Before release 48"),
        created: START.plus_seconds(-2),
        started: Some(START),
        ended: None,
        planned_s: Some(PLANNED_S),
        max_vus: 10,
        target: text("http://127.0.0.1:9001"),
        queue_place: None,
        verdict: None,
        measured: measured(72),
        completeness: None,
        log_tail: vec![
            line(0, "info", "k6 v2.2.0 starts, 10 VUs"),
            line(20, "info", "ramp done"),
            line(41, "warning", "Request failed: POST /pay 503"),
            line(61, "error", "check “status is 200” failed"),
            line(70, "info", "checkout: 1,204 iterations done"),
        ],
        log_total: 4_120,
        log_dropped: 0,
        events: vec![
            event(-2, "Ana Ruiz launched it", false),
            event(0, "k6 started", false),
            event(1, "First measurement", false),
            event(46, "No data for 6 s, then measurements came again", true),
            event(63, "`p(99)<400` was crossed", true),
        ],
        manifest: manifest(),
        confinement: Confinement {
            full: true,
            measures: vec![text("files: only the scratch directory (Landlock ABI 7)"), text("network: only port 9001"), text("memory: at most 1 GB")],
        },
        stop: yes.clone(),
        again: yes,
        now: START.plus_seconds(72),
    }
}

/// A run before its first measurement.
pub(crate) fn fresh_run() -> RunPage {
    RunPage { measured: Measured::default(), log_tail: Vec::new(), log_total: 0, events: Vec::new(), now: START.plus_seconds(1), ..live_run() }
}

/// The same run after its end.
pub(crate) fn run_in(state: RunState) -> RunPage {
    let row = |counter: &str, received, k6| CompletenessRow { counter: text(counter), received, k6 };
    RunPage {
        state,
        ended: Some(START.plus_seconds(121)),
        now: START.plus_seconds(4_000),
        measured: measured(120),
        completeness: Some(Completeness {
            compared: true,
            rows: vec![row("http_reqs", 12_402, 12_402), row("iterations", 2_036, 2_040)],
            dropped: vec![(text("samples that came after the run had been settled"), 4)],
            complete: false,
            sentence: text("4 of 2,040 iterations are missing: they came after the run had been settled."),
        }),
        manifest: Manifest { results_digest: Some(text("sha256:0c58a991")), ..manifest() },
        ..live_run()
    }
}

fn row(state: RunStateKind, at: &str, minutes: i64, reason: Option<&str>) -> RunRow {
    let slices = windows(120);
    let band_us =
        (0..10_u32).map(|slice| slices.iter().find(|window| window.at_s == slice * 12).map(|window| (window.p50_us, window.p90_us, window.p99_us))).collect();
    let measured = !matches!(state, RunStateKind::Queued | RunStateKind::Errored);
    RunRow {
        id: id(),
        path: path(at),
        environment: Environment::from(if at.contains("prod") { "prod" } else { "dev" }),
        test: text("apps/payments/k6/pay.js"),
        profile: Profile::Load,
        state,
        by: text("Ana Ruiz"),
        created: START.plus_seconds(-60 * minutes),
        ended: (!state.is_live()).then(|| START.plus_seconds(-60 * minutes + 123)),
        planned_s: Some(120),
        reason: reason.map(text),
        totals: measured.then(measured_totals),
        band_us: if measured { band_us } else { Vec::new() },
        commit: text("5d1e7a4b8c"),
    }
}
fn measured_totals() -> Totals {
    Totals { requests: 12_402, p50_us: 44_812, p99_us: 538_211, ..Totals::default() }
}

/// A page of the history with one run in each state that a list shows often.
pub(crate) fn history(_address: &str) -> RunsPage {
    RunsPage {
        query: RunsQuery { by: _address.contains("zoe").then(|| text("zoe")), ..RunsQuery::default() },
        rows: vec![
            row(RunStateKind::Queued, "/shop/cart/", 0, None),
            row(RunStateKind::Running, "/shop/payments/", 1, None),
            row(RunStateKind::Passed, "/shop/catalogue/", 20, Some("All 3 thresholds were kept.")),
            row(RunStateKind::Failed, "/shop/payments/", 40, Some("`p(99)<400` was broken: 538 ms.")),
            row(RunStateKind::Inconclusive, "/shop-prod/payments/", 140, Some("11 % of the iterations were dropped.")),
            row(RunStateKind::Cancelled, "/shop/shipping/", 1_600, None),
            row(RunStateKind::Errored, "/shop/ledger/", 900_000, Some("k6 refuses the script or its options.")),
        ],
        older: Some(text("older-cursor")),
        environments: vec![Environment::from("dev"), Environment::from("prod")],
        any: true,
        now: START,
    }
}

fn rule(title: &str, fact: &str, kept: bool, sentence: &str) -> RuleRow {
    RuleRow {
        kind: title.to_lowercase().replace(' ', "_"),
        title: text(title),
        fact: text(fact),
        from: text("`small by default`, from /"),
        kept,
        sentence: text(sentence),
    }
}

/// A form that may be sent as it is.
pub(crate) fn launch_form() -> LaunchForm {
    LaunchForm {
        path: path("/shop/payments/"),
        name: text("payments"),
        environment: Environment::from("dev"),
        tests: vec![
            TestRow {
                path: text("apps/payments/k6/pay.js"),
                name: text("pay.js"),
                digest: text("sha256:1f0a"),
                options: TestOptions::Read {
                    scenarios: vec![ScenarioRow { name: text("default"), executor: text("ramping-vus") }],
                    max_vus: 20,
                    duration_s: 360,
                    thresholds: vec![text("http_req_duration: p(99)<400")],
                    unbounded: false,
                },
            },
            TestRow {
                path: text("apps/payments/k6/refund.js"),
                name: text("refund.js"),
                digest: text("sha256:77"),
                options: TestOptions::Unread { why: text("k6 is busy; asked again within a minute") },
            },
        ],
        target: Target::Known { url: text("http://127.0.0.1:9001"), from: text("annotation `windfirm.dev/target`") },
        revision: TreeRevision { commit: text("5d1e7a4b8c"), subject: text("Retry refunds once"), ..TreeRevision::default() },
        decision: DecisionRow {
            subject: Some(text("shop-dev")),
            grant: Some(text("shop developers")),
            role: Some(text("tester")),
            path: Some(text("/shop/")),
            service_account: Some(text("shop-dev/loadtest")),
            why: text(
                "You act as service account `shop-dev/loadtest`, because group `shop-dev` has role `tester` on `/shop/` through grant `shop developers`.",
            ),
        },
        allowed: true,
        tests_at: None,
        tests_problem: None,
        cluster: None,
        secrets: Vec::new(),
        request: LaunchRequest {
            path: text("/shop/payments/"),
            test: text("apps/payments/k6/pay.js"),
            profile: text("load"),
            once: text("once-1"),
            ..LaunchRequest::default()
        },
        judgement: Judgement {
            may_start: true,
            pending: false,
            sentence: text("4 rules are kept."),
            rules: vec![
                rule("Max VUs", "20 of 50", true, ""),
                rule("Max duration", "60 s of 10 min", true, ""),
                rule("Target hosts", "127.0.0.1:9001", true, ""),
                rule("Modules", "k6, k6/http", true, ""),
            ],
            fields: Vec::new(),
            max_vus: Some(10),
            duration_s: Some(60),
            planned_s: Some(30),
            waits: true,
            policy_digest: text("sha256:2f81c4e0"),
        },
        profiles: Profile::ALL.into_iter().map(|profile| ProfileRow { profile, sentence: text(profile.sentence()) }).collect(),
    }
}

/// The same form with too many VUs and a duration that is none.
pub(crate) fn refused_form() -> LaunchForm {
    let form = launch_form();
    LaunchForm {
        request: LaunchRequest { vus: text("900"), duration: text("soon"), env: text("A=1\nB=2"), reason: text("Before release 48"), ..form.request.clone() },
        judgement: Judgement {
            may_start: false,
            sentence: text("1 rule refuses this, 1 field cannot be read."),
            rules: vec![
                rule("Max VUs", "900 of 50", false, "Ask for fewer VUs, or ask the platform team for a wider guardrail."),
                rule("Target hosts", "127.0.0.1:9001", true, ""),
            ],
            fields: vec![(text("duration"), text("“soon” is no duration. Write a number of seconds, minutes or hours: `90s`, `6m`, `1h`."))],
            max_vus: Some(900),
            duration_s: None,
            ..form.judgement.clone()
        },
        ..form
    }
}
