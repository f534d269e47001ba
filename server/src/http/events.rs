//! `GET /runs/{id}/events`: a live run as server-sent events.
//!
//! Each tick was serialised once for all who watch (`worker::tick`). While the stream lives, the session and the right to see
//! the run are checked again and again, and under a new policy before anything more is sent; when either is gone, so is the stream.

mod places;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Extension, Path, State},
    http::{StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tower_sessions::Session;
use windfirm_identity::still_logged_in;
use windfirm_model::{action::Action, audit::EventCode, id::RunId};
use windfirm_policy::{Place, Refused};

use crate::{audit::Attempted, context::Asker, state::Portal, usecase::runs::see_run, worker::collect};

pub use places::Places;

/// How often the rights of a viewer are looked at again.
const RECHECK: Duration = Duration::from_secs(4);

/// The handler.
pub async fn watch(State(portal): State<Arc<Portal>>, Extension(asker): Extension<Asker>, session: Session, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<RunId>() else { return StatusCode::NOT_FOUND.into_response() };
    let record = match see_run(&asker, id, EventCode::RunRead).await {
        Ok(record) => record,
        Err(fault) => return StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::NOT_FOUND).into_response(),
    };
    if !record.state.is_live() {
        return Sse::new(stream::iter([Ok::<_, Infallible>(Event::default().event("end").data("over"))])).into_response();
    }
    let Some(watching) = portal.watching.take(asker.actor.key()) else { return too_many() };
    let ticks = match collect::locked(&portal, record.id, record.execution).await {
        Ok(live) => live.ticks.subscribe(),
        Err(error) => {
            tracing::error!(%error, "events.not_opened");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let place = Place { path: record.path, environment: record.environment };
    let recheck = tokio::time::interval(RECHECK);
    let viewer = Viewer { portal, session, ticks, recheck, place, run: id, asker, _watching: watching };
    let events = stream::unfold(Some(viewer), |viewer| async move {
        let mut viewer = viewer?;
        let (event, goes_on) = viewer.next().await;
        Some((Ok::<_, Infallible>(event), goes_on.then_some(viewer)))
    });
    metrics::counter!("windfirm_live_streams_total").increment(1);
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response()
}

fn too_many() -> Response {
    let sentence = format!(
        "You watch {} live runs already, which is as many as one person may at once. Close one of their pages, then load this one again.",
        places::MOST
    );
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "10")], sentence).into_response()
}

struct Viewer {
    portal: Arc<Portal>,
    session: Session,
    ticks: Receiver<Arc<str>>,
    recheck: tokio::time::Interval,
    place: Place,
    run: RunId,
    asker: Asker,
    /// Given back when nobody watches any more.
    _watching: places::Place,
}

impl Viewer {
    /// The next event, and whether others follow.
    async fn next(&mut self) -> (Event, bool) {
        let end = |why: &str| (Event::default().event("end").data(why), false);
        loop {
            tokio::select! {
                biased;
                _ = self.recheck.tick() => if !self.may_still_watch().await {
                    return end("gone");
                },
                () = self.portal.ending.cancelled() => return end("restarting"),
                tick = self.ticks.recv() => match tick {
                    Ok(_) if !Arc::ptr_eq(&self.asker.policy, &self.portal.policy()) && !self.may_still_watch().await => return end("gone"),
                    Ok(text) => return (Event::default().event("tick").data(&*text), true),
                    // Too slow for some ticks; the next one has all numbers but the windows in between, so load the page again.
                    Err(RecvError::Lagged(_)) => return (Event::default().event("lagged").data("load again"), true),
                    Err(RecvError::Closed) => return end("over"),
                },
            }
        }
    }

    async fn may_still_watch(&mut self) -> bool {
        let Ok(Some(login)) = still_logged_in(&self.session, &*self.portal.clock).await else { return false };
        // From here on this is the asker: a refusal is recorded under the policy that refused.
        self.asker.policy = self.portal.policy();
        self.asker.actor = login.actor();
        self.asker.access = self.asker.policy.policy.access(&self.asker.actor);
        let may = self.asker.access.allows(Action::ViewRun, &self.place);
        if !may {
            let attempted = Attempted { place: Some(self.place.clone()), run: Some(self.run) };
            let _ = self.asker.refuse(EventCode::RunRead, attempted, &Refused::Invisible).await;
        }
        may
    }
}
