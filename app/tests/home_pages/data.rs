//! Made-up people and runs, always the same.

use windfirm_model::{
    clock::Timestamp,
    environment::Environment,
    path::AppPath,
    run::{Profile, RunStateKind},
    view::{
        frame::{Frame, LiveRun, SessionRow},
        home::{Home, ReadyTest, SubtreeRow},
        runs::{RunRow, Totals},
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
fn environment(path: &str) -> Environment {
    Environment::from(if path.contains("prod") {
        "prod"
    } else if path.contains("dev") {
        "dev"
    } else {
        "staging"
    })
}

/// Somebody without any special right, with nothing live.
pub(crate) fn frame() -> Frame {
    Frame {
        name: text("Ana Ruiz"),
        groups: vec![text("shop-dev")],
        groups_unknown: None,
        issuer: text("http://127.0.0.1:7001"),
        may_view_audit: false,
        may_view_policy: false,
        may_view_system: false,
        live: Vec::new(),
        live_count: 0,
        demo: true,
        now: NOW,
    }
}

/// Somebody who may see everything, with seven live runs.
pub(crate) fn busy_frame() -> Frame {
    let live = |at: &str, elapsed_s, planned_s| LiveRun {
        id: "01935c7e-8b1a-7000-8000-123456789abc".parse().unwrap(),
        path: path(at),
        test: text("apps/shop/k6/browse.js"),
        elapsed_s,
        planned_s,
        waits: false,
    };
    Frame {
        groups: ["platform", "shop-dev", "shop-leads"].map(text).to_vec(),
        may_view_audit: true,
        may_view_policy: true,
        may_view_system: true,
        live: vec![
            live("/shop/", 252, Some(360)),
            live("/shop-dev/cart/", 39, None),
            live("/shop/payments-gateway-long-name/", 61, Some(60)),
            LiveRun { waits: true, ..live("/shop/", 0, Some(5)) },
        ],
        live_count: 7,
        demo: false,
        ..frame()
    }
}

fn run(at: &str, state: RunStateKind, minutes: i64, reason: Option<&str>) -> RunRow {
    let created = NOW.plus_seconds(-60 * minutes);
    RunRow {
        id: "01935c7e-8b1a-7000-8000-123456789abc".parse().unwrap(),
        path: path(at),
        environment: environment(at),
        test: text("apps/shop/k6/browse.js"),
        profile: Profile::Load,
        state,
        by: text("Ana Ruiz"),
        created,
        ended: (!state.is_live()).then(|| created.plus_seconds(60)),
        planned_s: Some(360),
        reason: reason.map(text),
        totals: (!state.is_live()).then(|| Totals { requests: 12_402, p50_us: 44_812, p99_us: 538_211, ..Totals::default() }),
        band_us: (0..10).map(|slice| (slice != 4).then(|| (40_000 + slice * 900, 90_000 + slice * 4_000, 180_000 + slice * 22_000))).collect(),
        commit: text("5d1e7a4b8c"),
    }
}

fn subtree(at: &str, passed: u32, failed: u32, inconclusive: u32, live: u32, never_run: u32) -> SubtreeRow {
    SubtreeRow {
        path: path(at),
        environment: environment(at),
        apps: passed + failed + inconclusive + live + never_run,
        passed,
        failed,
        inconclusive,
        live,
        never_run,
    }
}

fn ready(at: &str, script: &str) -> ReadyTest {
    ReadyTest { path: path(at), environment: environment(at), test: format!("apps{at}k6/{script}"), service_account: text("shop-staging/loadtest") }
}

/// A busy morning.
pub(crate) fn home() -> Home {
    Home {
        failing: vec![
            run("/shop/catalogue/", RunStateKind::Failed, 14, Some("`http_req_duration: p(99)<400` was broken: 611 ms.")),
            run("/shop-prod/", RunStateKind::Inconclusive, 140, Some("11 % of the iterations were dropped, so the latency says little.")),
            run("/shop/ledger/", RunStateKind::Errored, 1_600, None),
        ],
        live: vec![run("/shop/", RunStateKind::Running, 4, None), run("/shop-dev/cart/", RunStateKind::Queued, 0, None)],
        recent: vec![
            run("/shop/catalogue/", RunStateKind::Failed, 14, Some("broken")),
            run("/shop/payments/", RunStateKind::Passed, 24, None),
            run("/shop/recommendations/", RunStateKind::Inconclusive, 77, None),
            run("/shop-dev/cart/", RunStateKind::Cancelled, 1_500, None),
        ],
        subtrees: vec![
            subtree("/shop/", 12, 2, 1, 1, 2),
            subtree("/shop/payments/", 4, 0, 0, 0, 0),
            subtree("/shop-dev/", 5, 0, 0, 0, 1),
            subtree("/shop-prod/", 0, 0, 0, 0, 8),
        ],
        ready_more: 4,
        ready: vec![ready("/shop/cart/", "browse.js"), ready("/shop/payments/", "pay.js"), ready("/shop-dev/cart/", "browse & buy.js")],
        apps: 32,
        hidden: 11,
        unread: false,
        partial: None,
        now: NOW,
    }
}

/// Everything that may be seen has passed, and nothing runs.
pub(crate) fn quiet_home() -> Home {
    Home {
        failing: Vec::new(),
        live: Vec::new(),
        recent: vec![run("/shop/payments/", RunStateKind::Passed, 24, None)],
        subtrees: vec![subtree("/shop/", 3, 0, 0, 0, 0)],
        apps: 3,
        hidden: 0,
        ..home()
    }
}

/// Nobody has done anything yet.
pub(crate) fn fresh_home() -> Home {
    Home { recent: Vec::new(), ready: Vec::new(), subtrees: vec![subtree("/shop/", 0, 0, 0, 0, 3)], ..quiet_home() }
}

/// No app may be seen.
pub(crate) fn empty_home(hidden: u32) -> Home {
    Home { subtrees: Vec::new(), apps: 0, hidden, ..fresh_home() }
}

pub(crate) fn sessions() -> Vec<SessionRow> {
    let row = |handle: &str, current, hours: i64, client: &str| SessionRow {
        handle: text(handle),
        current,
        began: NOW.plus_seconds(-3_600 * hours),
        last_seen: NOW.plus_seconds(-60 * hours),
        ends: NOW.plus_seconds(3_600 * (12 - hours)),
        client: text(client),
    };
    vec![row("h-this", true, 1, "Firefox on Linux, 127.0.0.1"), row("h-other", false, 5, "<b>Chrome</b> on Android, 10.0.0.7")]
}
