//! Who is there, what is around every page, and one's own sessions.

use async_trait::async_trait;
use windfirm_app::portal::{Answer, Person};
use windfirm_model::{
    action::Action,
    actor::Groups,
    audit::{EventCode, EventOutcome},
    fault::Fault,
    view::{
        frame::{Frame, LiveRun, SessionRow},
        home::Home,
    },
};
use windfirm_policy::{Permit, Resource, act::EndSession};

use crate::context::Asker;

/// Live runs in the side bar.
const LIVE_ROWS: usize = 5;

#[async_trait]
impl Person for Asker {
    async fn frame(&self) -> Answer<Frame> {
        let live = self.portal.store.live_runs(&self.access).await.map_err(|error| self.store_fault(&error))?;
        let now = self.portal.clock.now();
        let rows = live.iter().take(LIVE_ROWS).map(|run| LiveRun {
            id: run.id,
            path: run.path.clone(),
            test: run.test.clone(),
            elapsed_s: run.started.map_or(0, |started| u32::try_from(now.micros_since(started) / 1_000_000).unwrap_or_default()),
            planned_s: run.planned_s,
            waits: run.started.is_none(),
        });
        Ok(Frame {
            name: self.login.name.clone(),
            groups: self.login.groups.known().to_vec(),
            groups_unknown: match &self.login.groups {
                Groups::Known(_) => None,
                Groups::Unknown(why) => Some(why.clone()),
            },
            issuer: self.login.person.issuer.clone(),
            may_view_audit: self.access.can_anywhere(Action::ViewAudit).is_some(),
            may_view_policy: self.access.can_anywhere(Action::ViewPolicy).is_some(),
            may_view_system: self.access.can_anywhere(Action::ViewSystem).is_some(),
            live: rows.collect(),
            live_count: u32::try_from(live.len()).unwrap_or(u32::MAX),
            demo: self.portal.settings.demo,
            now,
        })
    }

    async fn home(&self) -> Answer<Home> {
        self.home_page().await
    }

    async fn sessions(&self) -> Answer<Vec<SessionRow>> {
        let rows = windfirm_store::session::SessionRows(self.portal.store.clone());
        rows.0.own_sessions(&self.access, self.session).await.map_err(|error| self.store_fault(&error))
    }

    async fn end_session(&self, handle: String) -> Answer<()> {
        let permit: Permit<EndSession> = Permit::own(self.operation(), self.actor.clone(), Resource::default());
        let store = &self.portal.store;
        store.intent(&permit, EventCode::SessionEnd, &self.details()).await.map_err(|error| self.store_fault(&error))?;
        let ended = store.end_own_session(&permit, &handle).await;
        let (outcome, why) = match &ended {
            Ok(true) => (EventOutcome::Done, None),
            Ok(false) => (EventOutcome::Failed, Some("There is no such session of this person.".to_owned())),
            Err(error) => (EventOutcome::Failed, Some(error.to_string())),
        };
        store.outcome(&permit, outcome, why.as_deref(), &[]).await.map_err(|error| self.store_fault(&error))?;
        match ended {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::NotFound),
            Err(error) => Err(self.store_fault(&error)),
        }
    }
}
