//! The grammar of thresholds. What k6 takes is taken, what k6 refuses is `None`.

use crate::series::{Tags, tidy};

/// `http_req_duration{name:checkout}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    /// Every one must hold. Masked and cut as tags are, so that they still meet.
    pub tags: Vec<(String, String)>,
}

/// `p(99)<400`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    pub method: Method,
    pub comparison: Comparison,
    pub limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    Value,
    Count,
    Rate,
    Average,
    Min,
    Median,
    Max,
    /// As a fraction: `p(99)` is 0.99.
    Percentile(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Selector {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some((metric, rest)) = text.split_once('{') else {
            return (!text.is_empty() && !text.contains('}')).then(|| Self { metric: text.to_owned(), tags: Vec::new() });
        };
        let inside = rest.strip_suffix('}')?;
        let bare = |text: &str| tidy(text.trim().trim_matches(['"', '\''])).0;
        let tags = inside.split(',').map(|pair| {
            let (name, value) = pair.split_once(':')?;
            (!value.is_empty()).then(|| (bare(name), bare(value)))
        });
        Some(Self { metric: metric.trim().to_owned(), tags: tags.collect::<Option<_>>()? })
    }
    /// Whether a series belongs to it. An empty value also means that the tag is not there.
    #[must_use]
    pub fn takes(&self, tags: &Tags) -> bool {
        self.tags.iter().all(|(name, value)| tags.get(name).unwrap_or_default() == value)
    }
}

impl Condition {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // k6 cuts at the first of these that it finds, longer ones first.
        const SIGNS: [(&str, Comparison); 7] = [
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
            ("===", Comparison::Equal),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
        ];
        let (left, comparison, right) = SIGNS.into_iter().find_map(|(sign, comparison)| {
            let (left, right) = text.split_once(sign)?;
            (!right.is_empty()).then_some((left.trim(), comparison, right.trim()))
        })?;
        let limit: f64 = right.parse().ok().filter(|limit: &f64| limit.is_finite())?;
        Some(Self { method: Method::parse(left)?, comparison, limit })
    }
}

impl Method {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "value" => Self::Value,
            "count" => Self::Count,
            "rate" => Self::Rate,
            "avg" => Self::Average,
            "min" => Self::Min,
            "med" => Self::Median,
            "max" => Self::Max,
            _ => {
                let percent: f64 = text.strip_prefix("p(")?.strip_suffix(')')?.trim().parse().ok()?;
                return (0.0..=100.0).contains(&percent).then_some(Self::Percentile(percent / 100.0));
            }
        })
    }
}

impl Comparison {
    #[must_use]
    #[expect(clippy::float_cmp, reason = "k6 compares exactly too; a count of 0 is exactly 0")]
    pub fn holds(self, measured: f64, limit: f64) -> bool {
        match self {
            Self::Less => measured < limit,
            Self::LessOrEqual => measured <= limit,
            Self::Greater => measured > limit,
            Self::GreaterOrEqual => measured >= limit,
            Self::Equal => measured == limit,
            Self::NotEqual => measured != limit,
        }
    }
}

/// A duration of k6's options: a number of milliseconds, or a text such as `1m30s`. 0 when it is neither.
pub(super) fn seconds(value: &serde_json::Value) -> f64 {
    if let Some(milliseconds) = value.as_f64() {
        return milliseconds / 1_000.0;
    }
    let mut rest = value.as_str().unwrap_or_default();
    let mut total = 0.0;
    while let Some((digits, unit_on)) = rest.find(|c: char| !c.is_ascii_digit() && c != '.').and_then(|at| rest.split_at_checked(at)) {
        const UNITS: [(&str, f64); 7] = [("ms", 0.001), ("us", 0.000_001), ("µs", 0.000_001), ("ns", 1e-9), ("d", 86_400.0), ("h", 3_600.0), ("m", 60.0)];
        let unit = UNITS.iter().chain(&[("s", 1.0)]).find_map(|(unit, worth)| Some((*worth, unit_on.strip_prefix(unit)?)));
        let (Some((worth, after)), Ok(number)) = (unit, digits.parse::<f64>()) else {
            return 0.0;
        };
        total += number * worth;
        rest = after;
    }
    total
}
