//! Latency histograms by k6's own bucket rule, so that its counts are merged without a second rounding.
//!
//! A value is counted in steps of 0.001 of its unit (1 µs for times, which k6 measures in ms), rounded up: u = ceil(v / 0.001).
//! u < 256 is its own bucket; above, each power of two has 128 buckets: n = ⌊log₂ u⌋ − 7, bucket = 128 n + (u >> n).
//! So a bucket is at most 1/128 of its lower edge wide, and a percentile is off by at most [`Histogram::ERROR`] (or one step, below
//! 0.128 ms). Count, sum, least and greatest value are exact. Source: k6 v2.2.0, `internal/ds/histogram/hdr.go`.

use crate::{num, wire::TrendValue};

/// Values of one trend. Merging is commutative and associative, to the bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Bucket and count, ascending, counts above 0.
    pub(crate) buckets: Vec<(u32, u64)>,
    /// Negative values.
    pub(crate) low: u64,
    /// Infinite or too large for any bucket, and what is no number.
    pub(crate) high: u64,
    pub(crate) sum: i128,
    /// Infinite while there is no value.
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: Vec::new(), low: 0, high: 0, sum: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

/// One step of the buckets, in the metric's unit.
const STEP: f64 = 0.001;

/// Steps of one unit.
const STEPS: f64 = 1_000.0;

/// One past the largest bucket that a value up to 2^63 steps can fall into.
const BUCKETS: u32 = 56 * 128 + 256;

impl Histogram {
    /// Upper bound of the error of a percentile, as a fraction of it.
    pub const ERROR: f64 = 0.008;

    /// Takes over what k6 sends; `None` when it does not hold together: counts that do not add up, buckets that do not exist.
    #[must_use]
    pub fn from_wire(value: &TrendValue) -> Option<Self> {
        let mut histogram = Self {
            low: u64::from(value.extra_low_values_counter.unwrap_or(0)),
            high: u64::from(value.extra_high_values_counter.unwrap_or(0)),
            sum: num::fixed(value.sum),
            min: tidy(value.min_value, f64::INFINITY),
            max: tidy(value.max_value, f64::NEG_INFINITY),
            buckets: Vec::with_capacity(value.counters.len()),
        };
        let mut counters = value.counters.iter();
        let mut next = 0_u32;
        for span in &value.spans {
            next = next.checked_add(span.offset)?;
            let end = next.checked_add(span.length).filter(|end| *end <= BUCKETS)?;
            for bucket in next..end {
                let count = u64::from(*counters.next()?);
                if count > 0 {
                    histogram.buckets.push((bucket, count));
                }
            }
            next = end;
        }
        if counters.next().is_some() || histogram.count() != u64::from(value.count) {
            return None;
        }
        if histogram.count() == 0 {
            return Some(Self::default());
        }
        // k6 always sends 0.001. Should another version send something else, its buckets are counted again by their middle.
        if value.min_resolution.to_bits() == STEP.to_bits() { Some(histogram) } else { histogram.scaled(value.min_resolution) }
    }

    fn scaled(self, resolution: f64) -> Option<Self> {
        // Absent means 1, as the protocol says.
        let resolution = if resolution == 0.0 { 1.0 } else { resolution };
        if !(resolution.is_finite() && resolution > 0.0) {
            return None;
        }
        let mut scaled = Self { buckets: Vec::new(), ..self };
        for (bucket, count) in self.buckets {
            let (lower, upper) = edges(bucket);
            scaled.add(bucket_of(f64::midpoint(lower, upper) * STEPS * resolution), count);
        }
        Some(scaled)
    }

    /// Counts one value in the metric's unit. Negative, infinite and undefined values are counted apart.
    pub fn record(&mut self, value: f64) {
        self.sum = self.sum.saturating_add(num::fixed(value));
        if value.is_finite() {
            self.min = self.min.min(value + 0.0);
            self.max = self.max.max(value + 0.0);
        }
        let steps = value / STEP;
        if value < 0.0 {
            self.low += 1;
        } else if steps <= 9.2e18 {
            self.add(bucket_of(steps), 1);
        } else {
            self.high += 1;
        }
    }

    fn add(&mut self, bucket: u32, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                if let Some((_, there)) = self.buckets.get_mut(at) {
                    *there = there.saturating_add(count);
                }
            }
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.low = self.low.saturating_add(other.low);
        self.high = self.high.saturating_add(other.high);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.merge_buckets(&other.buckets);
    }

    /// Both lists are ascending. Most often every bucket is there already and nothing moves.
    fn merge_buckets(&mut self, other: &[(u32, u64)]) {
        if self.buckets.is_empty() {
            self.buckets = other.to_vec();
            return;
        }
        let mut missing = Vec::new();
        let mut from = 0;
        for (bucket, count) in other {
            let rest = self.buckets.get_mut(from..).unwrap_or_default();
            let at = rest.partition_point(|(there, _)| there < bucket);
            match rest.get_mut(at) {
                Some((there, total)) if there == bucket => *total = total.saturating_add(*count),
                _ => missing.push((*bucket, *count)),
            }
            from += at;
        }
        if !missing.is_empty() {
            self.buckets.extend(missing);
            // Two ascending runs: the stable sort merges them in one pass.
            self.buckets.sort_by_key(|(bucket, _)| *bucket);
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        let counted = self.buckets.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        counted.saturating_add(self.low).saturating_add(self.high)
    }
    /// In the metric's unit.
    #[must_use]
    pub const fn sum(&self) -> f64 {
        num::unfixed(self.sum)
    }
    /// The mean in the metric's unit; `None` without values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum() / num::float(count))
    }
    /// The least value, exact; `None` without finite values.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.min.is_finite().then_some(self.min)
    }
    /// The greatest value, exact; `None` without finite values.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.max.is_finite().then_some(self.max)
    }

    /// The value below which the fraction `q` (0 to 1) of all values lies, as k6 defines it: at rank q · (count − 1), a straight line
    /// between the two values around that rank. Off by at most [`Self::ERROR`] of it, or by one step (1 µs) where that is more.
    /// `None` without values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.count().checked_sub(1)?;
        let rank = q.clamp(0.0, 1.0) * num::float(last);
        let below = num::whole(rank.floor()).min(last);
        let value = self.at_rank(below, last)?;
        let part = rank - num::float(below);
        if part <= 0.0 || below == last {
            return Some(value);
        }
        let next = self.at_rank(below + 1, last)?;
        Some((next - value).mul_add(part, value))
    }

    /// The value number `rank` (from 0, ascending), spread evenly over its bucket.
    fn at_rank(&self, rank: u64, last: u64) -> Option<f64> {
        let (min, max) = (self.min()?, self.max()?);
        if rank == 0 || rank < self.low {
            return Some(min);
        }
        if rank == last {
            return Some(max);
        }
        let mut before = self.low;
        for (bucket, count) in &self.buckets {
            let after = before.saturating_add(*count);
            if rank < after {
                let (lower, upper) = edges(*bucket);
                let part = (num::float(rank - before) + 0.5) / num::float(*count);
                return Some((upper - lower).mul_add(part, lower).min(max).max(min));
            }
            before = after;
        }
        Some(max)
    }

    /// How many values lie in each power of two of steps: entry k counts values in (2^k − 1, 2^(k+1) − 1] µs, for times.
    pub(crate) fn octaves(&self) -> Vec<(u8, u64)> {
        let mut octaves: Vec<(u8, u64)> = Vec::new();
        for (bucket, count) in &self.buckets {
            let octave = u8::try_from(first_step(*bucket).checked_ilog2().unwrap_or(0)).unwrap_or(u8::MAX);
            match octaves.last_mut() {
                Some((last, total)) if *last == octave => *total = total.saturating_add(*count),
                _ => octaves.push((octave, *count)),
            }
        }
        octaves
    }
}

/// NaN and infinities say nothing of the range; −0 is 0, so that bytes do not differ where numbers do not.
fn tidy(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value + 0.0 } else { otherwise }
}

/// The bucket of a value that is given in steps.
fn bucket_of(steps: f64) -> u32 {
    let u = num::ceil(steps);
    let n = u.checked_ilog2().unwrap_or(0).saturating_sub(7);
    let bucket = if u < 256 { u } else { (u64::from(n) << 7) + (u >> n) };
    u32::try_from(bucket).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

/// The least u of a bucket.
const fn first_step(bucket: u32) -> u128 {
    if bucket < 256 {
        return bucket_u128(bucket);
    }
    let n = (bucket >> 7) - 1;
    bucket_u128(bucket - (n << 7)) << n
}

#[expect(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn bucket_u128(bucket: u32) -> u128 {
    bucket as u128
}

/// Values v of a bucket lie in (lower, upper], in the metric's unit. Since u is rounded up, edges are one step below the u they belong to.
fn edges(bucket: u32) -> (f64, f64) {
    let edge = |step: u128| num::float(u64::try_from(step.saturating_sub(1)).unwrap_or(u64::MAX)) / STEPS;
    if bucket == 0 { (0.0, 0.0) } else { (edge(first_step(bucket)), edge(first_step(bucket + 1))) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    /// k6's own definition: `TrendSink.P` in `metrics/sink.go`.
    fn exact(sorted: &[f64], q: f64) -> f64 {
        let rank = q * num::float(num::count(sorted.len() - 1));
        let (below, above) = (usize::try_from(num::whole(rank.floor())).unwrap(), usize::try_from(num::ceil(rank)).unwrap());
        sorted[below] + (sorted[above] - sorted[below]) * (rank - rank.floor())
    }

    /// Latencies over seven powers of ten, in milliseconds.
    fn latency() -> impl Strategy<Value = f64> {
        (-3.0..4.0_f64).prop_map(|power| 10_f64.powf(power))
    }

    #[test]
    fn buckets_are_those_of_k6() {
        // The same pairs as in k6's own test, `TestResolveBucketIndex` in `internal/ds/histogram/hdr_test.go`.
        for (steps, bucket) in [
            (-12.0, 0),
            (0.0, 0),
            (0.12, 1),
            (1.91, 2),
            (12.5, 13),
            (255.0, 255),
            (256.0, 256),
            (282.29, 269),
            (1_029.0, 512),
            (39_751.0, 1_179),
            (182_272.0, 1_458),
            (183_000.0, 1_458),
            (184_000.0, 1_459),
            (1_048_576.0, 1_792),
            (1_073_741_823.0, 3_071),
            (1_073_741_824.0, 3_072),
            (4_294_967_295.0, 3_327),
            (9.223_372_036_854_776e18, 7_296),
        ] {
            assert_eq!(bucket_of(steps), bucket, "{steps}");
        }
        assert_eq!(bucket_of(0.1), 1);
        assert_eq!(bucket_of(f64::NAN), 0);
        assert!(bucket_of(f64::INFINITY) < BUCKETS);
    }

    #[test]
    fn neighbours_touch_and_no_bucket_is_wider_than_the_bound() {
        for bucket in 0..BUCKETS - 1 {
            let (lower, upper) = edges(bucket);
            assert!(lower <= upper);
            assert_eq!(upper.to_bits(), edges(bucket + 1).0.to_bits(), "{bucket}");
            assert!(bucket < 256 || (upper - lower) / lower <= Histogram::ERROR, "{bucket}: {lower}..{upper}");
        }
    }

    #[test]
    fn odd_values_are_counted_and_break_nothing() {
        let mut histogram = of(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -5.0, 1e300, 1.0]);
        assert_eq!((histogram.count(), histogram.low, histogram.high), (6, 2, 3));
        assert_eq!((histogram.min(), histogram.max()), (Some(-5.0), Some(1e300)));
        assert!(histogram.quantile(0.5).is_some());
        histogram.merge(&Histogram::default());
        assert_eq!(histogram.count(), 6);
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(of(&[f64::NAN]).quantile(0.5), None);
        assert_eq!(of(&[7.0]).quantile(0.99), Some(7.0));
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_bound_of_exact(values in proptest::collection::vec(latency(), 1..400), q in 0.0..=1.0_f64) {
            let histogram = of(&values);
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            for q in [q, 0.5, 0.9, 0.99, 0.999] {
                let (found, exact) = (histogram.quantile(q).unwrap(), exact(&sorted, q));
                prop_assert!((found - exact).abs() <= (exact * Histogram::ERROR).max(STEP), "q {}: {} against {}", q, found, exact);
            }
            prop_assert_eq!(histogram.min(), sorted.first().copied());
            prop_assert_eq!(histogram.max(), sorted.last().copied());
        }

        #[test]
        fn any_split_in_any_order_is_the_one_histogram(values in proptest::collection::vec(any::<f64>(), 0..200), parts in 1_usize..9) {
            let whole = of(&values);
            let mut split: Vec<Histogram> = vec![Histogram::default(); parts];
            values.iter().enumerate().for_each(|(at, value)| split[at % parts].record(*value));
            let mut forwards = Histogram::default();
            split.iter().for_each(|part| forwards.merge(part));
            let mut backwards = Histogram::default();
            split.iter().rev().for_each(|part| backwards.merge(part));
            prop_assert_eq!(&forwards, &whole);
            prop_assert_eq!(&backwards, &whole);
        }

        #[test]
        fn hostile_histograms_do_not_panic(
            counters in proptest::collection::vec(any::<u32>(), 0..8),
            spans in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..5),
            (sum, min_value, max_value, min_resolution) in any::<(f64, f64, f64, f64)>(), count in any::<u32>(),
        ) {
            let spans = spans.into_iter().map(|(offset, length)| crate::wire::BucketSpan { offset: offset % 9_000, length: length % 6 }).collect();
            let mut value = TrendValue { counters, spans, sum, count, min_value, max_value, min_resolution, ..TrendValue::default() };
            let _ = Histogram::from_wire(&value);
            value.count = value.counters.iter().fold(0, |sum, count| sum.wrapping_add(*count));
            if let Some(histogram) = Histogram::from_wire(&value) {
                let _ = (histogram.quantile(0.5), histogram.mean(), histogram.octaves());
            }
        }
    }
}
