//! What the runners deliver: each frame once, its windows with it, and nothing on somebody else's run.

use windfirm_model::{
    clock::{Clock as _, Timestamp},
    view::run::{LogLine, RunEvent},
};
use windfirm_store::{
    StoreError,
    ingest::{Batch, FrameInsert, FrameRow, WindowRow},
    runs::RunRecord,
};

use crate::{
    people::{access, ana, everything, launched, measure},
    world::{START, World, on_both},
};

on_both!(
    a_frame_counts_once,
    frames_are_stored_together_or_not_at_all,
    one_frame_from_two_processes_counts_once,
    a_window_is_replaced_whole,
    measurements_of_another_run_are_refused,
    a_batch_that_fails_leaves_nothing,
    frames_come_in_pages,
    log_lines_keep_their_numbers,
    events_stand_in_order,
);

fn batch(world: &World, key: &str, windows: &[(i64, &[u8])]) -> Batch {
    Batch {
        frames: vec![FrameRow { key: key.into(), received: world.clock.now(), payload: vec![0, 255, 1] }],
        windows: windows.iter().map(|(second, content)| WindowRow { second: *second, content: content.to_vec() }).collect(),
        merged: 1,
        events: vec![RunEvent { at: world.clock.now(), text: format!("frame {key}"), bad: false }],
    }
}

async fn run(world: &World) -> RunRecord {
    launched(world, &ana(), "/shop/payments/", "dev").await
}

async fn frames(world: &World, run: &RunRecord) -> Vec<FrameRow> {
    world.store.frames(&access(&ana()), run.execution, None, 1_000).await.unwrap()
}

async fn a_frame_counts_once(world: &World) {
    let run = run(world).await;
    let first = batch(world, "k-1", &[(10, b"ten")]);
    assert_eq!(world.store.store_batch(&measure(world, run.id), run.execution, &first).await.unwrap(), FrameInsert::New);

    world.clock.advance(1);
    let again = batch(world, "k-1", &[(10, b"other"), (11, b"eleven")]);
    assert_eq!(world.store.store_batch(&measure(world, run.id), run.execution, &again).await.unwrap(), FrameInsert::Known);

    assert_eq!(frames(world, &run).await, first.frames);
    assert_eq!(world.store.windows(&access(&ana()), run.execution).await.unwrap(), [WindowRow { second: 10, content: b"ten".to_vec() }]);
    assert_eq!(world.store.run_events(&access(&ana()), run.id).await.unwrap().len(), 1);

    // The key is one per execution: another execution may use the same.
    let other = self::run(world).await;
    let fresh = batch(world, "k-1", &[]);
    assert_eq!(world.store.store_batch(&measure(world, other.id), other.execution, &fresh).await.unwrap(), FrameInsert::New);
}

async fn frames_are_stored_together_or_not_at_all(world: &World) {
    let run = run(world).await;
    let row = |key: &str| FrameRow { key: key.into(), received: world.clock.now(), payload: vec![7] };
    let store = |keys: &[&str], content: &[u8]| Batch { frames: keys.iter().map(|key| row(key)).collect(), ..batch(world, "", &[(10, content)]) };
    let put = async |batch: Batch| world.store.store_batch(&measure(world, run.id), run.execution, &batch).await.unwrap();

    assert_eq!(put(store(&["k-1", "k-2"], b"two")).await, FrameInsert::New);
    assert_eq!(put(store(&["k-3", "k-2", "k-4"], b"four")).await, FrameInsert::Known, "one of them is there");
    let keys: Vec<String> = frames(world, &run).await.into_iter().map(|frame| frame.key).collect();
    assert_eq!(keys, ["k-1", "k-2"]);
    assert_eq!(world.store.windows(&access(&ana()), run.execution).await.unwrap(), [WindowRow { second: 10, content: b"two".to_vec() }]);

    assert_eq!(put(store(&["k-3", "k-4"], b"four")).await, FrameInsert::New);
    assert_eq!(frames(world, &run).await.len(), 4);
}

async fn one_frame_from_two_processes_counts_once(world: &World) {
    let run = run(world).await;
    let other_process = world.reopened().await;
    let same = batch(world, "k-1", &[(10, b"ten")]);
    let (mine, theirs) = (measure(world, run.id), measure(world, run.id));

    let (one, two) = tokio::join!(world.store.store_batch(&mine, run.execution, &same), other_process.store_batch(&theirs, run.execution, &same));

    let mut answers = [one.unwrap(), two.unwrap()];
    answers.sort_by_key(|answer| *answer == FrameInsert::Known);
    assert_eq!(answers, [FrameInsert::New, FrameInsert::Known]);
    assert_eq!(world.store.run_events(&everything(), run.id).await.unwrap().len(), 1);
    other_process.close().await;
}

async fn a_window_is_replaced_whole(world: &World) {
    let run = run(world).await;
    for (key, content) in [("k-1", "one"), ("k-2", "both")] {
        world.store.store_batch(&measure(world, run.id), run.execution, &batch(world, key, &[(10, content.as_bytes()), (-3, b"")])).await.unwrap();
    }
    let window = |second, content: &[u8]| WindowRow { second, content: content.to_vec() };
    assert_eq!(world.store.windows(&access(&ana()), run.execution).await.unwrap(), [window(-3, b""), window(10, b"both")]);

    let rebuilt = [window(10, b"rebuilt"), window(11, b"new")];
    world.store.replace_windows(&measure(world, run.id), run.execution, &rebuilt).await.unwrap();
    assert_eq!(world.store.windows(&access(&ana()), run.execution).await.unwrap(), rebuilt);
    assert_eq!(frames(world, &run).await.len(), 2, "a rebuild leaves the truth alone");
}

async fn measurements_of_another_run_are_refused(world: &World) {
    let (mine, other) = (run(world).await, run(world).await);
    let permit = measure(world, mine.id);
    let line = [LogLine { at: None, level: "info".into(), text: "x".into() }];

    let refused = [
        world.store.store_batch(&permit, other.execution, &batch(world, "k", &[(1, b"w")])).await.map(drop),
        world.store.store_log(&permit, other.execution, 0, &line, 0).await,
        world.store.replace_windows(&permit, other.execution, &[WindowRow { second: 1, content: vec![1] }]).await,
    ];

    for answer in refused {
        assert!(matches!(answer, Err(StoreError::NoSuch("execution"))), "{answer:?}");
    }
    for table in ["frames", "windows", "run_log", "run_events"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

async fn a_batch_that_fails_leaves_nothing(world: &World) {
    let run = run(world).await;
    // Something in the database refuses the window, after the frame went in.
    world.raw("alter table windows rename to windows_elsewhere").await.unwrap();
    let whole = batch(world, "k-1", &[(10, b"ten")]);
    let refused = world.store.store_batch(&measure(world, run.id), run.execution, &whole).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
    world.raw("alter table windows_elsewhere rename to windows").await.unwrap();

    assert_eq!(frames(world, &run).await, []);
    // So that the same delivery, sent again, is not taken for known.
    assert_eq!(world.store.store_batch(&measure(world, run.id), run.execution, &whole).await.unwrap(), FrameInsert::New);
}

async fn frames_come_in_pages(world: &World) {
    let run = run(world).await;
    for number in 0..7 {
        // Two of three share their moment: the key decides then.
        if number % 3 == 0 {
            world.clock.advance(1);
        }
        world.store.store_batch(&measure(world, run.id), run.execution, &batch(world, &format!("k-{}", 9 - number), &[])).await.unwrap();
    }
    let all = frames(world, &run).await;
    let mut paged = Vec::new();
    loop {
        let page = world.store.frames(&access(&ana()), run.execution, paged.last(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!((paged.len(), &paged), (7, &all));
    assert!(all.is_sorted_by_key(|frame| (frame.received, frame.key.clone())));
}

async fn log_lines_keep_their_numbers(world: &World) {
    let run = run(world).await;
    let line = |text: &str, at: Option<Timestamp>| LogLine { at, level: "info".into(), text: text.into() };
    let empty = world.store.log(&access(&ana()), run.id, 0, 10).await.unwrap().unwrap();
    assert_eq!((empty.lines.len(), empty.total, empty.dropped), (0, 0, 0));

    world.store.store_log(&measure(world, run.id), run.execution, 0, &[line("a", Some(START)), line("b\0", None)], 0).await.unwrap();
    // Delivered again from 1 on, after a restart: line 1 stays as it was.
    world.store.store_log(&measure(world, run.id), run.execution, 1, &[line("B", None), line("c", None), line("d", None)], 5).await.unwrap();

    let page = world.store.log(&access(&ana()), run.id, 1, 2).await.unwrap().unwrap();
    assert_eq!(page.lines, [line("b\u{fffd}", None), line("c", None)]);
    assert_eq!((page.from, page.total, page.dropped), (1, 4, 5));
    let first = world.store.log(&access(&ana()), run.id, 0, 1).await.unwrap().unwrap();
    assert_eq!(first.lines, [line("a", Some(START))]);
}

async fn events_stand_in_order(world: &World) {
    let run = run(world).await;
    let events: Vec<_> = (0..12).map(|number| RunEvent { at: START, text: format!("event {number}"), bad: number % 2 == 0 }).collect();
    for pair in events.chunks(2) {
        world.store.store_events(&measure(world, run.id), pair).await.unwrap();
    }
    assert_eq!(world.store.run_events(&access(&ana()), run.id).await.unwrap(), events);
}
