//! k6's own counters, from the log of a runner.
//!
//! A pod's files go with it, so the summary must come out by its log. k6 writes the file of `--summary-export` to its standard output when the
//! file is called `stdout` (`handleSummaryResult` in k6's `internal/cmd/run.go`), in place of the text for terminals or what the script's
//! `handleSummary` has for it: a script cannot write there by that name. Everything else that k6 prints are log lines, each a JSON object on one line, to standard error.
//! So in the log of the pod, where both come together, the summary is what begins with a line `{` and ends with a line `}`.
//!
//! A script that opens `/dev/stdout` from `handleSummary` can print another one. Then there are two, and which is k6's is not known: none counts.

use serde_json::{Map, Value, json};

/// A summary with thousands of groups is longer than anybody reads.
const MOST_BYTES: usize = 4 << 20;

/// Reads lines one by one, and tells those of the summary from the rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanner {
    inside: bool,
    text: String,
    found: Vec<Option<Value>>,
}

impl Scanner {
    /// Whether the line is part of a summary.
    pub(crate) fn takes(&mut self, line: &str) -> bool {
        if !self.inside {
            self.inside = line == "{";
            if self.inside {
                self.text.clear();
                self.push(line);
            }
            return self.inside;
        }
        // A log line that came in between.
        if line.starts_with("{\"") {
            return false;
        }
        self.push(line);
        if line == "}" {
            self.end();
        }
        true
    }
    /// Its last line has no line break: what k6 logs after it may stand behind it on the same line.
    pub(crate) fn split<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        (self.inside && line.starts_with("}{\"")).then(|| line.split_at(1))
    }
    fn push(&mut self, line: &str) {
        if self.text.len() < MOST_BYTES {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
    fn end(&mut self) {
        self.inside = false;
        let text = std::mem::take(&mut self.text);
        let metrics = serde_json::from_str::<Value>(&text).ok().and_then(|mut whole| Some(whole.get_mut("metrics")?.take()));
        self.found.push(metrics.filter(Value::is_object));
    }
    /// The metrics of the one summary.
    pub(crate) fn metrics(&self) -> Option<&Map<String, Value>> {
        match (self.inside, self.found.as_slice()) {
            (false, [Some(Value::Object(metrics))]) => Some(metrics),
            _ => None,
        }
    }
}

/// The counts of all runners together, in the form of one summary. Only when all are known: half a sum compares with nothing.
pub(crate) fn sum<'a>(all: impl IntoIterator<Item = Option<&'a Map<String, Value>>>) -> Option<Value> {
    let mut sums: Map<String, Value> = Map::new();
    for metrics in all {
        for (name, stats) in metrics? {
            for field in ["count", "passes", "fails"] {
                let Some(more) = stats.get(field).and_then(whole) else { continue };
                let sum = sums.entry(name.clone()).or_insert_with(|| json!({}));
                let before = sum.get(field).and_then(Value::as_u64).unwrap_or(0);
                if let Value::Object(sum) = sum {
                    sum.insert(field.to_owned(), before.saturating_add(more).into());
                }
            }
        }
    }
    Some(json!({ "metrics": sums }))
}

/// k6 writes counts as JSON numbers, now and then with a decimal point. What is no count (bytes of a second, say) is left out.
fn whole(value: &Value) -> Option<u64> {
    #[expect(clippy::as_conversions, reason = "the cast saturates; what is below 2^53 and whole stays as it is")]
    let rounded = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As k6 2.2.0 prints it, shortened.
    const PRINTED: &str = "{\n    \"root_group\": {\n        \"checks\": {}\n    },\n    \"metrics\": {\n        \"http_reqs\": {\n            \"rate\": 7.9,\n            \"count\": 40\n        },\n        \"checks\": {\n            \"passes\": 39,\n            \"fails\": 1,\n            \"value\": 0.9\n        },\n        \"vus\": {\n            \"value\": 4\n        }\n    }\n}";
    const LOG: &str = r#"{"level":"info","msg":"{","source":"console"}"#;

    fn read(lines: impl IntoIterator<Item = String>) -> (Scanner, Vec<String>) {
        let mut scanner = Scanner::default();
        let rest = lines.into_iter().filter(|line| !scanner.takes(line)).collect();
        (scanner, rest)
    }
    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_summary_is_found_also_with_log_lines_in_between() {
        let mut mixed = lines(PRINTED);
        mixed.insert(3, LOG.to_owned());
        mixed.insert(0, LOG.to_owned());
        mixed.push(LOG.to_owned());
        let (scanner, rest) = read(mixed);
        assert_eq!(scanner.metrics().unwrap()["http_reqs"]["count"], 40);
        assert_eq!(rest, [LOG, LOG, LOG]);
    }

    #[test]
    fn two_summaries_are_none_and_half_a_one_too() {
        let twice = [lines(PRINTED), lines(PRINTED)].concat();
        assert_eq!(read(twice).0.metrics(), None);
        let half = lines(PRINTED).into_iter().take(8);
        assert_eq!(read(half).0.metrics(), None);
        assert_eq!(read(lines("{\nnonsense\n}")).0.metrics(), None);
        assert_eq!(read(Vec::new()).0.metrics(), None);
    }

    #[test]
    fn a_log_line_behind_the_last_brace_is_told_from_it() {
        let (mut scanner, _) = read(lines(PRINTED).into_iter().take(18));
        let line = format!("}}{LOG}");
        let (mine, theirs) = scanner.split(&line).unwrap();
        assert!(scanner.takes(mine));
        assert_eq!(theirs, LOG);
        assert!(scanner.metrics().is_some());
    }

    #[test]
    fn counts_are_added_up_when_all_are_known() {
        let (scanner, _) = read(lines(PRINTED));
        let one = scanner.metrics();
        let both = sum([one, one]).unwrap();
        assert_eq!(both["metrics"]["http_reqs"], json!({ "count": 80 }));
        assert_eq!(both["metrics"]["checks"], json!({ "passes": 78, "fails": 2 }));
        assert_eq!(sum([one, None]), None);
    }
}
