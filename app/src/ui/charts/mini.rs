//! Charts of one table cell: the mini band and the sparkline. Hidden from readers, since the number stands beside them.

use leptos::prelude::*;

use super::{
    geometry::{TimeScale, ValueScale, WIDTH, area, float, polyline},
    series::{Band, Column, line, parts, scaled},
};

/// Latency per slice of a run as p50, p90, p99 in microseconds; `None` is a gap. 112 × 22 px, each on its own scale from zero.
#[must_use]
pub fn mini_band(band_us: &[Option<(u64, u64, u64)>]) -> AnyView {
    let columns: Vec<Column<Band>> = (0_u32..)
        .zip(band_us)
        .filter_map(|(index, slice)| slice.map(|(p50_us, p90_us, p99_us)| Column { from_s: index, to_s: index + 1, value: Band { p50_us, p90_us, p99_us } }))
        .collect();
    if columns.is_empty() {
        return ().into_any();
    }
    let time = TimeScale::new(u32::try_from(band_us.len()).unwrap_or(u32::MAX));
    let highest = columns.iter().map(|column| column.value.p99_us).max().unwrap_or_default();
    let scale = ValueScale { top: float(highest) * 1.05, height_px: 21.0 };
    let mut paths: [String; 4] = Default::default();
    let [outer, inner, upper, middle] = &mut paths;
    for part in parts(&columns) {
        let of = |pick: fn(&Band) -> u64| -> Vec<(f64, f64)> {
            let squeezed: Vec<_> = line(part, &time, |band| float(pick(band))).into_iter().map(|(x, value)| (x * 112.0 / WIDTH, value)).collect();
            scaled(&squeezed, &scale)
        };
        let (p50, p90, p99) = (of(|band| band.p50_us), of(|band| band.p90_us), of(|band| band.p99_us));
        outer.push_str(&area(&p99, &p90));
        inner.push_str(&area(&p90, &p50));
        upper.push_str(&polyline(&p99));
        middle.push_str(&polyline(&p50));
    }
    let [outer, inner, upper, middle] = paths;
    view! {
        <svg class="mini" width="112" height="22" viewBox="0 0 112 22" aria-hidden="true">
            <path class="b99" d=outer />
            <path class="b90" d=inner />
            <path class="l99" d=upper />
            <path class="l50" d=middle />
        </svg>
    }
    .into_any()
}

/// The spread of the last runs, oldest first, in microseconds. 104 × 22 px, from zero. Empty draws nothing.
#[must_use]
pub fn sparkline(spread_us: &[u64]) -> AnyView {
    if spread_us.is_empty() {
        return ().into_any();
    }
    let highest = spread_us.iter().copied().max().unwrap_or_default();
    let scale = ValueScale { top: float(highest) * 1.1, height_px: 20.0 };
    let last = float(u64::try_from(spread_us.len().saturating_sub(1)).unwrap_or_default()).max(1.0);
    let mut points: Vec<(f64, f64)> = (0_u64..).zip(spread_us).map(|(index, value)| (1.0 + 98.0 * float(index) / last, scale.y(float(*value)) + 1.0)).collect();
    // One run alone is a short line, or nothing would be seen.
    if let [(x, y)] = points.as_slice() {
        points.push((x + 8.0, *y));
    }
    let floor: Vec<(f64, f64)> = points.iter().map(|(x, _)| (*x, 21.0)).collect();
    let (fill, stroke) = (area(&points, &floor), polyline(&points));
    let (x, y) = points.last().copied().unwrap_or_default();
    view! {
        <svg class="spark" width="104" height="22" viewBox="0 0 104 22" aria-hidden="true">
            <path class="sp" d=fill />
            <path class="lsp" d=stroke />
            <circle class="pt" cx=format!("{x:.1}") cy=format!("{y:.1}") r="2" />
        </svg>
    }
    .into_any()
}
