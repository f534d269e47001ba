//! Thresholds of the script, in k6's grammar, judged on merged data: however many runners there were, there is one answer.
//!
//! Grammar as in k6 v2.2.0, `metrics/thresholds_parser.go` and `metrics/metric.go`: `p(99)<400`, `avg`, `min`, `max`, `med`, `count`,
//! `rate`, `value`; a metric may be narrowed by tags: `http_req_duration{name:checkout,method:GET}`.

mod evaluate;
mod grammar;

use windfirm_model::view::run::{FrozenThreshold, ThresholdRow};

use crate::num;

pub(crate) use self::evaluate::short;
pub use self::{
    evaluate::{evaluate, rows},
    grammar::{Comparison, Condition, Method, Selector},
};

/// One threshold, as the script has it, and as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdDef {
    /// `http_req_duration{name:checkout}`.
    pub metric: String,
    /// `p(99)<400`.
    pub expression: String,
    pub abort_on_fail: bool,
    /// Seconds from the start in which a broken threshold does not abort yet.
    pub delay_abort_s: f64,
    /// `None` when it is not in the grammar: shown, and never decided.
    pub parsed: Option<(Selector, Condition)>,
}

/// The options of a script are not what k6 prints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    #[error("The options that k6 printed for this script cannot be read: {0}.")]
    NotJson(String),
}

impl ThresholdDef {
    #[must_use]
    pub fn new(metric: &str, expression: &str) -> Self {
        let parsed = Selector::parse(metric).zip(Condition::parse(expression));
        Self { metric: metric.to_owned(), expression: expression.to_owned(), abort_on_fail: false, delay_abort_s: 0.0, parsed }
    }

    /// All thresholds of a script, from what `k6 inspect` prints, in the order of the metrics' names.
    ///
    /// # Errors
    /// When the text is not JSON. A threshold of an unknown shape is kept, so that it is seen, and cannot be decided.
    pub fn from_options(json: &str) -> Result<Vec<Self>, OptionsError> {
        let options: serde_json::Value = serde_json::from_str(json).map_err(|error| OptionsError::NotJson(error.to_string()))?;
        let metrics = options.get("thresholds").and_then(serde_json::Value::as_object);
        let of_metric = |(metric, list): (&String, &serde_json::Value)| -> Vec<Self> {
            list.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|entry| Self::from_entry(metric, entry)).collect()
        };
        let mut all: Vec<Self> = metrics.into_iter().flatten().flat_map(of_metric).collect();
        all.sort_by(|a, b| a.metric.cmp(&b.metric));
        Ok(all)
    }

    /// As it is kept with a run.
    #[must_use]
    pub fn freeze(&self) -> FrozenThreshold {
        FrozenThreshold {
            metric: self.metric.clone(),
            expression: self.expression.clone(),
            abort_on_fail: self.abort_on_fail,
            delay_abort_ms: num::whole(self.delay_abort_s * 1_000.0),
        }
    }

    /// From what is kept with a run.
    #[must_use]
    pub fn thaw(frozen: &FrozenThreshold) -> Self {
        Self {
            abort_on_fail: frozen.abort_on_fail,
            delay_abort_s: num::float(frozen.delay_abort_ms) / 1_000.0,
            ..Self::new(&frozen.metric, &frozen.expression)
        }
    }

    fn from_entry(metric: &str, entry: &serde_json::Value) -> Self {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let expression = text(entry).or_else(|| entry.get("threshold").and_then(text)).unwrap_or_else(|| entry.to_string());
        Self {
            abort_on_fail: entry.get("abortOnFail").and_then(serde_json::Value::as_bool).unwrap_or(false),
            delay_abort_s: entry.get("delayAbortEval").map_or(0.0, grammar::seconds),
            ..Self::new(metric, &expression)
        }
    }
}

/// The first threshold that is broken now and asks for the end of the run, `elapsed_s` seconds after its start.
/// `rows` are those that [`rows`] made of `definitions`.
#[must_use]
pub fn abort_due<'a>(definitions: &[ThresholdDef], rows: &'a [ThresholdRow], elapsed_s: f64) -> Option<&'a ThresholdRow> {
    let due = |(definition, row): &(&ThresholdDef, &ThresholdRow)| {
        definition.abort_on_fail && row.kept == Some(false) && (definition.delay_abort_s == 0.0 || definition.delay_abort_s < elapsed_s)
    };
    definitions.iter().zip(rows).find(due).map(|(_, row)| row)
}

#[cfg(test)]
mod tests;
