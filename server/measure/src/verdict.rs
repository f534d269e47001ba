//! The verdict: pass, fail or inconclusive, always with reasons.
//!
//! A broken threshold fails a run; what else is in doubt stands below it. A run passes only when something was there to judge it by, it
//! was kept, and the data is complete but for what the policy lets be missing with a lost runner. All else is inconclusive: the data cannot decide. Comparing with earlier runs is not done here.

use windfirm_model::{
    verdict::{Outcome, Verdict},
    view::{
        run::{Completeness, Measured, ThresholdRow},
        runs::Totals,
    },
};

use crate::{num, threshold::short};

/// More dropped iterations than this fraction, and the load was not the one that was asked for.
const DROPPED_ALLOWED: f64 = 0.01;

/// A generator that used more than this fraction of its CPUs measures itself.
const STARVED_AT: f64 = 0.9;

/// How k6 came to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It did all it was asked for.
    #[default]
    Whole,
    /// A threshold with `abortOnFail` ended it.
    Aborted,
    /// Something else ended it early; why, in a sentence.
    CutShort(String),
    /// Some of its runners were lost, the others did all they were asked for, and the policy lets that decide.
    Tolerated {
        /// Which, and by which rule, in a sentence or more.
        why: String,
        /// Whether what the others counted has come, as far as can be told.
        arrived: bool,
    },
}

/// What a verdict is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    pub measured: &'a Measured,
    pub completeness: &'a Completeness,
    pub ending: &'a Ending,
    /// CPU use of the load generator at its busiest, as a fraction of what it may use; `None` when it was not measured.
    pub generator_cpu: Option<f64>,
    /// Why it is not known which thresholds the script has, in a sentence; `None` when they are known.
    pub thresholds_unknown: Option<&'a str>,
    /// Errors that the script threw and did not catch; k6 counts such iterations like any other, and ends with code 0 in spite of them.
    pub script_errors: u64,
}

/// Judges one run that has ended.
#[must_use]
pub fn judge(inputs: &Inputs<'_>) -> Verdict {
    let totals = &inputs.measured.totals;
    let thresholds = &inputs.measured.thresholds;
    let broken: Vec<String> = thresholds.iter().filter(|row| row.kept == Some(false)).map(|row| broken(row, totals)).collect();
    let doubts = doubts(inputs);
    let tolerated = tolerated(inputs.ending);
    if !broken.is_empty() {
        // Doubts stand below, so that nobody takes a failed run for a complete one.
        return Verdict { outcome: Outcome::Fail, reasons: [broken, doubts, tolerated].concat() };
    }
    if !doubts.is_empty() {
        return Verdict { outcome: Outcome::Inconclusive, reasons: [doubts, tolerated].concat() };
    }
    let checks = totals.checks_passed + totals.checks_failed;
    if thresholds.is_empty() && checks == 0 {
        let reason = "Nothing to judge by: the script has no thresholds and no checks. Add a threshold such as http_req_duration: [\"p(99)<400\"].";
        return Verdict { outcome: Outcome::Inconclusive, reasons: [vec![reason.to_owned()], tolerated].concat() };
    }
    if thresholds.is_empty() && totals.checks_failed > 0 {
        let reason = format!(
            "{} of {} checks failed, and the script has no threshold that says how many may. Add one, such as checks: [\"rate>0.99\"].",
            count(totals.checks_failed),
            count(checks)
        );
        return Verdict { outcome: Outcome::Inconclusive, reasons: [vec![reason], tolerated].concat() };
    }
    Verdict { outcome: Outcome::Pass, reasons: kept(inputs) }
}

/// Never unsaid, whatever the outcome.
fn tolerated(ending: &Ending) -> Vec<String> {
    if let Ending::Tolerated { why, .. } = ending { vec![why.clone()] } else { Vec::new() }
}

/// What, by how much, against what, how sure.
fn broken(row: &ThresholdRow, totals: &Totals) -> String {
    let measured = row.measured.as_deref().unwrap_or("nothing");
    let checks = totals.checks_passed + totals.checks_failed;
    let over = if row.metric.starts_with("checks") && checks > 0 {
        format!(", over {} checks", count(checks))
    } else if row.metric.starts_with("http_") && totals.requests > 0 && !row.metric.contains('{') {
        format!(", over {} requests", count(totals.requests))
    } else {
        String::new()
    };
    format!("{} is {measured}; the threshold {} is broken{over}.", row.metric, row.expression)
}

fn kept(inputs: &Inputs<'_>) -> Vec<String> {
    let totals = &inputs.measured.totals;
    let mut reasons = Vec::new();
    match inputs.measured.thresholds.as_slice() {
        [] => {}
        [one] => reasons.push(format!("{} is {}; the threshold {} is kept.", one.metric, one.measured.as_deref().unwrap_or("0"), one.expression)),
        all => reasons.push(format!("All {} thresholds are kept.", all.len())),
    }
    reasons.extend(tolerated(inputs.ending));
    let judged = inputs.measured.thresholds.iter().any(|row| row.metric.starts_with("http_req_failed"));
    if totals.failed > 0 && !judged {
        reasons.push(format!(
            "{} of {} requests failed ({} %); no threshold forbids that. Add one, such as http_req_failed: [\"rate<0.01\"].",
            count(totals.failed),
            count(totals.requests),
            short(num::float(totals.failed) / num::float(totals.requests.max(1)) * 100.0)
        ));
    }
    if totals.checks_failed > 0 {
        let all = totals.checks_passed + totals.checks_failed;
        reasons.push(format!("{} of {} checks failed; no threshold forbids that.", count(totals.checks_failed), count(all)));
    } else if totals.checks_passed > 0 {
        reasons.push(format!("All {} checks passed.", count(totals.checks_passed)));
    }
    if totals.requests > 0 {
        let shares = [("p50", totals.p50_us), ("p99", totals.p99_us), ("spread", totals.spread_us())].map(|(name, us)| format!("{name} {}", time(us)));
        reasons.push(format!("{} over {} requests, percentiles within {} %.", shares.join(", "), count(totals.requests), short(error(inputs))));
    } else {
        reasons.push("The script makes no HTTP requests, so there is no latency to show.".to_owned());
    }
    reasons.push(inputs.completeness.sentence.clone());
    reasons
}

/// Why the data cannot decide, the weightiest first.
fn doubts(inputs: &Inputs<'_>) -> Vec<String> {
    let Inputs { measured, completeness, ending, generator_cpu, thresholds_unknown, script_errors } = inputs;
    let totals = &measured.totals;
    let mut doubts = Vec::new();
    if let Ending::CutShort(why) = ending {
        doubts.push(format!("The run was cut short: {why}"));
    }
    if let Some(why) = thresholds_unknown {
        doubts.push((*why).to_owned());
    }
    if **ending == Ending::Aborted && measured.thresholds.iter().all(|row| row.kept != Some(false)) {
        doubts.push("The run was aborted by a threshold, which all the data together does not show as broken.".to_owned());
    }
    if totals.requests == 0 && totals.iterations == 0 {
        doubts.push("Nothing was measured: no request and no iteration ended. Read the log, then run again.".to_owned());
    }
    // What is missing with a lost runner is what the policy tolerates, and no more than that.
    if !completeness.complete && !matches!(ending, Ending::Tolerated { arrived: true, .. }) {
        doubts.push(completeness.sentence.clone());
    }
    let wanted = totals.iterations + totals.dropped_iterations;
    let dropped = num::float(totals.dropped_iterations) / num::float(wanted.max(1));
    if dropped > DROPPED_ALLOWED {
        doubts.push(format!(
            "k6 dropped {} of {} iterations ({} %), because it had no free VU: the load was not the one asked for. Up to {} % is taken. Raise maxVUs.",
            count(totals.dropped_iterations),
            count(wanted),
            short(dropped * 100.0),
            short(DROPPED_ALLOWED * 100.0)
        ));
    }
    if let Some(used) = generator_cpu.filter(|used| *used > STARVED_AT) {
        doubts.push(format!(
            "The load generator used {} % of its CPU; above {} % it measures itself. Lower the load, or give it more CPU.",
            short(used * 100.0),
            short(STARVED_AT * 100.0)
        ));
    }
    if *script_errors > 0 {
        let thrown = if *script_errors == 1 { "1 error".to_owned() } else { format!("{} errors", count(*script_errors)) };
        doubts.push(format!(
            "The script threw {thrown} that it did not catch: what stands behind was not run, though k6 counts the iteration as done. Read the log, mend the script, then run again."
        ));
    }
    let undecided: Vec<_> = measured.thresholds.iter().filter(|row| row.kept.is_none()).collect();
    for row in &undecided {
        doubts.push(format!(
            "The threshold {} on {} cannot be decided: nothing was measured for it, or too many series were put together, or it is not in k6's grammar.",
            row.expression, row.metric
        ));
    }
    doubts
}

fn error(inputs: &Inputs<'_>) -> f64 {
    inputs.measured.percentile_error * 100.0
}

/// Milliseconds above one, microseconds below.
fn time(us: u64) -> String {
    if us < 1_000 { format!("{us} µs") } else { format!("{} ms", short(num::float(us) / 1_000.0)) }
}

fn count(number: u64) -> String {
    if number < 1_000 { number.to_string() } else { short(num::float(number)) }
}

#[cfg(test)]
mod tests;
