//! list = filter(all, can): whatever the policy says, a list holds exactly what its asker may see, page by page.

use proptest::{
    prelude::*,
    sample::subsequence,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use windfirm_model::{action::Action, audit::EventCode};
use windfirm_policy::{Access, Place};
use windfirm_store::{
    audit::{Attempt, AuditFilter, Details},
    runs::RunsFilter,
};

use crate::{
    people::{everything, launched, may_see, owner, person, place, policy_of},
    world::{World, on_both},
};

on_both!(a_list_of_runs_is_all_runs_that_one_may_see, the_audit_list_is_all_operations_that_one_may_audit);

/// Near misses on purpose: half names, characters around “/”, places within each other.
const PATHS: [&str; 9] = ["/", "/shop/", "/shop/pay/", "/shop/payments/", "/shop/pay/eu/", "/shop-x/", "/shop.x/", "/sho/", "/bank/"];
const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];
const CASES: usize = 40;

/// A policy for the group `us`, and how many rows a page has.
fn grants() -> impl Strategy<Value = (String, u32)> {
    let grant = (
        prop::sample::select(vec!["viewer", "lead", "auditor", "platform"]),
        subsequence(PATHS.to_vec(), 1..=3),
        subsequence(ENVIRONMENTS.to_vec(), 0..=2),
        prop::sample::select(vec!["us", "us", "them"]),
    );
    (prop::collection::vec(grant, 0..4), 1_u32..9).prop_map(|(grants, page)| {
        let mut text = "grants:\n  - { name: nothing, to: [{ group: nobody }], role: viewer, on: [/] }\n".to_owned();
        for (number, (role, on, environments, group)) in grants.iter().enumerate() {
            let within = if environments.is_empty() { String::new() } else { format!(", in: [{}]", environments.join(", ")) };
            let account = if *role == "lead" { ", as: a/b" } else { "" };
            text += &format!("  - {{ name: g{number}, to: [{{ group: {group} }}], role: {role}, on: [{}]{within}{account} }}\n", on.join(", "));
        }
        (text, page)
    })
}

/// The same cases every time, on both databases.
fn cases() -> Vec<(String, u32)> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..CASES).map(|_| grants().new_tree(&mut runner).unwrap().current()).collect()
}

fn us(text: &str) -> Access {
    policy_of(text).access(&person("Una", &["us"]))
}

async fn a_list_of_runs_is_all_runs_that_one_may_see(world: &World) {
    let mut all = Vec::new();
    for path in PATHS {
        for environment in ENVIRONMENTS {
            all.push(launched(world, &owner(), path, environment).await);
        }
    }
    all.reverse();
    let mut seen_some = 0;
    for (text, page) in cases() {
        let access = us(&text);
        let expected: Vec<_> = all.iter().filter(|run| may_see(&access, run)).map(|run| run.id).collect();
        let mut listed = Vec::new();
        let mut filter = RunsFilter::default();
        loop {
            let slice = world.store.runs(&access, &filter, page).await.unwrap();
            assert!(slice.rows.len() <= usize::try_from(page).unwrap());
            listed.extend(slice.rows.iter().map(|row| row.id));
            filter.before = slice.older;
            if slice.older.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{text}");
        assert_eq!(world.store.any_run(&access).await.unwrap(), !expected.is_empty(), "{text}");
        let live: Vec<_> = world.store.live_runs(&access).await.unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(live, expected, "{text}");
        for run in &all {
            assert_eq!(world.store.run(&access, run.id).await.unwrap().is_some(), may_see(&access, run), "{text}");
        }
        seen_some += usize::from(!expected.is_empty() && expected.len() < all.len());
    }
    assert!(seen_some > CASES / 4, "most policies must cut the list somewhere, or this proves little");
    assert_eq!(world.store.live_runs(&everything()).await.unwrap().len(), all.len());
}

async fn the_audit_list_is_all_operations_that_one_may_audit(world: &World) {
    let mut all = Vec::new();
    let places = PATHS.iter().flat_map(|path| ENVIRONMENTS.map(|environment| Some(place(path, environment))));
    // What concerns the portal itself stands at “/”, in every environment at once.
    for at in places.chain([None]) {
        let attempt = Attempt {
            operation: world.operation(),
            actor: person("Stranger", &[]),
            code: EventCode::Denied,
            path: at.as_ref().map(|place| place.path.clone()),
            environment: at.as_ref().map(|place| place.environment.clone()),
            run: None,
            why: "No grant.".into(),
            policy_digest: "d".into(),
            details: Details::default(),
        };
        let seq = world.store.denied(&attempt).await.unwrap();
        all.push((seq, at.unwrap_or_else(|| place("/", "*"))));
    }
    all.reverse();
    let mut seen_some = 0;
    for (text, page) in cases() {
        let access = us(&text);
        let may = |place: &Place| access.allows(Action::ViewAudit, place);
        let expected: Vec<_> = all.iter().filter(|(_, place)| may(place)).map(|(seq, _)| *seq).collect();
        let mut listed = Vec::new();
        let mut filter = AuditFilter::default();
        loop {
            let slice = world.store.audit(&access, &filter, page).await.unwrap();
            listed.extend(slice.rows.iter().map(|row| row.seq));
            filter.before = slice.older;
            if slice.older.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{text}");
        for (seq, place) in &all {
            assert_eq!(world.store.audit_entry(&access, *seq).await.unwrap().is_some(), may(place), "{text}");
        }
        seen_some += usize::from(!expected.is_empty() && expected.len() < all.len());
    }
    assert!(seen_some > CASES / 8, "many policies must cut the list somewhere, or this proves little");
}
