//! Ends a run: takes what is still in the spool, compares with k6's own counters, judges, stores, cleans up.

use std::sync::Arc;

use windfirm_executor::{Ending, ExitReport, Observation};
use windfirm_measure::{completeness, frame, results, threshold, verdict};
use windfirm_model::{
    actor::SystemTask,
    audit::EventCode,
    run::{Cause, RunState},
    verdict::{Outcome, Verdict},
    view::run::{Completeness, Manifest, Measured, RunEvent},
};
use windfirm_policy::Access;
use windfirm_store::{
    audit::Details,
    runs::{RunRecord, Settlement},
};

use crate::{
    state::Portal,
    worker::{
        collect,
        supervise::{AUDIT_ID, Refused, StepError, ask_to_end, note_outcome, permit},
    },
};

/// What the executor says why it ended k6 when a threshold of the script asked for it.
pub const ABORTED_BY_THRESHOLD: &str = "A threshold with abortOnFail was broken:";

/// The run has ended by itself, or was told to: settles it with everything that was measured.
pub async fn finish(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    match portal.executor(run)?.observe(&permit(portal, run), run.execution).await? {
        Observation::Ended(report) => {
            let mut numbers = gather(portal, run, Some(&report)).await?;
            let to = end_state(run, &report, &numbers);
            if matches!(to, RunState::Cancelled { .. }) {
                // Somebody ended it: its numbers stand, and decide nothing.
                numbers.verdict = None;
            }
            store(portal, run, to, numbers).await
        }
        // Stopped before anything was started: nothing was measured.
        Observation::Absent if matches!(run.state, RunState::Cancelling { .. }) => {
            let to = RunState::Cancelled { by: canceller(run) };
            collect::take_waiting(portal, run.id, run.execution).await?;
            store(portal, run, to, Numbers::default()).await
        }
        Observation::Lost => lost(portal, run).await,
        Observation::Absent => absent(portal, run).await,
        Observation::Starting { .. } | Observation::Running { .. } => Ok(()),
    }
}

/// The runner is gone: what it had delivered is kept, and decides nothing.
pub async fn lost(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let numbers = gather(portal, run, None).await?;
    store(portal, run, RunState::Lost, numbers).await
}

/// What carried it out is not there any more.
pub async fn absent(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let Some(placement) = &run.manifest.placement else { return lost(portal, run).await };
    let words = format!(
        "The TestRun of this run is not in cluster {} any more: somebody deleted it. k6 went with it; what it had delivered is kept",
        placement.cluster
    );
    let numbers = Numbers { words: Some(words), ..gather(portal, run, None).await? };
    store(portal, run, RunState::Lost, numbers).await
}

/// The cluster lets nobody look after it any more: what was delivered is kept, and decides nothing. From here on deliveries are answered
/// with “stop”, which ends k6.
pub async fn cut_off(portal: &Arc<Portal>, run: &RunRecord, refused: Refused) -> Result<(), StepError> {
    let numbers = Numbers { audit_id: refused.audit_id, ..numbers(portal, run, None).await? };
    store(portal, run, RunState::Errored { cause: Cause::RefusedByCluster { why: refused.why } }, numbers).await
}

/// Somebody stopped it, and the cluster lets nobody see how it ended: from here on deliveries are answered with “stop”.
pub async fn cancelled_unseen(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let numbers = numbers(portal, run, None).await?;
    store(portal, run, RunState::Cancelled { by: canceller(run) }, numbers).await
}

/// It could not even be started.
pub async fn give_up(portal: &Arc<Portal>, run: &RunRecord, cause: Cause) -> Result<(), StepError> {
    collect::take_waiting(portal, run.id, run.execution).await?;
    store(portal, run, RunState::Errored { cause }, Numbers::default()).await
}

/// It is not started any more, and nobody asked for that: why.
pub async fn call_off(portal: &Arc<Portal>, run: &RunRecord, why: String) -> Result<(), StepError> {
    let numbers = Numbers { words: Some(why), ..Numbers::default() };
    store(portal, run, RunState::Cancelled { by: PORTAL.to_owned() }, numbers).await
}

/// Who calls a run off that waited in vain.
const PORTAL: &str = "The portal";

#[derive(Debug, Default)]
struct Numbers {
    /// What the timeline says of the end; absent: what follows from the state.
    words: Option<String>,
    measured: Measured,
    band_us: Vec<Option<(u64, u64, u64)>>,
    completeness: Completeness,
    verdict: Option<Verdict>,
    results_digest: Option<String>,
    /// Under which the API server's record has the refusal that ended the run.
    audit_id: Option<String>,
}

/// Everything that was measured, with the verdict if there is a report to judge by.
async fn gather(portal: &Arc<Portal>, run: &RunRecord, report: Option<&ExitReport>) -> Result<Numbers, StepError> {
    // First what waits in the store: the spool has it too, and would meet it there.
    collect::take_waiting(portal, run.id, run.execution).await?;
    collect::take_spool(portal, run).await?;
    collect::take_log(portal, run).await?;
    numbers(portal, run, report).await
}

/// Of what has been delivered, without asking the executor for more.
async fn numbers(portal: &Arc<Portal>, run: &RunRecord, report: Option<&ExitReport>) -> Result<Numbers, StepError> {
    collect::take_waiting(portal, run.id, run.execution).await?;
    let live = collect::owned(portal, run.id, run.execution).await?;
    let measured = results::measured(&live.merger, report.map_or(live.started(), |report| report.started), &live.thresholds);
    let nothing = Vec::new();
    let dropped = report.map_or(&nothing, |report| &report.dropped);
    let (completeness, others_arrived) = match report.map(|report| &report.ending) {
        Some(Ending::RunnersLost { others_counted, .. }) => completeness::compare_others(&live.merger, others_counted.as_ref(), dropped),
        _ => (completeness::compare(&live.merger, report.and_then(|report| report.summary.as_ref()), dropped), false),
    };
    let band_us = results::band(&live.merger);
    let thresholds_unknown = live.thresholds_unknown.clone();
    drop(live);
    let verdict = match report {
        None => None,
        Some(report) => {
            let ending = judged_ending(report, run.manifest.tolerates_lost_runners.as_deref(), others_arrived);
            Some(verdict::judge(&verdict::Inputs {
                measured: &measured,
                completeness: &completeness,
                ending: &ending,
                generator_cpu: None,
                thresholds_unknown: thresholds_unknown.as_deref(),
                script_errors: report.script_errors,
            }))
        }
    };
    let results_digest = Some(results_digest(portal, run).await?);
    Ok(Numbers { measured, band_us, completeness, verdict, results_digest, audit_id: None, words: None })
}

/// `tolerated_by` is the guardrail by which lost runners keep no verdict from the run.
fn judged_ending(report: &ExitReport, tolerated_by: Option<&str>, others_arrived: bool) -> verdict::Ending {
    match (&report.ending, &report.cause) {
        (Ending::Stopped { reason }, _) if reason.starts_with(ABORTED_BY_THRESHOLD) => verdict::Ending::Aborted,
        (Ending::Itself, None) => verdict::Ending::Whole,
        (Ending::Itself | Ending::NotStarted, Some(cause)) => verdict::Ending::CutShort(cause.words()),
        (Ending::NotStarted, None) => verdict::Ending::CutShort("k6 was not started.".to_owned()),
        (Ending::Stopped { reason }, _) => verdict::Ending::CutShort(reason.clone()),
        (Ending::RunnersLost { words, lost, of, others_whole, .. }, _) => match tolerated_by {
            Some(rule) if *others_whole => {
                let were = if *lost == 1 { "was" } else { "were" };
                verdict::Ending::Tolerated { why: format!("{lost} of {of} runners {were} lost; {rule} tolerates that. {words}"), arrived: others_arrived }
            }
            _ => verdict::Ending::CutShort(words.clone()),
        },
        (Ending::Portal { message }, _) => verdict::Ending::CutShort(message.clone()),
        (Ending::Deadline { limit_s }, _) => verdict::Ending::CutShort(Cause::DeadlinePassed { limit_s: *limit_s }.words()),
        (Ending::TooManyVus { limit, reached }, _) => verdict::Ending::CutShort(Cause::TooManyVus { limit: *limit, reached: *reached }.words()),
        (Ending::Bound { bound, reached }, _) => verdict::Ending::CutShort(Cause::BoundExceeded { bound: bound.clone(), reached: reached.clone() }.words()),
    }
}

fn canceller(run: &RunRecord) -> String {
    if let RunState::Cancelling { by, .. } = &run.state { by.clone() } else { "somebody".to_owned() }
}

/// What the run becomes: what was asked for comes first, then what went wrong, then the verdict.
fn end_state(run: &RunRecord, report: &ExitReport, numbers: &Numbers) -> RunState {
    if matches!(run.state, RunState::Cancelling { .. }) {
        return RunState::Cancelled { by: canceller(run) };
    }
    match &report.cause {
        Some(cause) => RunState::Errored { cause: cause.clone() },
        None => RunState::judged(numbers.verdict.as_ref().map_or(Outcome::Inconclusive, |verdict| verdict.outcome)),
    }
}

/// SHA-256 over all frames, in no order of arrival.
async fn results_digest(portal: &Portal, run: &RunRecord) -> Result<String, StepError> {
    const PAGE: u32 = 500;
    let access = Access::system(SystemTask::RunSupervisor);
    let mut digester = frame::Digester::default();
    let mut after = None;
    loop {
        let page = portal.store.frames(&access, run.execution, after.as_ref(), PAGE).await?;
        for row in &page {
            digester.add(&frame::Frame { key: row.key.clone(), received_us: row.received.0, payload: row.payload.clone() });
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last),
            None => return Ok(digester.finish()),
        }
    }
}

async fn store(portal: &Arc<Portal>, run: &RunRecord, to: RunState, numbers: Numbers) -> Result<(), StepError> {
    let permit = permit(portal, run);
    let code = if matches!(to, RunState::Lost) { EventCode::RunLost } else { EventCode::RunSettle };
    let mut facts = vec![
        ("state".to_owned(), to.kind().word().to_owned()),
        ("requests".to_owned(), numbers.measured.totals.requests.to_string()),
        ("results".to_owned(), numbers.results_digest.clone().unwrap_or_default()),
    ];
    if let RunState::Errored { cause } = &to {
        facts.push(("cause".to_owned(), cause.words()));
    }
    facts.extend(numbers.words.clone().map(|why| ("why".to_owned(), why)));
    facts.extend(numbers.audit_id.clone().map(|id| (AUDIT_ID.to_owned(), id)));
    portal.store.intent(&permit, code, &Details { facts, ..Details::default() }).await?;
    let state = to.kind().word();
    let words = match &to {
        _ if numbers.words.is_some() => (numbers.words.unwrap_or_default(), matches!(to, RunState::Lost)),
        RunState::Cancelled { by } => (format!("Stopped by {by}"), false),
        RunState::Lost => ("The runner is gone and left no end; what it had delivered is kept".to_owned(), true),
        RunState::Errored { cause } => (cause.words(), true),
        other => (format!("Settled: {}", other.kind().word()), matches!(other, RunState::Failed)),
    };
    let event = RunEvent { at: portal.clock.now(), text: words.0, bad: words.1 };
    let settlement = Settlement {
        version: run.version,
        to,
        verdict: numbers.verdict,
        measured: numbers.measured,
        band_us: numbers.band_us,
        completeness: numbers.completeness,
        manifest: Manifest { results_digest: numbers.results_digest, ..run.manifest.clone() },
        events: vec![event],
    };
    let settled = portal.store.settle(&permit, settlement).await;
    note_outcome(portal, &permit, &settled, &[]).await?;
    settled?;
    metrics::counter!("windfirm_runs_settled_total", "state" => state).increment(1);
    if let Some(entry) = portal.live.get(run.execution).await {
        portal.live.drop_entry(run.execution, &mut entry.lock_owned().await).await;
    }
    let cleaned = match portal.executor(run) {
        Ok(executor) => executor.clean_up(&permit, run.execution).await,
        Err(error) => Err(error),
    };
    // Then the housekeeping finds it.
    if let Err(error) = cleaned {
        tracing::warn!(%error, run = %run.id, "settle.not_cleaned_up");
    }
    portal.wake.notify_one();
    Ok(())
}

/// Ends k6 when a threshold of the script asks for it on the merged data.
pub async fn abort_if_due(portal: &Arc<Portal>, run: &RunRecord) -> Result<(), StepError> {
    let mut live = collect::owned(portal, run.id, run.execution).await?;
    if live.asked.aborted || !live.thresholds.iter().any(|threshold| threshold.abort_on_fail) {
        return Ok(());
    }
    let rows = threshold::rows(&live.merger, &live.thresholds);
    #[expect(clippy::as_conversions, reason = "seconds of a run, far below 2^53")]
    let elapsed_s = portal.clock.now().micros_since(live.started()) as f64 / 1_000_000.0;
    let Some(broken) = threshold::abort_due(&live.thresholds, &rows, elapsed_s) else { return Ok(()) };
    let reason = format!("{ABORTED_BY_THRESHOLD} {} {}", broken.metric, broken.expression);
    ask_to_end(portal, run, &mut live, &reason, |asked| asked.aborted = true).await
}

#[cfg(test)]
mod tests {
    use windfirm_model::{clock::Timestamp, view::run::Confinement};

    use super::*;

    fn lost(others_whole: bool) -> ExitReport {
        let words = "Runner 2 was killed (signal 9). Its share of the load was missing from then on.".to_owned();
        let ending = Ending::RunnersLost { words, lost: 1, of: 3, others_whole, others_counted: None };
        let report = ExitReport::not_started(Cause::Killed { signal: 9 }, Timestamp::from_seconds(100), Confinement::default());
        ExitReport { ending, cause: None, ..report }
    }

    #[test]
    fn a_lost_runner_leaves_no_verdict_unless_a_guardrail_says_so_and_the_others_came_to_their_end() {
        const RULE: Option<&str> = Some("guardrail soak on /shop/");
        for (others_whole, rule) in [(true, None), (false, RULE), (false, None)] {
            let ending = judged_ending(&lost(others_whole), rule, true);
            assert!(matches!(&ending, verdict::Ending::CutShort(why) if why.starts_with("Runner 2 was killed")), "{ending:?}");
        }
        let why =
            "1 of 3 runners was lost; guardrail soak on /shop/ tolerates that. Runner 2 was killed (signal 9). Its share of the load was missing from then on.";
        assert_eq!(judged_ending(&lost(true), RULE, true), verdict::Ending::Tolerated { why: why.to_owned(), arrived: true });
        // Every runner: there is a cause, and no rule helps.
        let all = ExitReport { ending: Ending::Itself, cause: Some(Cause::Killed { signal: 9 }), ..lost(true) };
        assert!(matches!(judged_ending(&all, RULE, true), verdict::Ending::CutShort(_)));
    }
}
