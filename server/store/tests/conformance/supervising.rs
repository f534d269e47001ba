//! Moving runs on: one step at a time, never twice, never wrongly; and stopping them.

use windfirm_model::{
    clock::{Clock as _, Timestamp},
    run::{Cause, RunState, RunStateKind},
    verdict::Outcome,
    view::run::RunEvent,
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};
use windfirm_store::{
    StoreError,
    audit::Details,
    runs::{QueueCounts, Step, Stopped},
};

use crate::{
    people::{
        PLENTY, access, advanced, ana, ben, confined, current, everything, finishing, judged, launch_permit, launched, launched_with, new_run, place, running,
        settlement, step, stop_own_permit, stop_permit, supervise, totals,
    },
    world::{World, on_both},
};

on_both!(
    a_run_is_followed_to_its_verdict,
    what_is_based_on_an_old_version_is_refused,
    of_two_supervisors_one_wins,
    a_wrong_step_is_refused_and_changes_nothing,
    a_permit_without_a_run_moves_nothing,
    an_error_tells_its_cause,
    stopping_depends_on_where_the_run_stands,
    only_who_launched_it_stops_their_own,
    a_run_without_requests_has_no_spread,
    an_execution_is_armed_once_its_token_is_made,
    the_queue_is_served_in_order,
    what_waits_for_a_secret_takes_no_place_until_it_is_queued,
);

async fn a_run_is_followed_to_its_verdict(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    let starting = advanced(world, &run, RunState::Starting { since: world.clock.now() }).await;
    assert_eq!((starting.version, starting.started), (2, None));

    world.clock.advance(1);
    let began = world.clock.now();
    let event = RunEvent { at: began, text: "k6 began.".into(), bad: false };
    let to = RunState::Running { since: began };
    let version = world
        .store
        .advance(&supervise(world, run.id), Step { version: 2, to: to.clone(), confinement: Some(confined()), events: vec![event.clone()] })
        .await
        .unwrap();
    let run = current(world, run.id).await;
    assert_eq!((version, run.version, &run.state, run.started, run.ended), (3, 3, &to, Some(began), None));
    assert_eq!(run.confinement, confined());
    assert_eq!(world.store.run_events(&access(&ana()), run.id).await.unwrap(), [event]);

    let k6_ended = world.clock.now();
    let run = advanced(world, &run, RunState::Finishing { since: k6_ended }).await;
    // Nobody settles it for a while.
    world.clock.advance(60);
    let end = settlement(&run, Outcome::Fail, 400);
    world.store.settle(&supervise(world, run.id), end.clone()).await.unwrap();
    let run = current(world, run.id).await;
    assert_eq!((&run.state, run.started, run.ended), (&RunState::Failed, Some(began), Some(k6_ended)));
    assert_eq!((run.verdict.clone(), run.measured.clone(), run.totals), (end.verdict, Some(end.measured), Some(totals(400))));
    assert_eq!((run.band_us.clone(), run.completeness.clone(), run.manifest.clone()), (end.band_us, Some(end.completeness), end.manifest));
    assert_eq!(run.row().reason.as_deref(), Some("It was a fail."));
}

async fn what_is_based_on_an_old_version_is_refused(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    let started = advanced(world, &run, RunState::Starting { since: world.clock.now() }).await;

    let late = world.store.advance(&supervise(world, run.id), step(&run, RunState::Lost)).await.unwrap_err();
    assert!(matches!(late, StoreError::Moved), "{late}");
    let late = world.store.settle(&supervise(world, run.id), settlement(&run, Outcome::Pass, 1)).await.unwrap_err();
    assert!(matches!(late, StoreError::Moved), "{late}");
    assert_eq!(current(world, run.id).await, started);
}

async fn of_two_supervisors_one_wins(world: &World) {
    let run = running(world, &launched(world, &ana(), "/shop/payments/", "dev").await).await;
    let other_process = world.reopened().await;
    let (mine, theirs) = (supervise(world, run.id), supervise(world, run.id));

    let (one, two) = tokio::join!(world.store.advance(&mine, step(&run, RunState::Lost)), other_process.advance(&theirs, step(&run, RunState::Lost)));

    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.unwrap(), run.version + 1);
    assert!(matches!(lost, Err(StoreError::Moved)), "{lost:?}");
    assert_eq!(current(world, run.id).await.version, run.version + 1);
    other_process.close().await;
}

async fn a_wrong_step_is_refused_and_changes_nothing(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    let refused = world.store.advance(&supervise(world, run.id), step(&run, RunState::Passed)).await.unwrap_err();
    assert_eq!(refused.to_string(), "a run that is queued cannot become passed");
    assert_eq!(current(world, run.id).await, run);

    let ended = judged(world, &ana(), "/shop/payments/", Outcome::Pass, 1).await;
    for kind in [RunState::Queued, RunState::Lost, RunState::Running { since: Timestamp(0) }] {
        let refused = world.store.advance(&supervise(world, ended.id), step(&ended, kind)).await.unwrap_err();
        assert!(matches!(refused, StoreError::WrongTransition(_)), "{refused}");
    }
    assert_eq!(current(world, ended.id).await, ended);
}

async fn a_permit_without_a_run_moves_nothing(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    let permit: Permit<SuperviseRuns> = Permit::system(world.operation(), Resource::default());
    let refused = world.store.advance(&permit, step(&run, RunState::Starting { since: Timestamp(0) })).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoTarget("run")), "{refused}");
    let nowhere = supervise(world, windfirm_model::id::RunId(world.clock.new_uuid()));
    let refused = world.store.advance(&nowhere, step(&run, RunState::Starting { since: Timestamp(0) })).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoSuch("run")), "{refused}");
}

async fn an_error_tells_its_cause(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    let cause = Cause::ScriptException { exit_code: 107, message: "TypeError: x is undefined".into() };
    let run = advanced(world, &run, RunState::Errored { cause: cause.clone() }).await;
    assert_eq!(run.state, RunState::Errored { cause: cause.clone() });
    let (rows, _) = world.store.app_runs(&access(&ana()), &run.path, 5).await.unwrap();
    assert_eq!((rows[0].state, rows[0].reason.clone()), (RunStateKind::Errored, Some(cause.words())));
}

async fn stopping_depends_on_where_the_run_stands(world: &World) {
    let queued = launched(world, &ana(), "/shop/payments/", "dev").await;
    assert_eq!(world.store.stop_run(&stop_permit(world, &ben(), &queued)).await.unwrap(), Stopped::Cancelled);
    let stopped = current(world, queued.id).await;
    assert_eq!(stopped.state, RunState::Cancelled { by: "Ben Okafor".into() });
    assert_eq!(stopped.ended, Some(world.clock.now()));
    assert_eq!(world.store.run_events(&access(&ana()), queued.id).await.unwrap()[0].text, "Ben Okafor asked for the end of the run.");

    let live = running(world, &launched(world, &ana(), "/shop/payments/", "dev").await).await;
    assert_eq!(world.store.stop_run(&stop_permit(world, &ben(), &live)).await.unwrap(), Stopped::Cancelling);
    let cancelling = current(world, live.id).await;
    assert_eq!(cancelling.state, RunState::Cancelling { since: world.clock.now(), by: "Ben Okafor".into() });
    assert_eq!((cancelling.started, cancelling.ended), (live.started, None));

    let late = finishing(world, &launched(world, &ana(), "/shop/payments/", "dev").await).await;
    for run in [cancelling, late, stopped] {
        let answer = world.store.stop_run(&stop_permit(world, &ben(), &run)).await.unwrap();
        assert_eq!(answer, Stopped::TooLate(run.state.kind()));
        assert_eq!(current(world, run.id).await, run);
    }
}

async fn only_who_launched_it_stops_their_own(world: &World) {
    let run = running(world, &launched(world, &ana(), "/shop/payments/", "dev").await).await;
    let colleague = crate::people::person("Cora Silva", &["shop-dev"]);
    let refused = world.store.stop_own_run(&stop_own_permit(world, &colleague, &run)).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoSuch("run")), "{refused}");
    assert_eq!(current(world, run.id).await, run);
    assert_eq!(world.store.stop_own_run(&stop_own_permit(world, &ana(), &run)).await.unwrap(), Stopped::Cancelling);
}

async fn a_run_without_requests_has_no_spread(world: &World) {
    let run = finishing(world, &launched(world, &ana(), "/shop/payments/", "dev").await).await;
    let mut end = settlement(&run, Outcome::Inconclusive, 0);
    end.measured.totals = windfirm_model::view::runs::Totals::default();
    world.store.settle(&supervise(world, run.id), end).await.unwrap();
    let summaries = world.store.app_summaries(&access(&ana())).await.unwrap();
    assert!(summaries[&run.path].spreads_us.is_empty());
    assert_eq!(summaries[&run.path].last, Some((run.id, RunStateKind::Inconclusive)));
}

async fn an_execution_is_armed_once_its_token_is_made(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    let other = launched(world, &ana(), "/shop/payments/", "dev").await;
    let handle = serde_json::json!({ "pid": 17 });
    let unarmed = world.store.execution(&access(&ana()), run.execution).await.unwrap().unwrap();
    assert_eq!((unarmed.run, unarmed.token_sha256, unarmed.handle), (run.id, None, None));

    let refused = world.store.arm_execution(&supervise(world, run.id), other.execution, &[9; 32], &handle).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoSuch("execution")), "{refused}");
    world.store.arm_execution(&supervise(world, run.id), run.execution, &[9; 32], &handle).await.unwrap();

    let armed = world.store.execution(&access(&ana()), run.execution).await.unwrap().unwrap();
    assert_eq!((armed.token_sha256, armed.handle, armed.state), (Some(vec![9; 32]), Some(handle), RunState::Queued));
    assert_eq!(world.store.execution(&access(&ana()), other.execution).await.unwrap().unwrap().token_sha256, None);
}

async fn the_queue_is_served_in_order(world: &World) {
    let first = launched(world, &ana(), "/shop/payments/", "dev").await;
    let hidden = launched(world, &crate::people::eli(), "/search/", "dev").await;
    let third = launched(world, &ana(), "/shop/payments/", "dev").await;
    let place = async |run: &windfirm_store::runs::RunRecord| world.store.queue_place(&access(&ana()), run.id).await.unwrap();
    // The run that she may not see counts: the place is the true one.
    assert_eq!((place(&first).await, place(&hidden).await, place(&third).await), (Some(1), None, Some(3)));

    running(world, &first).await;
    assert_eq!((place(&first).await, place(&third).await), (None, Some(2)));
    let counts = world.store.queue_counts().await.unwrap();
    assert_eq!((counts.queued, counts.running), (2, 1));
    let live: Vec<_> = world.store.live_runs(&access(&ana())).await.unwrap().into_iter().map(|run| run.id).collect();
    assert_eq!(live, [third.id, first.id]);
}

async fn what_waits_for_a_secret_takes_no_place_until_it_is_queued(world: &World) {
    let state = RunState::Waiting { secret: "cart-user".into(), changed: Some(Timestamp(7)), version: "12".into(), until: Timestamp(9_000_000) };
    let run = launched_with(world, &ana(), "/shop/payments/", "dev", |new| new.state = state.clone()).await;
    assert_eq!((&run.state, run.owner, run.state.is_live()), (&state, None, true));
    assert_eq!(world.store.queue_counts().await.unwrap(), QueueCounts::default());
    assert_eq!(world.store.queue_place(&everything(), run.id).await.unwrap(), None);
    assert_eq!(world.store.own_live_runs(&access(&ana())).await.unwrap(), 1, "it is one of hers, though");
    assert!(world.store.app_summaries(&everything()).await.unwrap().is_empty(), "the tree has nothing to show of it");
    // Neither does it fill the only place, nor the queue.
    let other = launched(world, &ana(), "/shop/payments/", "dev").await;
    let starting = step(&other, RunState::Starting { since: world.clock.now() });
    assert!(world.store.take_from_queue(&supervise(world, other.id), starting, 1).await.unwrap().is_some());
    let straight = world.store.advance(&supervise(world, run.id), step(&run, RunState::Starting { since: world.clock.now() })).await.unwrap_err();
    assert_eq!(straight.to_string(), "a run that is waiting cannot become starting");

    world.clock.advance(100);
    let since = world.clock.now();
    let run = advanced(world, &run, RunState::Queued).await;
    assert_eq!((run.owner, world.store.queue_counts().await.unwrap()), (None, QueueCounts { queued: 1, running: 1 }));
    // It counts from here on: what it gets of the Secret is what stands in it now.
    let run = running(world, &run).await;
    let finishing = advanced(world, &run, RunState::Finishing { since: world.clock.now() }).await;
    world.store.settle(&supervise(world, run.id), settlement(&finishing, Outcome::Pass, 1)).await.unwrap();
    let passed = world.store.passed_since(&everything(), &"/shop/payments/".parse().unwrap(), since, 10).await.unwrap();
    assert_eq!(passed.iter().map(|passed| (passed.id, passed.queued)).collect::<Vec<_>>(), [(run.id, since.plus_seconds(1))]);

    let called_off = launched_with(world, &ana(), "/shop/payments/", "dev", |new| new.state = state.clone()).await;
    assert_eq!(world.store.stop_own_run(&stop_own_permit(world, &ana(), &called_off)).await.unwrap(), Stopped::Cancelled);
    let mut wrong = new_run(world);
    wrong.state = RunState::Passed;
    let permit = launch_permit(world.operation(), &ana(), &place("/shop/payments/", "dev"));
    assert!(matches!(world.store.launch(&permit, &wrong, PLENTY, &Details::default()).await, Err(StoreError::WrongTransition(_))));
}
