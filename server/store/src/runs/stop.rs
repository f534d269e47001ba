//! Asking for the end of a run. The executor does it; the supervisor settles it.

use windfirm_model::run::{RunState, RunStateKind};
use windfirm_policy::{
    Permit,
    act::{StopOwnRun, StopRun},
};

use crate::{
    db::Store,
    error::StoreError,
    runs::supervise::{Current, move_on, read_current, target_run},
    values,
};

/// What asking for the end of a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was not begun yet: it is over.
    Cancelled,
    /// The executor is being told.
    Cancelling,
    /// It is past stopping, in this state. Nothing was changed.
    TooLate(RunStateKind),
}

impl Store {
    /// Stops the run that stands in the permit, whoever launched it.
    ///
    /// # Errors
    /// [`StoreError::NoTarget`], [`StoreError::NoSuch`], [`StoreError::Moved`] when it kept changing; else the database's.
    pub async fn stop_run(&self, permit: &Permit<StopRun>) -> Result<Stopped, StoreError> {
        self.stop(permit, |_| true).await
    }

    /// Stops the run that stands in the permit, if the permit's actor launched it.
    ///
    /// # Errors
    /// As [`Store::stop_run`]; [`StoreError::NoSuch`] when somebody else launched it.
    pub async fn stop_own_run(&self, permit: &Permit<StopOwnRun>) -> Result<Stopped, StoreError> {
        let own = values::plain(&permit.actor().key());
        self.stop(permit, |current| current.by_key == own).await
    }

    async fn stop<A>(&self, permit: &Permit<A>, may: impl Fn(&Current) -> bool + Send) -> Result<Stopped, StoreError> {
        let run = target_run(permit)?;
        let now = self.now();
        let by = permit.actor().display_name().to_owned();
        let mut tx = self.begin().await?;
        let current = read_current(&mut tx, run).await?;
        if !may(&current) {
            return Err(StoreError::NoSuch("run"));
        }
        let (next, stopped) = match current.state.kind() {
            RunStateKind::Waiting | RunStateKind::Queued => (RunState::Cancelled { by: by.clone() }, Stopped::Cancelled),
            RunStateKind::Starting | RunStateKind::Running => (RunState::Cancelling { since: now, by: by.clone() }, Stopped::Cancelling),
            past => return Ok(Stopped::TooLate(past)),
        };
        let event = windfirm_model::view::run::RunEvent { at: now, text: format!("{by} asked for the end of the run."), bad: false };
        move_on(&mut tx, run, current, next, now, &[event], None).await?;
        tx.commit().await?;
        Ok(stopped)
    }
}
