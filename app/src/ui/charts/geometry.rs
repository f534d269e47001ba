//! Pure geometry of plots: from values to positions, ticks and path texts.
//!
//! Knows nothing of views, colours or runs. x is in thousandths of the width (a view box of [`WIDTH`] units, stretched) or in per
//! cent; y is in px from the top. All texts are deterministic, so that server and browser write the same.

use std::fmt::Write as _;

/// Width of every stretched view box, in units.
pub const WIDTH: f64 = 1_000.0;

/// A count as a number to draw with.
#[must_use]
#[expect(clippy::as_conversions, reason = "what is drawn stays far below 2^53, and a plot is some hundred px high")]
pub const fn float(value: u64) -> f64 {
    value as f64
}

/// A coordinate as SVG reads it: one decimal, none where it is zero.
#[must_use]
pub fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// A position as a share of the width: `55.6%`.
#[must_use]
pub fn per_cent(share: f64) -> String {
    format!("{}%", coordinate(share * 100.0))
}

/// The horizontal scale: seconds since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeScale {
    span_s: f64,
}

impl TimeScale {
    /// `span_s` is the whole width; never less than one second.
    #[must_use]
    pub fn new(span_s: u32) -> Self {
        Self { span_s: f64::from(span_s.max(1)) }
    }
    /// Where a moment lies, 0 to 1.
    #[must_use]
    pub fn share(&self, at_s: f64) -> f64 {
        (at_s / self.span_s).clamp(0.0, 1.0)
    }
    /// The same in units of the view box.
    #[must_use]
    pub fn x(&self, at_s: f64) -> f64 {
        self.share(at_s) * WIDTH
    }
    /// The same in per cent.
    #[must_use]
    pub fn per_cent(&self, at_s: f64) -> String {
        per_cent(self.share(at_s))
    }
}

/// The vertical scale of a plot: 0 at the bottom, `top` at the upper edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueScale {
    /// The value at the upper edge; above zero.
    pub top: f64,
    /// Height of the plot in px.
    pub height_px: f64,
}

impl ValueScale {
    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        let top = if self.top > 0.0 { self.top } else { 1.0 };
        self.height_px * (1.0 - (value / top).clamp(0.0, 1.0))
    }
}

/// Round values for an axis that starts at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticks {
    /// From zero up; the last is the top of the scale. At most five.
    pub values: Vec<f64>,
    /// Distance between two.
    pub step: f64,
}

impl Ticks {
    #[must_use]
    pub fn top(&self) -> f64 {
        self.values.last().copied().unwrap_or(1.0)
    }
    /// A tick as text: as many decimals as the step needs, thousands with a comma.
    #[must_use]
    pub fn label(&self, value: f64) -> String {
        let decimals = if self.step >= 1.0 {
            0
        } else if self.step >= 0.1 {
            1
        } else {
            2
        };
        let text = format!("{value:.decimals$}");
        match text.parse::<u64>() {
            Ok(whole) => crate::ui::format::count(whole),
            Err(_) if value == 0.0 => "0".to_owned(),
            Err(_) => text,
        }
    }
}

/// At most five ticks (0 included) of 1, 2 or 5 times a power of ten that reach `highest`. `smallest_step` keeps counts whole.
#[must_use]
pub fn nice_ticks(highest: f64, smallest_step: f64) -> Ticks {
    let highest = if highest.is_finite() && highest > 0.0 { highest } else { smallest_step.max(0.01) };
    let raw = (highest / 4.0).max(smallest_step);
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|step| *step >= raw * 0.999_999).unwrap_or(10.0 * magnitude);
    let mut values = vec![0.0];
    let mut at = 0.0;
    while at < highest * 0.999_999 && values.len() < 5 {
        at = step * float(u64::try_from(values.len()).unwrap_or_default());
        values.push(at);
    }
    Ticks { values, step }
}

/// Whole steps of time, as clocks count.
const TIME_STEPS_S: [u32; 19] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400];

/// The smallest clock step of which at most `at_most` fit into `span_s`.
#[must_use]
pub fn time_step(span_s: u32, at_most: u32) -> u32 {
    TIME_STEPS_S.into_iter().find(|step| span_s.div_ceil(*step) <= at_most).unwrap_or(86_400)
}

/// One tick on the time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeTick {
    pub at_s: u32,
    /// Goes on narrow screens.
    pub minor: bool,
    /// `start`, `middle` or `end`: labels at the edges stay inside.
    pub anchor: &'static str,
}

/// Ticks for the time axis, at most `at_most` steps.
#[must_use]
pub fn time_ticks(span_s: u32, at_most: u32) -> Vec<TimeTick> {
    let span_s = span_s.max(1);
    let step = time_step(span_s, at_most);
    let last = span_s / step;
    (0..=last)
        .map(|index| {
            let at_s = index * step;
            let near_end = u64::from(at_s) * 100 >= u64::from(span_s) * 96;
            let anchor = if index == 0 {
                "start"
            } else if near_end {
                "end"
            } else {
                "middle"
            };
            TimeTick { at_s, minor: index % 2 == 1 && !(index == last && near_end), anchor }
        })
        .collect()
}

/// Points as an SVG path, in order: `M0 1L2 3`.
#[must_use]
pub fn polyline(points: &[(f64, f64)]) -> String {
    let mut out = String::with_capacity(points.len() * 12);
    for (index, (x, y)) in points.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}{} {}", if index == 0 { 'M' } else { 'L' }, coordinate(*x), coordinate(*y));
    }
    out
}

/// The area between an upper line and a lower line with the same x.
#[must_use]
pub fn area(upper: &[(f64, f64)], lower: &[(f64, f64)]) -> String {
    let mut ring = upper.to_vec();
    ring.extend(lower.iter().rev());
    if ring.is_empty() { String::new() } else { format!("{}Z", polyline(&ring)) }
}

/// The parts of a line that lie above `limit` (in values, upwards), cut where the line crosses it.
#[must_use]
pub fn above(line: &[(f64, f64)], limit: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts = Vec::new();
    let mut part: Vec<(f64, f64)> = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for &(x, value) in line {
        if let Some((x0, value0)) = before
            && (value0 > limit) != (value > limit)
        {
            let crossing = (x0 + (x - x0) * (limit - value0) / (value - value0), limit);
            part.push(crossing);
            if value <= limit {
                parts.push(std::mem::take(&mut part));
            }
        }
        if value > limit {
            part.push((x, value));
        }
        before = Some((x, value));
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// So far apart, as a share of the width, that numbered circles do not touch on a phone, where the style sheet makes them a little smaller.
pub const LEAST_APART: f64 = 0.06;

/// Marks that would cover each other are moved to the right until they stand `least` apart (shares of the width), then back from
/// the right edge. The order stays.
#[must_use]
pub fn apart(shares: &[f64], least: f64) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::with_capacity(shares.len());
    for share in shares {
        let from = out.last().map_or(0.0, |before| before + least);
        out.push(share.max(from));
    }
    let mut edge = 1.0_f64;
    for place in out.iter_mut().rev() {
        *place = place.min(edge).max(0.0);
        edge = *place - least;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_at_most_five() {
        assert_eq!(nice_ticks(640.0, 0.0).values, [0.0, 200.0, 400.0, 600.0, 800.0]);
        assert_eq!(nice_ticks(800.0, 0.0).values, [0.0, 200.0, 400.0, 600.0, 800.0]);
        assert_eq!(nice_ticks(3.0, 1.0).values, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(nice_ticks(0.0, 1.0).values, [0.0, 1.0]);
        assert_eq!(nice_ticks(f64::NAN, 1.0).values, [0.0, 1.0]);
        for highest in [0.003, 0.4, 1.0, 7.3, 19.0, 99.0, 101.0, 1_234.0, 9_999_999.0] {
            let ticks = nice_ticks(highest, 0.0);
            assert!(ticks.values.len() <= 5, "{highest}: {ticks:?}");
            assert!(ticks.top() >= highest * 0.999, "{highest}: {ticks:?}");
            assert!(ticks.top() <= highest * 2.51, "the plot is not mostly empty: {highest}: {ticks:?}");
        }
    }

    #[test]
    fn tick_labels_have_the_decimals_of_their_step() {
        let ticks = nice_ticks(0.7, 0.0);
        assert_eq!(ticks.values.iter().map(|value| ticks.label(*value)).collect::<Vec<_>>(), ["0", "0.2", "0.4", "0.6", "0.8"]);
        let ticks = nice_ticks(4_000.0, 0.0);
        assert_eq!(ticks.label(ticks.top()), "4,000");
    }

    #[test]
    fn time_ticks_stand_on_whole_steps_of_the_clock() {
        let marks = |span_s| time_ticks(span_s, 6).iter().map(|tick| tick.at_s).collect::<Vec<_>>();
        assert_eq!(marks(360), [0, 60, 120, 180, 240, 300, 360]);
        assert_eq!(marks(10), [0, 2, 4, 6, 8, 10]);
        assert_eq!(marks(63), [0, 15, 30, 45, 60]);
        assert_eq!(marks(0), [0, 1]);
        let ticks = time_ticks(360, 6);
        assert_eq!(ticks.first().unwrap().anchor, "start");
        assert_eq!(ticks.last().unwrap().anchor, "end");
        assert!(ticks[1].minor && !ticks[2].minor && !ticks[6].minor);
    }

    #[test]
    fn positions_are_texts_without_noise() {
        assert_eq!(coordinate(171.44), "171.4");
        assert_eq!(coordinate(100.0), "100");
        assert_eq!(coordinate(-0.01), "0");
        assert_eq!(TimeScale::new(360).per_cent(201.0), "55.8%");
        assert_eq!(TimeScale::new(360).per_cent(999.0), "100%", "nothing is drawn outside the plot");
        assert_eq!(ValueScale { top: 800.0, height_px: 196.0 }.y(200.0), 147.0);
        assert_eq!(ValueScale { top: 0.0, height_px: 10.0 }.y(0.0), 10.0);
    }

    #[test]
    fn lines_and_areas_are_paths() {
        assert_eq!(polyline(&[(0.0, 1.0), (2.5, 3.0)]), "M0 1L2.5 3");
        assert_eq!(area(&[(0.0, 1.0), (2.0, 1.0)], &[(0.0, 5.0), (2.0, 5.0)]), "M0 1L2 1L2 5L0 5Z");
        assert_eq!(area(&[], &[]), "");
    }

    #[test]
    fn what_lies_above_a_limit_is_cut_at_the_crossing() {
        let parts = above(&[(0.0, 0.0), (10.0, 20.0), (20.0, 0.0), (30.0, 30.0)], 10.0);
        assert_eq!(parts, [vec![(5.0, 10.0), (10.0, 20.0), (15.0, 10.0)], vec![(20.0 + 10.0 / 3.0, 10.0), (30.0, 30.0)]]);
        assert!(above(&[(0.0, 1.0), (1.0, 10.0)], 10.0).is_empty(), "on the limit is not over it");
    }

    #[test]
    fn marks_never_cover_each_other_or_leave_the_plot() {
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9) && a.len() == b.len();
        assert!(close(&apart(&[0.0, 0.01, 0.5], 0.05), &[0.0, 0.05, 0.5]));
        assert!(close(&apart(&[0.97, 0.98, 1.0], 0.05), &[0.9, 0.95, 1.0]));
    }
}
