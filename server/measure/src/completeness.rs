//! What we received against what k6 itself counted.
//!
//! k6's own counters come from `--summary-export`, a JSON file that k6 writes at its end. Only whole counts are compared: each sample
//! is either there or not.

use serde_json::Value;
use windfirm_model::view::run::{Completeness, CompletenessRow};

use crate::{results, threshold::short, window::Merger};

/// Compares. `summary` is the parsed file, if k6 left one; `dropped` is what was lost before it reached the merger, by name.
#[must_use]
pub fn compare(merger: &Merger, summary: Option<&Value>, dropped: &[(String, u64)]) -> Completeness {
    let lost = turned_away(merger, dropped);
    let mut all: Vec<(String, u64)> = dropped.iter().filter(|(_, count)| *count > 0).cloned().collect();
    all.extend(merger.noted().iter().map(|(bound, count)| (bound.name().to_owned(), *count)));

    let metrics = summary.and_then(|summary| summary.get("metrics")).and_then(Value::as_object);
    let rows = metrics.map(|metrics| rows(merger, metrics)).unwrap_or_default();
    let compared = metrics.is_some();
    let agree = rows.iter().all(|row| row.received == row.k6);
    let complete = compared && agree && lost == 0;
    let sentence = sentence(compared, &rows, lost);
    Completeness { compared, rows, dropped: all, complete, sentence }
}

/// The same where some of several runners were lost, with what they had counted: `counted` is the sum of the others' files. Never
/// complete. Besides, whether all that the others counted can be among what was received, and nothing was turned away.
#[must_use]
pub fn compare_others(merger: &Merger, counted: Option<&Value>, dropped: &[(String, u64)]) -> (Completeness, bool) {
    let against = compare(merger, counted, dropped);
    let turned_away = turned_away(merger, dropped);
    let short = against.rows.iter().filter(|row| row.received < row.k6).max_by_key(|row| row.k6.abs_diff(row.received));
    let list = |of: fn(&CompletenessRow) -> u64| against.rows.iter().map(|row| format!("{} {}", number(of(row)), row.counter)).collect::<Vec<_>>().join(", ");
    let known = match short {
        _ if !against.compared => "Not all of the others left a summary either, so nothing can be compared.".to_owned(),
        Some(row) => {
            let missing = row.k6.abs_diff(row.received);
            format!(
                "The others counted {} {}, and of all {} were received: {} or more missing.",
                number(row.k6),
                row.counter,
                number(row.received),
                number(missing)
            )
        }
        None if against.rows.is_empty() => "The others counted nothing.".to_owned(),
        None => format!("The others counted {}; of all were received {}.", list(|row| row.k6), list(|row| row.received)),
    };
    let arrived = against.compared && short.is_none() && turned_away == 0;
    let sentence = format!("What a lost runner had not delivered is missing, and nobody has counted it. {known}{}", turned_away_text(turned_away));
    (Completeness { compared: false, rows: Vec::new(), complete: false, sentence, dropped: against.dropped }, arrived)
}

/// Values and deliveries that were lost on the way or here.
fn turned_away(merger: &Merger, dropped: &[(String, u64)]) -> u64 {
    let here: u64 = merger.noted().iter().filter(|(bound, _)| bound.loses()).map(|(_, count)| count).sum();
    dropped.iter().map(|(_, count)| *count).fold(here, u64::saturating_add)
}

/// A row for each counter that either side knows.
fn rows(merger: &Merger, metrics: &serde_json::Map<String, Value>) -> Vec<CompletenessRow> {
    let totals = results::totals(merger);
    let of_k6 = |metric: &str, field: &str| metrics.get(metric).and_then(|metric| whole(metric.get(field)?));
    [
        ("http_reqs", "http_reqs", "count", totals.requests),
        ("iterations", "iterations", "count", totals.iterations),
        ("checks passed", "checks", "passes", totals.checks_passed),
        ("checks failed", "checks", "fails", totals.checks_failed),
        ("dropped_iterations", "dropped_iterations", "count", totals.dropped_iterations),
    ]
    .into_iter()
    .filter_map(|(counter, metric, field, received)| {
        let k6 = of_k6(metric, field);
        (k6.is_some() || received > 0).then(|| CompletenessRow { counter: counter.to_owned(), received, k6: k6.unwrap_or(0) })
    })
    .collect()
}

/// k6 writes counts as JSON numbers, now and then with a decimal point.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(crate::num::whole))
}

fn sentence(compared: bool, rows: &[CompletenessRow], lost: u64) -> String {
    let lost_text = turned_away_text(lost);
    if !compared {
        return format!("k6 left no summary, so what we received cannot be compared with what it counted.{lost_text}");
    }
    let worst = rows.iter().filter(|row| row.received != row.k6).max_by_key(|row| row.received.abs_diff(row.k6));
    match worst {
        Some(row) => {
            let off = row.received.abs_diff(row.k6);
            let way = if row.received < row.k6 { "missing" } else { "too many" };
            format!("Received {} of {} {}: {} {way}.{lost_text}", number(row.received), number(row.k6), row.counter, number(off))
        }
        None if rows.is_empty() => format!("k6 counted nothing, and nothing was received.{lost_text}"),
        None => {
            let counted: Vec<_> = rows.iter().map(|row| format!("{} {}", number(row.received), row.counter)).collect();
            format!("Received all that k6 counted: {}.{lost_text}", counted.join(", "))
        }
    }
}

fn turned_away_text(count: u64) -> String {
    if count == 0 { String::new() } else { format!(" {} values or deliveries were turned away; the list names why.", number(count)) }
}

fn number(count: u64) -> String {
    if count < 1_000 { count.to_string() } else { short(crate::num::float(count)) }
}

#[cfg(test)]
mod tests {
    use windfirm_model::clock::Timestamp;

    use super::*;
    use crate::{
        sample,
        window::{Limits, Merger},
    };

    const START: Timestamp = Timestamp::from_seconds(1_000);

    fn merger(requests: f64) -> Merger {
        let mut merger = Merger::new(START, Limits::default());
        merger.merge(&sample::set(vec![sample::counter("http_reqs", &[("name", "a")], 1_001, requests)]), "k", Timestamp::from_seconds(1_003));
        merger
    }

    #[test]
    fn equal_counts_are_complete() {
        let summary = serde_json::json!({ "metrics": { "http_reqs": { "count": 2401 } } });
        let found = compare(&merger(2_401.0), Some(&summary), &[]);
        assert!(found.complete && found.compared, "{found:?}");
        assert_eq!(found.sentence, "Received all that k6 counted: 2,401 http_reqs.");
    }

    #[test]
    fn one_missing_request_is_said() {
        let summary = serde_json::json!({ "metrics": { "http_reqs": { "count": 2401.0 }, "iterations": { "count": 0 } } });
        let found = compare(&merger(2_400.0), Some(&summary), &[]);
        assert!(!found.complete);
        assert_eq!(found.sentence, "Received 2,400 of 2,401 http_reqs: 1 missing.");
        assert_eq!(found.rows.len(), 2);
    }

    #[test]
    fn without_a_summary_nothing_is_claimed() {
        let found = compare(&merger(1.0), None, &[]);
        assert!(!found.compared && !found.complete && found.rows.is_empty());
        let odd = compare(&merger(1.0), Some(&serde_json::json!([1])), &[]);
        assert!(!odd.compared);
    }

    #[test]
    fn what_was_turned_away_is_named_and_makes_it_incomplete() {
        let summary = serde_json::json!({ "metrics": { "http_reqs": { "count": 5 } } });
        let mut late = merger(5.0);
        late.merge(&sample::set(vec![sample::counter("http_reqs", &[], 1_001, 3.0)]), "late", Timestamp::from_seconds(1_200));
        let found = compare(&late, Some(&summary), &[("frames lost by the runner".to_owned(), 2), ("nothing".to_owned(), 0)]);
        assert!(!found.complete);
        assert_eq!(found.dropped, [("frames lost by the runner".to_owned(), 2), ("values that came too late".to_owned(), 1)]);
        assert_eq!(found.sentence, "Received all that k6 counted: 5 http_reqs. 3 values or deliveries were turned away; the list names why.");
    }

    #[test]
    fn where_a_runner_was_lost_the_others_counts_are_the_least_that_must_have_come() {
        let others = |count: u64| serde_json::json!({ "metrics": { "http_reqs": { "count": count } } });
        let (found, arrived) = compare_others(&merger(2_401.0), Some(&others(1_600)), &[]);
        assert!(arrived && !found.compared && !found.complete && found.rows.is_empty(), "{found:?}");
        assert_eq!(
            found.sentence,
            "What a lost runner had not delivered is missing, and nobody has counted it. The others counted 1,600 http_reqs; of all were received 2,401 http_reqs."
        );
        let (found, arrived) = compare_others(&merger(2_401.0), Some(&others(2_500)), &[]);
        assert!(!arrived && found.sentence.ends_with("The others counted 2,500 http_reqs, and of all 2,401 were received: 99 or more missing."), "{found:?}");
        let (found, arrived) = compare_others(&merger(2_401.0), None, &[]);
        assert!(!arrived && found.sentence.ends_with("Not all of the others left a summary either, so nothing can be compared."), "{found:?}");
        let (found, arrived) = compare_others(&merger(2_401.0), Some(&others(1_600)), &[("late".to_owned(), 2)]);
        assert!(!arrived && found.dropped.len() == 1 && found.sentence.ends_with("2 values or deliveries were turned away; the list names why."), "{found:?}");
    }

    #[test]
    fn names_put_together_lose_no_numbers() {
        let mut merger = Merger::new(START, Limits { series_per_metric: 1, ..Limits::default() });
        let series = ["a", "b", "c"].map(|name| sample::counter("http_reqs", &[("name", name)], 1_001, 1.0));
        merger.merge(&sample::set(series.to_vec()), "k", START);
        let found = compare(&merger, Some(&serde_json::json!({ "metrics": { "http_reqs": { "count": 3 } } })), &[]);
        assert!(found.complete, "{found:?}");
        assert_eq!(found.dropped.first().map(|(_, count)| *count), Some(2));
    }
}
