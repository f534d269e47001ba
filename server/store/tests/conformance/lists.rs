//! Lists of runs: filters, one app, the tree's summaries.

use windfirm_model::{
    environment::Environment,
    id::RunId,
    run::{RunState, RunStateKind},
    verdict::Outcome,
    view::runs::RunRow,
};
use windfirm_store::runs::{Cursor, RunRecord, RunsFilter, StateFilter, Who};

use crate::{
    people::{access, advanced, ana, ben, eli, judged, launched, launched_with, owner, running, supervise, totals},
    world::{World, on_both},
};

on_both!(
    each_filter_keeps_what_it_says,
    filters_take_no_wildcards,
    runs_of_one_moment_are_neither_lost_nor_doubled_by_paging,
    a_line_tells_the_run,
    the_runs_of_an_app_are_its_own,
    runs_that_passed_since_a_moment,
    summaries_tell_last_live_and_spreads,
    what_did_not_pass_last_is_listed_once_per_app,
);

async fn ids(world: &World, filter: RunsFilter) -> Vec<RunId> {
    world.store.runs(&access(&owner()), &filter, 100).await.unwrap().rows.into_iter().map(|row| row.id).collect()
}

fn any() -> RunsFilter {
    RunsFilter::default()
}

async fn each_filter_keeps_what_it_says(world: &World) {
    let pay = launched(world, &ana(), "/shop/pay/", "dev").await;
    let payments = running(world, &launched(world, &ben(), "/shop/payments/", "staging").await).await;
    let lost = running(world, &launched_with(world, &owner(), "/search/", "dev", |new| new.test = "apps/search/k6/find.js".into()).await).await;
    let lost = advanced(world, &lost, RunState::Lost).await;

    assert_eq!(ids(world, any()).await, [lost.id, payments.id, pay.id]);
    assert_eq!(ids(world, RunsFilter { below: Some("/shop/".parse().unwrap()), ..any() }).await, [payments.id, pay.id]);
    assert_eq!(ids(world, RunsFilter { below: Some("/shop/pay/".parse().unwrap()), ..any() }).await, [pay.id]);
    assert_eq!(ids(world, RunsFilter { environment: Some(Environment::from("dev")), ..any() }).await, [lost.id, pay.id]);
    assert_eq!(ids(world, RunsFilter { state: Some(StateFilter::Live), ..any() }).await, [payments.id, pay.id]);
    assert_eq!(ids(world, RunsFilter { state: Some(StateFilter::Is(RunStateKind::Lost)), ..any() }).await, [lost.id]);
    assert_eq!(ids(world, RunsFilter { by: Some(Who::Me), ..any() }).await, [lost.id]);
    assert_eq!(ids(world, RunsFilter { by: Some(Who::Named("RUIZ".into())), ..any() }).await, [pay.id]);
    // Letters beyond ASCII fold alike on both databases.
    assert_eq!(ids(world, RunsFilter { by: Some(Who::Named("ØRST".into())), ..any() }).await, [lost.id]);
    assert_eq!(ids(world, RunsFilter { test: Some("find.js".into()), ..any() }).await, [lost.id]);
    assert_eq!(ids(world, RunsFilter { test: Some("FIND.js".into()), ..any() }).await, []);
    let both = RunsFilter { below: Some("/shop/".parse().unwrap()), environment: Some(Environment::from("dev")), state: Some(StateFilter::Live), ..any() };
    assert_eq!(ids(world, both).await, [pay.id]);
}

async fn filters_take_no_wildcards(world: &World) {
    launched(world, &ana(), "/shop/pay/", "dev").await;
    for hostile in ["%", "_", "*", "'", "\\", "a%z", "\0"] {
        assert_eq!(ids(world, RunsFilter { by: Some(Who::Named(hostile.into())), ..any() }).await, [], "{hostile}");
        assert_eq!(ids(world, RunsFilter { test: Some(format!("{hostile}zz")), ..any() }).await, [], "{hostile}");
        assert_eq!(ids(world, RunsFilter { environment: Some(Environment::from(hostile)), ..any() }).await, [], "{hostile}");
    }
}

async fn runs_of_one_moment_are_neither_lost_nor_doubled_by_paging(world: &World) {
    for _ in 0..7 {
        launched(world, &ana(), "/shop/pay/", "dev").await;
    }
    world.raw("update runs set created_us = 1800000000000000").await.unwrap();
    let all = ids(world, any()).await;
    let mut paged = Vec::new();
    let mut before: Option<Cursor> = None;
    loop {
        let slice = world.store.runs(&access(&owner()), &RunsFilter { before, ..any() }, 3).await.unwrap();
        paged.extend(slice.rows.iter().map(|row| row.id));
        before = slice.older;
        if before.is_none() {
            break;
        }
    }
    assert_eq!((paged.len(), &paged), (7, &all));
}

async fn a_line_tells_the_run(world: &World) {
    let run = judged(world, &ana(), "/shop/pay/", Outcome::Fail, 400).await;
    let slice = world.store.runs(&access(&ana()), &any(), 10).await.unwrap();
    let expected = RunRow {
        id: run.id,
        path: "/shop/pay/".parse().unwrap(),
        environment: Environment::from("dev"),
        test: "apps/payments/k6/browse.js".into(),
        profile: windfirm_model::run::Profile::Load,
        state: RunStateKind::Failed,
        by: "Ana Ruiz".into(),
        created: run.created,
        ended: run.ended,
        planned_s: Some(60),
        reason: Some("It was a fail.".into()),
        totals: Some(totals(400)),
        band_us: vec![Some((1, 2, 3)), None],
        commit: "4f2a9c1".into(),
    };
    assert_eq!(slice.rows, std::slice::from_ref(&expected));
    assert_eq!(slice.older, None);
    assert_eq!(run.row(), expected, "one run and its line in a list say the same");
}

async fn the_runs_of_an_app_are_its_own(world: &World) {
    let mut runs: Vec<RunRecord> = Vec::new();
    for path in ["/shop/pay/", "/shop/", "/shop/pay/", "/shop/pay/eu/", "/shop/pay/"] {
        runs.push(launched(world, &ana(), path, "dev").await);
    }
    let (rows, total) = world.store.app_runs(&access(&ana()), &"/shop/pay/".parse().unwrap(), 2).await.unwrap();
    assert_eq!((rows.iter().map(|row| row.id).collect::<Vec<_>>(), total), (vec![runs[4].id, runs[2].id], 3));
}

/// What is asked after a Secret has changed: which runs were launched later, and passed.
async fn runs_that_passed_since_a_moment(world: &World) {
    let path = "/shop/pay/".parse().unwrap();
    let before = judged(world, &ana(), "/shop/pay/", Outcome::Pass, 1).await;
    world.clock.advance(100);
    let since = windfirm_model::clock::Clock::now(&*world.clock);
    world.clock.advance(1);
    judged(world, &ana(), "/shop/pay/", Outcome::Fail, 1).await;
    let older = judged(world, &ana(), "/shop/pay/", Outcome::Pass, 1).await;
    judged(world, &ana(), "/shop/pay/eu/", Outcome::Pass, 1).await;
    launched(world, &ana(), "/shop/pay/", "dev").await;
    let newer = judged(world, &ana(), "/shop/pay/", Outcome::Pass, 1).await;
    let found = world.store.passed_since(&access(&ana()), &path, since, 10).await.unwrap();
    assert_eq!(found.iter().map(|passed| passed.id).collect::<Vec<_>>(), [newer.id, older.id]);
    assert!(
        found.iter().all(|passed| passed.queued >= since && passed.service_account == newer.service_account && passed.placement == newer.manifest.placement)
    );
    assert_eq!(world.store.passed_since(&access(&ana()), &path, since, 1).await.unwrap().len(), 1);
    assert_eq!(world.store.passed_since(&access(&ana()), &path, before.created, 10).await.unwrap().len(), 3);
    assert_eq!(world.store.passed_since(&access(&eli()), &path, before.created, 10).await.unwrap(), []);
}

async fn summaries_tell_last_live_and_spreads(world: &World) {
    let mut last = None;
    for spread in 1..=23 {
        last = Some(judged(world, &ana(), "/shop/pay/", if spread == 23 { Outcome::Fail } else { Outcome::Pass }, spread).await);
    }
    for _ in 0..3 {
        launched(world, &ana(), "/shop/pay/", "dev").await;
    }
    cancelled(world, "/shop/pay/").await;
    let only = cancelled(world, "/shop/only-cancelled/").await;
    launched(world, &ben(), "/shop/payments/", "dev").await;
    launched(world, &eli(), "/search/", "dev").await;

    let summaries = world.store.app_summaries(&access(&ana())).await.unwrap();

    let paths: Vec<_> = summaries.keys().map(|path| path.as_str()).collect();
    assert_eq!(paths, ["/shop/only-cancelled/", "/shop/pay/", "/shop/payments/"]);
    let pay = &summaries[&"/shop/pay/".parse().unwrap()];
    assert_eq!((pay.last, pay.live), (Some((last.unwrap().id, RunStateKind::Failed)), 3), "a cancelled run does not hide the last answer");
    assert_eq!(pay.spreads_us, (4..=23).collect::<Vec<u64>>(), "the last twenty, oldest first");
    let payments = &summaries[&"/shop/payments/".parse().unwrap()];
    assert_eq!((payments.last, payments.live, payments.spreads_us.len()), (None, 1, 0));
    let cancelled = &summaries[&"/shop/only-cancelled/".parse().unwrap()];
    assert_eq!(cancelled.last, Some((only.id, RunStateKind::Cancelled)));
}

async fn what_did_not_pass_last_is_listed_once_per_app(world: &World) {
    judged(world, &ana(), "/shop/mended/", Outcome::Fail, 1).await;
    judged(world, &ana(), "/shop/mended/", Outcome::Pass, 1).await;
    judged(world, &ana(), "/shop/broken/", Outcome::Fail, 1).await;
    let broken = judged(world, &ana(), "/shop/broken/", Outcome::Inconclusive, 1).await;
    let lost = running(world, &launched(world, &ana(), "/shop/lost/", "dev").await).await;
    world.store.advance(&supervise(world, lost.id), crate::people::step(&lost, RunState::Lost)).await.unwrap();
    cancelled(world, "/shop/cancelled/").await;
    cancelled(world, "/shop/broken/").await;
    judged(world, &owner(), "/search/", Outcome::Fail, 1).await;

    let rows = world.store.newest_not_passed(&access(&ana()), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [lost.id, broken.id]);
    assert_eq!(world.store.newest_not_passed(&access(&ana()), 1).await.unwrap().len(), 1);
}

async fn cancelled(world: &World, path: &str) -> RunRecord {
    let run = launched(world, &ana(), path, "dev").await;
    advanced(world, &run, RunState::Cancelled { by: "Ana Ruiz".into() }).await;
    run
}
