//! What a page shows of small runs that can be counted by hand.

use super::*;
use crate::{sample, window::Limits};

const START: i64 = 1_000_000;

fn merger(metrics: Vec<crate::wire::Metric>) -> Merger {
    let mut merger = Merger::new(Timestamp::from_seconds(START), Limits { lateness_s: 100_000, ..Limits::default() });
    merger.merge(&sample::set(metrics), "k", Timestamp::from_seconds(START + 3));
    merger
}

fn shown(metrics: Vec<crate::wire::Metric>) -> Measured {
    measured(&merger(metrics), Timestamp(START * 1_000_000 + 400_000), &[])
}

#[test]
fn nothing_measured_is_empty_not_zeroes_over_time() {
    let empty = shown(Vec::new());
    assert_eq!(empty, Measured { percentile_error: Histogram::ERROR, ..Measured::default() });
    assert!(band(&merger(Vec::new())).is_empty());
}

#[test]
fn seconds_without_measurement_are_absent() {
    let measured = shown(vec![sample::counter("http_reqs", &[], START, 2.0), sample::counter("http_reqs", &[], START + 3, 4.0)]);
    let points: Vec<_> = measured.windows.iter().map(|point| (point.at_s, point.requests, point.vus)).collect();
    assert_eq!(points, [(0, 2, None), (3, 4, None)]);
    assert_eq!(measured.last_measured, Some(Timestamp::from_seconds(START + 4)));
}

#[test]
fn percentiles_of_a_second_come_from_all_its_series_together() {
    let fast: Vec<f64> = vec![10.0; 99];
    let measured = shown(vec![
        sample::trend("http_req_duration", &[("name", "fast")], START, &fast),
        sample::trend("http_req_duration", &[("name", "slow")], START, &[1_000.0]),
    ]);
    // The mean of the two medians would be 505 ms.
    assert!(measured.windows[0].p50_us.abs_diff(10_000) <= 80, "{:?}", measured.windows[0]);
    assert!(measured.totals.p50_us.abs_diff(10_000) <= 80);
    assert_eq!((measured.totals.min_us, measured.totals.max_us), (10_000, 1_000_000));
}

#[test]
fn vus_of_several_runners_add_up() {
    let mut merger = merger(Vec::new());
    for runner in ["1", "2"] {
        let mut gauge = sample::gauge("vus", START, 5.0);
        gauge.time_series[0].labels.push(crate::wire::Label { name: "instance_id".to_owned(), value: runner.to_owned() });
        merger.merge(&sample::set(vec![gauge]), runner, Timestamp::from_seconds(START));
    }
    assert_eq!(totals(&merger).max_vus, 10);
}

#[test]
fn the_heatmap_holds_every_request_in_at_most_120_columns() {
    for (last, columns, column_s) in [(0, 1, 1), (119, 120, 1), (120, 61, 2), (3_599, 120, 30)] {
        let map =
            shown(vec![sample::trend("http_req_duration", &[], START, &[0.2, 0.3]), sample::trend("http_req_duration", &[], START + last, &[5.0])]).heatmap;
        assert_eq!((map.cells.len(), map.column_s), (columns, column_s), "{last}");
        // 0.2 ms lies in [128, 256), 0.3 ms in [256, 512), 5 ms in [4096, 8192).
        assert_eq!(map.row_edges_us, [128, 256, 512, 1_024, 2_048, 4_096]);
        assert_eq!(&map.cells[0][..2], [1, 1]);
        assert_eq!(map.cells[columns - 1][5], 1);
        assert!(map.cells.iter().all(|column| column.len() == map.row_edges_us.len()));
    }
}

#[test]
fn the_band_has_ten_parts_and_gaps_where_nothing_was_measured() {
    let merger = merger(vec![sample::trend("http_req_duration", &[], START, &[10.0]), sample::trend("http_req_duration", &[], START + 99, &[20.0])]);
    let band = band(&merger);
    assert_eq!(band.len(), 10);
    assert_eq!(band[0], Some((10_000, 10_000, 10_000)));
    assert_eq!(band[9], Some((20_000, 20_000, 20_000)));
    assert!(band[1..9].iter().all(Option::is_none));
}

#[test]
fn a_kind_of_request_that_failed_is_never_among_what_is_left_out() {
    let mut metrics: Vec<_> =
        (1..=300).map(|number| sample::counter("http_reqs", &[("name", format!("/{number}").as_str()), ("status", "200")], START, 9.0)).collect();
    metrics.push(sample::counter("http_reqs", &[("name", "/broken"), ("status", "500")], START, 1.0));
    metrics.push(sample::rate("http_req_failed", &[("name", "/broken"), ("status", "500")], START, 1, 1));
    let measured = shown(metrics);
    assert_eq!((measured.requests.len(), measured.requests_more), (200, 101));
    assert!(measured.requests.iter().any(|row| row.name == "/broken" && row.failed == 1));
}

#[test]
fn tables_show_the_most_frequent_rows_and_every_failed_check() {
    let mut metrics: Vec<_> =
        (1..=300).map(|number| sample::counter("http_reqs", &[("name", format!("/{number}").as_str()), ("status", "200")], START, f64::from(number))).collect();
    metrics.extend(
        (0..300).map(|number| sample::rate("checks", &[("check", format!("c{number:03}").as_str()), ("group", "::a::b")], START, u32::from(number != 299), 1)),
    );
    let measured = shown(metrics);
    assert_eq!(measured.requests.len(), 200);
    assert_eq!((measured.requests[0].name.as_str(), measured.requests[0].count), ("/300", 300));
    assert_eq!((measured.requests_more, measured.checks_more), (100, 100), "what is left out is told");
    assert_eq!(measured.checks.len(), 200);
    let failed = measured.checks.iter().find(|row| row.failed > 0).unwrap();
    assert_eq!((failed.group.as_str(), failed.name.as_str()), ("a / b", "c299"));
    assert_eq!(measured.totals.checks_failed, 1);
}
