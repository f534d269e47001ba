//! The latency band: p50, p90 and p99 over time, the spread in a strip of its own below, and a lane of numbered events.

use leptos::prelude::*;
use windfirm_model::view::run::{ThresholdRow, WindowPoint};

use super::{
    draw::{Chart, Svg, TimeFrame, Twin, figure, value_axis},
    geometry::{LEAST_APART, TimeScale, ValueScale, above, apart, area, float, nice_ticks, per_cent, polyline},
    series::{Band, Column, bands, column_step, line, parts, rows, scaled, thin},
};
use crate::ui::format::{duration, latency, stopwatch};

const BAND_PX: f64 = 196.0;
const STRIP_TOP_PX: f64 = 226.0;
const STRIP_PX: f64 = 56.0;
const STRIP_BOTTOM_PX: f64 = STRIP_TOP_PX + STRIP_PX;
const LANE_PX: f64 = 300.0;
const AXIS_PX: f64 = 324.0;
const HEIGHT_PX: u32 = 328;
/// More events than this are listed beside the chart, but not drawn.
const MOST_MARKS: usize = 15;
const MARK_RADIUS_PX: f64 = 8.0;
/// Between a line and the text above or below it: the height of a letter, and what hangs below a line of text, like brackets.
const LETTER_PX: f64 = 9.0;
const BELOW_PX: f64 = 7.0;

/// An event as a numbered circle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    pub at_s: f64,
    /// As in the list beside the chart.
    pub number: usize,
    pub bad: bool,
}

/// A threshold on p99 that can be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub us: u64,
    /// As in the script.
    pub words: String,
}

impl Limit {
    /// The strictest `p(99)<…` on all requests among the thresholds of a script. Its value is in milliseconds.
    #[must_use]
    pub fn of(thresholds: &[ThresholdRow]) -> Option<Self> {
        thresholds
            .iter()
            .filter(|row| row.metric == "http_req_duration")
            .filter_map(|row| {
                let bare: String = row.expression.chars().filter(|letter| !letter.is_whitespace()).collect();
                let number = bare.strip_prefix("p(99)<")?.trim_start_matches('=');
                let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
                let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
                let us = whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(fraction.parse().ok()?)?;
                Some(Self { us, words: row.expression.clone() })
            })
            .min_by_key(|limit| limit.us)
    }
}

/// The band of a whole run as a chart.
#[must_use]
pub fn band_chart(windows: &[WindowPoint], frame: &TimeFrame, limit: Option<&Limit>, marks: &[Mark]) -> Chart {
    let step_s = column_step(frame.span_s);
    let all = bands(windows);
    let drawn = thin(&all, step_s, Band::worse);
    let unit = if step_s == 1 { "ms, one-second windows".to_owned() } else { format!("ms, the worst second of every {}", duration(step_s)) };
    Chart {
        title: "Latency band".to_owned(),
        unit,
        sentence: sentence(&all, frame, limit),
        height_px: HEIGHT_PX,
        svg: svg(&drawn, frame, limit, marks),
        twin: twin(&all, frame),
    }
}

/// The chart with the keys to its marks.
#[must_use]
pub fn band_figure(windows: &[WindowPoint], frame: &TimeFrame, limit: Option<&Limit>, marks: &[Mark]) -> AnyView {
    let over = limit.is_some();
    let gaps = !frame.gaps.is_empty();
    let keys = view! {
        <ul class="keys">
            <li>
                <svg aria-hidden="true"><rect class="b99" width="16" height="10" /><rect class="b90" y="4" width="16" height="6" /><path class="l50" d="M0 9h16" /></svg>
                "p50, p90, p99"
            </li>
            {over.then(|| view! { <li><svg aria-hidden="true"><path class="lsp-over" d="M0 5h16" /></svg>"over the threshold"</li> })}
            {gaps.then(|| view! { <li><svg aria-hidden="true"><rect class="gap" width="16" height="10" /><path class="gap-line" d="M0 .5h16M0 9.5h16" /></svg>"no data"</li> })}
        </ul>
    }
    .into_any();
    figure(band_chart(windows, frame, limit, marks), true, keys)
}

fn milliseconds(us: u64) -> f64 {
    float(us) / 1_000.0
}

fn svg(columns: &[Column<Band>], frame: &TimeFrame, limit: Option<&Limit>, marks: &[Mark]) -> String {
    let time = frame.scale();
    let highest = columns.iter().map(|column| milliseconds(column.value.p99_us)).fold(0.0, f64::max);
    // A limit far above everything would press the band flat; then it stays off the plot.
    let limit = limit.filter(|limit| highest == 0.0 || milliseconds(limit.us) <= highest * 1.6);
    let ticks = nice_ticks(limit.map_or(highest, |limit| highest.max(milliseconds(limit.us))), 0.01);
    let scale = ValueScale { top: ticks.top(), height_px: BAND_PX };

    let mut svg = Svg::default();
    frame.ground(&mut svg, STRIP_BOTTOM_PX);
    value_axis(&mut svg, &ticks, &scale);
    svg.stretched(0.0, BAND_PX, &lines(columns, &time, &scale, limit));
    strip(&mut svg, columns, &time);
    if let Some(limit) = limit {
        let y = scale.y(milliseconds(limit.us));
        svg.across("limit", y);
        svg.text("limit-t", "100%", limit_text(y), "end", &format!("threshold {}", limit.words));
    }
    lane(&mut svg, &time, marks);
    frame.now(&mut svg, STRIP_BOTTOM_PX);
    frame.axis(&mut svg, AXIS_PX, 6);
    svg.into_text()
}

/// Where the words of a limit stand whose line lies at `y`: above it, unless that is the upper edge, where the caption is.
fn limit_text(y: f64) -> f64 {
    if y < LETTER_PX + BELOW_PX { y + LETTER_PX + BELOW_PX - 2.0 } else { y - BELOW_PX }
}

fn lines(columns: &[Column<Band>], time: &TimeScale, scale: &ValueScale, limit: Option<&Limit>) -> Svg {
    let (mut outer, mut inner, mut upper, mut middle, mut over) = (String::new(), String::new(), String::new(), String::new(), String::new());
    for part in parts(columns) {
        let of = |pick: fn(&Band) -> u64| scaled(&line(part, time, |band| milliseconds(pick(band))), scale);
        let (p50, p90, p99) = (of(|band| band.p50_us), of(|band| band.p90_us), of(|band| band.p99_us));
        outer.push_str(&area(&p99, &p90));
        inner.push_str(&area(&p90, &p50));
        upper.push_str(&polyline(&p99));
        middle.push_str(&polyline(&p50));
        if let Some(limit) = limit {
            let values = line(part, time, |band| milliseconds(band.p99_us));
            for piece in above(&values, milliseconds(limit.us)) {
                over.push_str(&polyline(&scaled(&piece, scale)));
            }
        }
    }
    let mut svg = Svg::default();
    svg.path("b99", &outer);
    svg.path("b90", &inner);
    svg.path("l99", &upper);
    svg.path("l50", &middle);
    svg.path("lsp-over", &over);
    svg
}

fn strip(svg: &mut Svg, columns: &[Column<Band>], time: &TimeScale) {
    let highest = columns.iter().map(|column| milliseconds(column.value.spread_us())).fold(0.0, f64::max);
    let ticks = nice_ticks(highest, 0.01);
    let scale = ValueScale { top: ticks.top(), height_px: STRIP_PX };
    svg.text("lane-name", "0", 219.0, "start", "spread");
    svg.text("", "42", 219.0, "start", "p99 − p50");
    svg.across("grid", STRIP_TOP_PX);
    svg.across("axis", STRIP_BOTTOM_PX);
    svg.text("", "-8", STRIP_TOP_PX + 6.0, "end", &ticks.label(ticks.top()));
    svg.text("", "-8", STRIP_BOTTOM_PX + 3.0, "end", "0");
    let (mut fill, mut stroke) = (String::new(), String::new());
    for part in parts(columns) {
        let spread = scaled(&line(part, time, |band| milliseconds(band.spread_us())), &scale);
        let floor: Vec<(f64, f64)> = spread.iter().map(|(x, _)| (*x, STRIP_PX)).collect();
        fill.push_str(&area(&spread, &floor));
        stroke.push_str(&polyline(&spread));
    }
    let mut inside = Svg::default();
    inside.path("sp", &fill);
    inside.path("lsp", &stroke);
    svg.stretched(STRIP_TOP_PX, STRIP_PX, &inside);
}

fn lane(svg: &mut Svg, time: &TimeScale, marks: &[Mark]) {
    let marks = marks.get(..marks.len().min(MOST_MARKS)).unwrap_or_default();
    let places = apart(&marks.iter().map(|mark| time.share(mark.at_s)).collect::<Vec<_>>(), LEAST_APART);
    for (mark, place) in marks.iter().zip(places) {
        svg.upright("ev", &time.per_cent(mark.at_s), 0.0, LANE_PX - MARK_RADIUS_PX);
        let x = per_cent(place);
        svg.dot(if mark.bad { "ev-dot bad" } else { "ev-dot" }, &x, LANE_PX, MARK_RADIUS_PX);
        svg.text("ev-n", &x, LANE_PX + 3.5, "middle", &mark.number.to_string());
    }
}

fn sentence(columns: &[Column<Band>], frame: &TimeFrame, limit: Option<&Limit>) -> String {
    let bounds = |pick: fn(&Band) -> u64| {
        let values = || columns.iter().map(|column| pick(&column.value));
        Some((values().min()?, values().max()?))
    };
    let (Some((low50, high50)), Some((low99, high99))) = (bounds(|band| band.p50_us), bounds(|band| band.p99_us)) else {
        return "Latency band. Nothing was measured yet.".to_owned();
    };
    let widest = columns.iter().max_by_key(|column| column.value.spread_us());
    let widest = widest
        .map_or_else(String::new, |column| format!(" The widest spread is {} at {}.", latency(column.value.spread_us()), stopwatch(i64::from(column.from_s))));
    let limit = limit.map_or_else(String::new, |limit| {
        let over = columns.iter().filter(|column| column.value.p99_us > limit.us).count();
        format!(" p99 is over the threshold of {} in {over} of {} seconds.", latency(limit.us), columns.len())
    });
    format!(
        "Latency band. By second, p50 lies between {} and {}, p99 between {} and {}.{widest}{limit}{}",
        latency(low50),
        latency(high50),
        latency(low99),
        latency(high99),
        frame.gap_sentence()
    )
}

fn twin(columns: &[Column<Band>], frame: &TimeFrame) -> Twin {
    let until = frame.now_s.unwrap_or(frame.span_s);
    let (step_s, rows) = rows(columns, until, Band::worse);
    let time = if step_s == 1 { "Time".to_owned() } else { format!("Worst second of {}", duration(step_s)) };
    let heads = [time, "p50".to_owned(), "p90".to_owned(), "p99".to_owned(), "spread".to_owned()];
    let rows = rows
        .into_iter()
        .map(|(at_s, band)| {
            let cells = band.map(|band| [band.p50_us, band.p90_us, band.p99_us, band.spread_us()].map(latency).to_vec());
            (stopwatch(i64::from(at_s)), cells)
        })
        .collect();
    Twin { heads: heads.to_vec(), rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(metric: &str, expression: &str) -> ThresholdRow {
        ThresholdRow { metric: metric.to_owned(), expression: expression.to_owned(), measured: None, kept: None, abort_on_fail: false }
    }

    #[test]
    fn the_strictest_p99_of_all_requests_is_the_limit() {
        let rows = [
            threshold("http_req_duration", "p(99) < 400"),
            threshold("http_req_duration", "p(99)<=250.5"),
            threshold("http_req_duration", "p(95)<100"),
            threshold("http_req_duration{name:checkout}", "p(99)<10"),
            threshold("http_req_failed", "rate<0.05"),
        ];
        assert_eq!(Limit::of(&rows), Some(Limit { us: 250_500, words: "p(99)<=250.5".to_owned() }));
        assert_eq!(Limit::of(&[threshold("http_req_duration", "p(99)<abc")]), None);
    }

    #[test]
    fn the_whole_chart_as_it_is_written() {
        let windows: Vec<WindowPoint> = [(0, 40), (1, 90), (2, 30), (5, 60)]
            .into_iter()
            .map(|(at_s, p99_ms)| WindowPoint { at_s, requests: 10, p50_us: 10_000, p90_us: 20_000, p99_us: p99_ms * 1_000, ..WindowPoint::default() })
            .collect();
        let frame = TimeFrame { span_s: 10, now_s: Some(6), gaps: vec![(3, 5)] };
        let limit = Limit { us: 80_000, words: "p(99)<80".to_owned() };
        let marks = [Mark { at_s: 0.0, number: 1, bad: false }, Mark { at_s: 1.5, number: 2, bad: true }];
        let chart = band_chart(&windows, &frame, Some(&limit), &marks);
        insta::assert_snapshot!(chart.svg.replace('<', "\n<"));
        assert_eq!(
            chart.sentence,
            "Latency band. By second, p50 lies between 10 ms and 10 ms, p99 between 30 ms and 90 ms. The widest spread is 80 ms at 0:01. \
             p99 is over the threshold of 80 ms in 1 of 4 seconds. No data from 0:03 to 0:05."
        );
        assert_eq!(chart.twin.rows.len(), 6);
        assert_eq!(chart.twin.rows[3], ("0:03".to_owned(), None));
        assert_eq!(chart.twin.rows[1].1.as_deref(), Some(["10 ms", "20 ms", "90 ms", "80 ms"].map(str::to_owned).as_slice()));
    }

    #[test]
    fn circles_do_not_touch_on_a_phone_and_all_have_room() {
        /// A plot on a screen of 360 px, and a circle there with its line, as `chart.css` has it.
        const PLOT_PX: f64 = 280.0;
        const CIRCLE_PX: f64 = 2.0 * 7.0 + 1.25;
        const { assert!(LEAST_APART * PLOT_PX > CIRCLE_PX + 1.0) };
        let places = apart(&[0.5; MOST_MARKS], LEAST_APART);
        assert!(places[0] > 0.0 && places.windows(2).all(|pair| pair[1] - pair[0] > LEAST_APART - 1e-9), "{places:?}");
    }

    #[test]
    fn the_words_of_a_limit_lie_on_no_line() {
        for y in [0.0, 5.0, 15.9, 16.0, 100.0, BAND_PX] {
            let text = limit_text(y);
            let (upper, lower) = (text - LETTER_PX, text + 4.0);
            assert!(upper >= 0.0 && (lower < y || upper > y), "{y}: from {upper} to {lower}");
        }
    }

    #[test]
    fn nothing_measured_says_so_and_draws_no_line() {
        let frame = TimeFrame { span_s: 60, now_s: Some(0), gaps: vec![] };
        let chart = band_chart(&[], &frame, None, &[]);
        assert_eq!(chart.sentence, "Latency band. Nothing was measured yet.");
        assert!(!chart.svg.contains("<path"));
    }
}
