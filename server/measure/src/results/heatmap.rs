//! Latency by time: powers of two of microseconds, at most 120 columns of equal length.

use windfirm_model::{clock::Timestamp, view::run::Heatmap};

use crate::window::Merger;

const COLUMNS: u32 = 120;

/// Empty without requests. Column 0 begins at `started`; columns without requests are there and hold zeros.
pub(super) fn heatmap(merger: &Merger, started: Timestamp) -> Heatmap {
    let seconds = || {
        merger.glances().filter_map(|(second, _, glance)| {
            let at_s = u32::try_from(second.saturating_sub(started.seconds())).ok()?;
            (!glance.octaves.is_empty()).then_some((at_s, &glance.octaves))
        })
    };
    let octaves = || seconds().flat_map(|(_, octaves)| octaves.iter().map(|(octave, _)| *octave));
    let (Some(lowest), Some(highest), Some(last_s)) = (octaves().min(), octaves().max(), seconds().map(|(at_s, _)| at_s).max()) else {
        return Heatmap::default();
    };
    let column_s = (last_s / COLUMNS) + 1;
    let columns = usize::try_from(last_s / column_s + 1).unwrap_or(1);
    let mut cells = vec![vec![0_u64; usize::from(highest - lowest) + 1]; columns];
    for (at_s, octaves) in seconds() {
        let Some(column) = usize::try_from(at_s / column_s).ok().and_then(|column| cells.get_mut(column)) else { continue };
        for (octave, count) in octaves {
            if let Some(cell) = column.get_mut(usize::from(octave - lowest)) {
                *cell = cell.saturating_add(*count);
            }
        }
    }
    Heatmap { column_s, row_edges_us: (lowest..=highest).map(|octave| 1_u64.checked_shl(u32::from(octave)).unwrap_or(u64::MAX)).collect(), cells }
}
