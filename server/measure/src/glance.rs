//! What is read of a second again and again: its point in the charts. Made once per change, so that a live tick costs little.

use windfirm_model::view::run::WindowPoint;

use crate::{
    cell::{Cell, Value},
    histogram::Histogram,
    num,
    series::Family,
};

/// One second in the charts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Glance {
    /// Its `at_s` is set by the reader, who knows the start of the run.
    pub(crate) point: WindowPoint,
    /// Requests by powers of two of microseconds, ascending.
    pub(crate) octaves: Vec<(u8, u64)>,
    /// Whether anything was measured at all.
    pub(crate) measured: bool,
}

impl Glance {
    pub(crate) fn of<'a>(cells: impl Iterator<Item = (&'a Family, &'a Cell)>) -> Self {
        let mut latency = Histogram::default();
        let mut sums = [0_i128; 3];
        let mut glance = Self::default();
        for (family, cell) in cells {
            glance.measured = true;
            match (family.name.as_str(), &cell.value) {
                ("http_req_duration", Value::Trend(histogram)) => latency.merge(histogram),
                ("http_reqs", Value::Counter { sum }) => sums[0] = sums[0].saturating_add(*sum),
                ("iterations", Value::Counter { sum }) => sums[1] = sums[1].saturating_add(*sum),
                ("dropped_iterations", Value::Counter { sum }) => sums[2] = sums[2].saturating_add(*sum),
                ("http_req_failed", Value::Rate { nonzero, .. }) => glance.point.failed = glance.point.failed.saturating_add(*nonzero),
                // One series per runner: together they are the users of that second.
                ("vus", Value::Gauge(gauge)) => {
                    glance.point.vus = Some(glance.point.vus.unwrap_or(0).saturating_add(num::whole(gauge.max)));
                }
                _ => {}
            }
        }
        let [requests, iterations, dropped] = sums.map(|sum| num::whole(num::unfixed(sum)));
        let [p50_us, p90_us, p99_us] = [0.5, 0.9, 0.99].map(|q| latency.quantile(q).map_or(0, num::micros));
        glance.point.requests = requests;
        glance.point.iterations = iterations;
        glance.point.dropped_iterations = dropped;
        (glance.point.p50_us, glance.point.p90_us, glance.point.p99_us) = (p50_us, p90_us, p99_us);
        glance.octaves = latency.octaves();
        glance
    }
}
