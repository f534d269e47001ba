//! A launch needs a grant, every guardrail kept, and the policy that is in force.

use windfirm_model::{
    actor::{Actor, SystemTask},
    environment::Environment,
    view::launch::RuleRow,
};
use windfirm_policy::{
    Access, Facts, LaunchRefused, Permit, Refused, Resource,
    act::{LaunchRun, StopRun, SuperviseRuns, ViewAudit},
    guardrail::{BUILT_IN_MAX_DURATION_S, BUILT_IN_MAX_VUS},
};

use crate::support::{FIXTURE, compiled, member_of, operation, place, policy};

fn modest() -> Facts {
    Facts { max_vus: 5, duration_s: Some(60), target_hosts: vec!["cart.shop.svc:8080".parse().unwrap()], modules: vec!["k6/http".into(), "k6".into()] }
}

fn broken(rows: &[RuleRow]) -> Vec<&str> {
    rows.iter().filter(|row| !row.kept).map(|row| row.kind.as_str()).collect()
}

#[test]
fn a_developer_launches_as_the_account_of_the_grant() {
    let policy = policy();
    let access = policy.access(&member_of(&["shop-dev"]));
    let here = place("/shop/cart/", "dev");
    // What the caller claims about the place does not matter: the permit is for what was judged.
    let claimed = Resource { path: Some("/bank/pay/".parse().unwrap()), environment: Some(Environment::from("prod")), run: None };
    let permit: Permit<LaunchRun> = policy.permit_launch(&access, operation(), &here, claimed, &modest()).unwrap();
    assert_eq!(permit.resource().path.as_ref().unwrap().as_str(), "/shop/cart/");
    assert_eq!(permit.resource().environment.as_ref().unwrap().as_str(), "dev");
    assert_eq!(permit.service_account(), Some("shop-dev/loadtest"));
    assert_eq!(permit.grant().unwrap().grant, "shop developers");
    assert_eq!(permit.policy_digest(), policy.digest());
}

#[test]
fn a_plain_permit_is_for_the_place_that_was_judged_too() {
    let access = policy().access(&member_of(&["shop-leads"]));
    let claimed = Resource { path: Some("/bank/pay/".parse().unwrap()), ..Resource::default() };
    let permit: Permit<StopRun> = access.permit(operation(), &place("/shop/cart/", "prod"), claimed).unwrap();
    assert_eq!(permit.resource().path.as_ref().unwrap().as_str(), "/shop/cart/");
    assert_eq!(permit.service_account(), Some("shop-prod/loadtest"));
    // Reading the audit log reaches no cluster, so no account is in the permit.
    let permit: Permit<ViewAudit> = access.permit_anywhere(operation(), Resource::default()).unwrap();
    assert_eq!(permit.service_account(), None);
}

#[test]
fn the_supervisor_goes_on_as_the_account_that_was_frozen_with_the_run() {
    let permit = Permit::for_run(operation(), Resource::default(), "shop-dev/loadtest");
    assert_eq!((permit.service_account(), permit.actor()), (Some("shop-dev/loadtest"), &Actor::System { task: SystemTask::RunSupervisor }));
    let without: Permit<SuperviseRuns> = Permit::system(operation(), Resource::default());
    assert_eq!(without.service_account(), None);
}

#[test]
fn without_a_grant_there_is_no_permit_and_what_is_invisible_stays_so() {
    let policy = policy();
    let launch = |groups: &[&str], path: &str, environment: &str| {
        policy.permit_launch(&policy.access(&member_of(groups)), operation(), &place(path, environment), Resource::default(), &modest()).map(drop)
    };
    assert_eq!(launch(&["bank-dev"], "/shop/cart/", "dev"), Err(LaunchRefused::Access(Refused::Invisible)));
    assert!(matches!(launch(&["shop-dev"], "/shop/cart/", "prod"), Err(LaunchRefused::Access(Refused::Forbidden(_)))));
    assert!(matches!(launch(&["audit"], "/shop/cart/", "dev"), Err(LaunchRefused::Access(Refused::Forbidden(_)))));
    assert!(launch(&["shop-leads"], "/shop/cart/", "prod").is_ok());
}

#[test]
fn an_access_of_another_policy_is_refused() {
    let old = policy();
    let new = compiled(&FIXTURE.replace("max_vus: 50", "max_vus: 40"));
    let launch = |access: &Access| new.permit_launch(access, operation(), &place("/shop/cart/", "dev"), Resource::default(), &modest()).map(drop);
    assert_eq!(launch(&old.access(&member_of(&["shop-dev"]))), Err(LaunchRefused::Outdated));
    assert_eq!(launch(&Access::system(SystemTask::RunSupervisor)), Err(LaunchRefused::Outdated));
    assert_eq!(launch(&new.access(&member_of(&["shop-dev"]))), Ok(()));
}

#[test]
fn every_guardrail_is_kept_to_the_last_unit_and_broken_by_one_more() {
    let policy = policy();
    let cases: Vec<(&str, Facts, Vec<&str>)> = vec![
        ("dev", Facts { max_vus: 50, ..modest() }, vec![]),
        ("dev", Facts { max_vus: 51, ..modest() }, vec!["max_vus"]),
        ("prod", Facts { max_vus: 6, ..modest() }, vec!["max_vus"]),
        ("dev", Facts { duration_s: Some(600), ..modest() }, vec![]),
        ("dev", Facts { duration_s: Some(601), ..modest() }, vec!["max_duration"]),
        ("prod", Facts { duration_s: Some(61), ..modest() }, vec!["max_duration"]),
        ("dev", Facts { duration_s: None, ..modest() }, vec!["max_duration"]),
        ("dev", Facts { target_hosts: vec!["127.0.0.1:9".parse().unwrap()], ..modest() }, vec![]),
        // The child's list does not hold it, so the parent's does not help.
        ("prod", Facts { target_hosts: vec!["127.0.0.1:9".parse().unwrap()], ..modest() }, vec!["target_hosts"]),
        ("dev", Facts { target_hosts: vec!["cart.shop.svc:8080".parse().unwrap(), "169.254.169.254:80".parse().unwrap()], ..modest() }, vec!["target_hosts"]),
        ("dev", Facts { target_hosts: vec![], ..modest() }, vec!["target_hosts"]),
        ("dev", Facts { modules: vec!["k6/browser".into()], ..modest() }, vec!["modules"]),
        ("dev", Facts { modules: vec!["k6/experimental/browser".into()], ..modest() }, vec!["modules"]),
        ("dev", Facts { modules: vec!["k6/browser/async".into()], ..modest() }, vec!["modules"]),
        ("dev", Facts { modules: vec!["k6/experimental/redis".into(), "k6/browserless".into()], ..modest() }, vec![]),
    ];
    let access = policy.access(&member_of(&["shop-leads"]));
    for (environment, facts, expected) in cases {
        let here = place("/shop/cart/", environment);
        let rows = policy.judge(&here, &facts);
        assert_eq!(broken(&rows), expected, "{environment} {facts:?}");
        for row in &rows {
            assert_eq!(row.kept, row.sentence.is_empty(), "{row:?}");
        }
        match policy.permit_launch(&access, operation(), &here, Resource::default(), &facts) {
            Ok(_) => assert!(expected.is_empty()),
            Err(LaunchRefused::Rules(refused)) => assert_eq!(refused, rows),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn rows_name_what_is_asked_what_is_allowed_and_where_that_comes_from() {
    let facts = Facts { max_vus: 20, duration_s: None, target_hosts: vec!["127.0.0.1:80".parse().unwrap()], modules: vec!["k6/browser".into()] };
    insta::assert_snapshot!(serde_json::to_string_pretty(&policy().judge(&place("/shop/cart/", "prod"), &facts)).unwrap());
}

#[test]
fn the_tightest_limit_is_shown_with_its_guardrail() {
    let rows = |path: &str, environment: &str| -> Vec<String> {
        policy().guardrails_for(&place(path, environment)).into_iter().map(|row| format!("{} {} ({} on {})", row.kind, row.limit, row.name, row.path)).collect()
    };
    assert_eq!(
        rows("/shop/cart/", "prod"),
        [
            "max_vus 5 VUs (gentle in prod on /shop/)",
            "max_duration 1 min (gentle in prod on /shop/)",
            "target_hosts 127.0.0.1:*, *.shop.svc:8080 (shop hosts on /shop/)",
            "target_hosts *.shop.svc:8080 (gentle in prod on /shop/)",
        ]
    );
    assert_eq!(
        rows("/bank/pay/", "dev"),
        ["max_vus 50 VUs (small by default on /)", "max_duration 10 min (small by default on /)", "target_hosts no host (built in on /)"]
    );
}

#[test]
fn lost_runners_are_tolerated_only_where_a_guardrail_says_so_and_none_forbids_it() {
    let with = |rules: &str| compiled(&FIXTURE.replace("guardrails:\n", &format!("guardrails:\n{rules}")));
    let told = |rules: &str, path: &str, environment: &str| with(rules).tolerates_lost_runners(&place(path, environment));
    let soak = "  - { name: soak, on: [/shop/], in: [dev, staging], lost_runners: tolerate }\n";
    let strict = "  - { name: strict, on: [/shop/cart/], lost_runners: inconclusive }\n";
    assert_eq!(policy().tolerates_lost_runners(&place("/shop/cart/", "dev")), None, "nothing says so");
    assert_eq!(told(soak, "/shop/cart/", "dev").as_deref(), Some("guardrail soak on /shop/"));
    assert_eq!(told(soak, "/shop/cart/", "prod"), None, "another environment");
    assert_eq!(told(soak, "/bank/pay/", "dev"), None, "another app");
    for both in [[soak, strict].concat(), [strict, soak].concat()] {
        assert_eq!(told(&both, "/shop/cart/", "dev"), None, "a stricter one on the path beats it, in any order");
        assert_eq!(told(&both, "/shop/pay/", "dev").as_deref(), Some("guardrail soak on /shop/"), "and only on its own path");
    }

    // Shown where it is so, and no word of it elsewhere; no launch breaks it.
    let here = place("/shop/cart/", "dev");
    let row = with(soak).guardrails_for(&here).pop().unwrap();
    assert_eq!((row.kind.as_str(), row.limit.as_str(), row.name.as_str(), row.path.as_str()), ("lost_runners", "tolerated", "soak", "/shop/"));
    let judged = with(soak).judge(&here, &modest()).pop().unwrap();
    assert_eq!((judged.title.as_str(), judged.fact.as_str(), judged.from.as_str()), ("Lost runners", "tolerated", "guardrail soak on /shop/"));
    assert!(judged.kept && judged.sentence.is_empty());
    for silent in [policy().judge(&here, &modest()), with(&[soak, strict].concat()).judge(&here, &modest())] {
        assert!(silent.iter().all(|row| row.kind != "lost_runners"), "{silent:?}");
    }
}

#[test]
fn where_no_guardrail_speaks_the_built_in_limits_hold_and_no_host_is_allowed() {
    let bare = compiled(FIXTURE.split("guardrails:").next().unwrap());
    let here = place("/shop/cart/", "dev");
    let at_the_limit = Facts { max_vus: BUILT_IN_MAX_VUS, duration_s: Some(BUILT_IN_MAX_DURATION_S), ..modest() };
    assert_eq!(broken(&bare.judge(&here, &at_the_limit)), ["target_hosts"]);
    let above = Facts { max_vus: BUILT_IN_MAX_VUS + 1, duration_s: Some(BUILT_IN_MAX_DURATION_S + 1), ..modest() };
    assert_eq!(broken(&bare.judge(&here, &above)), ["max_vus", "max_duration", "target_hosts"]);
    assert!(!bare.limits(&here).allows_host(&"127.0.0.1:80".parse().unwrap()));

    // A guardrail may allow more than what is built in: it is the built-in that stands in for it.
    let wide = compiled(&FIXTURE.replace("max_vus: 50", "max_vus: 500"));
    assert_eq!(wide.limits(&here).max_vus.value, 500);
}

#[test]
fn a_guardrail_holds_below_its_path_only() {
    let policy = policy();
    let cart = "cart.shop.svc:8080".parse().unwrap();
    assert!(policy.limits(&place("/shop/a/b/", "dev")).allows_host(&cart));
    assert!(!policy.limits(&place("/shop-two/", "dev")).allows_host(&cart));
}
