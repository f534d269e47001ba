//! Launching: everything or nothing, once per form, and visible to those alone who may see it.

use windfirm_model::{audit::EventCode, run::RunState};
use windfirm_store::{
    StoreError,
    audit::{AuditFilter, Details},
    runs::{Judged, Launched, Room},
};

use crate::{
    people::{
        PLENTY, access, ana, audited, current, eli, everything, launch_permit, launched, launched_with, measure, new_run, nobody, owner, place, step, supervise,
    },
    world::{START, World, on_both},
};

on_both!(
    a_launch_is_queued_with_its_bundle_and_its_intent,
    the_same_form_twice_is_one_run,
    the_same_form_at_the_same_moment_is_one_run,
    another_person_may_use_the_same_form_key,
    a_launch_that_fails_leaves_nothing,
    the_queue_and_each_person_have_a_bound,
    the_bounds_hold_however_many_launch_at_once,
    texts_come_back_as_they_were,
    what_is_not_yours_is_not_there,
);

async fn a_launch_is_queued_with_its_bundle_and_its_intent(world: &World) {
    let new = new_run(world);
    let permit = launch_permit(world.operation(), &ana(), &place("/shop/payments/", "staging"));
    let details = Details { request_id: Some("r-1".into()), reason: Some("before the sale".into()), ..Details::default() };

    assert_eq!(world.store.launch(&permit, &new, PLENTY, &details).await.unwrap(), Launched::New);

    let run = world.store.run(&access(&ana()), new.id).await.unwrap().unwrap();
    assert_eq!((run.state.clone(), run.version, run.created), (RunState::Queued, 1, START));
    assert_eq!((run.path.as_str(), run.environment.as_str()), ("/shop/payments/", "staging"));
    assert_eq!((run.by_name.as_str(), run.by_key.as_str()), ("Ana Ruiz", "https://idp.example|ana ruiz"));
    assert_eq!(run.service_account, "shop/loadtest");
    assert_eq!((run.execution, &run.app, &run.manifest, run.planned_s, run.max_vus), (new.execution, &new.app, &new.manifest, Some(60), 10));
    assert_eq!((run.started, run.ended, &run.verdict, &run.measured), (None, None, &None, &None));
    assert_eq!(world.store.bundle(&access(&ana()), new.id).await.unwrap(), Some(new.bundle.content.clone()));
    let judged = Judged { actor: ana(), duration_s: Some(90), modules: vec!["k6/x/sql".into()] };
    assert_eq!(world.store.judged_by(&everything(), new.id).await.unwrap(), Some(judged));
    assert_eq!(world.store.judged_by(&access(&nobody()), new.id).await.unwrap(), None);

    let slice = world.store.audit(&access(&owner()), &AuditFilter::default(), 10).await.unwrap();
    let [row] = slice.rows.as_slice() else { panic!("one operation, not {:?}", slice.rows) };
    assert_eq!((row.code.as_str(), row.run, row.outcome.word()), ("run.launch", Some(new.id), "open"));
    assert_eq!((row.path.as_deref(), row.service_account.as_deref()), (Some("/shop/payments/"), Some("shop/loadtest")));
}

async fn the_same_form_twice_is_one_run(world: &World) {
    let first = launched_with(world, &ana(), "/shop/payments/", "dev", |new| new.once = "form-1".into()).await;
    let mut again = new_run(world);
    again.once = "form-1".into();
    let permit = launch_permit(world.operation(), &ana(), &place("/shop/payments/", "dev"));

    assert_eq!(world.store.launch(&permit, &again, PLENTY, &Details::default()).await.unwrap(), Launched::Before(first.id));

    assert_eq!(world.store.run_by_once(&access(&ana()), "form-1").await.unwrap(), Some(first.id));
    assert_eq!(world.store.run(&everything(), again.id).await.unwrap(), None);
    assert_eq!(audited(world, &owner()).await, [EventCode::RunLaunch]);
}

async fn the_same_form_at_the_same_moment_is_one_run(world: &World) {
    let other_process = world.reopened().await;
    let launch = |store: windfirm_store::Store| async move {
        let mut new = new_run(world);
        new.once = "form-1".into();
        let permit = launch_permit(world.operation(), &ana(), &place("/shop/payments/", "dev"));
        (new.id, store.launch(&permit, &new, PLENTY, &Details::default()).await.unwrap())
    };

    let (one, two) = tokio::join!(launch(world.store.clone()), launch(other_process.clone()));

    let (new, before) = if one.1 == Launched::New { (one, two) } else { (two, one) };
    assert_eq!((new.1, before.1), (Launched::New, Launched::Before(new.0)));
    assert_eq!(world.count("runs").await, 1);
    other_process.close().await;
}

async fn another_person_may_use_the_same_form_key(world: &World) {
    let hers = launched_with(world, &ana(), "/shop/payments/", "dev", |new| new.once = "form-1".into()).await;
    let his = launched_with(world, &eli(), "/search/", "dev", |new| new.once = "form-1".into()).await;
    assert_eq!(world.store.run_by_once(&access(&ana()), "form-1").await.unwrap(), Some(hers.id));
    assert_eq!(world.store.run_by_once(&access(&eli()), "form-1").await.unwrap(), Some(his.id));
}

async fn a_launch_that_fails_leaves_nothing(world: &World) {
    let first = launched(world, &ana(), "/shop/payments/", "dev").await;
    let mut broken = new_run(world);
    broken.execution = first.execution;
    broken.bundle.digest = "sha256:new".into();
    let permit = launch_permit(world.operation(), &ana(), &place("/shop/payments/", "dev"));

    let refused = world.store.launch(&permit, &broken, PLENTY, &Details::default()).await.unwrap_err();

    assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
    assert_eq!(world.store.run(&everything(), broken.id).await.unwrap(), None);
    assert_eq!((world.count("runs").await, world.count("bundles").await, world.count("audit_events").await), (1, 1, 1));
}

async fn the_queue_and_each_person_have_a_bound(world: &World) {
    let launch = async |actor: &windfirm_model::actor::Actor, path: &str, once: &str, room: Room| {
        let mut new = new_run(world);
        new.once = once.into();
        let permit = launch_permit(world.operation(), actor, &place(path, "dev"));
        (new.id, world.store.launch(&permit, &new, room, &Details::default()).await.unwrap())
    };
    let room = Room { waiting: 3, of_person: 2 };

    let (first, launched) = launch(&ana(), "/shop/payments/", "1", room).await;
    assert_eq!(launched, Launched::New);
    assert_eq!(launch(&ana(), "/shop/payments/", "2", room).await.1, Launched::New);
    assert_eq!(launch(&ana(), "/shop/payments/", "3", room).await.1, Launched::PersonFull);
    assert_eq!(launch(&ana(), "/shop/payments/", "1", room).await.1, Launched::Before(first), "the same form again is no further run");
    assert_eq!(launch(&eli(), "/search/", "1", room).await.1, Launched::New);
    assert_eq!(launch(&eli(), "/search/", "2", room).await.1, Launched::QueueFull);
    assert_eq!((world.count("runs").await, world.count("executions").await, world.count("audit_events").await), (3, 3, 3), "what was refused left nothing");

    // A run that has left the queue counts for its person only; one that has ended for nobody.
    let run = current(world, first).await;
    world.store.advance(&supervise(world, first), step(&run, RunState::Cancelled { by: "Ana".into() })).await.unwrap();
    assert_eq!((world.store.own_live_runs(&access(&ana())).await.unwrap(), world.store.own_live_runs(&access(&eli())).await.unwrap()), (1, 1));
    assert_eq!(launch(&eli(), "/search/", "2", room).await.1, Launched::New);
    assert_eq!(launch(&ana(), "/shop/payments/", "4", Room { waiting: 9, of_person: 2 }).await.1, Launched::New);
}

async fn the_bounds_hold_however_many_launch_at_once(world: &World) {
    let other_process = world.reopened().await;
    let launches = (0..24).map(|number| {
        let store = if number % 2 == 0 { world.store.clone() } else { other_process.clone() };
        async move {
            let new = new_run(world);
            let permit = launch_permit(world.operation(), &ana(), &place("/shop/payments/", "dev"));
            store.launch(&permit, &new, Room { waiting: 5, of_person: 50 }, &Details::default()).await.unwrap()
        }
    });

    let answers = futures::future::join_all(launches).await;

    let new = answers.iter().filter(|answer| **answer == Launched::New).count();
    let full = answers.iter().filter(|answer| **answer == Launched::QueueFull).count();
    assert_eq!((new, full, world.count("runs").await), (5, 19, 5));
    other_process.close().await;
}

async fn texts_come_back_as_they_were(world: &World) {
    let words = "„Größe“ 🚀 ' \" \\ % _ \\u0000 \r\n";
    let run = launched_with(world, &ana(), "/shop/payments/", "dev", |new| {
        new.reason = words.into();
        new.manifest.parameters = vec![(words.into(), words.into())];
        new.app = serde_json::json!({ words: words });
    })
    .await;
    assert_eq!((run.reason.as_str(), &run.manifest.parameters[0].1, &run.app[words]), (words, &words.to_owned(), &serde_json::json!(words)));

    // PostgreSQL has no NUL; a script that logs one must not stop its run from being stored.
    let with_nul = launched_with(world, &ana(), "/shop/payments/", "dev", |new| {
        new.reason = "a\0b".into();
        new.manifest.reason = "a\0b".into();
        new.app = serde_json::json!({ "a\0b": ["a\0b"] });
    })
    .await;
    assert_eq!((with_nul.reason.as_str(), with_nul.manifest.reason.as_str()), ("a\u{fffd}b", "a\u{fffd}b"));
    assert_eq!(with_nul.app, serde_json::json!({ "a\u{fffd}b": ["a\u{fffd}b"] }));
}

async fn what_is_not_yours_is_not_there(world: &World) {
    let run = launched(world, &ana(), "/shop/payments/", "dev").await;
    world.store.store_events(&measure(world, run.id), &[windfirm_model::view::run::RunEvent { at: START, text: "x".into(), bad: false }]).await.unwrap();
    assert_eq!(current(world, run.id).await, world.store.run(&access(&ana()), run.id).await.unwrap().unwrap());

    for stranger in [eli(), nobody()] {
        let access = access(&stranger);
        assert_eq!(world.store.run(&access, run.id).await.unwrap(), None);
        assert_eq!(world.store.execution(&access, run.execution).await.unwrap(), None);
        assert_eq!(world.store.bundle(&access, run.id).await.unwrap(), None);
        assert_eq!(world.store.run_events(&access, run.id).await.unwrap(), []);
        assert_eq!(world.store.log(&access, run.id, 0, 10).await.unwrap(), None);
        assert_eq!(world.store.queue_place(&access, run.id).await.unwrap(), None);
        assert_eq!(world.store.frames(&access, run.execution, None, 10).await.unwrap(), []);
        assert_eq!(world.store.windows(&access, run.execution).await.unwrap(), []);
        assert_eq!(world.store.app_runs(&access, &run.path, 10).await.unwrap(), (Vec::new(), 0));
        assert!(world.store.live_runs(&access).await.unwrap().is_empty());
        assert!(world.store.app_summaries(&access).await.unwrap().is_empty());
        assert!(!world.store.any_run(&access).await.unwrap());
    }
    assert!(world.store.any_run(&access(&ana())).await.unwrap());
    assert_eq!(world.store.queue_place(&access(&ana()), run.id).await.unwrap(), Some(1));
    assert_eq!(world.store.run_events(&access(&ana()), run.id).await.unwrap().len(), 1);

    // Her grant is for dev and staging: the same app in prod is not hers to see.
    let prod = launched(world, &owner(), "/shop/payments/", "prod").await;
    assert_eq!(world.store.run(&access(&ana()), prod.id).await.unwrap(), None);
}
