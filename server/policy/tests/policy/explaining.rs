//! A refusal names the nearest of one's own grants, and never what others have.

use windfirm_model::{action::Action, actor::Groups};
use windfirm_policy::{Access, explain, explain_all};

use crate::support::{FIXTURE, compiled, member_of, person, place, policy};

fn why(access: &Access, action: Action, path: &str, environment: &str) -> String {
    explain(&policy(), access, action, &place(path, environment)).why
}

#[test]
fn an_allowed_action_has_its_whole_chain() {
    let policy = policy();
    let row = explain(&policy, &policy.access(&member_of(&["shop-dev"])), Action::LaunchRun, &place("/shop/cart/", "staging"));
    assert_eq!(row.why, "Group shop-dev has role tester on /shop/ in staging through grant shop developers, acting as service account shop-dev/loadtest.");
    assert_eq!(row.subject.as_deref(), Some("group shop-dev"));
    assert_eq!(row.grant.as_deref(), Some("shop developers"));
    assert_eq!(row.role.as_deref(), Some("tester"));
    assert_eq!(row.path.as_deref(), Some("/shop/"));
    assert_eq!(row.service_account.as_deref(), Some("shop-dev/loadtest"));
    // Looking reaches no cluster.
    let row = explain(&policy, &policy.access(&member_of(&["shop-dev"])), Action::ViewApp, &place("/shop/cart/", "staging"));
    assert_eq!(row.service_account, None);
}

#[test]
fn a_refusal_names_the_nearest_grant() {
    let policy = policy();
    let developer = policy.access(&member_of(&["shop-dev"]));
    for (action, path, environment, sentence) in [
        // Right path, wrong environment.
        (
            Action::LaunchRun,
            "/shop/cart/",
            "prod",
            "Group shop-dev has role tester on /shop/ through grant shop developers, which gives run.launch in dev and staging only; this app is in prod.",
        ),
        // Right place, too low a role.
        (Action::StopRun, "/shop/cart/", "dev", "Group shop-dev has role tester on /shop/ through grant shop developers, which does not include run.stop."),
        // Another place.
        (
            Action::LaunchRun,
            "/bank/pay/",
            "dev",
            "Group shop-dev has role tester on /shop/ through grant shop developers, which gives run.launch there and below; /bank/pay/ is not below it.",
        ),
        (Action::StopRun, "/bank/pay/", "dev", "None of the grants held gives run.stop on /bank/pay/ in dev."),
        (Action::ViewPolicy, "/shop/cart/", "dev", "None of the roles held here includes policy.view."),
    ] {
        assert_eq!(why(&developer, action, path, environment), sentence);
    }
    let nobody = policy.access(&member_of(&["cooks"]));
    assert_eq!(why(&nobody, Action::ViewApp, "/shop/cart/", "dev"), "No grant gives app.view to this user or to group cooks.");
    let unknown = policy.access(&person("x", Groups::Unknown("the claim “groups” is missing".into())));
    assert_eq!(
        why(&unknown, Action::ViewApp, "/shop/cart/", "dev"),
        "The groups are not known (the claim “groups” is missing), and unknown groups grant nothing. Ask the people who run the identity provider."
    );
}

#[test]
fn nothing_of_other_peoples_grants_is_told() {
    let policy = policy();
    let developer = policy.access(&member_of(&["bank-dev"]));
    for row in explain_all(&policy, &developer, &place("/shop/cart/", "prod")) {
        for foreign in ["shop developers", "shop leads", "shop-dev", "shop-leads", "shop-prod", "auditors", "lead"] {
            assert!(!format!("{:?}", row.decision).contains(foreign), "{foreign}: {row:?}");
        }
        assert!(!row.allowed);
    }
}

#[test]
fn every_action_has_a_row_and_agrees_with_the_decision() {
    let policy = policy();
    for groups in [&["shop-dev"][..], &["platform"], &["audit", "shop-leads"], &[]] {
        let access = policy.access(&member_of(groups));
        let here = place("/shop/cart/", "prod");
        let rows = explain_all(&policy, &access, &here);
        assert_eq!(rows.len(), Action::ALL.len());
        for (row, action) in rows.iter().zip(Action::ALL) {
            let expected = match action.scope() {
                windfirm_model::action::Scope::Tree => access.allows(*action, &here),
                windfirm_model::action::Scope::Portal => access.can_anywhere(*action).is_some(),
            };
            assert_eq!((row.action.as_str(), row.allowed), (action.code(), expected));
            assert!(row.decision.why.ends_with('.'), "{}", row.decision.why);
        }
    }
}

#[test]
fn an_access_of_another_policy_is_not_explained() {
    let new = compiled(&FIXTURE.replace("max_vus: 50", "max_vus: 40"));
    let row = explain(&new, &policy().access(&member_of(&["shop-dev"])), Action::ViewApp, &place("/shop/", "dev"));
    assert_eq!(row.grant, None);
    assert!(row.why.contains("changed"), "{}", row.why);
}
