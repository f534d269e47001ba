//! The session: who is logged in, for how long, and the two limits on that.
//!
//! Two traps of tower-sessions are dealt with here. Its idle expiry counts changes only, not reads: somebody who only watches would be
//! logged out, so the moment of the last use is written, at most once a minute. And it has no absolute limit: `Login::absolute_end` is ours.
//! Both limits are judged by the injected clock, whatever the store's own expiry says.

use tower_sessions::Session;
pub use windfirm_model::session::{IDLE_LIMIT_S, LOGIN_KEY};
use windfirm_model::{
    clock::{Clock, Timestamp},
    session::Login,
};

/// Whatever happens, the session ends this long after the login.
pub const ABSOLUTE_LIMIT_S: i64 = 12 * 60 * 60;
/// The moment of the last use is written at most this often.
pub const TOUCH_INTERVAL_S: i64 = 60;
/// The key under which a session's data holds the moment of the last use, in microseconds.
pub const SEEN_KEY: &str = "seen";

/// The sessions cannot be read or written: nobody can be told from anybody.
#[derive(Debug, thiserror::Error)]
#[error("the sessions cannot be read or written: {0}")]
pub struct SessionError(#[from] tower_sessions::session::Error);

/// Begins a session: a new id, nothing left of what was there before, saved at once so that a failure is seen.
pub async fn begin_session(session: &Session, login: &Login, clock: &dyn Clock) -> Result<(), SessionError> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(LOGIN_KEY, login).await?;
    session.insert(SEEN_KEY, clock.now()).await?;
    session.save().await?;
    Ok(())
}

/// Ends the session: the row is gone, the cookie is removed by the session layer.
pub async fn end_session(session: &Session) -> Result<(), SessionError> {
    session.flush().await?;
    Ok(())
}

/// Who is logged in here and now. A session over its limits is ended on the way.
pub async fn current_login(session: &Session, clock: &dyn Clock) -> Result<Option<Login>, SessionError> {
    Ok(look(session, clock).await?.map(|(login, _)| login))
}

/// The same for a response that lasts (a live stream): reads the row again, and counts watching as use.
/// Returns `None` as soon as the session was ended anywhere.
pub async fn still_logged_in(session: &Session, clock: &dyn Clock) -> Result<Option<Login>, SessionError> {
    session.load().await?;
    let Some((login, touched)) = look(session, clock).await? else { return Ok(None) };
    if touched {
        session.save().await?;
    }
    Ok(Some(login))
}

/// The login, and whether the moment of the last use was moved.
async fn look(session: &Session, clock: &dyn Clock) -> Result<Option<(Login, bool)>, SessionError> {
    // Data of an older shape is no login; it is ended like one that has run out.
    let login = match session.get_value(LOGIN_KEY).await? {
        None => return Ok(None),
        Some(value) => serde_json::from_value::<Login>(value).ok(),
    };
    let seen = session.get_value(SEEN_KEY).await?.and_then(|value| serde_json::from_value::<Timestamp>(value).ok());
    let now = clock.now();
    let (Some(login), Some(seen)) = (login, seen) else {
        session.flush().await?;
        return Ok(None);
    };
    let idle_us = now.micros_since(seen);
    if now >= login.absolute_end || idle_us >= IDLE_LIMIT_S.saturating_mul(1_000_000) {
        session.flush().await?;
        return Ok(None);
    }
    let touched = idle_us >= TOUCH_INTERVAL_S.saturating_mul(1_000_000);
    if touched {
        session.insert(SEEN_KEY, now).await?;
    }
    Ok(Some((login, touched)))
}
