//! One second of 20 request names with all their timings, as k6 puts it on the wire.

use windfirm_measure::wire::{
    BucketSpan, CounterSamples, CounterValue, Label, Metric, MetricSet, MetricType, Samples, Time, TimeSeries, TrendSamples, TrendValue,
};

const NAMES: u32 = 20;
/// For each name.
const REQUESTS_EACH: u32 = 50;
const BUCKETS: u32 = 25;
const TIMINGS: [&str; 7] =
    ["http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_sending", "http_req_waiting", "http_req_receiving", "http_req_tls_handshaking"];

/// In one delivery.
pub(crate) const REQUESTS: u64 = 20 * 50;
/// Seven timings and a counter for each request.
pub(crate) const SAMPLES: u64 = REQUESTS * 8;

/// `runner` is the one of several that it comes from.
pub(crate) fn second(second: i64, runner: Option<u32>) -> MetricSet {
    let time = Some(Time { seconds: second, nanos: 0 });
    let labels = |name: u32| {
        let own = [
            ("name", format!("http://shop.example/item/{name}?id=1")),
            ("method", "GET".to_owned()),
            ("status", "200".to_owned()),
            ("scenario", "default".to_owned()),
        ];
        let of_runner = runner.map(|runner| ("instance_id", runner.to_string()));
        own.into_iter().chain(of_runner).map(|(name, value)| Label { name: name.to_owned(), value }).collect::<Vec<_>>()
    };
    let trend = TrendValue {
        time,
        counters: vec![REQUESTS_EACH / BUCKETS; 25],
        spans: vec![BucketSpan { offset: 700, length: BUCKETS }],
        sum: 500.0,
        count: REQUESTS_EACH,
        min_value: 6.0,
        max_value: 14.0,
        min_resolution: 0.001,
        ..TrendValue::default()
    };
    let metric = |name: &str, kind: MetricType, samples: Samples| Metric {
        name: name.to_owned(),
        kind: kind.into(),
        time_series: (0..NAMES).map(|name| TimeSeries { labels: labels(name), samples: Some(samples.clone()) }).collect(),
    };
    let mut metrics: Vec<_> =
        TIMINGS.iter().map(|name| metric(name, MetricType::Trend, Samples::Trend(TrendSamples { values: vec![trend.clone()] }))).collect();
    let counter = CounterSamples { values: vec![CounterValue { time, value: f64::from(REQUESTS_EACH) }] };
    metrics.push(metric("http_reqs", MetricType::Counter, Samples::Counter(counter)));
    MetricSet { test_run_id: "bench".to_owned(), aggregation_period: 1, metrics }
}
