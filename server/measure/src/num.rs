//! The few casts between numbers, in one place, each with the reason why it is right.

/// Counts of samples and bytes stay far below 2^53, where the cast is exact.
#[expect(clippy::as_conversions, reason = "exact below 2^53; beyond that a count is off by parts in 10^16")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

/// The nearest whole number; negative and NaN become 0. At most 2^53, so that readers may add a few of them without care: a script can
/// claim any count.
#[expect(clippy::as_conversions, reason = "the cast saturates and takes NaN to 0 by definition")]
pub(crate) fn whole(value: f64) -> u64 {
    (value.round() as u64).min(1 << 53)
}

/// Rounded up; negative and NaN become 0, too large becomes the largest.
#[expect(clippy::as_conversions, reason = "the cast saturates and takes NaN to 0 by definition")]
pub(crate) fn ceil(value: f64) -> u64 {
    value.ceil() as u64
}

/// Steps of a fixed-point number in one unit of its metric.
const STEPS: f64 = 1_000_000.0;

/// No single addend is larger than this, so that no sum over a whole run reaches the end of `i128`.
const LARGEST: i128 = 1 << 96;

/// A sum that does not depend on the order of its addends, as floats would: millionths of the metric's unit.
#[expect(clippy::as_conversions, reason = "the cast saturates and takes NaN to 0 by definition; the clamp follows")]
pub(crate) fn fixed(value: f64) -> i128 {
    ((value * STEPS).round() as i128).clamp(-LARGEST, LARGEST)
}

/// Back to the metric's unit.
#[expect(clippy::as_conversions, reason = "53 bits of a sum are more than what is shown of it")]
pub(crate) const fn unfixed(sum: i128) -> f64 {
    sum as f64 / STEPS
}

/// Milliseconds, as k6 sends them, to whole microseconds.
pub(crate) fn micros(milliseconds: f64) -> u64 {
    whole(milliseconds * 1_000.0)
}

/// Lists here are shorter than 2^64.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
