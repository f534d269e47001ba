//! What somebody learns of another person's access: what holds where they may ask, and nothing of the rest.

use proptest::prelude::*;
use windfirm_model::{action::Action, view::access::GrantRow};

use crate::{
    generated::{actor, grants, places, somebody, tree_actions, yaml},
    support::{compiled, member_of, policy},
};

fn on(rows: &[GrantRow]) -> Vec<(&str, Vec<&str>, Vec<&str>)> {
    rows.iter()
        .map(|row| {
            (row.name.as_str(), row.on.iter().map(windfirm_model::path::AppPath::as_str).collect(), row.environments.iter().map(|name| name.as_str()).collect())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any action stands in for `access.explain` here: the cut is the same for all of them.
    #[test]
    fn a_cut_access_allows_what_both_have(grants in grants(), (subject, groups) in somebody(), (asker, theirs) in somebody()) {
        let policy = compiled(&yaml(&grants));
        let (whole, asker) = (policy.access(&actor(subject, &groups)), policy.access(&actor(asker, &theirs)));
        let cut = whole.within(&asker, Action::ViewAudit);
        let rows = policy.grants_within(whole.actor(), &asker, Action::ViewAudit);
        for place in places() {
            let may_ask = asker.allows(Action::ViewAudit, &place);
            for action in tree_actions() {
                let expected = may_ask && whole.allows(action, &place);
                prop_assert_eq!(cut.allows(action, &place), expected, "{} {:?}", action.code(), place);
                let shown = rows.iter().any(|row| {
                    let here = row.on.iter().any(|path| path.covers(&place.path));
                    let now = row.environments.is_empty() || row.environments.contains(&place.environment);
                    here && now && row.can.iter().any(|code| code == action.code())
                });
                prop_assert_eq!(shown, expected, "{} {:?} {:?}", action.code(), place, rows);
            }
        }
    }
}

#[test]
fn grants_are_cut_to_where_one_may_ask() {
    let text =
        crate::support::FIXTURE.replace("grants:\n", "grants:\n  - { name: shop desk, to: [{ group: desk }], role: platform, on: [/shop/eu/], in: [dev] }\n");
    let policy = compiled(&text);
    let desk = policy.access(&member_of(&["desk"]));
    let shop = policy.grants_within(&member_of(&["shop-dev"]), &desk, Action::ExplainAccess);
    assert!(!shop.is_empty() && on(&shop).iter().all(|(_, paths, environments)| *paths == ["/shop/eu/"] && *environments == ["dev"]), "{shop:?}");
    assert_eq!(policy.grants_within(&member_of(&["bank-dev"]), &desk, Action::ExplainAccess), []);
    assert!(!desk.holds_everywhere(Action::ExplainAccess));
}

#[test]
fn who_may_ask_everywhere_sees_the_grants_as_they_are() {
    let policy = policy();
    let platform = policy.access(&member_of(&["platform"]));
    assert!(platform.holds_everywhere(Action::ExplainAccess));
    for groups in [&["shop-dev"][..], &["shop-leads", "shop-dev"], &["bank-dev"], &["audit"]] {
        let subject = member_of(groups);
        assert_eq!(policy.grants_within(&subject, &platform, Action::ExplainAccess), policy.grants_of(&subject));
    }
}
