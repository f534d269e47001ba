//! One series in one second (or over the whole run): a counter, a gauge, a rate or a trend.
//!
//! Merging is commutative and associative to the bit: sums are fixed-point, not floats.

use crate::{
    codec::{Reader, Writer},
    histogram::Histogram,
    num,
    series::Kind,
};

/// A merged value, and how many delivered values are in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub parts: u64,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Fixed-point sum, see [`Value::total`].
    Counter {
        sum: i128,
    },
    Gauge(Gauge),
    Rate {
        nonzero: u64,
        total: u64,
    },
    Trend(Histogram),
}

/// What was seen of a gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gauge {
    pub count: u64,
    pub(crate) sum: i128,
    pub min: f64,
    pub max: f64,
    /// The second of `last`; of two in the same second the greater counts.
    pub last_s: i64,
    pub last: f64,
}

impl Value {
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Counter { .. } => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Rate { .. } => Kind::Rate,
            Self::Trend(_) => Kind::Trend,
        }
    }
    /// The sum of a counter; 0 for other kinds.
    #[must_use]
    pub const fn total(&self) -> f64 {
        match self {
            Self::Counter { sum } => num::unfixed(*sum),
            _ => 0.0,
        }
    }
}

impl Gauge {
    /// `None` when the values are no numbers.
    #[must_use]
    pub fn new(second: i64, count: u32, last: f64, min: f64, max: f64, average: f64) -> Option<Self> {
        let finite = [last, min, max, average].into_iter().all(f64::is_finite);
        let sum = num::fixed(average).saturating_mul(i128::from(count));
        finite.then_some(Self { count: u64::from(count), sum, min: min + 0.0, max: max + 0.0, last_s: second, last: last + 0.0 })
    }
    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_s > self.last_s || (other.last_s == self.last_s && other.last > self.last) {
            (self.last_s, self.last) = (other.last_s, other.last);
        }
    }
}

impl Cell {
    #[must_use]
    pub const fn one(value: Value) -> Self {
        Self { parts: 1, value }
    }

    /// Adds `other`. Kinds never differ, since a series has one; if they did, `other` would be left out.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.value, &other.value) {
            (Value::Counter { sum }, Value::Counter { sum: more }) => *sum = sum.saturating_add(*more),
            (Value::Gauge(gauge), Value::Gauge(more)) => gauge.merge(more),
            (Value::Rate { nonzero, total }, Value::Rate { nonzero: more_nonzero, total: more_total }) => {
                *nonzero = nonzero.saturating_add(*more_nonzero);
                *total = total.saturating_add(*more_total);
            }
            (Value::Trend(histogram), Value::Trend(more)) => histogram.merge(more),
            _ => return,
        }
        self.parts = self.parts.saturating_add(other.parts);
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.u64(self.parts);
        match &self.value {
            Value::Counter { sum } => out.i128(*sum),
            Value::Rate { nonzero, total } => {
                out.u64(*nonzero);
                out.u64(*total);
            }
            Value::Gauge(gauge) => {
                out.u64(gauge.count);
                out.i128(gauge.sum);
                out.f64(gauge.min);
                out.f64(gauge.max);
                out.i128(i128::from(gauge.last_s));
                out.f64(gauge.last);
            }
            Value::Trend(histogram) => {
                out.i128(histogram.sum);
                out.f64(histogram.min);
                out.f64(histogram.max);
                out.u64(histogram.low);
                out.u64(histogram.high);
                out.u64(num::count(histogram.buckets.len()));
                let mut next = 0;
                for (bucket, count) in &histogram.buckets {
                    out.u64(u64::from(bucket - next));
                    out.u64(*count);
                    next = *bucket;
                }
            }
        }
    }

    /// `None` when the bytes are not what [`Self::write`] makes.
    pub(crate) fn read(kind: Kind, from: &mut Reader<'_>) -> Option<Self> {
        let parts = from.u64()?;
        let value = match kind {
            Kind::Counter => Value::Counter { sum: from.i128()? },
            Kind::Rate => Value::Rate { nonzero: from.u64()?, total: from.u64()? },
            Kind::Gauge => {
                Value::Gauge(Gauge { count: from.u64()?, sum: from.i128()?, min: from.f64()?, max: from.f64()?, last_s: from.i64()?, last: from.f64()? })
            }
            Kind::Trend => {
                let (sum, min, max, low, high) = (from.i128()?, from.f64()?, from.f64()?, from.u64()?, from.u64()?);
                let mut buckets = Vec::new();
                let mut next = 0_u32;
                for _ in 0..from.u64()? {
                    next = next.checked_add(from.u32()?)?;
                    buckets.push((next, from.u64()?));
                }
                Value::Trend(Histogram { buckets, low, high, sum, min, max })
            }
        };
        Some(Self { parts, value })
    }
}
