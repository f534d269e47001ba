//! The last runs as one chart: the latency band of each, its spread below, its verdict as a shape. x is runs in order.

use std::fmt::Write as _;

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    view::{
        app::AppPage,
        runs::{RunRow, Totals},
    },
};

use super::overview::test_name;
use crate::ui::{
    charts::{
        draw::{Chart, Svg, Twin, figure as chart_figure, value_axis},
        geometry::{ValueScale, WIDTH, coordinate, float, nice_ticks, per_cent},
    },
    format::{digest, latency, short},
    status::{Tone, run_word},
};

const BAND_PX: f64 = 168.0;
const STRIP_TOP_PX: f64 = 198.0;
const STRIP_PX: f64 = 48.0;
const STRIP_BOTTOM_PX: f64 = STRIP_TOP_PX + STRIP_PX;
const LANE_PX: f64 = 252.0;
const AXIS_PX: f64 = 286.0;
const HEIGHT_PX: u32 = 292;
/// Share of a run's column that its bar fills.
const BAR: f64 = 0.7;
/// Nobody compares runs on the width of a screen; with few runs the columns stay as narrow as with this many.
const LEAST_COLUMNS: usize = 8;

/// Nothing, as long as no run has ended.
pub(super) fn figure(page: &AppPage) -> AnyView {
    let runs: Vec<&RunRow> = page.runs.iter().filter(|run| !run.state.is_live()).rev().collect();
    if !runs.iter().any(|run| measured(run).is_some()) {
        return ().into_any();
    }
    let keys = view! {
        <ul class="keys">
            <li>
                <svg aria-hidden="true"><rect class="b99" width="16" height="10" /><rect class="b90" y="4" width="16" height="6" /><path class="l50" d="M0 9h16" /></svg>
                "p50, p90, p99"
            </li>
            <li>
                <svg aria-hidden="true"><rect class="gap" width="16" height="10" /><path class="gap-line" d="M0 .5h16M0 9.5h16" /></svg>
                "no data"
            </li>
        </ul>
    }
    .into_any();
    view! { <div class="sec">{chart_figure(chart(&runs, page.now), true, keys)}</div> }.into_any()
}

fn measured(run: &RunRow) -> Option<Totals> {
    run.totals.filter(|totals| totals.requests > 0)
}

/// `runs` from the oldest to the newest, all of them ended.
fn chart(runs: &[&RunRow], now: Timestamp) -> Chart {
    Chart {
        title: if runs.len() == 1 { "The only run so far".to_owned() } else { format!("Last {} runs", runs.len()) },
        unit: "ms per run, oldest first".to_owned(),
        sentence: sentence(runs),
        height_px: HEIGHT_PX,
        svg: svg(runs, now),
        twin: twin(runs, now),
    }
}

fn sentence(runs: &[&RunRow]) -> String {
    let totals: Vec<Totals> = runs.iter().filter_map(|run| measured(run)).collect();
    let (Some(first), Some(last)) = (totals.first(), totals.last()) else { return "No run measured anything.".to_owned() };
    let empty = runs.len().saturating_sub(totals.len());
    let gaps = if empty == 0 { String::new() } else { format!(" {empty} without data.") };
    format!(
        "Latency of the last {} runs in order: p99 from {} to {}, spread from {} to {}.{gaps}",
        runs.len(),
        latency(first.p99_us),
        latency(last.p99_us),
        latency(first.spread_us()),
        latency(last.spread_us())
    )
}

fn milliseconds(us: u64) -> f64 {
    float(us) / 1_000.0
}

fn number(value: usize) -> f64 {
    float(u64::try_from(value).unwrap_or_default())
}

fn svg(runs: &[&RunRow], now: Timestamp) -> String {
    let columns = runs.len().max(LEAST_COLUMNS);
    let share = |index: usize| number(index) / number(columns);
    let top = |pick: fn(&Totals) -> u64| runs.iter().filter_map(|run| measured(run)).map(|totals| milliseconds(pick(&totals))).fold(0.0, f64::max);
    let band_ticks = nice_ticks(top(|totals| totals.p99_us), 0.01);
    let band = ValueScale { top: band_ticks.top(), height_px: BAND_PX };
    let strip_ticks = nice_ticks(top(Totals::spread_us), 0.01);
    let strip = ValueScale { top: strip_ticks.top(), height_px: STRIP_PX };

    let mut out = Svg::default();
    for (index, _) in runs.iter().enumerate().filter(|(_, run)| measured(run).is_none()) {
        out.rect("gap", &per_cent(share(index)), &per_cent(1.0 / number(columns)), 0.0, STRIP_BOTTOM_PX);
    }
    value_axis(&mut out, &band_ticks, &band);
    out.across("axis", STRIP_BOTTOM_PX);
    out.text("lane-name", "0", STRIP_TOP_PX - 7.0, "start", "spread");
    out.text("", "42", STRIP_TOP_PX - 7.0, "start", "p99 − p50");
    out.text("", "-8", STRIP_TOP_PX + 6.0, "end", &strip_ticks.label(strip_ticks.top()));
    out.text("", "-8", STRIP_BOTTOM_PX + 3.0, "end", "0");

    let (mut upper, mut lower) = (Svg::default(), Svg::default());
    for (index, totals) in runs.iter().enumerate().filter_map(|(index, run)| Some((index, measured(run)?))) {
        let bar = Bar { x: (share(index) + (1.0 - BAR) / 2.0 / number(columns)) * WIDTH, width: BAR / number(columns) * WIDTH };
        let y = |us: u64| band.y(milliseconds(us));
        upper.path("b99", &bar.box_between(y(totals.p99_us), y(totals.p90_us)));
        upper.path("b90", &bar.box_between(y(totals.p90_us), y(totals.p50_us)));
        upper.path("l99", &bar.line(y(totals.p99_us)));
        upper.path("l50", &bar.line(y(totals.p50_us)));
        let height = strip.y(milliseconds(totals.spread_us()));
        lower.path("sp", &bar.box_between(height, STRIP_PX));
        lower.path("lsp", &bar.line(height));
    }
    out.stretched(0.0, BAND_PX, &upper);
    out.stretched(STRIP_TOP_PX, STRIP_PX, &lower);

    let mut at_most = [0, runs.len() / 2, runs.len().saturating_sub(1)].to_vec();
    at_most.dedup();
    // Three moments only where they have room.
    if runs.len() < 6 {
        at_most.truncate(1);
    }
    for index in at_most {
        let Some(run) = runs.get(index) else { continue };
        out.text(
            if index == runs.len() / 2 { "minor" } else { "" },
            &per_cent(share(index) + 0.5 / number(columns)),
            AXIS_PX,
            "middle",
            &short(run.created, now),
        );
    }
    let mut text = out.into_text();
    for (index, run) in runs.iter().enumerate() {
        let tone = Tone::of_run(run.state);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r##"<svg x="{}" y="{}" width="14" height="14" class="i ink {}" viewBox="0 0 16 16" overflow="visible"><use href="#i-{}" x="-8" y="0" width="16" height="16"/></svg>"##,
            per_cent(share(index) + 0.5 / number(columns)),
            coordinate(LANE_PX),
            tone.class(),
            tone.icon()
        );
    }
    text
}

/// One run's column, in units of the view box.
struct Bar {
    x: f64,
    width: f64,
}

impl Bar {
    fn box_between(&self, upper: f64, lower: f64) -> String {
        let (x, width) = (coordinate(self.x), coordinate(self.width));
        format!("M{x} {}h{width}V{}h-{width}z", coordinate(upper), coordinate(lower))
    }
    fn line(&self, y: f64) -> String {
        format!("M{} {}h{}", coordinate(self.x), coordinate(y), coordinate(self.width))
    }
}

fn twin(runs: &[&RunRow], now: Timestamp) -> Twin {
    let heads = ["Run", "Test", "Verdict", "Tree", "p50", "p90", "p99", "Spread"].map(str::to_owned).to_vec();
    let row = |run: &&RunRow| {
        let numbers = measured(run)
            .map_or_else(|| vec!["no data".to_owned(); 4], |totals| [totals.p50_us, totals.p90_us, totals.p99_us, totals.spread_us()].map(latency).to_vec());
        let words = [test_name(run).to_owned(), run_word(run.state).to_owned(), digest(&run.commit)];
        (short(run.created, now), Some(words.into_iter().chain(numbers).collect()))
    };
    Twin { heads, rows: runs.iter().map(row).collect() }
}
