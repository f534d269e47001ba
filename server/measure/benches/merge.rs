//! How many samples a second one merger can take in: decode, mask, pack, merge and encode, as ingest does it.
//!
//! A delivery is one second of 20 request names with all their timings; “elements” are the samples that it stands for.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use windfirm_measure::{
    frame::Frame,
    window::{Limits, Merger},
    wire::{self, Bounds, BucketSpan, CounterSamples, CounterValue, Label, Metric, MetricSet, MetricType, Samples, Time, TimeSeries, TrendSamples, TrendValue},
};
use windfirm_model::clock::Timestamp;

const START: i64 = 1_000_000;
const NAMES: u32 = 20;
const REQUESTS: u32 = 50;
const BUCKETS: u32 = 25;
const TIMINGS: [&str; 7] =
    ["http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_sending", "http_req_waiting", "http_req_receiving", "http_req_tls_handshaking"];

/// Seven timings and a counter for each request.
const SAMPLES: u64 = 20 * 50 * 8;

fn second(second: i64) -> MetricSet {
    let time = Some(Time { seconds: second, nanos: 0 });
    let labels = |name: u32| {
        [
            ("name", format!("http://shop.example/item/{name}?id=1")),
            ("method", "GET".to_owned()),
            ("status", "200".to_owned()),
            ("scenario", "default".to_owned()),
        ]
        .map(|(name, value)| Label { name: name.to_owned(), value })
        .to_vec()
    };
    let trend = TrendValue {
        time,
        counters: vec![REQUESTS / BUCKETS; 25],
        spans: vec![BucketSpan { offset: 700, length: BUCKETS }],
        sum: 500.0,
        count: REQUESTS,
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
    let counter = CounterSamples { values: vec![CounterValue { time, value: f64::from(REQUESTS) }] };
    metrics.push(metric("http_reqs", MetricType::Counter, Samples::Counter(counter)));
    MetricSet { test_run_id: "bench".to_owned(), aggregation_period: 1, metrics }
}

fn merge(criterion: &mut Criterion) {
    let bodies: Vec<_> = (0..60).map(|at| wire::encode(&second(START + at))).collect();
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(SAMPLES * 60)).sample_size(10);
    group.bench_function("a minute, 20 names", |bencher| {
        bencher.iter(|| {
            let mut merger = Merger::new(Timestamp::from_seconds(START), Limits::default());
            let mut bytes = 0;
            for (key, body) in bodies.iter().enumerate() {
                let received = Timestamp::from_seconds(START + 30);
                let Ok(mut set) = wire::decode(body, &Bounds::default()) else { continue };
                let (frame, _) = Frame::keep(&key.to_string(), received, &mut set);
                let merged = merger.merge(&set, &frame.key, received);
                bytes += merged.changed.iter().map(|second| merger.encode_second(*second).len()).sum::<usize>();
            }
            bytes
        });
    });
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
