//! Sessions behind the cookie, one's own list of them, and logins under way.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore as _,
    session::{Id, Record},
};
use windfirm_model::{
    actor::{Actor, Groups},
    clock::{Clock as _, Timestamp},
    session::{IDLE_LIMIT_S, LOGIN_KEY, Login},
};
use windfirm_policy::{
    Permit, Resource,
    act::{CleanSessions, EndSession},
};
use windfirm_store::session::SessionRows;

use crate::{
    people::{access, ana, ben},
    world::{World, on_both},
};

on_both!(
    a_session_is_kept_and_found_by_its_id,
    the_database_never_holds_an_id,
    an_id_that_is_taken_is_not_shared,
    an_ended_session_does_not_come_back,
    a_session_runs_out,
    a_session_that_nobody_uses_is_not_listed_and_goes,
    people_see_and_end_their_own_sessions_only,
    what_has_run_out_is_removed,
    a_login_is_taken_once,
    of_two_returns_of_one_login_one_wins,
    a_login_that_took_too_long_is_gone,
);

fn rows(world: &World) -> SessionRows {
    SessionRows(world.store.clone())
}

fn moment(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000).unwrap()
}

fn login(world: &World, actor: &Actor) -> Login {
    let Actor::Person { key, name, .. } = actor else { panic!("people log in") };
    let now = world.clock.now();
    Login {
        person: key.clone(),
        name: name.clone(),
        groups: Groups::Known(vec!["shop-dev".into()]),
        began: now,
        absolute_end: now.plus_seconds(12 * 3_600),
        authenticated: now,
        id_token: "eyJ.secret".into(),
        client: "Firefox".into(),
    }
}

fn record(world: &World, number: i128, person: Option<&Actor>) -> Record {
    let data = person.map(|actor| (LOGIN_KEY.to_owned(), serde_json::to_value(login(world, actor)).unwrap()));
    Record { id: Id(number), data: data.into_iter().collect(), expiry_date: moment(world.clock.now().plus_seconds(1_800)) }
}

async fn created(world: &World, number: i128, person: &Actor) -> Record {
    let mut record = record(world, number, Some(person));
    rows(world).create(&mut record).await.unwrap();
    record
}

async fn a_session_is_kept_and_found_by_its_id(world: &World) {
    let mut record = created(world, -5, &ana()).await;
    assert_eq!(rows(world).load(&Id(-5)).await.unwrap(), Some(record.clone()));
    assert_eq!(rows(world).load(&Id(5)).await.unwrap(), None);

    record.data.insert("more".into(), json!({ "a": [1, null, "ä"] }));
    record.expiry_date = moment(world.clock.now().plus_seconds(3_600));
    rows(world).save(&record).await.unwrap();
    assert_eq!(rows(world).load(&Id(-5)).await.unwrap(), Some(record));

    rows(world).delete(&Id(-5)).await.unwrap();
    assert_eq!(rows(world).load(&Id(-5)).await.unwrap(), None);
}

async fn the_database_never_holds_an_id(world: &World) {
    let id = Id(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    created(world, id.0, &ana()).await;
    let to_text = if world.kind == crate::world::Kind::Sqlite { "lower(hex(id_sha256))" } else { "encode(id_sha256, 'hex')" };
    let stored = world.texts(&format!("select {to_text} || ' ' || handle || ' ' || cast(data as text) from sessions")).await;
    let hash: String = Sha256::digest(id.0.to_le_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(stored[0].starts_with(&format!("{hash} {}", &hash[..24])), "{stored:?}");
    let plain: String = id.0.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!stored[0].contains(&plain) && !stored[0].contains(&id.to_string()), "{stored:?}");
}

async fn an_id_that_is_taken_is_not_shared(world: &World) {
    let first = created(world, 7, &ana()).await;
    let second = created(world, 7, &ben()).await;
    assert_ne!(second.id, Id(7));
    assert_eq!(rows(world).load(&Id(7)).await.unwrap(), Some(first));
    assert_eq!(rows(world).load(&second.id).await.unwrap(), Some(second));
}

async fn an_ended_session_does_not_come_back(world: &World) {
    let record = created(world, 7, &ana()).await;
    rows(world).delete(&record.id).await.unwrap();
    // A request that was under way at that moment saves what it had loaded.
    rows(world).save(&record).await.unwrap();
    assert_eq!(rows(world).load(&record.id).await.unwrap(), None);
    assert_eq!(world.count("sessions").await, 0);
}

async fn a_session_runs_out(world: &World) {
    let record = created(world, 7, &ana()).await;
    world.clock.advance(1_799);
    assert!(rows(world).load(&record.id).await.unwrap().is_some());
    world.clock.advance(1);
    assert_eq!(rows(world).load(&record.id).await.unwrap(), None);
    assert_eq!(world.store.own_sessions(&access(&ana()), None).await.unwrap(), []);
}

async fn a_session_that_nobody_uses_is_not_listed_and_goes(world: &World) {
    let hours = |session: &mut Record| session.expiry_date = moment(world.clock.now().plus_seconds(12 * 3_600));
    let mut left = created(world, 1, &ana()).await;
    let mut used = created(world, 2, &ana()).await;
    for session in [&mut left, &mut used] {
        hours(session);
        rows(world).save(session).await.unwrap();
    }
    world.clock.advance(IDLE_LIMIT_S - 1);
    rows(world).save(&used).await.unwrap();
    let listed = || async { world.store.own_sessions(&access(&ana()), Some(Id(2))).await.unwrap().iter().map(|row| row.current).collect::<Vec<_>>() };
    assert_eq!(listed().await, [true, false]);

    let permit: Permit<CleanSessions> = Permit::system(world.operation(), Resource::default());
    assert_eq!(world.store.delete_expired(&permit).await.unwrap(), 0);
    world.clock.advance(1);
    assert_eq!(listed().await, [true], "half an hour without a request ended it");
    assert_eq!(world.store.delete_expired(&permit).await.unwrap(), 1);
    assert!(rows(world).load(&Id(1)).await.unwrap().is_none() && rows(world).load(&Id(2)).await.unwrap().is_some());
}

async fn people_see_and_end_their_own_sessions_only(world: &World) {
    let began = world.clock.now();
    created(world, 1, &ana()).await;
    let theirs = created(world, 2, &ben()).await;
    let mut nobodys = record(world, 3, None);
    rows(world).create(&mut nobodys).await.unwrap();
    world.clock.advance(60);
    created(world, 4, &ana()).await;

    let own = world.store.own_sessions(&access(&ana()), Some(Id(1))).await.unwrap();
    assert_eq!(own.iter().map(|row| (row.current, row.began)).collect::<Vec<_>>(), [(false, began.plus_seconds(60)), (true, began)]);
    assert_eq!((own[1].last_seen, own[1].ends, own[1].client.as_str()), (began, began.plus_seconds(1_800), "Firefox"));

    let permit = |actor| Permit::<EndSession>::own(world.operation(), actor, Resource::default());
    let his = world.store.own_sessions(&access(&ben()), None).await.unwrap();
    assert!(!world.store.end_own_session(&permit(ana()), &his[0].handle).await.unwrap(), "a handle of somebody else ends nothing");
    assert!(rows(world).load(&theirs.id).await.unwrap().is_some());

    assert!(world.store.end_own_session(&permit(ana()), &own[0].handle).await.unwrap());
    assert!(!world.store.end_own_session(&permit(ana()), &own[0].handle).await.unwrap());
    assert_eq!(rows(world).load(&Id(4)).await.unwrap(), None);
    assert!(rows(world).load(&Id(1)).await.unwrap().is_some());
}

async fn what_has_run_out_is_removed(world: &World) {
    created(world, 1, &ana()).await;
    world.store.put_login("old", &json!({}), world.clock.now().plus_seconds(600)).await.unwrap();
    world.clock.advance(1_000);
    created(world, 2, &ana()).await;
    world.store.put_login("new", &json!({}), world.clock.now().plus_seconds(6_000)).await.unwrap();
    // Kept alive by use, but past its absolute end.
    let mut endless = created(world, 3, &ben()).await;
    let mut past = login(world, &ben());
    past.absolute_end = world.clock.now().plus_seconds(900);
    endless.data.insert(LOGIN_KEY.into(), serde_json::to_value(past).unwrap());
    rows(world).save(&endless).await.unwrap();
    world.clock.advance(900);

    let permit: Permit<CleanSessions> = Permit::system(world.operation(), Resource::default());
    assert_eq!(world.store.delete_expired(&permit).await.unwrap(), 3);
    assert_eq!((world.count("sessions").await, world.count("login_transactions").await), (1, 1));
    assert!(rows(world).load(&Id(2)).await.unwrap().is_some());
    assert_eq!(world.store.delete_expired(&permit).await.unwrap(), 0);
}

async fn a_login_is_taken_once(world: &World) {
    let data = json!({ "nonce": "n", "verifier": "v" });
    world.store.put_login("state", &data, world.clock.now().plus_seconds(600)).await.unwrap();
    assert!(world.store.put_login("state", &json!({}), world.clock.now()).await.is_err(), "a state is never reused");
    assert_eq!(world.store.take_login("other").await.unwrap(), None);
    assert_eq!(world.store.take_login("state").await.unwrap(), Some(data));
    assert_eq!(world.store.take_login("state").await.unwrap(), None);
}

async fn of_two_returns_of_one_login_one_wins(world: &World) {
    let other_process = world.reopened().await;
    world.store.put_login("state", &json!(1), world.clock.now().plus_seconds(600)).await.unwrap();
    let (one, two) = tokio::join!(world.store.take_login("state"), other_process.take_login("state"));
    let mut answers = [one.unwrap(), two.unwrap()];
    answers.sort_by_key(Option::is_none);
    assert_eq!(answers, [Some(json!(1)), None]);
    other_process.close().await;
}

async fn a_login_that_took_too_long_is_gone(world: &World) {
    world.store.put_login("state", &json!(1), world.clock.now().plus_seconds(600)).await.unwrap();
    world.clock.advance(600);
    assert_eq!(world.store.take_login("state").await.unwrap(), None);
    assert_eq!(world.count("login_transactions").await, 0);
}
