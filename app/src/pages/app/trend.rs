//! The last runs as one chart: the latency band of each, its spread below, its verdict as a shape. x is runs in order. Deployments
//! that are remembered stand between the runs before and after them.

use std::fmt::Write as _;

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    view::{
        app::AppPage,
        cluster::DeploymentRow,
        runs::{RunRow, Totals},
    },
};

use super::overview::test_name;
use crate::ui::{
    charts::{
        draw::{Chart, Svg, Twin, figure as chart_figure, value_axis},
        geometry::{LEAST_APART, ValueScale, WIDTH, apart, coordinate, float, nice_ticks, per_cent},
    },
    cluster::short_revision,
    format::{counted, digest, full, iso, latency, short},
    status::{Tone, run_word},
    text::rich,
};

const BAND_PX: f64 = 168.0;
const STRIP_TOP_PX: f64 = 198.0;
const STRIP_PX: f64 = 48.0;
const STRIP_BOTTOM_PX: f64 = STRIP_TOP_PX + STRIP_PX;
const LANE_PX: f64 = 252.0;
const AXIS_PX: f64 = 286.0;
const HEIGHT_PX: u32 = 292;
/// The lane of events, below the verdicts; the axis moves down by its height.
const EVENTS_PX: f64 = 280.0;
const EVENTS_HEIGHT_PX: u32 = 22;
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
    let marks = marks(&page.deployments, &runs);
    view! { <div class="sec">{chart_figure(chart(&runs, &marks, page.now), true, keys)} {listed(&marks, page.now)}</div> }.into_any()
}

/// Deployments between the same two runs, under one number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    /// How many of the runs began before it.
    before: usize,
    /// The newest few, oldest first: when, and what the list says.
    events: Vec<(Timestamp, String)>,
    /// How many more came before these, between the same two runs.
    more: usize,
}

/// Of each mark that are listed.
const LISTED: usize = 3;

/// The deployments, newest first, that fall among `runs`, which go from the oldest to the newest. What is older than all of them explains nothing here.
fn marks(deployments: &[DeploymentRow], runs: &[&RunRow]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for entry in deployments.iter().rev() {
        let Some(at) = entry.at else { continue };
        let before = runs.iter().filter(|run| run.created < at).count();
        if before == 0 {
            continue;
        }
        let by = entry.by.as_ref().map_or_else(|| "Argo CD".to_owned(), |name| format!("{name} with Argo CD"));
        let mut revisions: Vec<String> = entry.revisions.iter().map(|text| format!("`{}`", short_revision(text))).collect();
        revisions.dedup();
        let what = if revisions.is_empty() { "an unknown revision".to_owned() } else { revisions.join(", ") };
        let event = (at, format!("{by} deployed {what}."));
        match marks.last_mut().filter(|mark| mark.before == before) {
            Some(mark) => {
                mark.events.push(event);
                if mark.events.len() > LISTED {
                    mark.events.remove(0);
                    mark.more = mark.more.saturating_add(1);
                }
            }
            None => marks.push(Mark { before, events: vec![event], more: 0 }),
        }
    }
    marks
}

fn listed(marks: &[Mark], now: Timestamp) -> AnyView {
    if marks.is_empty() {
        return ().into_any();
    }
    let rows = marks
        .iter()
        .enumerate()
        .flat_map(|(index, mark)| {
            let more = mark.more;
            mark.events.iter().enumerate().map(move |(place, event)| (index.saturating_add(1), if place == 0 { more } else { 0 }, event))
        })
        .map(|(number, more, (at, words))| {
            let words = if more == 0 { words.clone() } else { format!("{words} {} before it.", counted(count_of(more), "more", "more")) };
            view! {
                <li>
                    <span class="n">{number.to_string()}</span>
                    <time datetime=iso(*at) title=full(*at)>{short(*at, now)}</time>
                    <span>{rich(&words)}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="events wide-time" aria-label="Deployments among these runs">{rows}</ol> }.into_any()
}

fn measured(run: &RunRow) -> Option<Totals> {
    run.totals.filter(|totals| totals.requests > 0)
}

/// `runs` from the oldest to the newest, all of them ended.
fn chart(runs: &[&RunRow], marks: &[Mark], now: Timestamp) -> Chart {
    Chart {
        title: if runs.len() == 1 { "The only run so far".to_owned() } else { format!("Last {} runs", runs.len()) },
        unit: "ms per run, oldest first".to_owned(),
        sentence: format!("{}{}", sentence(runs), marks_sentence(marks)),
        height_px: if marks.is_empty() { HEIGHT_PX } else { HEIGHT_PX.saturating_add(EVENTS_HEIGHT_PX) },
        svg: svg(runs, marks, now),
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

fn count_of(number: usize) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn milliseconds(us: u64) -> f64 {
    float(us) / 1_000.0
}

fn number(value: usize) -> f64 {
    float(count_of(value))
}

fn marks_sentence(marks: &[Mark]) -> String {
    match marks.iter().map(|mark| mark.events.len().saturating_add(mark.more)).sum::<usize>() {
        0 => String::new(),
        1 => " One deployment among them.".to_owned(),
        many => format!(" {many} deployments among them."),
    }
}

fn svg(runs: &[&RunRow], marks: &[Mark], now: Timestamp) -> String {
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

    let shares: Vec<f64> = marks.iter().map(|mark| share(mark.before)).collect();
    // As many as there are have room, however narrow.
    let places = apart(&shares, LEAST_APART.min(1.0 / number(marks.len().max(1))));
    for (index, (share, place)) in shares.into_iter().zip(places).enumerate() {
        out.upright("ev", &per_cent(share), 0.0, EVENTS_PX - 8.0);
        let x = per_cent(place);
        out.dot("ev-dot", &x, EVENTS_PX, 8.0);
        out.text("ev-n", &x, EVENTS_PX + 3.5, "middle", &index.saturating_add(1).to_string());
    }
    let axis = if marks.is_empty() { AXIS_PX } else { AXIS_PX + f64::from(EVENTS_HEIGHT_PX) };

    let mut at_most = [0, runs.len() / 2, runs.len().saturating_sub(1)].to_vec();
    at_most.dedup();
    // Three moments only where they have room.
    if runs.len() < 6 {
        at_most.truncate(1);
    }
    for index in at_most {
        let Some(run) = runs.get(index) else { continue };
        out.text(if index == runs.len() / 2 { "minor" } else { "" }, &per_cent(share(index) + 0.5 / number(columns)), axis, "middle", &short(run.created, now));
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

#[cfg(test)]
mod tests {
    use windfirm_model::run::{Profile, RunStateKind};

    use super::*;

    fn run(created: i64) -> RunRow {
        RunRow {
            id: "01935c7e-8b1a-7000-8000-123456789001".parse().unwrap(),
            path: "/shop/".parse().unwrap(),
            environment: "dev".into(),
            test: "a.js".to_owned(),
            profile: Profile::Load,
            state: RunStateKind::Passed,
            by: "Ana".to_owned(),
            created: Timestamp::from_seconds(created),
            ended: None,
            planned_s: None,
            reason: None,
            band_us: Vec::new(),
            totals: None,
            commit: String::new(),
        }
    }

    /// Newest first, as the cluster tells them.
    fn deployed(at: &[i64]) -> Vec<DeploymentRow> {
        at.iter().rev().map(|at| DeploymentRow { at: Some(Timestamp::from_seconds(*at)), by: None, revisions: vec![format!("v{at}")] }).collect()
    }

    #[test]
    fn deployments_stand_between_the_runs_before_and_after_them() {
        let runs = [run(100), run(200), run(300)];
        let runs: Vec<&RunRow> = runs.iter().collect();
        let found = |at: &[i64]| marks(&deployed(at), &runs).into_iter().map(|mark| (mark.before, mark.events.len())).collect::<Vec<_>>();
        assert_eq!(found(&[150, 160, 250]), [(1, 2), (2, 1)], "two between the same runs share a number");
        assert_eq!(found(&[110, 120, 130, 140, 150, 250]), [(1, 3), (2, 1)], "of many the newest few are listed");
        assert_eq!(marks(&deployed(&[110, 120, 130, 140, 150]), &runs)[0].more, 2);
        assert_eq!(found(&[50, 400]), [(3, 1)], "what is older than all runs explains nothing; what is newer stands at the end");
        assert_eq!(marks(&deployed(&[150]), &runs)[0].events, [(Timestamp::from_seconds(150), "Argo CD deployed `v150`.".to_owned())]);
    }
}
