//! How long one authorization decision takes, at 300 and at 3,000 grants: each decision is timed by itself, so that the 99th
//! percentile is one of decisions and not of averages. The time of reading the clock is measured too and is part of the numbers.
//!
//! Two people: one as they are (a handful of grants), and one to whom every grant of the policy applies.

use std::{hint::black_box, time::Instant};

use windfirm_model::{
    action::Action,
    actor::{Actor, Groups, PersonKey},
    environment::Environment,
};
use windfirm_policy::{Access, Place, compile};

const DECISIONS: usize = 200_000;
const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];

#[expect(clippy::print_stdout, reason = "the numbers are what a bench is for")]
fn main() {
    println!("{:<44}{:>8}{:>8}{:>8}  ns per decision", "decision", "p50", "p99", "p99.9");
    report("clock alone", timed(|_| true));
    for grants in [300, 3_000] {
        let Ok(policy) = compile(&yaml(grants), "bench.yaml") else {
            println!("the policy of the bench does not compile");
            std::process::exit(1);
        };
        let places = places(grants);
        for (who, groups) in
            [("usual person", vec!["team-1".to_owned(), "team-2".to_owned(), "everybody-else".to_owned()]), ("in every group", every_group(grants))]
        {
            let access = policy.access(&person(groups));
            report(&format!("{grants} grants, {who}"), timed(|index| decide(&access, &places, index)));
        }
    }
}

fn decide(access: &Access, places: &[Place], index: usize) -> bool {
    let action = Action::ALL.get(index % Action::ALL.len()).copied().unwrap_or(Action::ViewApp);
    // A stride that is coprime to the number of places, so that neither caches nor branches learn the order.
    places.get(index.wrapping_mul(7_919) % places.len()).is_some_and(|place| access.allows(action, place))
}

/// Nanoseconds of each decision, sorted.
fn timed(decide: impl Fn(usize) -> bool) -> Vec<u128> {
    (0..DECISIONS / 10).for_each(|index| {
        black_box(decide(black_box(index)));
    });
    let mut times: Vec<u128> = (0..DECISIONS)
        .map(|index| {
            let began = Instant::now();
            black_box(decide(black_box(index)));
            began.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times
}

#[expect(clippy::print_stdout, reason = "the numbers are what a bench is for")]
fn report(what: &str, times: Vec<u128>) {
    let at = |per_mille: usize| times.get(times.len() * per_mille / 1_000).copied().unwrap_or_default();
    println!("{what:<44}{:>8}{:>8}{:>8}", at(500), at(990), at(999));
}

fn every_group(grants: usize) -> Vec<String> {
    (0..grants).map(|index| format!("team-{index}")).collect()
}

fn person(groups: Vec<String>) -> Actor {
    Actor::Person { key: PersonKey { issuer: "https://idp.example".into(), subject: "bench".into() }, name: "bench".into(), groups: Groups::Known(groups) }
}

/// One team a grant, at three depths, a fifth of them everywhere.
fn yaml(grants: usize) -> String {
    let mut text = "apiVersion: windfirm.dev/v1\nkind: Policy\nenvironments:\n  - { name: prod, match: { namespace: \"*-prod\" } }\n  - { name: staging, match: { namespace: \"*-staging\" } }\n  - { name: dev, match: {} }\nroles:\n  viewer: { can: [app.view, run.view] }\n  tester: { includes: [viewer], can: [run.launch, run.stop.own] }\ngrants:\n".to_owned();
    for index in 0..grants {
        let path = path(index);
        let within = if index % 5 == 0 { String::new() } else { format!(", in: [{}]", ENVIRONMENTS.get(index % 3).copied().unwrap_or("dev")) };
        let role = if index % 2 == 0 { "viewer" } else { "tester" };
        text.push_str(&format!("  - {{ name: g{index}, to: [{{ group: team-{index} }}], role: {role}, on: [{path}], as: x/y{within} }}\n"));
    }
    text
}

fn path(index: usize) -> String {
    match index % 3 {
        0 => format!("/area-{}/", index % 50),
        1 => format!("/area-{}/team-{index}/", index % 50),
        _ => format!("/area-{}/team-{index}/service/", index % 50),
    }
}

fn places(grants: usize) -> Vec<Place> {
    let texts = (0..grants).map(|index| format!("{}app/part/", path(index)));
    texts
        .zip(ENVIRONMENTS.iter().cycle())
        .filter_map(|(text, environment)| Some(Place { path: text.parse().ok()?, environment: Environment::from(*environment) }))
        .collect()
}
