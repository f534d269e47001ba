//! The latency heatmap: time across, latency up (powers of two), darker where more requests lie.

use leptos::prelude::*;
use windfirm_model::view::run::Heatmap;

use super::{
    draw::{Chart, Svg, TimeFrame, Twin, figure},
    geometry::{float, per_cent},
    heat::{HeatPlot, LEVELS, plot},
};
use crate::ui::format::{count, duration, latency, stopwatch};

const PLOT_PX: f64 = 120.0;
const HEIGHT_PX: u32 = 140;
const CLASSES: [&str; LEVELS] = ["h1", "h2", "h3", "h4", "h5", "h6"];
/// Columns of the table twin.
const TWIN_COLUMNS: usize = 6;

/// The heatmap as a figure, or nothing where nothing was measured.
#[must_use]
pub fn heat_figure(map: &Heatmap, frame: &TimeFrame) -> AnyView {
    let Some(plot) = plot(map) else { return ().into_any() };
    let keys = view! {
        <ul class="keys">
            <li>
                "few "
                <svg viewBox="0 0 60 10" class="wide-key" aria-hidden="true">
                    <path class="h1" d="M0 0h10v10H0z" /><path class="h2" d="M10 0h10v10H10z" /><path class="h3" d="M20 0h10v10H20z" />
                    <path class="h4" d="M30 0h10v10H30z" /><path class="h5" d="M40 0h10v10H40z" /><path class="h6" d="M50 0h10v10H50z" />
                </svg>
                " many"
            </li>
        </ul>
    }
    .into_any();
    figure(heat_chart(&plot, frame), false, keys)
}

/// The heatmap as a chart.
#[must_use]
pub fn heat_chart(plot: &HeatPlot, frame: &TimeFrame) -> Chart {
    Chart {
        title: "Latency heatmap".to_owned(),
        unit: format!("ms; requests per cell, {} × one power of two", duration(plot.column_s)),
        sentence: sentence(plot, frame),
        height_px: HEIGHT_PX,
        svg: svg(plot, frame),
        twin: twin(plot),
    }
}

/// An edge on the axis, in milliseconds without the unit.
fn edge_label(us: u64) -> String {
    let milliseconds = float(us) / 1_000.0;
    match us {
        0 => "0".to_owned(),
        1..=999 => format!("{milliseconds:.2}"),
        1_000..=9_999 => format!("{milliseconds:.1}"),
        _ => count((us + 500) / 1_000),
    }
}

fn svg(plot: &HeatPlot, frame: &TimeFrame) -> String {
    let mut svg = Svg::default();
    frame.ground(&mut svg, PLOT_PX);
    let mut inside = Svg::default();
    for (class, path) in CLASSES.into_iter().zip(&plot.paths) {
        inside.path(class, path);
    }
    let covered_s = u32::try_from(plot.columns).unwrap_or(u32::MAX).saturating_mul(plot.column_s);
    let width = per_cent(f64::from(covered_s) / f64::from(frame.span_s.max(1)));
    svg.cells(&width, PLOT_PX, plot.columns, plot.rows, &inside);
    svg.across("axis", PLOT_PX);
    for (y, us) in plot.named_edges(PLOT_PX) {
        // The lowest label keeps clear of the time axis.
        svg.text("", "-8", if y < PLOT_PX { y + 4.0 } else { y }, "end", &edge_label(us));
    }
    frame.now(&mut svg, PLOT_PX);
    frame.axis(&mut svg, 136.0, 6);
    svg.into_text()
}

/// “4.1 ms to 8.2 ms”, or “8.4 s and more” where there is no upper edge.
fn row_words(plot: &HeatPlot, row: usize) -> String {
    let lower = plot.edges_us.get(row).copied().unwrap_or_default();
    let upper = row.checked_sub(1).map_or(plot.top_us, |above| plot.edges_us.get(above).copied());
    match upper {
        Some(upper) => format!("{} to {}", latency(lower), latency(upper)),
        None => format!("{} and more", latency(lower)),
    }
}

fn sentence(plot: &HeatPlot, frame: &TimeFrame) -> String {
    let sums: Vec<u64> = (0..plot.rows).map(|row| plot.cells.iter().filter_map(|column| column.get(row)).sum()).collect();
    let all: u64 = sums.iter().sum();
    let fullest = sums.iter().enumerate().max_by_key(|(_, sum)| **sum);
    let fullest = fullest.map_or_else(String::new, |(row, sum)| format!(" {} of {} requests took {}.", count(*sum), count(all), row_words(plot, row)));
    let slowest = format!(" The slowest took {}.", row_words(plot, 0));
    format!("Latency heatmap.{fullest}{slowest}{}", frame.gap_sentence())
}

fn twin(plot: &HeatPlot) -> Twin {
    let each = plot.columns.div_ceil(TWIN_COLUMNS).max(1);
    let starts = (0..plot.columns).step_by(each);
    let mut heads = vec!["Latency".to_owned()];
    heads.extend(starts.map(|start| stopwatch(i64::try_from(start).unwrap_or_default().saturating_mul(i64::from(plot.column_s)))));
    let rows = (0..plot.rows)
        .map(|row| {
            let cells = plot.cells.chunks(each).map(|columns| count(columns.iter().filter_map(|column| column.get(row)).sum())).collect();
            (row_words(plot, row), Some(cells))
        })
        .collect();
    Twin { heads, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Heatmap {
        Heatmap { column_s: 5, row_edges_us: vec![1_024, 2_048, 4_096, 8_192], cells: vec![vec![0, 9, 1, 0], vec![0, 9, 0, 0]] }
    }

    #[test]
    fn the_whole_heatmap_as_it_is_written() {
        let frame = TimeFrame { span_s: 12, now_s: Some(8), gaps: vec![] };
        let chart = heat_chart(&plot(&map()).unwrap(), &frame);
        insta::assert_snapshot!(chart.svg.replace('<', "\n<"));
        assert_eq!(chart.sentence, "Latency heatmap. 18 of 19 requests took 2.0 ms to 4.1 ms. The slowest took 4.1 ms to 8.2 ms.");
        assert_eq!(chart.twin.heads, ["Latency", "0:00", "0:05"]);
        assert_eq!(chart.twin.rows[1], ("2.0 ms to 4.1 ms".to_owned(), Some(vec!["9".to_owned(), "9".to_owned()])));
    }
}
