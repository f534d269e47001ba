//! Ends an execution: at its deadline, when it hangs, when somebody asked for it, or for a reason of the portal's own. Each time on the record.

use std::{fmt, sync::Arc};

use windfirm_executor::{ExecutorError, PAST_DEADLINE};
use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    run::RunState,
};
use windfirm_policy::{Permit, act::SuperviseRuns};
use windfirm_store::{
    StoreError,
    audit::Details,
    runs::{AskedToEnd, RunRecord},
};

use super::{AUDIT_ID, StepError, check_lease, event, ordering::deadline_s, permit, permit_of};
use crate::{live::LiveExecution, state::Portal, worker::collect};

/// After its deadline a run is stopped by the portal, if nobody else did it. A runner of ours needs some of it to stop k6 by itself.
const LATE_AFTER_S: u32 = 30;
/// A runner ends k6 at its deadline, or when it is asked to, within less than a minute. One that takes longer than this listens to
/// nobody: it hangs, or was stopped by a signal.
const HUNG_AFTER_S: u32 = 90;

/// Where runs are carried out in a cluster nobody but the portal keeps the deadline. A runner of ours has ended k6 by itself long before.
pub(super) async fn end_if_late(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp) -> Result<(), StepError> {
    let late_us = portal.clock.now().micros_since(since) - i64::from(deadline_s(run)) * 1_000_000;
    // What is later still hangs, and is killed.
    if !(i64::from(LATE_AFTER_S) * 1_000_000..i64::from(HUNG_AFTER_S) * 1_000_000).contains(&late_us) {
        return Ok(());
    }
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if live.asked.late {
        return Ok(());
    }
    let why = format!("{PAST_DEADLINE} {} s.", deadline_s(run));
    ask_to_end(portal, run, &mut live, &why, |asked| asked.late = true).await
}

/// Asks k6 to end for a reason of the portal's own. That it was asked stands in the store before: whoever takes the run over asks again by
/// the same operation, and judges the end by the same reason.
pub(crate) async fn ask_to_end(
    portal: &Portal,
    run: &RunRecord,
    live: &mut LiveExecution,
    why: &str,
    how: impl FnOnce(&mut AskedToEnd) + Send,
) -> Result<(), StepError> {
    let executor = portal.executor(run)?;
    let before = live.asked.clone();
    end(portal, run, why, async |permit| {
        let mut asked = before.clone();
        asked.why.get_or_insert_with(|| why.to_owned());
        asked.operation = Some(permit.operation());
        how(&mut asked);
        note_ending(portal, run, permit, &asked).await?;
        (live.asked, live.recalled) = (asked, true);
        let stopped = executor.stop(permit, run.execution, why).await;
        if stopped.is_err() {
            // It is asked again.
            live.asked.aborted = before.aborted;
            live.asked.late = before.late;
        }
        stopped
    })
    .await
}

async fn note_ending(portal: &Portal, run: &RunRecord, permit: &Permit<SuperviseRuns>, asked: &AskedToEnd) -> Result<(), ExecutorError> {
    // Nothing was asked of the executor then.
    portal.store.note_ending(permit, run.execution, asked).await.map_err(|error| ExecutorError::Cut(error.to_string()))
}

/// What a portal before this one asked for, or this one before it was started again: the executor is told why, and k6 is asked again if it
/// was asked for a reason of the portal's own. It may not have heard.
pub(super) async fn recall(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if live.recalled {
        return Ok(());
    }
    let executor = portal.executor(run)?;
    if let Some(why) = live.asked.why.clone() {
        executor.recall(run.execution, &why).await;
        if matches!(run.state, RunState::Running { .. })
            && (live.asked.aborted || live.asked.late)
            && let Some(operation) = live.asked.operation
            && let Err(error) = executor.stop(&permit_of(run, operation), run.execution, &why).await
        {
            // How it stands is seen all the same, and it is asked again in the next round.
            tracing::warn!(%error, run = %run.id, "supervisor.not_asked_again");
            return Ok(());
        }
    }
    live.recalled = true;
    Ok(())
}

/// The runner has a limit of its own; this is for one that cannot keep it. What is killed is lost, and settled as that in the next round.
pub(super) async fn end_if_hung(portal: &Arc<Portal>, run: &RunRecord, since: Timestamp, limit_s: u32) -> Result<(), StepError> {
    let over_s = limit_s.saturating_add(HUNG_AFTER_S);
    if portal.clock.now().micros_since(since) <= i64::from(over_s) * 1_000_000 {
        return Ok(());
    }
    let why = format!("The runner listens no more: k6 should have ended {HUNG_AFTER_S} s ago at the latest. Runner and k6 were killed");
    let executor = portal.executor(run)?;
    end(portal, run, &why, async |permit| executor.kill(permit, run.execution).await).await?;
    portal.store.store_events(&collect::permit(portal, run.id), &[event(portal, why.as_str(), true)]).await?;
    Ok(())
}

/// Ends an execution for a reason of the portal's own, on the record. What is done is done with the permit that the record names.
pub(crate) async fn end(
    portal: &Portal,
    run: &RunRecord,
    why: &str,
    ending: impl AsyncFnOnce(&Permit<SuperviseRuns>) -> Result<(), ExecutorError>,
) -> Result<(), StepError> {
    check_lease(portal)?;
    let permit = permit(portal, run);
    let details = Details { reason: Some(why.to_owned()), ..Details::default() };
    portal.store.intent(&permit, EventCode::RunStop, &details).await?;
    let ended = ending(&permit).await;
    record_outcome(portal, &permit, &ended).await?;
    Ok(ended?)
}

/// How the operation of this permit ended.
pub(crate) async fn record_outcome(portal: &Portal, permit: &Permit<SuperviseRuns>, done: &Result<(), ExecutorError>) -> Result<(), StepError> {
    let facts: Vec<_> = match done {
        Err(ExecutorError::Cluster { audit_id: Some(id), .. }) => vec![(AUDIT_ID.to_owned(), id.clone())],
        _ => Vec::new(),
    };
    Ok(note_outcome(portal, permit, done, &facts).await?)
}

/// Writes how a change has ended.
pub(crate) async fn note_outcome<T, E: fmt::Display>(
    portal: &Portal,
    permit: &Permit<SuperviseRuns>,
    done: &Result<T, E>,
    facts: &[(String, String)],
) -> Result<(), StoreError> {
    let (outcome, why) = match done {
        Ok(_) => (EventOutcome::Done, None),
        Err(error) => (EventOutcome::Failed, Some(error.to_string())),
    };
    portal.store.outcome(permit, outcome, why.as_deref(), facts).await.map(drop)
}

/// Tells k6 to stop as somebody asked for, again and again until all of it has heard. In a cluster that is a change there, which has its
/// place on the record, once.
pub(super) async fn stop(portal: &Arc<Portal>, run: &RunRecord, reason: &str) -> Result<(), StepError> {
    let executor = portal.executor(run)?;
    if run.manifest.placement.is_none() {
        return Ok(executor.stop(&permit(portal, run), run.execution, reason).await?);
    }
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if let Some(operation) = live.asked.wish {
        drop(live);
        return Ok(executor.stop(&permit_of(run, operation), run.execution, reason).await?);
    }
    end(portal, run, reason, async |permit| {
        let mut asked = live.asked.clone();
        asked.why.get_or_insert_with(|| reason.to_owned());
        asked.wish = Some(permit.operation());
        note_ending(portal, run, permit, &asked).await?;
        live.asked = asked;
        drop(live);
        executor.stop(permit, run.execution, reason).await
    })
    .await
}
