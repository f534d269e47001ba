//! Values over time: thinning to what a screen can show, gaps that stay gaps, and lines that break there.
//!
//! Pure. Nothing is interpolated: a second without a measurement is no column, and thinning never bridges one.

use windfirm_model::view::run::WindowPoint;

use super::geometry::{TimeScale, ValueScale, time_step};

/// The most columns that a plot draws; longer runs are thinned.
pub const MOST_COLUMNS: u32 = 360;
/// The most rows of a table twin.
pub const MOST_ROWS: u32 = 24;
/// A live run is only said to be silent after this many seconds without news, since measurements arrive a little late.
pub const QUIET_S: u32 = 4;

/// What stands for the seconds from `from_s` to before `to_s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column<V> {
    pub from_s: u32,
    pub to_s: u32,
    pub value: V,
}

impl<V> Column<V> {
    fn middle_s(&self) -> f64 {
        f64::midpoint(f64::from(self.from_s), f64::from(self.to_s))
    }
}

/// The latency of one column in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Band {
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
}

impl Band {
    #[must_use]
    pub const fn spread_us(&self) -> u64 {
        self.p99_us.saturating_sub(self.p50_us)
    }
    /// The slower of two, quantile by quantile.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self { p50_us: self.p50_us.max(other.p50_us), p90_us: self.p90_us.max(other.p90_us), p99_us: self.p99_us.max(other.p99_us) }
    }
}

/// One column a second of what `pick` finds; seconds where it finds nothing are no columns.
#[must_use]
pub fn columns<V>(windows: &[WindowPoint], pick: impl Fn(&WindowPoint) -> Option<V>) -> Vec<Column<V>> {
    windows.iter().filter_map(|window| pick(window).map(|value| Column { from_s: window.at_s, to_s: window.at_s.saturating_add(1), value })).collect()
}

/// The latency of every second in which something was requested.
#[must_use]
pub fn bands(windows: &[WindowPoint]) -> Vec<Column<Band>> {
    columns(windows, |window| (window.requests > 0).then_some(Band { p50_us: window.p50_us, p90_us: window.p90_us, p99_us: window.p99_us }))
}

/// How long a drawn column is, so that at most [`MOST_COLUMNS`] are drawn.
#[must_use]
pub fn column_step(span_s: u32) -> u32 {
    time_step(span_s, MOST_COLUMNS)
}

/// Joins neighbours within the same `step_s` seconds; a gap is never joined over.
#[must_use]
pub fn thin<V: Copy>(columns: &[Column<V>], step_s: u32, join: impl Fn(V, V) -> V) -> Vec<Column<V>> {
    let step_s = step_s.max(1);
    let mut out: Vec<Column<V>> = Vec::new();
    for column in columns {
        match out.last_mut() {
            Some(last) if last.to_s == column.from_s && last.from_s / step_s == column.from_s / step_s => {
                last.to_s = column.to_s;
                last.value = join(last.value, column.value);
            }
            _ => out.push(*column),
        }
    }
    out
}

/// The unbroken parts.
pub fn parts<V>(columns: &[Column<V>]) -> impl Iterator<Item = &[Column<V>]> {
    columns.chunk_by(|before, after| before.to_s == after.from_s)
}

/// The line through one unbroken part, as (x, value): flat to both ends, so that a single second is seen too.
#[must_use]
pub fn line<V>(part: &[Column<V>], time: &TimeScale, value: impl Fn(&V) -> f64) -> Vec<(f64, f64)> {
    let mut points = Vec::with_capacity(part.len() + 2);
    if let Some(first) = part.first() {
        points.push((time.x(f64::from(first.from_s)), value(&first.value)));
    }
    if part.len() > 1 {
        points.extend(part.iter().map(|column| (time.x(column.middle_s()), value(&column.value))));
    }
    if let Some(last) = part.last() {
        points.push((time.x(f64::from(last.to_s)), value(&last.value)));
    }
    points
}

/// Values of a line as px.
#[must_use]
pub fn scaled(line: &[(f64, f64)], scale: &ValueScale) -> Vec<(f64, f64)> {
    line.iter().map(|(x, value)| (*x, scale.y(*value))).collect()
}

/// Stretches without any measurement, as (from, to) in seconds: between windows, and after the last one while the run goes on
/// (`live_until_s`). Before the first one there is nothing to miss.
#[must_use]
pub fn gaps(windows: &[WindowPoint], live_until_s: Option<u32>) -> Vec<(u32, u32)> {
    let mut out: Vec<(u32, u32)> = windows
        .windows(2)
        .filter_map(|pair| match pair {
            [before, after] => {
                let end = before.at_s.saturating_add(1);
                (after.at_s > end).then_some((end, after.at_s))
            }
            _ => None,
        })
        .collect();
    if let (Some(last), Some(until)) = (windows.last(), live_until_s) {
        let end = last.at_s.saturating_add(1);
        if until >= end.saturating_add(QUIET_S) {
            out.push((end, until));
        }
    }
    out
}

/// Rows of a table twin: every `step_s` seconds what `columns` say there, `None` where nothing was measured.
#[must_use]
pub fn rows<V: Copy>(columns: &[Column<V>], until_s: u32, join: impl Fn(V, V) -> V) -> (u32, Vec<(u32, Option<V>)>) {
    let step_s = time_step(until_s.max(1), MOST_ROWS);
    let last = until_s.div_ceil(step_s);
    let rows = (0..last)
        .map(|index| {
            let (from, to) = (index * step_s, (index + 1) * step_s);
            let value = columns.iter().filter(|column| column.from_s >= from && column.from_s < to).map(|column| column.value).reduce(&join);
            (from, value)
        })
        .collect();
    (step_s, rows)
}

#[cfg(test)]
mod tests {
    use super::{super::geometry::float, *};

    fn windows(seconds: &[u32]) -> Vec<WindowPoint> {
        seconds.iter().map(|at_s| WindowPoint { at_s: *at_s, requests: 10, p50_us: 1_000, p90_us: 2_000, p99_us: 3_000, ..WindowPoint::default() }).collect()
    }

    #[test]
    fn a_missing_second_is_a_gap_and_breaks_the_line() {
        let windows = windows(&[0, 1, 2, 5, 6]);
        assert_eq!(gaps(&windows, None), [(3, 5)]);
        assert_eq!(parts(&bands(&windows)).map(<[_]>::len).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_second_without_requests_breaks_the_line_but_is_no_gap() {
        let mut windows = windows(&[0, 1, 2]);
        windows[1].requests = 0;
        assert!(gaps(&windows, None).is_empty());
        assert_eq!(parts(&bands(&windows)).count(), 2);
    }

    #[test]
    fn silence_while_live_becomes_a_gap_only_after_some_seconds() {
        let windows = windows(&[0, 1, 2]);
        assert!(gaps(&windows, Some(6)).is_empty());
        assert_eq!(gaps(&windows, Some(9)), [(3, 9)]);
        assert!(gaps(&[], Some(9)).is_empty(), "before the first measurement nothing is missing");
    }

    #[test]
    fn thinning_keeps_the_worst_and_never_bridges_a_gap() {
        let mut windows = windows(&[0, 1, 2, 3, 4, 7, 8, 9]);
        windows[3].p99_us = 90_000;
        let thinned = thin(&bands(&windows), 10, Band::worse);
        assert_eq!(thinned.iter().map(|column| (column.from_s, column.to_s)).collect::<Vec<_>>(), [(0, 5), (7, 10)]);
        assert_eq!(thinned[0].value.p99_us, 90_000);
        assert_eq!(parts(&thinned).count(), 2);
    }

    #[test]
    fn a_long_run_is_thinned_to_what_a_screen_shows() {
        for span_s in [1_u32, 60, 360, 361, 3_600, 86_400] {
            assert!(span_s.div_ceil(column_step(span_s)) <= MOST_COLUMNS, "{span_s}");
        }
        assert_eq!(column_step(360), 1);
    }

    #[test]
    fn one_lonely_second_is_still_a_line() {
        let columns = bands(&windows(&[5]));
        assert_eq!(line(&columns, &TimeScale::new(10), |band| float(band.p99_us)), [(500.0, 3_000.0), (600.0, 3_000.0)]);
    }

    #[test]
    fn the_table_twin_says_where_nothing_was_measured() {
        let (step_s, rows) = rows(&bands(&windows(&[0, 1, 4])), 5, Band::worse);
        assert_eq!(step_s, 1);
        assert_eq!(rows.iter().map(|(_, band)| band.is_some()).collect::<Vec<_>>(), [true, true, false, false, true]);
    }
}
