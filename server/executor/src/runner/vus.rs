//! How many virtual users k6 has, from what it measures itself.
//!
//! A launch is judged by what the script says when k6 inspects it. The script may say something else when k6 runs it, an hour later or by
//! chance; k6's own gauges tell. A script can write to a gauge of that name too, but only add to what is read here: it stops itself.

use windfirm_measure::wire::{MetricSet, Samples};

/// k6's gauges for virtual users at work, and for those that it has made.
const GAUGES: [&str; 2] = ["vus", "vus_max"];

/// The most that a delivery tells of; 0 when it tells of none.
pub(super) fn most(set: &MetricSet) -> u64 {
    let gauges = set.metrics.iter().filter(|metric| GAUGES.contains(&metric.name.as_str()));
    let series = gauges.flat_map(|metric| &metric.time_series);
    let values = series.filter_map(|series| if let Some(Samples::Gauge(gauge)) = &series.samples { Some(&gauge.values) } else { None });
    values.flatten().map(|value| whole(value.max)).max().unwrap_or_default()
}

#[expect(clippy::as_conversions, reason = "the cast saturates and takes NaN to 0 by definition")]
const fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use windfirm_measure::wire::{GaugeSamples, GaugeValue, Metric, MetricType, TimeSeries};

    use super::*;

    fn gauge(name: &str, seconds: &[f64]) -> Metric {
        let values = seconds.iter().map(|max| GaugeValue { max: *max, ..GaugeValue::default() }).collect();
        let samples = Some(Samples::Gauge(GaugeSamples { values }));
        Metric { name: name.into(), kind: MetricType::Gauge.into(), time_series: vec![TimeSeries { labels: Vec::new(), samples }] }
    }

    #[test]
    fn the_highest_of_both_gauges_in_any_second_counts() {
        let most = |metrics: Vec<Metric>| most(&MetricSet { metrics, ..MetricSet::default() });
        assert_eq!(most(vec![gauge("vus", &[1.0, 7.0, 2.0]), gauge("vus_max", &[5.0]), gauge("queue", &[900.0])]), 7);
        assert_eq!(most(vec![gauge("vus", &[0.0]), gauge("vus_max", &[5000.0, 1.0])]), 5000);
        assert_eq!(most(vec![gauge("vus", &[f64::NAN, -4.0])]), 0);
        assert_eq!(most(Vec::new()), 0);
    }
}
