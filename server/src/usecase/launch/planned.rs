//! How long a script's own scenarios take when every iteration ends in time.
//!
//! k6's `totalDuration` is the longest that it may take, with `gracefulStop`: right for a guardrail, wrong for a clock that runs
//! towards the end. The options are those that `k6 inspect` prints, with durations as Go writes them.

use serde_json::Value;

/// The end of the last scenario in seconds from the start; `None` when the options do not tell.
pub(super) fn seconds(options: &Value) -> Option<u32> {
    let scenarios = options.get("scenarios")?.as_object()?;
    let ends = scenarios.values().map(|scenario| {
        let text = |name: &str| scenario.get(name).and_then(Value::as_str).and_then(go_seconds);
        let stages = scenario.get("stages").and_then(Value::as_array);
        let stages = stages.map(|stages| stages.iter().filter_map(|stage| stage.get("duration")?.as_str().and_then(go_seconds)).sum::<f64>());
        let takes = text("duration").or(stages).or_else(|| text("maxDuration"))?;
        Some(text("startTime").unwrap_or(0.0) + takes)
    });
    let last = ends.collect::<Option<Vec<f64>>>()?.into_iter().fold(0.0, f64::max);
    if !(0.0..=86_400.0 * 365.0).contains(&last) || last == 0.0 {
        return None;
    }
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a year in seconds")]
    Some(last.ceil() as u32)
}

/// `1m30s`, `500ms`, `1h0m0s`.
fn go_seconds(text: &str) -> Option<f64> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let unit_s = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit_s;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_scenario_decides_without_its_graceful_stop() {
        let options = json!({ "scenarios": {
            "browse": { "startTime": null, "stages": [{ "duration": "5s" }, { "duration": "1m0s" }], "gracefulStop": "30s" },
            "late": { "startTime": "10s", "duration": "1m30s", "gracefulStop": null },
        }});
        assert_eq!(seconds(&options), Some(100));
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        for options in [json!({}), json!({ "scenarios": { "a": { "vus": 1 } } }), json!({ "scenarios": { "a": { "duration": "soon" } } })] {
            assert_eq!(seconds(&options), None, "{options}");
        }
    }
}
