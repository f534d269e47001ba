//! Made-up rules and records.

use windfirm_model::{
    action::Action,
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    environment::Environment,
    view::{
        access::{AccessPage, AccessQuery, ActionRow, DecisionRow, GrantRow, PolicyPage, PolicyVersion},
        audit::{AuditDetail, AuditPage, AuditQuery, AuditRow},
        cluster::{AccountFindings, ClusterAway},
        system::{AskedCluster, PartRow, SystemPage},
        tree::TreeRevision,
    },
};

/// 23 Nov 2026, 12:04:33 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_435_473);

fn version() -> PolicyVersion {
    PolicyVersion { digest: "sha256:2f81c4e8a07713b0".to_owned(), since: NOW.plus_seconds(-400), newer_refused: false }
}

fn grants() -> Vec<GrantRow> {
    vec![
        GrantRow {
            name: "shop developers".to_owned(),
            subject: "group shop-dev".to_owned(),
            role: "tester".to_owned(),
            can: ["app.view", "run.view", "run.launch", "run.stop.own"].map(str::to_owned).to_vec(),
            on: vec!["/shop/".parse().unwrap(), "/shop-dev/".parse().unwrap()],
            environments: vec!["dev".into(), "staging".into()],
            service_account: Some("shop-staging/loadtest".to_owned()),
        },
        GrantRow {
            name: "shop developers read prod".to_owned(),
            subject: "group shop-dev".to_owned(),
            role: "viewer".to_owned(),
            can: ["app.view", "run.view"].map(str::to_owned).to_vec(),
            on: vec!["/shop-prod/".parse().unwrap()],
            environments: vec!["prod".into()],
            service_account: None,
        },
    ]
}

pub(crate) fn access() -> AccessPage {
    AccessPage {
        query: AccessQuery::default(),
        person: "Ana Ruiz".to_owned(),
        groups: vec!["shop-dev".to_owned(), "all-staff".to_owned()],
        groups_unknown: None,
        may_explain_others: false,
        grants: grants(),
        app: None,
        actions: Vec::new(),
        policy: version(),
        accounts: Vec::new(),
        now: NOW,
    }
}

fn launch_allowed() -> ActionRow {
    ActionRow {
        action: Action::LaunchRun.code().to_owned(),
        sentence: Action::LaunchRun.sentence().to_owned(),
        allowed: true,
        decision: DecisionRow {
            subject: Some("group shop-dev".to_owned()),
            grant: Some("shop developers".to_owned()),
            role: Some("tester".to_owned()),
            path: Some("/shop/".to_owned()),
            service_account: Some("shop-staging/loadtest".to_owned()),
            why: "Group shop-dev has role tester on /shop/ in staging through grant shop developers, acting as service account shop-staging/loadtest."
                .to_owned(),
        },
    }
}

fn not(action: Action, why: &str) -> ActionRow {
    ActionRow {
        action: action.code().to_owned(),
        sentence: action.sentence().to_owned(),
        allowed: false,
        decision: DecisionRow { subject: None, grant: None, role: None, path: None, service_account: None, why: why.to_owned() },
    }
}

pub(crate) fn allowed() -> AccessPage {
    AccessPage {
        query: AccessQuery { path: Some("/shop/payments/".to_owned()), action: Some("run.launch".to_owned()), ..AccessQuery::default() },
        app: Some(("/shop/payments/".parse().unwrap(), Environment::from("staging"))),
        actions: vec![launch_allowed()],
        ..access()
    }
}

pub(crate) fn refused() -> AccessPage {
    let why = "Group shop-dev has role viewer on /shop-prod/ through grant shop developers read prod, which does not include run.launch.";
    AccessPage {
        query: AccessQuery { path: Some("/shop-prod/payments/".to_owned()), action: Some("run.launch".to_owned()), ..AccessQuery::default() },
        app: Some(("/shop-prod/payments/".parse().unwrap(), Environment::from("prod"))),
        actions: vec![not(Action::LaunchRun, why)],
        ..access()
    }
}

pub(crate) fn matrix() -> AccessPage {
    let why = "Group shop-dev has role tester on /shop/ through grant shop developers, which does not include run.stop.";
    AccessPage {
        query: AccessQuery { path: Some("/shop/payments/".to_owned()), ..AccessQuery::default() },
        app: Some(("/shop/payments/".parse().unwrap(), Environment::from("staging"))),
        actions: vec![launch_allowed(), not(Action::StopRun, why)],
        ..access()
    }
}

/// One account that has everything, one that lacks something, and one of the same name in another cluster.
pub(crate) fn accounts() -> Vec<AccountFindings> {
    let green = AccountFindings {
        account: "shop-dev/loadtest".to_owned(),
        cluster: "home".to_owned(),
        asked: NOW.plus_seconds(-70),
        green: true,
        unknown: false,
        sentences: Vec::new(),
        because: vec!["RBAC: allowed by RoleBinding \"wf/shop-dev\" of Role \"wf\" to ServiceAccount \"loadtest/shop-dev\"".to_owned()],
        breaks: Vec::new(),
        live_runs: 0,
        waiting_runs: 0,
    };
    let red = AccountFindings {
        account: "shop-staging/loadtest".to_owned(),
        asked: NOW.plus_seconds(-12),
        green: false,
        unknown: false,
        sentences: vec![
            "The account shop-staging/loadtest may not create testruns of k6.io in namespace shop-staging (RBAC: role \"wf\" not found). It is needed to start a run. Somebody who administers that namespace can give it back."
                .to_owned(),
        ],
        breaks: vec!["/shop/payments/".parse().unwrap()],
        live_runs: 2,
        waiting_runs: 0,
        ..green.clone()
    };
    let east = AccountFindings { account: red.account.clone(), cluster: "east".to_owned(), ..green.clone() };
    vec![green, red, east]
}

/// An operation that began `age_s` before now and took `took_ms`.
fn event(seq: i64, actor: &str, code: EventCode, age_s: i64, outcome: EventOutcome, took_ms: Option<i64>) -> AuditRow {
    let at = Timestamp(NOW.plus_seconds(-age_s).0 + 102_000);
    AuditRow {
        seq,
        at,
        actor: actor.to_owned(),
        code: code.code().to_owned(),
        sentence: code.sentence().to_owned(),
        path: Some("/shop/payments/".to_owned()),
        environment: Some("staging".into()),
        run: None,
        outcome,
        outcome_at: took_ms.map(|ms| Timestamp(at.0 + ms * 1_000)),
        why: None,
        service_account: None,
    }
}

fn launched() -> AuditRow {
    AuditRow {
        run: Some("01935c7e-8b1a-7000-8000-123456789abc".parse().unwrap()),
        service_account: Some("shop-staging/loadtest".to_owned()),
        ..event(42, "Ana Ruiz", EventCode::RunLaunch, 240, EventOutcome::Done, Some(210))
    }
}

pub(crate) fn audit() -> AuditPage {
    let denied = AuditRow {
        why: Some("role viewer does not include run.launch".to_owned()),
        ..event(44, "Eli Tanaka", EventCode::RunLaunch, 35, EventOutcome::Denied, Some(4))
    };
    let policy = AuditRow { path: None, environment: None, ..event(41, "reloader", EventCode::PolicyLoad, 400, EventOutcome::Done, Some(1_400)) };
    let reconciled = event(40, "Ben Okafor", EventCode::RunStop, 86_400, EventOutcome::Reconciled, Some(60_000));
    AuditPage {
        query: AuditQuery::default(),
        rows: vec![event(46, "Ana Ruiz", EventCode::RunStop, 2, EventOutcome::Open, None), denied, launched(), policy, reconciled],
        older: Some("40".to_owned()),
        detail: None,
        scope: vec!["/shop/".to_owned(), "/shop-prod/".to_owned()],
        codes: EventCode::ALL.iter().map(|code| (code.code().to_owned(), code.sentence().to_owned())).collect(),
        now: NOW,
    }
}

pub(crate) fn audit_with_detail() -> AuditPage {
    let detail = AuditDetail {
        row: launched(),
        outcome_seq: Some(43),
        operation: "01935c7e-8b1a-7000-8000-0000000000aa".to_owned(),
        actor_key: "https://login.example|ana".to_owned(),
        groups: vec!["shop-dev".to_owned(), "all-staff".to_owned()],
        grant: Some("shop developers".to_owned()),
        role: Some("tester".to_owned()),
        policy_digest: Some("sha256:2f81c4e8a07713b0".to_owned()),
        commit: Some("9e02b61c7d".to_owned()),
        request_id: Some("req-7c19f2e0".to_owned()),
        client: Some("127.0.0.1".to_owned()),
        reason: Some("Before the release".to_owned()),
        facts: vec![("test".to_owned(), "apps/payments/k6/pay.js".to_owned()), ("max_vus".to_owned(), "10".to_owned())],
    };
    AuditPage { detail: Some(detail), ..audit() }
}

pub(crate) fn policy() -> PolicyPage {
    PolicyPage {
        version: version(),
        refused: Vec::new(),
        file: "deploy/policy.yaml".to_owned(),
        text: "apiVersion: windfirm.dev/v1\nkind: Policy\n\nroles:\n  viewer: { can: [app.view, run.view] } # <b>not bold</b>\n".to_owned(),
        grants: grants(),
        roles: vec![
            ("viewer".to_owned(), ["app.view", "run.view"].map(str::to_owned).to_vec()),
            ("tester".to_owned(), ["app.view", "run.view", "run.launch", "run.stop.own"].map(str::to_owned).to_vec()),
        ],
    }
}

pub(crate) fn system() -> SystemPage {
    let part = |name: &str, sentence: &str| PartRow { name: name.to_owned(), healthy: true, sentence: sentence.to_owned() };
    SystemPage {
        version: "0.1.0".to_owned(),
        parts: vec![
            part("store", "Answers and can be written to."),
            part("k6", "k6 v2.2.0 is there."),
            part("confinement", "new network rules; no new privileges; own process group"),
        ],
        tree: TreeRevision {
            commit: "9e02b61c7d5510aa".to_owned(),
            subject: "Narrow what runners may do".to_owned(),
            author: "Chris Lindqvist".to_owned(),
            committed: NOW.plus_seconds(-4_000),
            read: NOW.plus_seconds(-20),
            source: "https://git.example/platform/apps.git".to_owned(),
            stale: None,
        },
        policy: version(),
        queue_length: 0,
        running: 1,
        slots: 4,
        clusters: Vec::new(),
        now: NOW,
    }
}

/// One cluster where something is missing, and one that has not been asked yet.
pub(crate) fn asked_clusters() -> Vec<AskedCluster> {
    let home = AskedCluster {
        name: "home".to_owned(),
        running: 1,
        slots: 10,
        asked: Some(NOW.plus_seconds(-12)),
        took_ms: 1_240,
        questions: 420,
        accounts: 3,
        lacking: 1,
        unknown: 0,
        away: None,
    };
    let away = Some(ClusterAway { since: NOW.plus_seconds(-90), why: "Cluster far cannot be reached: connection refused.".to_owned() });
    let east = AskedCluster { name: "east".to_owned(), running: 0, asked: None, took_ms: 0, questions: 0, accounts: 0, lacking: 0, ..home.clone() };
    let far = AskedCluster { name: "far".to_owned(), asked: Some(NOW.plus_seconds(-3)), took_ms: 1, away, ..east.clone() };
    vec![home, east, far]
}
