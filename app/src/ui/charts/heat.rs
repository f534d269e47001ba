//! The heatmap as paths: how dark each cell is, and few paths for many cells.
//!
//! Pure. Rows count from the slowest at the top, as they are drawn.

use std::fmt::Write as _;

use windfirm_model::view::run::Heatmap;

use super::geometry::float;

/// Steps of colour; 0 is empty.
pub const LEVELS: usize = 6;
/// The most columns that are drawn; more are joined by adding up.
const MOST_COLUMNS: usize = 120;

/// The most edges that are named, the uppermost aside, and how much room a label needs.
const MOST_NAMED: usize = 5;
const LABEL_PX: f64 = 14.0;

/// A heatmap ready to draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatPlot {
    /// Seconds per column.
    pub column_s: u32,
    pub columns: usize,
    pub rows: usize,
    /// One path for each level from light to dark, in units of one cell.
    pub paths: [String; LEVELS],
    /// Lower edges of the rows in microseconds, from the top (slowest) down.
    pub edges_us: Vec<u64>,
    /// Upper edge of the topmost row; `None` when it has none.
    pub top_us: Option<u64>,
    /// The same cells, joined, for the table: `cells[column][row from the top]`.
    pub cells: Vec<Vec<u64>>,
}

impl HeatPlot {
    /// Which edges are named on an axis of `height_px`, as y and microseconds: some from the bottom up, and the upper edge of all.
    #[must_use]
    pub fn named_edges(&self, height_px: f64) -> Vec<(f64, u64)> {
        let row_px = height_px / float(u64::try_from(self.rows).unwrap_or(1)).max(1.0);
        let every = self.rows.div_ceil(MOST_NAMED).max(1);
        let from_bottom = self.edges_us.iter().rev().enumerate().step_by(every);
        let mut named: Vec<(f64, u64)> = from_bottom.map(|(row, us)| (height_px - row_px * float(u64::try_from(row).unwrap_or_default()), *us)).collect();
        if let Some(us) = self.top_us {
            // The upper edge is told whatever it costs; the lowest one stays, too.
            if named.len() > 1 && named.last().is_some_and(|(y, _)| *y < LABEL_PX) {
                named.pop();
            }
            named.push((0.0, us));
        }
        named
    }
}

/// How dark a cell of `count` is beside the fullest: 0 for none, else 1 to 6, evenly on a logarithmic scale.
#[must_use]
pub fn level(count: u64, most: u64) -> usize {
    if count == 0 || most == 0 {
        return 0;
    }
    let share = (float(count) + 1.0).ln() / (float(most) + 1.0).ln();
    (1..=LEVELS).find(|step| share <= float(u64::try_from(*step).unwrap_or_default()) / 6.0 + 1e-9).unwrap_or(LEVELS)
}

/// Joins columns, cuts off the rows that are empty throughout (one stays), and writes the paths.
#[must_use]
pub fn plot(map: &Heatmap) -> Option<HeatPlot> {
    let join = map.cells.len().div_ceil(MOST_COLUMNS).max(1);
    let joined: Vec<Vec<u64>> = map
        .cells
        .chunks(join)
        .map(|columns| {
            let rows = columns.iter().map(Vec::len).max().unwrap_or_default();
            (0..rows).map(|row| columns.iter().filter_map(|column| column.get(row)).sum()).collect()
        })
        .collect();
    let filled = |row: usize| joined.iter().any(|column| column.get(row).is_some_and(|count| *count > 0));
    let height = map.row_edges_us.len();
    let lowest = (0..height).find(|row| filled(*row))?;
    let highest = (0..height).rev().find(|row| filled(*row))?;
    let from_top = || (lowest..=highest).rev();
    let cells: Vec<Vec<u64>> = joined.iter().map(|column| from_top().map(|row| column.get(row).copied().unwrap_or_default()).collect()).collect();
    let most = cells.iter().flatten().copied().max().unwrap_or_default();
    let rows = highest - lowest + 1;
    let mut paths: [String; LEVELS] = Default::default();
    for row in 0..rows {
        let levels: Vec<usize> = cells.iter().map(|column| column.get(row).map_or(0, |count| level(*count, most))).collect();
        let mut at = 0;
        for same in levels.chunk_by(|a, b| a == b) {
            let path = same.first().and_then(|level| level.checked_sub(1)).and_then(|index| paths.get_mut(index));
            if let Some(path) = path {
                // Writing to a String cannot fail.
                let _ = write!(path, "M{at} {row}h{}v1h-{}z", same.len(), same.len());
            }
            at += same.len();
        }
    }
    let edges_us = from_top().filter_map(|row| map.row_edges_us.get(row).copied()).collect();
    let top_us = map.row_edges_us.get(highest + 1).copied();
    let join_s = u32::try_from(join).unwrap_or(u32::MAX);
    Some(HeatPlot { column_s: map.column_s.max(1).saturating_mul(join_s), columns: cells.len(), rows, paths, edges_us, top_us, cells })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(cells: Vec<Vec<u64>>) -> Heatmap {
        Heatmap { column_s: 5, row_edges_us: vec![1_000, 2_000, 4_000, 8_000], cells }
    }

    #[test]
    fn levels_are_even_on_a_logarithmic_scale() {
        assert_eq!(level(0, 1_000), 0);
        assert_eq!(level(1, 1_000_000), 1);
        assert_eq!(level(1_000_000, 1_000_000), 6);
        assert_eq!(level(1, 1), 6, "the fullest cell is always the darkest");
        assert!(level(999, 999_999) == 3);
    }

    #[test]
    fn empty_rows_go_and_the_slowest_is_on_top() {
        let plot = plot(&map(vec![vec![0, 9, 1, 0], vec![0, 9, 0, 0]])).unwrap();
        assert_eq!(plot.edges_us, [4_000, 2_000]);
        assert_eq!(plot.top_us, Some(8_000));
        assert_eq!((plot.columns, plot.rows), (2, 2));
        assert_eq!(plot.paths[5], "M0 1h2v1h-2z", "equal neighbours are one rectangle");
        assert_eq!(plot.cells, [[1, 9], [0, 9]]);
    }

    #[test]
    fn many_columns_are_joined_by_adding_up() {
        let plot = plot(&map(vec![vec![1, 0, 0, 0]; 1_000])).unwrap();
        assert!(plot.columns <= MOST_COLUMNS);
        assert_eq!(plot.cells.iter().flatten().sum::<u64>(), 1_000);
        assert_eq!(plot.column_s, 45);
    }

    #[test]
    fn the_lowest_and_the_uppermost_edge_are_always_named_and_no_label_lies_on_another() {
        for rows in 1_usize..=40 {
            let edges_us: Vec<u64> = (0..rows).rev().map(|row| 1 << row).collect();
            let plot = HeatPlot { rows, edges_us, top_us: Some(1 << rows), ..HeatPlot::default() };
            let named = plot.named_edges(120.0);
            assert_eq!((named[0], *named.last().unwrap()), ((120.0, 1), (0.0, 1 << rows)), "{rows} rows");
            assert!(named.windows(2).all(|pair| pair[0].0 - pair[1].0 >= LABEL_PX), "{rows} rows: {named:?}");
        }
        let open = HeatPlot { rows: 2, edges_us: vec![2, 1], ..HeatPlot::default() };
        assert_eq!(open.named_edges(120.0), [(120.0, 1), (60.0, 2)], "what has no upper edge has no name for it");
    }

    #[test]
    fn nothing_measured_is_no_plot() {
        assert_eq!(plot(&map(Vec::new())), None);
        assert_eq!(plot(&map(vec![vec![0, 0, 0, 0]])), None);
        assert_eq!(plot(&Heatmap::default()), None);
    }
}
