//! The messages of k6's `internal/output/cloud/expv2/pbcloud/metric.proto` (k6 v2.2.0), field by field.
//!
//! Written by hand as prost derives, so that no protobuf compiler is needed. Field names follow ours, field numbers theirs.

/// The top of one delivery.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MetricSet {
    #[prost(string, tag = "1")]
    pub test_run_id: String,
    /// Length of a window in seconds.
    #[prost(uint32, tag = "2")]
    pub aggregation_period: u32,
    #[prost(message, repeated, tag = "3")]
    pub metrics: Vec<Metric>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum MetricType {
    Unspecified = 0,
    Counter = 1,
    Gauge = 2,
    Rate = 3,
    Trend = 4,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Metric {
    #[prost(string, tag = "1")]
    pub name: String,
    /// A [`MetricType`].
    #[prost(enumeration = "MetricType", tag = "2")]
    pub kind: i32,
    #[prost(message, repeated, tag = "3")]
    pub time_series: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

/// One metric under one set of labels.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    #[prost(oneof = "Samples", tags = "2, 3, 4, 5")]
    pub samples: Option<Samples>,
}

#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum Samples {
    #[prost(message, tag = "2")]
    Counter(CounterSamples),
    #[prost(message, tag = "3")]
    Gauge(GaugeSamples),
    #[prost(message, tag = "4")]
    Rate(RateSamples),
    #[prost(message, tag = "5")]
    Trend(TrendSamples),
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CounterSamples {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<CounterValue>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GaugeSamples {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<GaugeValue>,
}

#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct RateSamples {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<RateValue>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TrendSamples {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<TrendValue>,
}

/// `google.protobuf.Timestamp`: the start of a window.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Time {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// What was added in the window.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub struct CounterValue {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Time>,
    #[prost(double, tag = "2")]
    pub value: f64,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub struct GaugeValue {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Time>,
    #[prost(double, tag = "2")]
    pub last: f64,
    #[prost(uint32, tag = "3")]
    pub count: u32,
    #[prost(double, tag = "4")]
    pub min: f64,
    #[prost(double, tag = "5")]
    pub max: f64,
    #[prost(double, tag = "6")]
    pub avg: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct RateValue {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Time>,
    #[prost(uint32, tag = "2")]
    pub nonzero_count: u32,
    #[prost(uint32, tag = "3")]
    pub total_count: u32,
}

/// A run of neighbouring buckets. The first offset is the first bucket; each later one is the gap to the span before.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct BucketSpan {
    #[prost(uint32, tag = "1")]
    pub offset: u32,
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

/// A histogram. `counters` are counts (not deltas), one for each bucket of the spans, in order.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TrendValue {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Time>,
    #[prost(uint32, repeated, tag = "2")]
    pub counters: Vec<u32>,
    #[prost(message, repeated, tag = "3")]
    pub spans: Vec<BucketSpan>,
    #[prost(double, tag = "5")]
    pub sum: f64,
    #[prost(uint32, tag = "6")]
    pub count: u32,
    #[prost(double, tag = "7")]
    pub min_value: f64,
    #[prost(double, tag = "8")]
    pub max_value: f64,
    /// Negative values.
    #[prost(uint32, optional, tag = "9")]
    pub extra_low_values_counter: Option<u32>,
    /// Values that no bucket can hold.
    #[prost(uint32, optional, tag = "10")]
    pub extra_high_values_counter: Option<u32>,
    /// What one step of the buckets is worth in the metric's unit.
    #[prost(double, tag = "11")]
    pub min_resolution: f64,
    #[prost(uint32, optional, tag = "12")]
    pub significant_digits: Option<u32>,
}
