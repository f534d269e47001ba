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
