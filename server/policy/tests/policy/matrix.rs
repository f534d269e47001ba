//! Role × action × resource, for people to read: a change of who may do what shows here as a change of this file's snapshot.

use std::fmt::Write as _;

use windfirm_model::{
    action::{Action, Scope},
    actor::{Actor, Groups, SystemTask},
};
use windfirm_policy::{Access, AppFacts};

use crate::support::{member_of, person, place, policy};

#[test]
fn who_may_do_what_where() {
    let policy = policy();
    let people: Vec<(&str, Actor)> = vec![
        ("shop-dev (tester)", member_of(&["shop-dev"])),
        ("shop-leads (lead)", member_of(&["shop-leads"])),
        ("bank-dev (tester)", member_of(&["bank-dev"])),
        ("audit (auditor)", member_of(&["audit"])),
        ("platform (platform)", member_of(&["platform"])),
        ("user guest (tester)", person("guest", Groups::Known(vec![]))),
        ("user guest, groups unknown", person("guest", Groups::Unknown("too many".into()))),
        ("no group", member_of(&[])),
        ("groups unknown", person("somebody", Groups::Unknown("claim missing".into()))),
        ("group Shop-Dev (case)", member_of(&["Shop-Dev"])),
    ];
    let mut table = header();
    for (who, actor) in &people {
        rows(&mut table, who, &policy.access(actor));
    }
    rows(&mut table, "system run-supervisor", &Access::system(SystemTask::RunSupervisor));
    insta::assert_snapshot!(table);
}

fn header() -> String {
    let mut table = format!("{:<28}{:<32}", "who", "where");
    for action in Action::ALL {
        write!(table, "{:<16}", action.code()).unwrap();
    }
    table.trim_end().to_owned() + "\n"
}

fn rows(table: &mut String, who: &str, access: &Access) {
    let places = [("/shop/payments/", "dev"), ("/shop/payments/", "prod"), ("/bank/pay/", "dev"), ("/bank/payments/", "dev"), ("/", "dev")];
    for (path, environment) in places {
        let place = place(path, environment);
        let mut line = format!("{who:<28}{:<32}", format!("{path} in {environment}"));
        for action in Action::ALL {
            let yes = match action.scope() {
                Scope::Tree => access.allows(*action, &place),
                Scope::Portal => access.can_anywhere(*action).is_some(),
            };
            write!(line, "{:<16}", if yes { "yes" } else { "-" }).unwrap();
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
}

#[test]
fn the_first_environment_rule_that_matches_decides() {
    let policy = policy();
    let app = |cluster: &str, namespace: &str, path: &str| AppFacts {
        cluster: cluster.into(),
        namespace: namespace.into(),
        name: "pay".into(),
        path: path.parse().unwrap(),
    };
    for (facts, environment, why) in [
        (app("", "shop-prod", "/shop/pay/"), "prod", "Rule prod of the policy: namespace *-prod."),
        (app("live-1", "bank", "/bank/pay/"), "prod", "Rule prod of the policy: cluster live-* and path /bank/."),
        (app("live-1", "shop", "/shop/pay/"), "dev", "Rule dev of the policy: namespace *."),
        (app("live-1", "bank-staging", "/shop/"), "staging", "Rule staging of the policy: namespace *-staging."),
    ] {
        let (found, sentence) = policy.environment_of(&facts);
        assert_eq!((found.as_str(), sentence.as_str()), (environment, why));
    }
    assert_eq!(policy.environments().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["prod", "staging", "dev"]);
}

#[test]
fn roles_and_grants_are_told_as_they_hold() {
    let policy = policy();
    let lead = policy.roles().into_iter().find(|(name, _)| name == "lead").unwrap().1;
    assert_eq!(lead, ["app.view", "run.view", "run.launch", "run.stop.own", "run.stop", "audit.view"]);
    assert_eq!(policy.grants().len(), 6);
    assert_eq!(policy.grants()[0].subject, "group shop-dev, user https://idp.example|guest");

    let mine: Vec<(String, String)> = policy.grants_of(&member_of(&["audit", "shop-dev"])).into_iter().map(|row| (row.name, row.subject)).collect();
    let expected = [("shop developers", "group shop-dev"), ("shop developers read prod", "group shop-dev"), ("auditors", "group audit")];
    assert_eq!(mine, expected.map(|(name, subject)| (name.to_owned(), subject.to_owned())));
}

#[test]
fn the_digest_is_that_of_the_text() {
    let one = policy();
    assert_eq!(one.digest().len(), 64);
    assert_eq!(one.digest(), policy().digest());
    let other = crate::support::compiled(&format!("{}\n# a comment\n", crate::support::FIXTURE));
    assert_ne!(one.digest(), other.digest());
    assert_eq!(one.text(), crate::support::FIXTURE);
    assert_eq!(one.file(), "policy.yaml");
}
