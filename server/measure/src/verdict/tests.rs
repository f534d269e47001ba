//! Verdicts, each from a run that differs from a good one in one thing.

use super::*;

struct Case {
    measured: Measured,
    completeness: Completeness,
    ending: Ending,
    generator_cpu: Option<f64>,
    thresholds_unknown: Option<&'static str>,
    script_errors: u64,
}

fn row(expression: &str, measured: Option<&str>, kept: Option<bool>) -> ThresholdRow {
    ThresholdRow {
        metric: "http_req_duration".to_owned(),
        expression: expression.to_owned(),
        measured: measured.map(str::to_owned),
        kept,
        abort_on_fail: false,
    }
}

fn good() -> Case {
    let totals = Totals { requests: 2_401, iterations: 2_401, checks_passed: 2_401, p50_us: 11_200, p99_us: 31_400, requests_per_s: 40.0, ..Totals::default() };
    let thresholds = vec![row("p(99)<400", Some("31.4 ms"), Some(true))];
    Case {
        measured: Measured { totals, thresholds, percentile_error: 0.008, ..Measured::default() },
        completeness: Completeness {
            compared: true,
            complete: true,
            sentence: "Received all that k6 counted: 2,401 http_reqs.".to_owned(),
            ..Completeness::default()
        },
        ending: Ending::Whole,
        generator_cpu: Some(0.4),
        thresholds_unknown: None,
        script_errors: 0,
    }
}

fn judged(change: impl FnOnce(&mut Case)) -> (Outcome, Vec<String>) {
    let mut case = good();
    change(&mut case);
    let Case { measured, completeness, ending, generator_cpu, thresholds_unknown, script_errors } = &case;
    let inputs =
        Inputs { measured, completeness, ending, generator_cpu: *generator_cpu, thresholds_unknown: *thresholds_unknown, script_errors: *script_errors };
    let verdict = judge(&inputs);
    assert!(verdict.reasons.iter().all(|reason| reason.ends_with('.')), "{verdict:?}");
    (verdict.outcome, verdict.reasons)
}

#[test]
fn without_its_thresholds_a_run_does_not_pass_on_its_checks() {
    let (outcome, reasons) = judged(|case| {
        case.measured.thresholds.clear();
        case.thresholds_unknown = Some("The thresholds are gone.");
    });
    assert_eq!((outcome, reasons.first().map(String::as_str)), (Outcome::Inconclusive, Some("The thresholds are gone.")));
}

#[test]
fn a_good_run_passes_and_says_why() {
    let (outcome, reasons) = judged(|_| {});
    assert_eq!(outcome, Outcome::Pass);
    assert_eq!(
        reasons,
        [
            "http_req_duration is 31.4 ms; the threshold p(99)<400 is kept.",
            "All 2,401 checks passed.",
            "p50 11.2 ms, p99 31.4 ms, spread 20.2 ms over 2,401 requests, percentiles within 0.8 %.",
            "Received all that k6 counted: 2,401 http_reqs.",
        ]
    );
}

#[test]
fn a_broken_threshold_fails_even_where_data_is_missing() {
    let (outcome, reasons) = judged(|case| {
        case.measured.thresholds.push(row("max<20", Some("31.4 ms"), Some(false)));
        case.completeness.complete = false;
        "Received 2,400 of 2,401 http_reqs: 1 missing.".clone_into(&mut case.completeness.sentence);
    });
    assert_eq!(outcome, Outcome::Fail);
    assert_eq!(
        reasons,
        ["http_req_duration is 31.4 ms; the threshold max<20 is broken, over 2,401 requests.", "Received 2,400 of 2,401 http_reqs: 1 missing."]
    );
}

#[test]
fn doubt_is_inconclusive_and_named() {
    type Change = Box<dyn FnOnce(&mut Case)>;
    let cases: [(Change, &str); 8] = [
        (Box::new(|case| case.ending = Ending::CutShort("it ran past its deadline.".to_owned())), "The run was cut short: it ran past its deadline."),
        (Box::new(|case| case.ending = Ending::Aborted), "The run was aborted by a threshold"),
        (Box::new(|case| case.completeness.complete = false), "Received all that k6 counted"),
        (Box::new(|case| case.measured.totals.dropped_iterations = 100), "k6 dropped 100 of 2,501 iterations (4 %), because it had no free VU"),
        (Box::new(|case| case.generator_cpu = Some(0.97)), "The load generator used 97 % of its CPU"),
        (Box::new(|case| case.script_errors = 1), "The script threw 1 error that it did not catch"),
        // Every iteration threw, and every threshold is kept: k6 itself would be content.
        (Box::new(|case| case.script_errors = case.measured.totals.iterations), "The script threw 2,401 errors that it did not catch"),
        (Box::new(|case| case.measured.thresholds.push(row("p(95)<1", None, None))), "The threshold p(95)<1 on http_req_duration cannot be decided"),
    ];
    for (change, begins) in cases {
        let (outcome, reasons) = judged(change);
        assert_eq!(outcome, Outcome::Inconclusive, "{begins}");
        assert!(reasons[0].starts_with(begins), "{reasons:?}");
        assert_eq!(reasons.len(), 1);
    }
}

const LOST: &str = "1 of 3 runners was lost; guardrail soak on /shop/ tolerates that.";

fn lost(case: &mut Case, arrived: bool) {
    case.ending = Ending::Tolerated { why: LOST.to_owned(), arrived };
    case.completeness = Completeness { sentence: "What a lost runner had not delivered is missing.".to_owned(), ..Completeness::default() };
}

#[test]
fn where_lost_runners_are_tolerated_thresholds_decide_and_the_loss_is_named() {
    let (outcome, reasons) = judged(|case| lost(case, true));
    assert_eq!(outcome, Outcome::Pass);
    assert_eq!(reasons[..2], ["http_req_duration is 31.4 ms; the threshold p(99)<400 is kept.", LOST]);
    assert_eq!(reasons.last().unwrap(), "What a lost runner had not delivered is missing.");

    let (outcome, reasons) = judged(|case| {
        lost(case, true);
        case.measured.thresholds.push(row("max<20", Some("31.4 ms"), Some(false)));
    });
    assert_eq!(outcome, Outcome::Fail);
    assert_eq!(reasons[1..], [LOST]);
}

#[test]
fn tolerating_lost_runners_lets_no_other_doubt_pass() {
    type Change = fn(&mut Case);
    let cases: [(Change, &str); 5] = [
        (|case| lost(case, false), "What a lost runner had not delivered is missing."),
        (|case| case.script_errors = 1, "The script threw 1 error"),
        (|case| case.measured.totals.dropped_iterations = 100, "k6 dropped 100 of 2,501 iterations"),
        (|case| case.measured.thresholds.push(row("p(95)<1", None, None)), "The threshold p(95)<1 on http_req_duration cannot be decided"),
        (|case| (case.measured.thresholds, case.measured.totals.checks_passed) = (Vec::new(), 0), "Nothing to judge by"),
    ];
    for (change, begins) in cases {
        let (outcome, reasons) = judged(|case| {
            lost(case, true);
            change(case);
        });
        assert_eq!(outcome, Outcome::Inconclusive, "{begins}");
        assert!(reasons[0].starts_with(begins), "{reasons:?}");
        assert_eq!(reasons[1..], [LOST]);
    }
}

#[test]
fn one_dropped_iteration_in_a_hundred_is_let_through() {
    assert_eq!(judged(|case| case.measured.totals.dropped_iterations = 24).0, Outcome::Pass);
}

#[test]
fn nothing_measured_decides_nothing() {
    let (outcome, reasons) = judged(|case| {
        case.measured.totals = Totals::default();
        case.measured.thresholds.clear();
    });
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reasons[0].starts_with("Nothing was measured"), "{reasons:?}");
}

#[test]
fn without_thresholds_checks_decide_and_without_both_nothing_does() {
    assert_eq!(judged(|case| case.measured.thresholds.clear()).0, Outcome::Pass);
    let (outcome, reasons) = judged(|case| {
        case.measured.thresholds.clear();
        case.measured.totals.checks_failed = 3;
    });
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reasons[0].starts_with("3 of 2,404 checks failed, and the script has no threshold"), "{reasons:?}");
    let (outcome, reasons) = judged(|case| {
        case.measured.thresholds.clear();
        case.measured.totals.checks_passed = 0;
    });
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reasons[0].starts_with("Nothing to judge by"), "{reasons:?}");
}

#[test]
fn a_script_without_http_can_pass_and_says_that_it_has_no_latency() {
    let (outcome, reasons) = judged(|case| case.measured.totals.requests = 0);
    assert_eq!(outcome, Outcome::Pass);
    assert!(reasons.contains(&"The script makes no HTTP requests, so there is no latency to show.".to_owned()), "{reasons:?}");
}

#[test]
fn failed_requests_that_no_threshold_looks_at_stand_in_the_reasons() {
    let (outcome, reasons) = judged(|case| case.measured.totals.failed = 240);
    assert_eq!(outcome, Outcome::Pass);
    let told = "240 of 2,401 requests failed (10 %); no threshold forbids that. Add one, such as http_req_failed: [\"rate<0.01\"].";
    assert!(reasons.iter().any(|reason| reason == told), "{reasons:?}");
}
