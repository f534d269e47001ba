//! What was measured for a threshold, and whether it was kept.

use windfirm_model::view::run::ThresholdRow;

use super::{Condition, Method, Selector, ThresholdDef};
use crate::{
    cell::{Cell, Value},
    num, results,
    window::Merger,
};

/// A row for each threshold, in the same order.
#[must_use]
pub fn rows(merger: &Merger, definitions: &[ThresholdDef]) -> Vec<ThresholdRow> {
    definitions.iter().map(|definition| evaluate(merger, definition)).collect()
}

/// One threshold on the data of the whole run.
#[must_use]
pub fn evaluate(merger: &Merger, definition: &ThresholdDef) -> ThresholdRow {
    let measured = definition.parsed.as_ref().and_then(|(selector, condition)| Some((measure(merger, selector, *condition)?, selector, condition)));
    ThresholdRow {
        metric: definition.metric.clone(),
        expression: definition.expression.clone(),
        measured: measured.map(|(value, selector, condition)| text(value, &selector.metric, condition.method)),
        kept: measured.map(|(value, _, condition)| condition.comparison.holds(value, condition.limit)),
        abort_on_fail: definition.abort_on_fail,
    }
}

/// `None`: nothing was measured, the method does not fit the metric, or series that the tags ask for went to `other`.
fn measure(merger: &Merger, selector: &Selector, condition: Condition) -> Option<f64> {
    if !selector.tags.is_empty() && merger.has_other(&selector.metric) {
        return None;
    }
    let mut sum: Option<Cell> = None;
    for (_, cell) in merger.whole(&selector.metric).filter(|(tags, _)| selector.takes(tags)) {
        match &mut sum {
            Some(sum) => sum.merge(cell),
            None => sum = Some(cell.clone()),
        }
    }
    let Some(sum) = sum else {
        // k6 counts what never happened as 0: `http_reqs{status:500}` with `count==0` is kept. Only where the metric itself is known.
        let counter = merger.whole(&selector.metric).next().is_some_and(|(_, cell)| matches!(cell.value, Value::Counter { .. }));
        return (counter && matches!(condition.method, Method::Count | Method::Rate)).then_some(0.0);
    };
    match (&sum.value, condition.method) {
        (Value::Counter { .. }, Method::Count) => Some(sum.value.total()),
        (Value::Counter { .. }, Method::Rate) => results::per_second(merger, &selector.metric, |tags| selector.takes(tags)),
        (Value::Gauge(gauge), Method::Value) => Some(gauge.last),
        (Value::Rate { nonzero, total }, Method::Rate) => (*total > 0).then(|| num::float(*nonzero) / num::float(*total)),
        (Value::Trend(histogram), method) => match method {
            Method::Average => histogram.mean(),
            Method::Min => histogram.min(),
            Method::Max => histogram.max(),
            Method::Median => histogram.quantile(0.5),
            Method::Percentile(q) => histogram.quantile(q),
            Method::Value | Method::Count | Method::Rate => None,
        },
        _ => None,
    }
}

/// A measured value with its unit, as people read it. Custom trends carry no unit on k6's wire, so they show none.
fn text(value: f64, metric: &str, method: Method) -> String {
    let time = metric.starts_with("http_req_") || metric.ends_with("_duration") || matches!(metric, "ws_connecting" | "ws_ping");
    let bytes = matches!(metric, "data_sent" | "data_received");
    let share = matches!(metric, "http_req_failed" | "checks");
    match method {
        Method::Rate if share => percent(value),
        Method::Rate if bytes => format!("{} B/s", short(value)),
        // A counter per second or the share of a custom rate: the metric tells which, the wire does not name it here.
        Method::Rate if value > 1.0 || matches!(metric, "http_reqs" | "iterations" | "dropped_iterations") => format!("{}/s", short(value)),
        Method::Rate => short(value),
        Method::Count if bytes => format!("{} B", short(value)),
        Method::Count | Method::Value => short(value),
        _ if time => format!("{} ms", short(value)),
        _ => short(value),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", short(share * 100.0))
}

/// Three figures below 1,000, whole numbers with thousands above.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let digits = num::whole(size).to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return if value < 0.0 { format!("−{grouped}") } else { grouped };
    }
    let decimals = if size >= 100.0 { 0 } else { usize::from(size < 100.0) + usize::from(size < 10.0) + usize::from(size < 1.0) };
    let text = format!("{size:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    if value < 0.0 && text != "0" { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        for (value, shown) in [(0.0, "0"), (0.0123, "0.012"), (1.5, "1.5"), (12.34, "12.3"), (412.4, "412"), (1_234_567.0, "1,234,567"), (-3.0, "−3")] {
            assert_eq!(short(value), shown);
        }
        assert_eq!(text(412.3, "http_req_duration", Method::Percentile(0.99)), "412 ms");
        assert_eq!(text(0.031, "http_req_failed", Method::Rate), "3.1 %");
        assert_eq!(text(44.4, "http_reqs", Method::Rate), "44.4/s");
        assert_eq!(text(7.0, "my_trend", Method::Max), "7");
    }
}
