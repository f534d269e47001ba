//! Small deliveries for tests.

use crate::wire::{
    BucketSpan, CounterSamples, CounterValue, GaugeSamples, GaugeValue, Label, Metric, MetricSet, MetricType, RateSamples, RateValue, Samples, Time,
    TimeSeries, TrendSamples, TrendValue,
};

pub(crate) fn set(metrics: Vec<Metric>) -> MetricSet {
    MetricSet { test_run_id: "test".to_owned(), aggregation_period: 1, metrics }
}

fn metric(name: &str, kind: MetricType, tags: &[(&str, &str)], samples: Samples) -> Metric {
    let labels = tags.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect();
    Metric { name: name.to_owned(), kind: kind.into(), time_series: vec![TimeSeries { labels, samples: Some(samples) }] }
}

const fn at(second: i64) -> Option<Time> {
    Some(Time { seconds: second, nanos: 0 })
}

pub(crate) fn counter(name: &str, tags: &[(&str, &str)], second: i64, value: f64) -> Metric {
    metric(name, MetricType::Counter, tags, Samples::Counter(CounterSamples { values: vec![CounterValue { time: at(second), value }] }))
}

pub(crate) fn rate(name: &str, tags: &[(&str, &str)], second: i64, nonzero_count: u32, total_count: u32) -> Metric {
    metric(name, MetricType::Rate, tags, Samples::Rate(RateSamples { values: vec![RateValue { time: at(second), nonzero_count, total_count }] }))
}

pub(crate) fn gauge(name: &str, second: i64, last: f64) -> Metric {
    let value = GaugeValue { time: at(second), last, count: 1, min: last, max: last, avg: last };
    metric(name, MetricType::Gauge, &[], Samples::Gauge(GaugeSamples { values: vec![value] }))
}

/// A trend as k6 would send it, from its values in the metric's unit.
pub(crate) fn trend(name: &str, tags: &[(&str, &str)], second: i64, values: &[f64]) -> Metric {
    let mut histogram = crate::histogram::Histogram::default();
    values.iter().for_each(|value| histogram.record(*value));
    let mut next = 0;
    let mut spans: Vec<BucketSpan> = Vec::new();
    for (bucket, _) in &histogram.buckets {
        match spans.last_mut() {
            Some(last) if *bucket == next => last.length += 1,
            _ => spans.push(BucketSpan { offset: bucket - next, length: 1 }),
        }
        next = bucket + 1;
    }
    let value = TrendValue {
        time: at(second),
        counters: histogram.buckets.iter().map(|(_, count)| u32::try_from(*count).unwrap()).collect(),
        spans,
        sum: values.iter().sum(),
        count: u32::try_from(values.len()).unwrap(),
        min_value: histogram.min,
        max_value: histogram.max,
        extra_low_values_counter: u32::try_from(histogram.low).ok().filter(|low| *low > 0),
        extra_high_values_counter: u32::try_from(histogram.high).ok().filter(|high| *high > 0),
        min_resolution: 0.001,
        significant_digits: None,
    };
    metric(name, MetricType::Trend, tags, Samples::Trend(TrendSamples { values: vec![value] }))
}
