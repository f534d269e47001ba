//! The small plots beside the band: request rate, errors, virtual users. One value over time each.

use leptos::prelude::*;
use windfirm_model::view::run::WindowPoint;

use super::{
    draw::{Chart, Svg, TimeFrame, Twin, figure, value_axis},
    geometry::{ValueScale, area, float, nice_ticks, polyline},
    series::{Column, column_step, columns, line, parts, rows, scaled, thin},
};
use crate::ui::format::{self, duration, stopwatch};

const PLOT_PX: f64 = 84.0;
const HEIGHT_PX: u32 = 104;

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Small {
    Requests,
    Errors,
    Users,
}

impl Small {
    const fn title(self) -> &'static str {
        match self {
            Self::Requests => "Request rate",
            Self::Errors => "Errors",
            Self::Users => "Virtual users",
        }
    }
    const fn unit(self) -> &'static str {
        match self {
            Self::Requests => "per second",
            Self::Errors => "% of requests",
            Self::Users => "active",
        }
    }
    const fn head(self) -> &'static str {
        match self {
            Self::Requests => "Requests per s",
            Self::Errors => "Per cent",
            Self::Users => "VUs",
        }
    }
    fn columns(self, windows: &[WindowPoint]) -> Vec<Column<f64>> {
        columns(windows, |window| match self {
            Self::Requests => Some(float(window.requests)),
            Self::Errors => (window.requests > 0).then(|| float(window.failed) / float(window.requests) * 100.0),
            Self::Users => window.vus.map(float),
        })
    }
    /// How a value reads: beside the title, in the sentence, in the table.
    fn words(self, value: f64) -> String {
        match self {
            Self::Requests => format::rate(value).trim_end_matches(".0").to_owned(),
            Self::Errors => format::percent(value / 100.0),
            Self::Users => format!("{value:.0}"),
        }
    }
}

/// The plot as a chart. Where several seconds share a column, the highest stands.
#[must_use]
pub fn small_chart(kind: Small, windows: &[WindowPoint], frame: &TimeFrame) -> Chart {
    let all = kind.columns(windows);
    let step_s = column_step(frame.span_s);
    let drawn = thin(&all, step_s, f64::max);
    let unit = if step_s == 1 { kind.unit().to_owned() } else { format!("{}, highest of every {}", kind.unit(), duration(step_s)) };
    let highest = all.iter().map(|column| column.value).fold(0.0, f64::max);
    let sentence = match (all.last(), frame.now_s) {
        (None, _) => format!("{}. Nothing was measured yet.", kind.title()),
        (Some(last), Some(_)) => format!("{}: at most {}, now {}.", kind.title(), kind.words(highest), kind.words(last.value)),
        (Some(last), None) => format!("{}: at most {}, at the end {}.", kind.title(), kind.words(highest), kind.words(last.value)),
    };
    let until = frame.now_s.unwrap_or(frame.span_s);
    let (row_s, rows) = rows(&all, until, f64::max);
    let head = if row_s == 1 { kind.head().to_owned() } else { format!("{}, highest", kind.head()) };
    let rows = rows.into_iter().map(|(at_s, value)| (stopwatch(i64::from(at_s)), value.map(|value| vec![kind.words(value)]))).collect();
    Chart {
        title: kind.title().to_owned(),
        unit,
        sentence: sentence + &frame.gap_sentence(),
        height_px: HEIGHT_PX,
        svg: svg(kind, &drawn, highest, frame),
        twin: Twin { heads: vec!["Time".to_owned(), head], rows },
    }
}

/// The chart with its newest value (while live) or its mean over the run (afterwards) as key.
#[must_use]
pub fn small_figure(kind: Small, windows: &[WindowPoint], frame: &TimeFrame, whole: Option<f64>) -> AnyView {
    let last = windows.last().and_then(|window| kind.columns(&[*window]).first().map(|column| column.value));
    let value = if frame.now_s.is_some() { last } else { whole };
    let keys = value.map(|value| view! { <ul class="keys"><li><b>{kind.words(value)}</b></li></ul> }).into_any();
    figure(small_chart(kind, windows, frame), false, keys)
}

fn svg(kind: Small, columns: &[Column<f64>], highest: f64, frame: &TimeFrame) -> String {
    let time = frame.scale();
    let whole = nice_ticks(highest, if kind == Small::Errors { 0.01 } else { 1.0 });
    // Three lines are enough for a plot this low: nothing, half, all.
    let top = if highest > 0.0 { whole.top() } else { 1.0 };
    let ticks = super::geometry::Ticks { values: vec![0.0, top / 2.0, top], step: if top >= 2.0 && top % 2.0 == 0.0 { 1.0 } else { top / 2.0 } };
    let scale = ValueScale { top, height_px: PLOT_PX };
    let (mut fill, mut stroke) = (String::new(), String::new());
    for part in parts(columns) {
        let points = scaled(&line(part, &time, |value| *value), &scale);
        let floor: Vec<(f64, f64)> = points.iter().map(|(x, _)| (*x, PLOT_PX)).collect();
        fill.push_str(&area(&points, &floor));
        stroke.push_str(&polyline(&points));
    }
    let mut inside = Svg::default();
    match kind {
        Small::Requests => {
            inside.path("area", &fill);
            inside.path("line", &stroke);
        }
        Small::Errors => {
            inside.path("err", &fill);
            inside.path("lerr", &stroke);
        }
        Small::Users => inside.path("line", &stroke),
    }
    let mut svg = Svg::default();
    frame.ground(&mut svg, PLOT_PX);
    value_axis(&mut svg, &ticks, &scale);
    svg.stretched(0.0, PLOT_PX, &inside);
    frame.now(&mut svg, PLOT_PX);
    frame.axis(&mut svg, 100.0, 3);
    svg.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Vec<WindowPoint> {
        vec![
            WindowPoint { at_s: 0, requests: 100, failed: 0, vus: Some(5), ..WindowPoint::default() },
            WindowPoint { at_s: 1, requests: 300, failed: 3, vus: Some(10), ..WindowPoint::default() },
            WindowPoint { at_s: 2, requests: 0, failed: 0, vus: None, ..WindowPoint::default() },
        ]
    }

    #[test]
    fn each_plot_says_what_it_shows() {
        let live = TimeFrame { span_s: 60, now_s: Some(3), gaps: vec![] };
        assert_eq!(small_chart(Small::Requests, &windows(), &live).sentence, "Request rate: at most 300, now 0.");
        assert_eq!(small_chart(Small::Errors, &windows(), &live).sentence, "Errors: at most 1 %, now 1 %.");
        let done = TimeFrame { now_s: None, ..live };
        assert_eq!(small_chart(Small::Users, &windows(), &done).sentence, "Virtual users: at most 10, at the end 10.");
        assert_eq!(small_chart(Small::Users, &[], &done).sentence, "Virtual users. Nothing was measured yet.");
    }

    #[test]
    fn a_second_without_requests_has_no_error_rate() {
        let done = TimeFrame { span_s: 3, now_s: None, gaps: vec![] };
        let chart = small_chart(Small::Errors, &windows(), &done);
        assert_eq!(chart.twin.rows.last().unwrap(), &("0:02".to_owned(), None));
    }
}
