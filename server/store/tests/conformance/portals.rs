//! Several portals on one database: a run is in one's hands, and changes hands only when that one is no more.
//!
//! SQLite has one portal: whoever joins is it. Both stores of these tests have the same file open, as no two portals could.

use windfirm_model::{
    clock::Clock as _,
    id::PortalId,
    run::{RunState, RunStateKind},
    verdict::Outcome,
    view::run::{LogLine, RunEvent},
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};
use windfirm_store::{
    Store, StoreError,
    ingest::{Batch, FrameInsert, FrameRow, Left, WaitingAt, WindowRow},
    portals::Beat,
    runs::{AskedToEnd, RunRecord},
};

use crate::{
    people::{ana, current, everything, launched, launched_with, measure, settlement, step, supervise},
    world::{Kind, World, on_both},
};

on_both!(
    a_run_is_in_the_hands_of_who_took_it_from_the_queue,
    who_is_no_more_writes_nothing,
    a_run_whose_portal_lives_is_not_taken_over,
    who_starts_again_in_the_same_folder_has_its_runs_at_once,
    places_are_counted_over_all_portals,
    deliveries_at_another_portal_wait_and_count_once,
    no_more_wait_than_may,
    a_run_does_not_end_while_something_waits,
    why_k6_was_asked_to_end_is_kept,
    a_shared_key_is_the_first_that_came,
    tables_of_before_are_read,
);

fn any(world: &World) -> Permit<SuperviseRuns> {
    Permit::system(world.operation(), Resource::default())
}

async fn join(world: &World, store: &Store, home: &str) -> PortalId {
    let portal = PortalId(world.clock.new_uuid());
    store.join(&any(world), portal, home).await.unwrap();
    portal
}

/// A second portal. On SQLite it has to be the only one, so the first is as one that was buried.
struct Two {
    mine: PortalId,
    other: Store,
}

impl Two {
    /// A run that the world's portal has in its hands, and another portal that has not joined yet.
    async fn with_a_run(world: &World) -> (Self, RunRecord) {
        let mine = join(world, &world.store, "here").await;
        let run = launched(world, &ana(), "/shop/pay/", "dev").await;
        assert_eq!(run.owner, None, "what is queued is nobody's");
        assert_eq!(world.store.take_from_queue(&supervise(world, run.id), starting(world, &run), 2).await.unwrap(), Some(2));
        (Self { mine, other: another(world).await }, current(world, run.id).await)
    }

    /// The other portal joins, and the first is no more.
    async fn first_is_gone(&self, world: &World) -> PortalId {
        let theirs = join(world, &self.other, "there").await;
        let beats = self.other.beat(&any(world)).await.unwrap().unwrap();
        if let Some(seen) = beats.into_iter().find(|beat| beat.portal == self.mine) {
            assert!(self.other.bury(&any(world), seen).await.unwrap());
        }
        theirs
    }
}

/// Beside the lock of a SQLite file, which is tried elsewhere.
async fn another(world: &World) -> Store {
    if world.kind == Kind::Sqlite {
        let _ = std::fs::remove_file(world.file().with_file_name("windfirm.db-portal"));
    }
    world.reopened().await
}

fn starting(world: &World, run: &RunRecord) -> windfirm_store::runs::Step {
    step(run, RunState::Starting { since: world.clock.now() })
}

fn frame(world: &World, key: &str) -> FrameRow {
    FrameRow { key: key.into(), received: world.clock.now(), payload: key.as_bytes().to_vec() }
}

fn batch(world: &World, key: &str, merged: i64) -> Batch {
    Batch { frames: vec![frame(world, key)], windows: vec![WindowRow { second: 1, content: key.into() }], events: Vec::new(), merged }
}

fn said(world: &World, text: &str) -> RunEvent {
    RunEvent { at: world.clock.now(), text: text.into(), bad: false }
}

async fn a_run_is_in_the_hands_of_who_took_it_from_the_queue(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    assert_eq!((run.owner, run.state.kind()), (Some(two.mine), RunStateKind::Starting));
    let execution = world.store.execution(&everything(), run.execution).await.unwrap().unwrap();
    assert_eq!(execution.owner, Some(two.mine));
    // It stays so, through all states, whoever stops it.
    world.store.advance(&supervise(world, run.id), step(&run, RunState::Running { since: world.clock.now() })).await.unwrap();
    two.other.stop_run(&crate::people::stop_permit(world, &crate::people::ben(), &run)).await.unwrap();
    let run = current(world, run.id).await;
    assert_eq!((run.owner, run.state.kind()), (Some(two.mine), RunStateKind::Cancelling));
    two.other.close().await;
}

async fn who_is_no_more_writes_nothing(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    let store = &world.store;
    assert_eq!(store.store_batch(&measure(world, run.id), run.execution, &batch(world, "k-1", 1)).await.unwrap(), FrameInsert::New);
    let theirs = two.first_is_gone(world).await;
    // On SQLite it has taken all runs over when it joined.
    if world.kind == Kind::Postgres {
        two.other.take_over(&supervise(world, run.id), run.version, &[]).await.unwrap();
    }
    let taken = current(world, run.id).await;
    assert_eq!((taken.owner, taken.version), (Some(theirs), run.version + 1));

    // The first one stood still, and goes on where it was.
    let refused = |what: &str, error: StoreError| assert!(matches!(error, StoreError::NotOurs), "{what}: {error}");
    let measuring = measure(world, run.id);
    refused("frame", store.store_batch(&measuring, run.execution, &batch(world, "k-2", 2)).await.unwrap_err());
    let line = LogLine { at: None, level: "info".into(), text: "late".into() };
    refused("log", store.store_log(&measuring, run.execution, 0, &[line], 0).await.unwrap_err());
    refused("event", store.store_events(&measuring, &[said(world, "late")]).await.unwrap_err());
    refused("merged", store.merge_waiting(&measuring, run.execution, &[], &[WindowRow { second: 1, content: vec![] }], 9).await.unwrap_err());
    let supervising = supervise(world, run.id);
    for version in [run.version, taken.version] {
        let at = RunRecord { version, ..run.clone() };
        refused("step", store.advance(&supervising, step(&at, RunState::Running { since: world.clock.now() })).await.unwrap_err());
        refused("end", store.settle(&supervising, settlement(&at, Outcome::Pass, 1)).await.unwrap_err());
    }
    refused("orders", store.arm_execution(&supervising, run.execution, &[1; 32], &serde_json::json!({})).await.unwrap_err());
    refused("wish", store.note_ending(&supervising, run.execution, &AskedToEnd::default()).await.unwrap_err());
    assert_eq!(store.beat(&any(world)).await.unwrap(), None, "it learns that it is no more");

    assert_eq!(current(world, run.id).await, taken);
    assert_eq!(store.frames(&everything(), run.execution, None, 9).await.unwrap().len(), 1);
    assert_eq!(store.windows(&everything(), run.execution).await.unwrap(), [WindowRow { second: 1, content: b"k-1".to_vec() }]);
    assert_eq!(store.run_events(&everything(), run.id).await.unwrap(), []);
    // The other one goes on.
    assert_eq!(two.other.store_batch(&measuring, run.execution, &batch(world, "k-2", 2)).await.unwrap(), FrameInsert::New);
    two.other.close().await;
}

async fn a_run_whose_portal_lives_is_not_taken_over(world: &World) {
    if world.kind == Kind::Sqlite {
        return;
    }
    let (two, run) = Two::with_a_run(world).await;
    let theirs = join(world, &two.other, "there").await;
    let refused = two.other.take_over(&supervise(world, run.id), run.version, &[]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Moved), "{refused}");
    let beats = world.store.beat(&any(world)).await.unwrap().unwrap();
    assert_eq!(beats, [Beat { portal: two.mine, beats: 1 }, Beat { portal: theirs, beats: 0 }]);
    // Whoever saw older beats than there are buries nobody.
    assert!(!two.other.bury(&any(world), Beat { portal: two.mine, beats: 0 }).await.unwrap());
    assert!(two.other.bury(&any(world), Beat { portal: two.mine, beats: 1 }).await.unwrap());
    assert!(!two.other.bury(&any(world), Beat { portal: two.mine, beats: 1 }).await.unwrap(), "once");

    // Of two that take it over one has it.
    let third = world.reopened().await;
    join(world, &third, "third").await;
    let (one, two_) = (supervise(world, run.id), supervise(world, run.id));
    let (a, b) = tokio::join!(two.other.take_over(&one, run.version, &[]), third.take_over(&two_, run.version, &[]));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(current(world, run.id).await.version, run.version + 1);

    // What a portal that ends gives back is taken at once; the runs on its own machine are kept for its next start.
    third.leave(&any(world)).await.unwrap();
    two.other.leave(&any(world)).await.unwrap();
    let left = world.texts("select home from portals").await;
    let owner = current(world, run.id).await.owner;
    assert_eq!(left, [if owner == Some(theirs) { "there" } else { "third" }], "the run is one of its own machine");
    world.raw("update runs set cluster = 'home'").await.unwrap();
    let again = join(world, &third, &left[0]).await;
    assert_eq!(current(world, run.id).await.owner, Some(again), "its next start");
    third.leave(&any(world)).await.unwrap();
    assert_eq!(world.count("portals").await, 0);
    for store in [two.other, third] {
        store.close().await;
    }
}

async fn who_starts_again_in_the_same_folder_has_its_runs_at_once(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    let again = join(world, &two.other, "here").await;
    let now = current(world, run.id).await;
    assert_eq!((now.owner, now.version), (Some(again), run.version + 1));
    assert_eq!(world.count("portals").await, 1);
    let late = world.store.advance(&supervise(world, run.id), step(&run, RunState::Lost)).await.unwrap_err();
    assert!(matches!(late, StoreError::NotOurs), "{late}");
    two.other.close().await;
}

async fn places_are_counted_over_all_portals(world: &World) {
    join(world, &world.store, "here").await;
    let other = another(world).await;
    if world.kind == Kind::Postgres {
        join(world, &other, "there").await;
    }
    let mut runs = Vec::new();
    for _ in 0..6 {
        let ana = ana();
        let run = launched_with(world, &ana, "/shop/pay/", "dev", |new| {
            let placement = serde_json::json!({ "cluster": "home", "runners": 1, "options": "{}", "secrets": [] });
            new.manifest.placement = Some(serde_json::from_value(placement).unwrap());
        });
        runs.push(run.await);
    }
    let taking = runs.iter().enumerate().map(|(number, run)| {
        let store = if number % 2 == 0 || world.kind == Kind::Sqlite { &world.store } else { &other };
        async move { store.take_from_queue(&supervise(world, run.id), starting(world, run), 3).await.unwrap() }
    });
    let taken = futures::future::join_all(taking).await;
    assert_eq!(taken.iter().flatten().count(), 3, "{taken:?}");
    // The same run for two portals: one has it.
    let free = &runs[taken.iter().position(Option::is_none).unwrap()];
    let (mine, theirs) = (supervise(world, free.id), supervise(world, free.id));
    let (a, b) = tokio::join!(world.store.take_from_queue(&mine, starting(world, free), 9), world.store.take_from_queue(&theirs, starting(world, free), 9));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    other.close().await;
}

async fn deliveries_at_another_portal_wait_and_count_once(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    let (mine, theirs) = (&world.store, &two.other);
    let measuring = measure(world, run.id);
    assert_eq!(mine.store_batch(&measuring, run.execution, &batch(world, "k-1", 1)).await.unwrap(), FrameInsert::New);
    for key in ["k-3", "k-2"] {
        world.clock.advance(1);
        assert_eq!(theirs.leave_frame(&measuring, run.execution, &frame(world, key), 10).await.unwrap(), Left::New);
    }
    // Tried again, at either.
    assert_eq!(theirs.leave_frame(&measuring, run.execution, &frame(world, "k-2"), 10).await.unwrap(), Left::Known);
    assert_eq!(theirs.leave_frame(&measuring, run.execution, &frame(world, "k-1"), 10).await.unwrap(), Left::Known);
    assert_eq!(mine.store_batch(&measuring, run.execution, &batch(world, "k-2", 2)).await.unwrap(), FrameInsert::Known);

    let access = everything();
    assert_eq!(mine.waiting_at(&access).await.unwrap(), [WaitingAt { run: run.id, execution: run.execution }]);
    let waiting = mine.waiting_frames(&access, run.execution, 10).await.unwrap();
    let keys: Vec<String> = waiting.into_iter().map(|frame| frame.key).collect();
    assert_eq!(keys, ["k-3", "k-2"], "in the order in which they came");
    // Those who watch elsewhere see what is merged, no more.
    let since = |step: i64, key: &'static str| async move {
        let rows = theirs.frames_since(&everything(), run.execution, step, key, 10).await.unwrap();
        rows.into_iter().map(|(step, frame)| (step, frame.key)).collect::<Vec<_>>()
    };
    assert_eq!(since(0, "").await, [(1, "k-1".to_owned())]);
    let merged = [WindowRow { second: 1, content: b"all".to_vec() }];
    mine.merge_waiting(&measuring, run.execution, &keys, &merged, 2).await.unwrap();
    let again = mine.merge_waiting(&measuring, run.execution, &keys, &[], 3).await.unwrap_err();
    assert!(matches!(again, StoreError::Moved), "{again}");
    assert_eq!(since(1, "k-1").await, [(2, "k-2".to_owned()), (2, "k-3".to_owned())]);
    assert_eq!(since(2, "k-2").await, [(2, "k-3".to_owned())]);
    assert_eq!(mine.waiting_at(&access).await.unwrap(), []);
    assert_eq!(mine.windows(&access, run.execution).await.unwrap(), merged);
    assert_eq!(mine.progress(&access, run.execution).await.unwrap().unwrap().merged, 2);

    let stranger = launched(world, &ana(), "/shop/pay/", "dev").await;
    let refused = theirs.leave_frame(&measure(world, stranger.id), run.execution, &frame(world, "k-9"), 10).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoSuch("execution")), "{refused}");
    two.other.close().await;
}

async fn no_more_wait_than_may(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    let measuring = measure(world, run.id);
    for (key, left) in [("k-1", Left::New), ("k-2", Left::New), ("k-3", Left::Full), ("k-1", Left::Known)] {
        assert_eq!(two.other.leave_frame(&measuring, run.execution, &frame(world, key), 2).await.unwrap(), left, "{key}");
    }
    world.store.merge_waiting(&measuring, run.execution, &["k-1".into()], &[], 1).await.unwrap();
    assert_eq!(two.other.leave_frame(&measuring, run.execution, &frame(world, "k-3"), 2).await.unwrap(), Left::New);
    two.other.close().await;
}

async fn a_run_does_not_end_while_something_waits(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    let supervising = supervise(world, run.id);
    for state in [RunState::Running { since: world.clock.now() }, RunState::Finishing { since: world.clock.now() }] {
        let now = current(world, run.id).await;
        world.store.advance(&supervising, step(&now, state)).await.unwrap();
    }
    let run = current(world, run.id).await;
    let measuring = measure(world, run.id);
    two.other.leave_frame(&measuring, run.execution, &frame(world, "k-1"), 9).await.unwrap();
    let refused = world.store.settle(&supervising, settlement(&run, Outcome::Pass, 1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Waiting), "{refused}");
    assert_eq!(current(world, run.id).await, run);
    world.store.merge_waiting(&measuring, run.execution, &["k-1".into()], &[], 1).await.unwrap();
    world.store.settle(&supervising, settlement(&run, Outcome::Pass, 1)).await.unwrap();
    // From here on nothing is taken, anywhere.
    assert_eq!(two.other.leave_frame(&measuring, run.execution, &frame(world, "k-2"), 9).await.unwrap(), Left::Ended);
    let late = world.store.store_batch(&measuring, run.execution, &batch(world, "k-2", 2)).await.unwrap_err();
    assert!(matches!(late, StoreError::NotOurs), "{late}");
    two.other.close().await;
}

async fn why_k6_was_asked_to_end_is_kept(world: &World) {
    let (two, run) = Two::with_a_run(world).await;
    let asked = AskedToEnd { why: Some("It was late.".into()), late: true, operation: Some(world.operation()), ..AskedToEnd::default() };
    assert_eq!(two.other.progress(&everything(), run.execution).await.unwrap().unwrap().ending, AskedToEnd::default());
    world.store.note_ending(&supervise(world, run.id), run.execution, &asked).await.unwrap();
    assert_eq!(two.other.progress(&everything(), run.execution).await.unwrap().unwrap().ending, asked);
    two.other.close().await;
}

async fn a_shared_key_is_the_first_that_came(world: &World) {
    let other = world.reopened().await;
    let (one, two) = tokio::join!(world.store.shared_key("stamps", &[1; 32]), other.shared_key("stamps", &[2; 32]));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one == two && (one == [1; 32] || one == [2; 32]));
    assert_eq!(world.store.shared_key("another", &[3; 32]).await.unwrap(), [3; 32]);
    other.close().await;
}

/// A run of a version that knew no portals, and its frames.
async fn tables_of_before_are_read(world: &World) {
    let run = crate::people::running(world, &launched(world, &ana(), "/shop/pay/", "dev").await).await;
    world.store.store_batch(&measure(world, run.id), run.execution, &batch(world, "k-1", 0)).await.unwrap();
    assert_eq!(run.owner, None);
    let mine = join(world, &world.store, "here").await;
    let refused = world.store.store_events(&measure(world, run.id), &[]).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotOurs), "{refused}");
    world.store.take_over(&supervise(world, run.id), run.version, &[]).await.unwrap();
    assert_eq!(current(world, run.id).await.owner, Some(mine));
    let frames = world.store.frames_since(&everything(), run.execution, 0, "", 9).await.unwrap();
    assert_eq!(frames.len(), 1);
}

#[tokio::test]
async fn a_sqlite_file_has_one_portal() {
    let world = World::sqlite().await;
    join(&world, &world.store, "here").await;
    let second = world.reopened().await;
    let refused = second.join(&any(&world), PortalId(world.clock.new_uuid()), "there").await.unwrap_err();
    assert!(matches!(refused, StoreError::TwoPortals(_)), "{refused}");
    assert!(refused.to_string().contains("SQLite has one portal") && refused.to_string().contains("windfirm.db"), "{refused}");
    // Joining again is the same portal; when it ends, another one may come.
    join(&world, &world.store, "here").await;
    world.store.close().await;
    join(&world, &second, "there").await;
    second.close().await;
}
