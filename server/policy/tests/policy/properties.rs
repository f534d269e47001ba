//! What must hold for every policy, every person and every place.

use proptest::prelude::*;
use windfirm_model::{action::Action, actor::Groups};
use windfirm_policy::{Access, Decision, Place, compile};

use crate::{
    generated::{Grant, actor, grant, grants, places, somebody, tree_actions, yaml},
    support::{FIXTURE, compiled, person, place},
};

/// What is allowed at all: for comparing two accesses.
fn allowed(access: &Access) -> Vec<(Action, Place)> {
    tree_actions().flat_map(|action| places().into_iter().filter(move |place| access.allows(action, place)).map(move |place| (action, place))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The rows of the SQL predicate keep exactly what is allowed one by one, and none of them is idle.
    #[test]
    fn a_list_is_the_filter_of_everything(grants in grants(), (subject, groups) in somebody()) {
        let access = compiled(&yaml(&grants)).access(&actor(subject, &groups));
        for action in tree_actions() {
            let scopes = access.scopes(action);
            for place in places() {
                let path = place.path.as_str();
                let kept = scopes.rows.iter().any(|row| {
                    path >= row.from.as_str() && path < row.to.as_str() && (row.environment == "*" || row.environment == place.environment.as_str())
                });
                prop_assert_eq!(kept, access.allows(action, &place), "{} {:?}", action.code(), place);
                // Walks over all apps ask in other forms.
                prop_assert_eq!(kept, access.allows_in(action, &place.path, &place.environment));
                prop_assert_eq!([kept, kept], access.allows_each([action, action], &place.path, &place.environment));
            }
            for (index, row) in scopes.rows.iter().enumerate() {
                let idle = scopes.rows.iter().enumerate().any(|(other, by)| {
                    other != index && by.from <= row.from && row.to <= by.to && (by.environment == "*" || by.environment == row.environment)
                });
                prop_assert!(!idle, "{:?} of {:?}", row, scopes.rows);
            }
        }
    }

    /// The grant that is named is the first of the file that fits, found here by reading all of them.
    #[test]
    fn the_first_grant_that_fits_is_named(grants in grants(), (subject, groups) in somebody()) {
        let policy = compiled(&yaml(&grants));
        let roles = policy.roles();
        let access = policy.access(&actor(subject, &groups));
        for action in tree_actions() {
            for place in places() {
                let fits = |grant: &Grant| {
                    let to = grant.groups.iter().any(|name| groups.contains(name)) || grant.users.contains(&subject);
                    let can = roles.iter().any(|(name, can)| name == grant.role && can.iter().any(|code| code == action.code()));
                    let on = grant.on.iter().any(|path| place.path.as_str().starts_with(path));
                    let within = grant.environments.is_empty() || grant.environments.contains(&place.environment.as_str());
                    to && can && on && within
                };
                let expected = grants.iter().position(fits).map(|index| format!("g{index}"));
                let found = match access.can(action, &place) {
                    Decision::Allowed(grant) => Some(grant.grant.clone()),
                    Decision::Refused => None,
                };
                prop_assert_eq!(found, expected, "{} {:?}", action.code(), place);
            }
        }
    }

    #[test]
    fn one_more_grant_takes_nothing_away(mut grants in grants(), more in grant(), at in any::<prop::sample::Index>(), (subject, groups) in somebody()) {
        let before = allowed(&compiled(&yaml(&grants)).access(&actor(subject, &groups)));
        grants.insert(at.index(grants.len() + 1), more);
        let after = allowed(&compiled(&yaml(&grants)).access(&actor(subject, &groups)));
        prop_assert!(before.iter().all(|one| after.contains(one)));
    }

    #[test]
    fn one_group_less_gives_nothing_more(grants in grants(), (subject, groups) in somebody(), at in any::<prop::sample::Index>()) {
        prop_assume!(!groups.is_empty());
        let policy = compiled(&yaml(&grants));
        let before = allowed(&policy.access(&actor(subject, &groups)));
        let mut fewer = groups.clone();
        fewer.remove(at.index(groups.len()));
        let after = allowed(&policy.access(&actor(subject, &fewer)));
        prop_assert!(after.iter().all(|one| before.contains(one)));
        // Unknown groups are as good as none.
        let unknown = allowed(&policy.access(&person(subject, Groups::Unknown("missing".into()))));
        prop_assert_eq!(unknown, allowed(&policy.access(&actor(subject, &[]))));
    }

    /// A grant on `/shop/pay/` is never one on `/shop/payments/`.
    #[test]
    fn half_a_name_never_matches(name in "[a-z]{1,6}", rest in "[a-z0-9._~-]{1,6}") {
        let text = FIXTURE.replace("on: [/bank/pay/]", &format!("on: [/bank/{name}/]"));
        let access = compiled(&text).access(&actor("x", &["bank-dev"]));
        let below = place(&format!("/bank/{name}/{rest}/"), "dev");
        prop_assert!(access.allows(Action::ViewApp, &below));
        let neighbour = place(&format!("/bank/{name}{rest}/"), "dev");
        prop_assert!(!access.allows(Action::ViewApp, &neighbour));
        prop_assert!(access.scopes(Action::ViewApp).rows.iter().all(|row| neighbour.path.as_str() < row.from.as_str() || neighbour.path.as_str() >= row.to.as_str()));
    }

    /// Whatever the text, there is a policy or an error that says where; never a panic.
    #[test]
    fn no_text_breaks_the_compiler(cut in any::<prop::sample::Index>(), length in 0..40_usize, junk in "[ -~\n\t\u{e4}*&!|>{}\\[\\],:#'\"%@-]{0,24}") {
        let characters: Vec<char> = FIXTURE.chars().collect();
        let from = cut.index(characters.len());
        let to = (from + length).min(characters.len());
        let text: String = characters[..from].iter().copied().chain(junk.chars()).chain(characters[to..].iter().copied()).collect();
        for text in [text.as_str(), junk.as_str()] {
            if let Err(errors) = compile(text, "policy.yaml") {
                prop_assert!(!errors.is_empty());
                prop_assert!(errors.iter().all(|error| error.at.line >= 1 && error.at.column >= 1), "{:?}", errors);
            }
        }
    }
}
