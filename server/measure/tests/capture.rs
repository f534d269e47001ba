//! The whole way with what a real k6 v2.2.0 sent, against what the same k6 wrote into its own summary.
//!
//! `k6-2.2.0/` holds the script, the deliveries (key, time of receipt, body in hex) and the summary of one run.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests: a panic is the failure")]

use serde_json::Value;
use windfirm_measure::{
    completeness,
    frame::{self, Frame},
    histogram::Histogram,
    results,
    threshold::{self, ThresholdDef},
    verdict::{self, Ending, Inputs},
    window::{Limits, Merger},
    wire::{self, Bounds},
};
use windfirm_model::{clock::Timestamp, verdict::Outcome};

struct Delivery {
    key: String,
    received: Timestamp,
    body: Vec<u8>,
}

fn deliveries() -> Vec<Delivery> {
    let unhex = |text: &str| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    let line = |line: &str| {
        let parts: Vec<_> = line.split(' ').collect();
        Delivery { key: parts[0].to_owned(), received: Timestamp(parts[1].parse().unwrap()), body: unhex(parts[2]) }
    };
    include_str!("k6-2.2.0/deliveries.txt").lines().map(line).collect()
}

fn summary() -> Value {
    serde_json::from_str(include_str!("k6-2.2.0/summary.json")).unwrap()
}

fn frames() -> Vec<Frame> {
    let keep = |delivery: Delivery| {
        let mut set = wire::decode(&delivery.body, &Bounds::default()).unwrap();
        Frame::keep(&delivery.key, delivery.received, &mut set).0
    };
    deliveries().into_iter().map(keep).collect()
}

fn start() -> Timestamp {
    Timestamp(deliveries()[0].received.0 - 2_000_000)
}

fn merger() -> Merger {
    Merger::from_frames(start(), Limits::default(), &frames())
}

#[test]
fn every_sample_that_k6_counted_is_there() {
    let found = completeness::compare(&merger(), Some(&summary()), &[]);
    assert!(found.complete, "{found:?}");
    assert_eq!(found.sentence, "Received all that k6 counted: 180 http_reqs, 81 iterations, 81 checks passed, 81 checks failed.");
    let totals = results::totals(&merger());
    assert_eq!((totals.failed, totals.received_bytes, totals.sent_bytes), (18, 44_235, 15_201));
}

#[test]
fn a_lost_delivery_is_found_out() {
    let fewer = Merger::from_frames(start(), Limits::default(), &frames()[1..]);
    let found = completeness::compare(&fewer, Some(&summary()), &[]);
    assert!(!found.complete && found.sentence.contains("missing"), "{found:?}");
}

#[test]
fn percentiles_are_those_of_k6_within_the_bound() {
    let merger = merger();
    let mut checked = 0;
    for (metric, of_k6) in summary()["metrics"].as_object().unwrap() {
        for (method, exact) in of_k6.as_object().unwrap() {
            if !(method.starts_with("p(") || matches!(method.as_str(), "med" | "min" | "max" | "avg")) || !of_k6["p(99)"].is_number() {
                continue;
            }
            let exact = exact.as_f64().unwrap();
            // A limit just beside the exact value, on both sides, brackets what we measured.
            let slack = (exact * Histogram::ERROR).max(0.001);
            for (sign, limit) in [(">=", exact - slack), ("<=", exact + slack)] {
                let row = threshold::evaluate(&merger, &ThresholdDef::new(metric, &format!("{method}{sign}{limit}")));
                assert_eq!(row.kept, Some(true), "{metric} {method} {sign} {limit}: {row:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 150, "only {checked} comparisons were made");
}

#[test]
fn the_limits_of_exactness_hold_for_least_greatest_and_mean() {
    let found = results::totals(&merger());
    let exact = &summary()["metrics"]["http_req_duration"];
    let exact_us = |method: &str| (exact[method].as_f64().unwrap() * 1_000.0).round();
    assert_eq!(exact_us("min").to_string(), found.min_us.to_string());
    assert_eq!(exact_us("max").to_string(), found.max_us.to_string());
    let rate = summary()["metrics"]["http_reqs"]["rate"].as_f64().unwrap();
    assert!((found.requests_per_s - rate).abs() / rate < 0.1, "{} against {rate}", found.requests_per_s);
}

#[test]
fn no_query_value_is_kept() {
    let mut masked = 0;
    for delivery in deliveries() {
        let mut set = wire::decode(&delivery.body, &Bounds::default()).unwrap();
        assert!(format!("{set:?}").contains("token=secret"), "the capture holds the secret, so that this test can fail");
        let (frame, count) = Frame::keep(&delivery.key, delivery.received, &mut set);
        masked += count;
        let kept = wire::decode(&frame.payload, &Bounds::default()).unwrap();
        assert!(!format!("{kept:?}").contains("secret") && !format!("{kept:?}").contains("=abc"));
    }
    assert!(masked > 0);
    let shown = format!("{:?}", results::measured(&merger(), start(), &[]));
    assert!(shown.contains("/b?token=***") && !shown.contains("secret"));
}

#[test]
fn the_same_deliveries_make_the_same_bytes_again() {
    let (frames, merger) = (frames(), merger());
    let mut backwards = frames.clone();
    backwards.reverse();
    backwards.extend(frames.clone());
    let again = Merger::from_frames(start(), Limits::default(), &backwards);
    let blobs: Vec<_> = merger.seconds().map(|second| merger.encode_second(second)).collect();
    assert_eq!(blobs, again.seconds().map(|second| again.encode_second(second)).collect::<Vec<_>>());
    let restored = Merger::restore(start(), Limits::default(), &blobs).unwrap();
    assert_eq!(results::measured(&merger, start(), &[]), results::measured(&restored, start(), &[]));
    assert_eq!(frame::digest(&frames), frame::digest(frames.iter().rev()));
    // Unmasked deliveries come to the same windows, since the merger masks too.
    let mut raw = Merger::new(start(), Limits::default());
    for delivery in deliveries() {
        raw.merge(&wire::decode(&delivery.body, &Bounds::default()).unwrap(), &delivery.key, delivery.received);
    }
    assert_eq!(blobs, raw.seconds().map(|second| raw.encode_second(second)).collect::<Vec<_>>());
}

#[test]
fn the_page_shows_what_was_done() {
    let thresholds = [
        ("http_req_duration", "p(99)<400"),
        ("http_req_duration{name:checkout}", "avg<1000"),
        ("http_req_duration{name:checkout}", "p(50)<0.1"),
        ("checks", "rate>0.9"),
        ("http_req_failed", "rate<0.1"),
        ("my_count", "count==162"),
        ("my_gauge", "value<=26"),
        ("http_reqs{status:404}", "count>=17"),
        ("http_reqs{status:500}", "count==0"),
        ("nothing", "count<1"),
    ]
    .map(|(metric, expression)| ThresholdDef::new(metric, expression));
    let measured = results::measured(&merger(), start(), &thresholds);

    let kept: Vec<_> = measured.thresholds.iter().map(|row| row.kept).collect();
    assert_eq!(kept, [Some(true), Some(true), Some(false), Some(false), Some(false), Some(true), Some(true), Some(true), Some(true), None]);
    // As in k6's own summary, where `true` means broken: 10 % is not below 10 %.
    assert_eq!(summary()["metrics"]["http_req_failed"]["thresholds"]["rate<0.1"], Value::Bool(true));
    assert_eq!(measured.thresholds[4].measured.as_deref(), Some("10 %"));

    let rows: Vec<_> = measured.requests.iter().map(|row| (row.name.as_str(), row.status, row.error_code, row.count, row.failed)).collect();
    assert_eq!(rows[0], ("checkout", 200, None, 81, 0));
    assert_eq!((rows[1].1, rows[1].3), (200, 81));
    assert_eq!((rows[2].1, rows[2].2, rows[2].3, rows[2].4), (404, Some(1404), 18, 18));
    let checks: Vec<_> = measured.checks.iter().map(|row| (row.group.as_str(), row.name.as_str(), row.passed, row.failed)).collect();
    assert_eq!(checks, [("g1", "big", 0, 81), ("g1", "is 200", 81, 0)]);

    assert_eq!(measured.windows.iter().map(|point| point.requests).sum::<u64>(), 180);
    assert_eq!(measured.heatmap.cells.iter().flatten().sum::<u64>(), 180);
    assert!(measured.windows.iter().any(|point| point.vus.is_some()));

    let completeness = completeness::compare(&merger(), Some(&summary()), &[]);
    let judged = verdict::judge(&Inputs {
        measured: &measured,
        completeness: &completeness,
        ending: &Ending::Whole,
        generator_cpu: None,
        thresholds_unknown: None,
        script_errors: 0,
    });
    assert_eq!(judged.outcome, Outcome::Fail);
    assert_eq!(judged.reasons[1], "checks is 50 %; the threshold rate>0.9 is broken, over 162 checks.");
}
