//! Tables: checks by group and name, requests by name, method, status and error.

use std::collections::BTreeMap;

use windfirm_model::view::run::{CheckRow, RequestRow};

use crate::{cell::Value, histogram::Histogram, num, series::Tags, window::Merger};

/// The most rows of one table. Those with failures come before those without, then those with the highest counts.
const ROWS: usize = 200;

/// How many are beyond that, to be told beside the table.
fn beyond(rows: usize) -> u64 {
    u64::try_from(rows.saturating_sub(ROWS)).unwrap_or(u64::MAX)
}

/// Checks, in order of their group and name, and how many are not shown.
pub(super) fn checks(merger: &Merger) -> (Vec<CheckRow>, u64) {
    let mut rows: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for (tags, cell) in merger.whole("checks") {
        if let Value::Rate { nonzero, total } = &cell.value {
            let name = tags.get("check").or_else(|| tags.get("name")).unwrap_or_default();
            let row = rows.entry((tags.get("group").unwrap_or_default(), name)).or_default();
            row.0 = row.0.saturating_add(*nonzero);
            row.1 = row.1.saturating_add(total.saturating_sub(*nonzero));
        }
    }
    let mut rows: Vec<_> =
        rows.into_iter().map(|((group, name), (passed, failed))| CheckRow { group: shown_group(group), name: name.to_owned(), passed, failed }).collect();
    let more = beyond(rows.len());
    if more > 0 {
        rows.sort_by_key(|row| (std::cmp::Reverse(row.failed), std::cmp::Reverse(row.passed)));
        rows.truncate(ROWS);
        rows.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    }
    (rows, more)
}

/// `::checkout::pay` → `checkout / pay`.
fn shown_group(group: &str) -> String {
    group.trim_start_matches("::").replace("::", " / ")
}

#[derive(Default)]
struct Sum {
    count: i128,
    failed: u64,
    latency: Histogram,
}

/// Name, method, status and error code: what one row is about.
type Key<'a> = (&'a str, &'a str, u16, Option<u32>);

fn key(tags: &Tags) -> Key<'_> {
    let name = tags.get("name").or_else(|| tags.get("url")).unwrap_or_default();
    let number = |tag: &str| tags.get(tag).and_then(|text| text.parse::<u32>().ok());
    let status = number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    (name, tags.get("method").unwrap_or_default(), status, number("error_code"))
}

/// Requests, the most frequent first, and how many are not shown.
pub(super) fn requests(merger: &Merger) -> (Vec<RequestRow>, u64) {
    let mut sums: BTreeMap<Key<'_>, Sum> = BTreeMap::new();
    for metric in ["http_reqs", "http_req_failed", "http_req_duration"] {
        for (tags, cell) in merger.whole(metric) {
            let row = sums.entry(key(tags)).or_default();
            match &cell.value {
                Value::Counter { sum } => row.count = row.count.saturating_add(*sum),
                Value::Rate { nonzero, .. } => row.failed = row.failed.saturating_add(*nonzero),
                Value::Trend(histogram) => row.latency.merge(histogram),
                Value::Gauge(_) => {}
            }
        }
    }
    let row = |((name, method, status, error_code), sum): (Key<'_>, Sum)| {
        let at = |q: f64| sum.latency.quantile(q).map_or(0, num::micros);
        RequestRow {
            name: name.to_owned(),
            method: method.to_owned(),
            status,
            error_code,
            count: num::whole(num::unfixed(sum.count)),
            failed: sum.failed,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            max_us: sum.latency.max().map_or(0, num::micros),
        }
    };
    let mut sums: Vec<_> = sums.into_iter().collect();
    let more = beyond(sums.len());
    // Stable: equal ones stay in the order of their names.
    if more > 0 {
        sums.sort_by_key(|(_, sum)| (std::cmp::Reverse(sum.failed), std::cmp::Reverse(sum.count)));
        sums.truncate(ROWS);
    }
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.count));
    (sums.into_iter().map(row).collect(), more)
}
