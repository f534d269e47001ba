//! k6's cloud output on the wire: `MetricSet` in protobuf in raw snappy.
//!
//! The body comes from a process that runs other people's code, so every size is checked before memory is taken for it.
//! Knows bytes and messages; knows nothing of series, seconds or meaning.

mod message;
mod scan;

use prost::Message as _;

pub use self::message::{
    BucketSpan, CounterSamples, CounterValue, GaugeSamples, GaugeValue, Label, Metric, MetricSet, MetricType, RateSamples, RateValue, Samples, Time,
    TimeSeries, TrendSamples, TrendValue,
};

/// What one delivery may hold. k6 itself stays far below: at most 1,000 series and a few seconds each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of the body as it came.
    pub compressed_bytes: usize,
    /// Of the body unpacked.
    pub unpacked_bytes: usize,
    pub metrics: usize,
    /// Over all metrics.
    pub series: usize,
    /// Over all series.
    pub labels: usize,
    /// Values of series, over all of them: one per series and second.
    pub values: usize,
    /// Histogram buckets and spans, over all values.
    pub buckets: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { compressed_bytes: 4 << 20, unpacked_bytes: 8 << 20, metrics: 1_000, series: 10_000, labels: 200_000, values: 50_000, buckets: 2_000_000 }
    }
}

/// Why a delivery is refused. Nothing of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("The delivery has {bytes} bytes; at most {limit} are taken.")]
    TooLong { bytes: usize, limit: usize },
    #[error("The delivery says that it unpacks to {bytes} bytes; at most {limit} are taken.")]
    UnpacksTooLong { bytes: usize, limit: usize },
    #[error("The delivery is not packed with snappy: {0}.")]
    NotSnappy(String),
    #[error("The delivery is not a set of k6 metrics: {0}.")]
    NotMetrics(String),
    #[error("The delivery holds more than {limit} {what}; nothing of it was taken.")]
    TooMany { what: &'static str, limit: usize },
}

/// Unpacks one delivery.
///
/// # Errors
/// When it is too large in any of its sizes, or is not what k6 sends.
pub fn decode(body: &[u8], bounds: &Bounds) -> Result<MetricSet, WireError> {
    if body.len() > bounds.compressed_bytes {
        return Err(WireError::TooLong { bytes: body.len(), limit: bounds.compressed_bytes });
    }
    // The length stands at the head of the body and is only a claim; the decoder then refuses what does not keep it.
    let claimed = snap::raw::decompress_len(body).map_err(|error| WireError::NotSnappy(error.to_string()))?;
    if claimed > bounds.unpacked_bytes {
        return Err(WireError::UnpacksTooLong { bytes: claimed, limit: bounds.unpacked_bytes });
    }
    let unpacked = snap::raw::Decoder::new().decompress_vec(body).map_err(|error| WireError::NotSnappy(error.to_string()))?;
    scan::check(&unpacked, bounds)?;
    MetricSet::decode(unpacked.as_slice()).map_err(|error| WireError::NotMetrics(error.to_string()))
}

/// Packs a set as k6 does. The same set gives the same bytes.
#[must_use]
pub fn encode(set: &MetricSet) -> Vec<u8> {
    let plain = set.encode_to_vec();
    // The encoder fails only beyond 4 GiB, which no set that was decoded here can reach; an empty body is refused when it is read.
    snap::raw::Encoder::new().compress_vec(&plain).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small_set() -> MetricSet {
        MetricSet {
            test_run_id: "r".to_owned(),
            aggregation_period: 1,
            metrics: vec![Metric {
                name: "http_reqs".to_owned(),
                kind: MetricType::Counter.into(),
                time_series: vec![TimeSeries {
                    labels: vec![Label { name: "name".to_owned(), value: "checkout".to_owned() }],
                    samples: Some(Samples::Counter(CounterSamples { values: vec![CounterValue { time: Some(Time { seconds: 10, nanos: 0 }), value: 3.0 }] })),
                }],
            }],
        }
    }

    #[test]
    fn a_set_reads_back_and_packs_the_same_each_time() {
        let set = small_set();
        let packed = encode(&set);
        assert_eq!(packed, encode(&set));
        assert_eq!(decode(&packed, &Bounds::default()), Ok(set));
    }

    #[test]
    fn a_bomb_is_refused_by_its_own_claim() {
        // The head of a snappy body is its unpacked length: here 1 GiB, with nothing behind it.
        let body = [0x80, 0x80, 0x80, 0x80, 0x04, 0x00];
        assert_eq!(decode(&body, &Bounds::default()), Err(WireError::UnpacksTooLong { bytes: 1 << 30, limit: 8 << 20 }));
        let zeros = snap::raw::Encoder::new().compress_vec(&vec![0_u8; 9 << 20]).unwrap();
        assert!(zeros.len() < 1 << 20, "the bomb is small: {}", zeros.len());
        assert!(matches!(decode(&zeros, &Bounds::default()), Err(WireError::UnpacksTooLong { .. })));
    }

    #[test]
    fn a_body_that_lies_about_its_length_is_refused() {
        let mut packed = encode(&small_set());
        packed[0] = packed[0].saturating_add(1);
        assert!(matches!(decode(&packed, &Bounds::default()), Err(WireError::NotSnappy(_))));
        assert!(matches!(decode(&[], &Bounds::default()), Err(WireError::NotSnappy(_) | WireError::NotMetrics(_)) | Ok(_)));
    }

    #[test]
    fn four_million_empty_metrics_are_counted_before_they_are_made() {
        // Field 3, length 0, again and again: two bytes on the wire, more than fifty in memory each.
        let plain = [0x1a_u8, 0x00].repeat(4 << 20);
        let packed = snap::raw::Encoder::new().compress_vec(&plain[..8 << 20]).unwrap();
        assert_eq!(decode(&packed, &Bounds::default()), Err(WireError::TooMany { what: "metrics", limit: 1_000 }));
    }

    #[test]
    fn each_bound_is_named() {
        let packed = encode(&small_set());
        let wide = Bounds::default();
        for (bounds, what) in [
            (Bounds { metrics: 0, ..wide }, "metrics"),
            (Bounds { series: 0, ..wide }, "time series"),
            (Bounds { labels: 0, ..wide }, "labels"),
            (Bounds { values: 0, ..wide }, "values"),
        ] {
            assert_eq!(decode(&packed, &bounds), Err(WireError::TooMany { what, limit: 0 }));
        }
        assert!(matches!(decode(&packed, &Bounds { compressed_bytes: 3, ..wide }), Err(WireError::TooLong { limit: 3, .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes, &Bounds::default());
            let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
            let _ = decode(&packed, &Bounds::default());
        }

        #[test]
        fn a_damaged_set_is_answered_without_a_panic(at in 0_usize..60, to in any::<u8>()) {
            let mut plain = small_set().encode_to_vec();
            if let Some(byte) = plain.get_mut(at) { *byte = to; }
            let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
            if let Ok(set) = decode(&packed, &Bounds::default()) {
                prop_assert_eq!(decode(&encode(&set), &Bounds::default()), Ok(set));
            }
        }
    }
}
