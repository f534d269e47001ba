//! Sessions: fixation, the two limits, ending one, and what happens when the record or the store fails.

use std::sync::{Arc, atomic::Ordering};

use reqwest::StatusCode;
use tower_sessions::Session;
use windfirm_identity::{current_login, still_logged_in};

use super::{
    browser::Browser,
    round_trip::{Stage, stage},
};

const COOKIE: &str = "windfirm";

#[tokio::test]
async fn a_session_id_from_before_the_login_is_worth_nothing_after_it() {
    let stage = stage().await;
    let (victim, attacker) = (Browser::new(), Browser::new());
    let site = stage.portal.url("/");
    // The attacker is logged in and plants the id.
    stage.log_in(&attacker, "eli").await;
    let planted = attacker.cookie(&site, COOKIE).unwrap();
    victim.set_cookie(&site, COOKIE, &planted);
    stage.log_in(&victim, "ana").await;
    assert_ne!(victim.cookie(&site, COOKIE).unwrap(), planted, "a new id at every login");
    assert_eq!(stage.who(&victim).await, "Ana Ruiz shop-dev");
    assert_eq!(stage.who(&attacker).await, "nobody", "the planted id is dead");
    assert_eq!(stage.portal.session_count(), 1);
}

#[tokio::test]
async fn an_invented_session_id_is_nobody() {
    let stage = stage().await;
    let browser = Browser::new();
    for planted in ["AAAAAAAAAAAAAAAAAAAAAA", "x", "", "%00"] {
        browser.set_cookie(&stage.portal.url("/"), COOKIE, planted);
        assert_eq!(stage.who(&browser).await, "nobody", "{planted:?}");
    }
    assert_eq!(stage.portal.session_count(), 0);
}

#[tokio::test]
async fn half_an_hour_without_a_request_ends_it() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    stage.portal.clock.advance(30 * 60 - 1);
    assert_eq!(stage.who(&browser).await, "Ana Ruiz shop-dev");
    stage.portal.clock.advance(30 * 60 - 1);
    assert_eq!(stage.who(&browser).await, "Ana Ruiz shop-dev", "only reading counts as use");
    stage.portal.clock.advance(30 * 60);
    assert_eq!(stage.who(&browser).await, "nobody");
    assert_eq!(stage.portal.session_count(), 0, "and the row is gone");
}

#[tokio::test]
async fn twelve_hours_end_it_whatever_happens() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    for _ in 0..36 {
        assert_eq!(stage.who(&browser).await, "Ana Ruiz shop-dev");
        stage.portal.clock.advance(20 * 60);
    }
    assert_eq!(stage.who(&browser).await, "nobody");
}

#[tokio::test]
async fn use_is_written_at_most_once_a_minute() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    let row = || format!("{:?}", stage.portal.sessions.0.lock().unwrap().values().map(|record| record.data.clone()).collect::<Vec<_>>());
    let before = row();
    stage.portal.clock.advance(59);
    stage.who(&browser).await;
    assert_eq!(row(), before);
    stage.portal.clock.advance(1);
    stage.who(&browser).await;
    assert_ne!(row(), before);
}

/// A session as one request sees it, read and ready: a live stream keeps it for hours.
async fn held(stage: &Stage) -> Session {
    let id = *stage.portal.sessions.0.lock().unwrap().keys().next().unwrap();
    let session = Session::new(Some(id), Arc::new(stage.portal.sessions.clone()), None);
    assert!(current_login(&session, &*stage.portal.clock).await.unwrap().is_some());
    session
}

#[tokio::test]
async fn a_stream_sees_that_the_session_was_ended_elsewhere() {
    let stage = stage().await;
    let (browser, copy) = (Browser::new(), Browser::new());
    stage.log_in(&browser, "ana").await;
    let site = stage.portal.url("/");
    copy.set_cookie(&site, COOKIE, &browser.cookie(&site, COOKIE).unwrap());
    let stream = held(&stage).await;
    assert!(still_logged_in(&stream, &*stage.portal.clock).await.unwrap().is_some());
    browser.post(stage.portal.url("/logout"), &[]).await;
    assert_eq!(still_logged_in(&stream, &*stage.portal.clock).await.unwrap(), None);
    assert_eq!(stage.who(&copy).await, "nobody", "a replayed cookie is nobody");
    assert_eq!(stage.portal.session_count(), 0, "and the stream does not bring it back");
}

#[tokio::test]
async fn watching_a_stream_counts_as_use() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    let stream = held(&stage).await;
    for _ in 0..8 {
        stage.portal.clock.advance(10 * 60);
        assert!(still_logged_in(&stream, &*stage.portal.clock).await.unwrap().is_some());
    }
    assert_eq!(stage.who(&browser).await, "Ana Ruiz shop-dev", "80 minutes without another request");
}

#[tokio::test]
async fn a_login_that_cannot_be_recorded_is_not_done() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.portal.audit.is_broken.store(true, Ordering::SeqCst);
    let refused = stage.log_in(&browser, "ana").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.body.starts_with("not_recorded"), "{}", refused.body);
    assert_eq!(stage.who(&browser).await, "nobody");
    assert_eq!(stage.portal.session_count(), 0);

    // A log-out is done even so: nobody is kept in because the log is full.
    stage.portal.audit.is_broken.store(false, Ordering::SeqCst);
    stage.log_in(&browser, "ana").await;
    stage.portal.audit.is_broken.store(true, Ordering::SeqCst);
    browser.post(stage.portal.url("/logout"), &[]).await;
    assert_eq!(stage.who(&browser).await, "nobody");
}

#[tokio::test]
async fn a_session_of_an_older_shape_is_ended() {
    let stage = stage().await;
    let browser = Browser::new();
    stage.log_in(&browser, "ana").await;
    for record in stage.portal.sessions.0.lock().unwrap().values_mut() {
        record.data.insert("login".to_owned(), serde_json::json!({ "name": "Ana" }));
    }
    assert_eq!(stage.who(&browser).await, "nobody");
    assert_eq!(stage.portal.session_count(), 0);
}
