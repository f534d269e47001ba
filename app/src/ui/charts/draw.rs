//! Writing SVG as text, and the parts that all plots share: ground, axes, caption, table twin.
//!
//! Plots are written as text rather than as views: they are redrawn whole once a second, and the text can be tested as it is.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::geometry::{Ticks, TimeScale, ValueScale, WIDTH, coordinate, time_ticks};
use crate::ui::format::stopwatch;

/// SVG elements, in the order of painting. Nothing but numbers and escaped text gets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Svg(String);

impl Svg {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(text);
    }
    /// `x` and `width` in per cent, `y` and `height` in px.
    pub fn rect(&mut self, class: &str, x: &str, width: &str, y: f64, height: f64) {
        self.add(format_args!(r#"<rect class="{class}" x="{x}" width="{width}" y="{}" height="{}"/>"#, coordinate(y), coordinate(height)));
    }
    /// From side to side.
    pub fn across(&mut self, class: &str, y: f64) {
        let y = coordinate(y);
        self.add(format_args!(r#"<line class="{class}" x1="0" x2="100%" y1="{y}" y2="{y}"/>"#));
    }
    /// From top to bottom at `x` per cent.
    pub fn upright(&mut self, class: &str, x: &str, from: f64, to: f64) {
        self.add(format_args!(r#"<line class="{class}" x1="{x}" x2="{x}" y1="{}" y2="{}"/>"#, coordinate(from), coordinate(to)));
    }
    pub fn dot(&mut self, class: &str, x: &str, y: f64, radius: f64) {
        self.add(format_args!(r#"<circle class="{class}" cx="{x}" cy="{}" r="{}"/>"#, coordinate(y), coordinate(radius)));
    }
    /// `x` in per cent or px as it stands; `class` may be empty; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, x: &str, y: f64, anchor: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
        self.add(format_args!(r#"<text{class} x="{x}" y="{}" text-anchor="{anchor}">{}</text>"#, coordinate(y), escape(text)));
    }
    pub fn path(&mut self, class: &str, d: &str) {
        if !d.is_empty() {
            self.add(format_args!(r#"<path class="{class}" d="{d}"/>"#));
        }
    }
    /// A part that is stretched to the whole width: [`WIDTH`] units wide, `height` px and units high.
    pub fn stretched(&mut self, y: f64, height: f64, content: &Self) {
        let (y, height) = (coordinate(y), coordinate(height));
        self.add(format_args!(
            r#"<svg x="0" y="{y}" width="100%" height="{height}" viewBox="0 0 {} {height}" preserveAspectRatio="none">{}</svg>"#,
            coordinate(WIDTH),
            content.0
        ));
    }
    /// A part of `columns` by `rows` cells, stretched over `width` (per cent) and clipped at the edge of the plot.
    pub fn cells(&mut self, width: &str, height: f64, columns: usize, rows: usize, content: &Self) {
        let height = coordinate(height);
        self.add(format_args!(
            r#"<svg x="0" y="0" width="100%" height="{height}"><svg width="{width}" height="{height}" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none">{}</svg></svg>"#,
            content.0
        ));
    }
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What all plots of one page have in common: the same time axis, the same gaps, the same now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeFrame {
    /// Length of the axis in seconds.
    pub span_s: u32,
    /// Where now is, while the run is live; what comes after is the future.
    pub now_s: Option<u32>,
    /// Where nothing was measured, from and to in seconds.
    pub gaps: Vec<(u32, u32)>,
}

impl TimeFrame {
    #[must_use]
    pub fn scale(&self) -> TimeScale {
        TimeScale::new(self.span_s)
    }
    /// The future and the gaps, under everything else.
    pub fn ground(&self, svg: &mut Svg, height: f64) {
        let time = self.scale();
        if let Some(now) = self.now_s.filter(|now| *now < self.span_s) {
            let width = super::geometry::per_cent(1.0 - time.share(f64::from(now)));
            svg.rect("ahead", &time.per_cent(f64::from(now)), &width, 0.0, height);
        }
        for (from, to) in &self.gaps {
            let (from, to) = (f64::from(*from), f64::from(*to));
            svg.rect("gap", &time.per_cent(from), &super::geometry::per_cent(time.share(to) - time.share(from)), 0.0, height);
            svg.upright("gap-line", &time.per_cent(from), 0.0, height);
            svg.upright("gap-line", &time.per_cent(to), 0.0, height);
        }
    }
    /// The line at now, over everything else.
    pub fn now(&self, svg: &mut Svg, height: f64) {
        if let Some(now) = self.now_s {
            svg.upright("now", &self.scale().per_cent(f64::from(now)), 0.0, height);
        }
    }
    /// Labels of the time axis, on the base line `y`.
    pub fn axis(&self, svg: &mut Svg, y: f64, at_most: u32) {
        let time = self.scale();
        for tick in time_ticks(self.span_s, at_most) {
            let class = if tick.minor { "minor" } else { "" };
            svg.text(class, &time.per_cent(f64::from(tick.at_s)), y, tick.anchor, &stopwatch(i64::from(tick.at_s)));
        }
    }
    /// “No data from 3:21 to 3:29.” Empty when there are no gaps.
    #[must_use]
    pub fn gap_sentence(&self) -> String {
        let named: Vec<String> =
            self.gaps.iter().take(3).map(|(from, to)| format!("from {} to {}", stopwatch(i64::from(*from)), stopwatch(i64::from(*to)))).collect();
        match self.gaps.len() {
            0 => String::new(),
            1..=3 => format!(" No data {}.", named.join(", ")),
            many => format!(" No data in {many} places, first {}.", named.first().map_or("", String::as_str)),
        }
    }
}

/// Grid lines and labels of a value axis. The base line is heavier.
pub fn value_axis(svg: &mut Svg, ticks: &Ticks, scale: &ValueScale) {
    for value in &ticks.values {
        let y = scale.y(*value);
        svg.across(if *value == 0.0 { "axis" } else { "grid" }, y);
        svg.text("", "-8", y + 4.0, "end", &ticks.label(*value));
    }
}

/// A table that says the same as a chart. `None` in place of the cells is “no data”.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Twin {
    pub heads: Vec<String>,
    pub rows: Vec<(String, Option<Vec<String>>)>,
}

/// A chart with its caption and its table twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    pub title: String,
    /// Unit and what a point stands for, once.
    pub unit: String,
    /// What the chart shows, in a sentence or two.
    pub sentence: String,
    pub height_px: u32,
    pub svg: String,
    pub twin: Twin,
}

/// The chart as a figure. `large` gives it a section's title; `keys` explain the marks.
#[must_use]
pub fn figure(chart: Chart, large: bool, keys: AnyView) -> AnyView {
    let Chart { title, unit, sentence, height_px, svg, twin } = chart;
    let label = format!("Table: {title}");
    let heading = if large { view! { <h2>{title}</h2> }.into_any() } else { view! { <h3>{title}</h3> }.into_any() };
    view! {
        <figure class="chart">
            <figcaption>{heading} <span class="unit-l">{unit}</span> {keys}</figcaption>
            <svg class="plot" height=height_px.to_string() role="img" aria-label=sentence inner_html=svg></svg>
            <details class="more">
                <summary>"Table of this chart"</summary>
                <div class="twin-box" role="region" tabindex="0" aria-label=label>
                    {table(twin)}
                </div>
            </details>
        </figure>
    }
    .into_any()
}

fn table(twin: Twin) -> AnyView {
    let width = twin.heads.len().saturating_sub(1).to_string();
    let heads = twin.heads.into_iter().map(|head| view! { <th scope="col">{head}</th> }).collect_view();
    let rows = twin
        .rows
        .into_iter()
        .map(|(head, cells)| {
            let cells = match cells {
                Some(cells) => cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view().into_any(),
                None => view! { <td colspan=width.clone()>"no data"</td> }.into_any(),
            };
            view! { <tr><th scope="row">{head}</th>{cells}</tr> }
        })
        .collect_view();
    view! { <table class="twin"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::default();
        svg.text("limit-t", "100%", 219.0, "end", r#"p(99)<400 & "x""#);
        assert_eq!(svg.into_text(), r#"<text class="limit-t" x="100%" y="219" text-anchor="end">p(99)&lt;400 &amp; &quot;x&quot;</text>"#);
    }

    #[test]
    fn gaps_are_told_in_words() {
        let frame = |gaps: Vec<(u32, u32)>| TimeFrame { span_s: 360, now_s: None, gaps };
        assert_eq!(frame(vec![]).gap_sentence(), "");
        assert_eq!(frame(vec![(201, 209)]).gap_sentence(), " No data from 3:21 to 3:29.");
        assert_eq!(frame(vec![(1, 2), (3, 4), (5, 6), (7, 8)]).gap_sentence(), " No data in 4 places, first from 0:01 to 0:02.");
    }
}
