//! The grammar as k6 has it, and thresholds on merged data.

use windfirm_model::clock::Timestamp;

use super::*;
use crate::{
    sample,
    window::{Limits, Merger},
};

const START: i64 = 1_000_000;

fn merger() -> Merger {
    let mut merger = Merger::new(Timestamp::from_seconds(START), Limits::default());
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    let mut metrics = vec![
        sample::trend("http_req_duration", &[("name", "checkout"), ("method", "GET")], START, &values),
        sample::trend("http_req_duration", &[("name", "slow"), ("url", "http://h/?id=7")], START, &[900.0]),
        sample::rate("checks", &[("check", "ok")], START, 95, 100),
        sample::gauge("vus", START, 3.0),
        sample::gauge("vus", START + 9, 7.0),
        sample::counter("http_reqs", &[("status", "200")], START, 0.0),
    ];
    metrics.extend((0..10).map(|second| sample::counter("iterations", &[], START + second, if second == 0 || second == 9 { 5.0 } else { 10.0 })));
    merger.merge(&sample::set(metrics), "k", Timestamp::from_seconds(START + 10));
    merger
}

fn judged(metric: &str, expression: &str) -> (Option<bool>, Option<String>) {
    let row = evaluate(&merger(), &ThresholdDef::new(metric, expression));
    (row.kept, row.measured)
}

#[test]
fn what_k6_refuses_is_not_understood() {
    for refused in ["", "p(99)", "p(99)<", "p(101)<1", "p(-1)<1", "p()<1", "mean<1", "p(99)<fast", "p(99)<NaN", "<400", "p99<400", "avg=1", "avg<1<2"] {
        assert_eq!(Condition::parse(refused), None, "{refused}");
    }
    for refused in ["", "m{", "m}", "m{a:b", "m{a:b}c", "m{a}", "m{}", "m{a:}", "}m{a:b"] {
        assert_eq!(Selector::parse(refused), None, "{refused}");
    }
}

#[test]
fn what_k6_takes_is_understood() {
    for (text, method, comparison, limit) in [
        ("p(99)<400", Method::Percentile(0.99), Comparison::Less, 400.0),
        (" p(99.9) <= 0.5 ", Method::Percentile(0.999), Comparison::LessOrEqual, 0.5),
        ("med>=1e3", Method::Median, Comparison::GreaterOrEqual, 1_000.0),
        ("rate>.9", Method::Rate, Comparison::Greater, 0.9),
        ("count==0", Method::Count, Comparison::Equal, 0.0),
        ("value===3", Method::Value, Comparison::Equal, 3.0),
        ("avg != 3", Method::Average, Comparison::NotEqual, 3.0),
    ] {
        let condition = Condition::parse(text).unwrap();
        assert_eq!((condition.comparison, condition.limit), (comparison, limit), "{text}");
        match (condition.method, method) {
            (Method::Percentile(found), Method::Percentile(wanted)) => assert!((found - wanted).abs() < 1e-12),
            (found, wanted) => assert_eq!(found, wanted, "{text}"),
        }
    }
    let selector = Selector::parse("http_req_duration{ name:checkout , 'url':\"http://h/?id=7\" }").unwrap();
    assert_eq!(selector.metric, "http_req_duration");
    assert_eq!(selector.tags, [("name".to_owned(), "checkout".to_owned()), ("url".to_owned(), "http://h/?id=***".to_owned())]);
}

#[test]
fn each_kind_of_metric_answers_its_own_methods() {
    let kept = Some(true);
    for (metric, expression, measured) in [
        ("http_req_duration{name:checkout}", "max<=100", "100 ms"),
        ("http_req_duration{name:checkout,method:GET}", "min==1", "1 ms"),
        ("http_req_duration{name:checkout}", "avg==50.5", "50.5 ms"),
        ("http_req_duration{name:slow}", "p(99)==900", "900 ms"),
        ("http_req_duration{url:http://h/?id=7}", "med==900", "900 ms"),
        ("http_req_duration", "max>=900", "900 ms"),
        ("checks", "rate>=0.95", "95 %"),
        ("vus", "value==7", "7"),
        ("iterations", "count==90", "90"),
        // The first and the last second are only partly there and do not count.
        ("iterations", "rate==10", "10/s"),
        ("http_reqs{status:500}", "count==0", "0"),
    ] {
        assert_eq!(judged(metric, expression), (kept, Some(measured.to_owned())), "{metric} {expression}");
    }
    assert_eq!(judged("http_req_duration", "max<900"), (Some(false), Some("900 ms".to_owned())));
}

#[test]
fn what_was_not_measured_is_not_decided() {
    for (metric, expression) in [
        ("http_req_duration{name:never}", "p(99)<400"),
        ("unknown", "count==0"),
        ("checks", "p(99)<1"),
        ("http_req_duration", "rate<1"),
        ("http_req_duration", "fast"),
        ("http_req_duration{", "avg<1"),
    ] {
        assert_eq!(judged(metric, expression), (None, None), "{metric} {expression}");
    }
}

#[test]
fn a_filter_cannot_be_answered_when_series_were_put_together() {
    let mut merger = Merger::new(Timestamp::from_seconds(START), Limits { series_per_metric: 1, ..Limits::default() });
    let series = ["a", "b", "c"].map(|name| sample::trend("http_req_duration", &[("name", name)], START, &[5.0]));
    merger.merge(&sample::set(series.to_vec()), "k", Timestamp::from_seconds(START));
    assert_eq!(evaluate(&merger, &ThresholdDef::new("http_req_duration{name:a}", "max<9")).kept, None);
    assert_eq!(evaluate(&merger, &ThresholdDef::new("http_req_duration", "max<9")).kept, Some(true));
}

#[test]
fn options_are_read_as_k6_prints_them() {
    let options = r#"{ "vus": 2, "thresholds": {
        "http_req_failed": [ { "threshold": "rate<0.1", "abortOnFail": false, "delayAbortEval": null } ],
        "http_req_duration": [ "p(99)\u003c400", { "threshold": "p(95)\u003c300", "abortOnFail": true, "delayAbortEval": "1m30s" }, 7 ] } }"#;
    let found = ThresholdDef::from_options(options).unwrap();
    let shown: Vec<_> = found.iter().map(|one| (one.metric.as_str(), one.expression.as_str(), one.abort_on_fail, one.delay_abort_s)).collect();
    assert_eq!(
        shown,
        [
            ("http_req_duration", "p(99)<400", false, 0.0),
            ("http_req_duration", "p(95)<300", true, 90.0),
            ("http_req_duration", "7", false, 0.0),
            ("http_req_failed", "rate<0.1", false, 0.0),
        ]
    );
    assert_eq!(found[2].parsed, None);
    assert_eq!(ThresholdDef::from_options(r#"{"thresholds": null}"#), Ok(Vec::new()));
    assert!(ThresholdDef::from_options("no json").is_err());
}

#[test]
fn a_run_is_aborted_only_by_a_broken_threshold_that_asks_for_it_and_after_its_delay() {
    let mut definition = ThresholdDef::new("http_req_duration", "max<900");
    let due = |definition: &ThresholdDef, elapsed_s: f64| {
        let definitions = [definition.clone()];
        abort_due(&definitions, &rows(&merger(), &definitions), elapsed_s).is_some()
    };
    assert!(!due(&definition, 60.0));
    definition.abort_on_fail = true;
    assert!(due(&definition, 0.0));
    definition.delay_abort_s = 10.0;
    assert!(!due(&definition, 9.0) && due(&definition, 11.0));
    let kept = ThresholdDef { abort_on_fail: true, ..ThresholdDef::new("http_req_duration", "max<901") };
    assert!(!due(&kept, 60.0));
}

#[test]
fn a_frozen_threshold_thaws_to_what_it_was() {
    let mut definition = ThresholdDef::new("http_req_duration{name:checkout}", "p(99)<400");
    (definition.abort_on_fail, definition.delay_abort_s) = (true, 90.5);
    assert_eq!(ThresholdDef::thaw(&definition.freeze()), definition);
    let odd = ThresholdDef::new("mine", "nonsense");
    assert_eq!(ThresholdDef::thaw(&odd.freeze()), odd);
}
