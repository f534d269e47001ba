//! From merged windows to what a page shows: totals, points, tables, heatmap, band.
//!
//! Every percentile comes from merged histograms, none from other percentiles. Latency is k6's `http_req_duration`; a script without
//! HTTP has no latency here: its totals stay 0, its iterations, checks and thresholds stand, and [`crate::verdict`] says so.

mod heatmap;
mod table;

use windfirm_model::{
    clock::Timestamp,
    view::{
        run::{Measured, WindowPoint},
        runs::Totals,
    },
};

use crate::{
    cell::{Cell, Value},
    histogram::Histogram,
    num,
    series::Tags,
    threshold::{self, ThresholdDef},
    window::Merger,
};

/// Parts of a mini band.
const BAND_PARTS: i64 = 10;

/// All numbers of a run. `started` is second 0 of the points.
#[must_use]
pub fn measured(merger: &Merger, started: Timestamp, thresholds: &[ThresholdDef]) -> Measured {
    measured_since(merger, started, thresholds, 0)
}

/// All numbers, but of the points only those of seconds that changed after `version` (a [`Merger::version`] of before).
#[must_use]
pub fn measured_since(merger: &Merger, started: Timestamp, thresholds: &[ThresholdDef], version: u64) -> Measured {
    let ((checks, checks_more), (requests, requests_more)) = (table::checks(merger), table::requests(merger));
    Measured {
        totals: totals(merger),
        windows: points(merger, started, version),
        thresholds: threshold::rows(merger, thresholds),
        checks,
        checks_more,
        requests,
        requests_more,
        heatmap: heatmap::heatmap(merger, started),
        // A window is as long as k6's aggregation period, one second.
        last_measured: merger.glances().next_back().map(|(second, ..)| Timestamp::from_seconds(second.saturating_add(1))),
        percentile_error: Histogram::ERROR,
    }
}

/// One point for each second with measurements since `started`, in order.
fn points(merger: &Merger, started: Timestamp, version: u64) -> Vec<WindowPoint> {
    let point = |(second, changed, glance): (i64, u64, &crate::glance::Glance)| {
        let at_s = u32::try_from(second.saturating_sub(started.seconds())).ok()?;
        (changed > version).then_some(WindowPoint { at_s, ..glance.point })
    };
    merger.glances().filter_map(point).collect()
}

/// The whole run in numbers.
#[must_use]
pub fn totals(merger: &Merger) -> Totals {
    let count = |metric: &str| num::whole(sum(merger.whole(metric).map(|(_, cell)| cell)));
    let latency = trend(merger.whole("http_req_duration").map(|(_, cell)| cell));
    let at = |q: f64| latency.quantile(q).map_or(0, num::micros);
    let (failed, _) = rate(merger.whole("http_req_failed").map(|(_, cell)| cell));
    let (passed, judged) = rate(merger.whole("checks").map(|(_, cell)| cell));
    Totals {
        requests: count("http_reqs"),
        failed,
        iterations: count("iterations"),
        dropped_iterations: count("dropped_iterations"),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p95_us: at(0.95),
        p99_us: at(0.99),
        p999_us: at(0.999),
        min_us: latency.min().map_or(0, num::micros),
        max_us: latency.max().map_or(0, num::micros),
        requests_per_s: requests_per_second(merger).unwrap_or(0.0),
        checks_passed: passed,
        checks_failed: judged.saturating_sub(passed),
        max_vus: merger.glances().filter_map(|(_, _, glance)| glance.point.vus).max().unwrap_or(0),
        received_bytes: count("data_received"),
        sent_bytes: count("data_sent"),
    }
}

/// Latency by tenths of the measured time, for the mini band: (p50, p90, p99) in microseconds, `None` where nothing was measured.
#[must_use]
pub fn band(merger: &Merger) -> Vec<Option<(u64, u64, u64)>> {
    let Some((first, end)) = span(merger) else { return Vec::new() };
    let edge = |part: i64| first + (end - first) * part / BAND_PARTS;
    let tenth = |part: i64| {
        // A run shorter than ten seconds has tenths without a second of their own: they show the second that they lie in.
        let (from, to) = (edge(part), edge(part + 1));
        let latency = trend(merger.between("http_req_duration", from..to.max(from + 1)).map(|(_, cell)| cell));
        let at = |q: f64| latency.quantile(q).map(num::micros);
        Some((at(0.5)?, at(0.9)?, at(0.99)?))
    };
    (0..BAND_PARTS).map(tenth).collect()
}

/// First measured second, and one past the last.
fn span(merger: &Merger) -> Option<(i64, i64)> {
    let (first, ..) = merger.glances().next()?;
    let (last, ..) = merger.glances().next_back()?;
    Some((first, last + 1))
}

/// How much of a counter there was per second, over the series that `takes` lets through; `None` while there is no measured second.
///
/// Windows are whole seconds of the wall clock and a run begins and ends inside one. From four seconds on, the first and the last are
/// left out, so that their missing parts do not lower the rate.
pub(crate) fn per_second(merger: &Merger, metric: &str, takes: impl Fn(&Tags) -> bool) -> Option<f64> {
    let (from, to) = whole_seconds(merger)?;
    // All of the run but its edges, so that a longer run does not cost more.
    let whole = merger.whole(metric).filter(|(tags, _)| takes(tags)).map(|(_, cell)| cell);
    let edges = merger.between(metric, i64::MIN..from).chain(merger.between(metric, to..i64::MAX)).filter(|(tags, _)| takes(tags)).map(|(_, cell)| cell);
    let inside = fixed_sum(whole).saturating_sub(fixed_sum(edges));
    Some(num::unfixed(inside) / num::float(u64::try_from(to - from).unwrap_or(1)))
}

/// The same for all requests, from what is kept of each second.
fn requests_per_second(merger: &Merger) -> Option<f64> {
    let (from, to) = whole_seconds(merger)?;
    let counts = merger.glances().filter(|(second, ..)| (from..to).contains(second)).map(|(_, _, glance)| glance.point.requests);
    let requests = counts.fold(0_u64, u64::saturating_add);
    Some(num::float(requests) / num::float(u64::try_from(to - from).unwrap_or(1)))
}

fn whole_seconds(merger: &Merger) -> Option<(i64, i64)> {
    let (first, end) = span(merger)?;
    Some(if end - first < 4 { (first, end) } else { (first + 1, end - 1) })
}

fn sum<'a>(cells: impl Iterator<Item = &'a Cell>) -> f64 {
    num::unfixed(fixed_sum(cells))
}

fn fixed_sum<'a>(cells: impl Iterator<Item = &'a Cell>) -> i128 {
    let add = |total: i128, cell: &Cell| match &cell.value {
        Value::Counter { sum } => total.saturating_add(*sum),
        _ => total,
    };
    cells.fold(0, add)
}

/// Non-zero values and all values.
fn rate<'a>(cells: impl Iterator<Item = &'a Cell>) -> (u64, u64) {
    cells.fold((0, 0), |(yes, all), cell| match &cell.value {
        Value::Rate { nonzero, total } => (yes.saturating_add(*nonzero), all.saturating_add(*total)),
        _ => (yes, all),
    })
}

fn trend<'a>(cells: impl Iterator<Item = &'a Cell>) -> Histogram {
    let mut merged = Histogram::default();
    for cell in cells {
        if let Value::Trend(histogram) = &cell.value {
            merged.merge(histogram);
        }
    }
    merged
}

#[cfg(test)]
mod tests;
