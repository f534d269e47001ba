//! The keys of the treegrid: what each does is decided here, on plain rows; the twin in the browser carries it out.
//!
//! One row is in the tab order and follows the focus. Turning a row over is following its link, so the address always says what is
//! shown; the focus comes back to the row when the new rows are drawn.

#[cfg(all(feature = "hydrate", not(feature = "ssr")))]
mod browser;
#[cfg(not(all(feature = "hydrate", not(feature = "ssr"))))]
mod server;

#[cfg(all(feature = "hydrate", not(feature = "ssr")))]
use browser as twin;
use leptos::prelude::*;
#[cfg(not(all(feature = "hydrate", not(feature = "ssr"))))]
use server as twin;

/// What the keys remember while rows are drawn anew.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The row that is in the tab order, by its path.
    pub row: StoredValue<Option<String>>,
    /// Whether the focus was in the rows when they were drawn last.
    pub focused: StoredValue<bool>,
}

/// Takes the keys that work on the whole page: `/` goes to the search field.
pub(super) fn listen() -> Wanted {
    twin::listen();
    Wanted { row: StoredValue::new(None), focused: StoredValue::new(false) }
}

/// New rows have been drawn.
pub(super) fn drawn(wanted: Wanted) {
    twin::drawn(wanted);
}

/// A key was pressed in the rows.
pub(super) fn pressed(event: &leptos::ev::KeyboardEvent, wanted: Wanted) {
    twin::pressed(event, wanted);
}

/// A row was clicked, or the focus went into it.
pub(super) fn touched(event: &leptos::ev::Event, wanted: Wanted) {
    twin::touched(event, wanted);
}

/// What of a row decides where the arrows lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 1 for a root.
    pub level: u32,
    /// `None`: cannot be turned over.
    pub expanded: Option<bool>,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The focus goes to the row of this index.
    Focus(usize),
    /// Folds or unfolds the row.
    Turn,
    /// Opens the app of the row.
    Open,
}

/// What `key` does in row `at`; nothing for keys that are not ours and where there is nowhere to go.
#[must_use]
pub fn step(key: &str, rows: &[Place], at: usize) -> Option<Step> {
    let row = rows.get(at)?;
    let last = rows.len().checked_sub(1)?;
    match (key, row.expanded) {
        ("ArrowDown", _) => (at < last).then(|| Step::Focus(at.saturating_add(1))),
        ("ArrowUp", _) => at.checked_sub(1).map(Step::Focus),
        ("Home", _) => Some(Step::Focus(0)),
        ("End", _) => Some(Step::Focus(last)),
        ("ArrowRight", Some(false)) | ("ArrowLeft", Some(true)) => Some(Step::Turn),
        ("ArrowRight", Some(true)) => rows.get(at.saturating_add(1)).filter(|next| next.level > row.level).map(|_| Step::Focus(at.saturating_add(1))),
        ("ArrowLeft", _) => above(rows, at).map(Step::Focus),
        ("Enter", _) => Some(Step::Open),
        _ => None,
    }
}

/// The nearest row before `at` that stands one level higher.
fn above(rows: &[Place], at: usize) -> Option<usize> {
    let level = rows.get(at)?.level;
    rows.get(..at)?.iter().rposition(|row| row.level < level)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// shop (open) ▸ payments (open) ▸ ledger; cart (folded); platform.
    fn rows() -> Vec<Place> {
        [(1, Some(true)), (2, Some(true)), (3, None), (2, Some(false)), (1, None)].map(|(level, expanded)| Place { level, expanded }).to_vec()
    }

    #[test]
    fn up_and_down_walk_the_rows_and_stop_at_the_ends() {
        assert_eq!(step("ArrowDown", &rows(), 0), Some(Step::Focus(1)));
        assert_eq!(step("ArrowDown", &rows(), 4), None);
        assert_eq!(step("ArrowUp", &rows(), 0), None);
        assert_eq!(step("End", &rows(), 1), Some(Step::Focus(4)));
        assert_eq!(step("Home", &rows(), 3), Some(Step::Focus(0)));
    }

    #[test]
    fn right_unfolds_then_goes_in_and_left_folds_then_goes_out() {
        assert_eq!(step("ArrowRight", &rows(), 3), Some(Step::Turn));
        assert_eq!(step("ArrowRight", &rows(), 0), Some(Step::Focus(1)));
        assert_eq!(step("ArrowRight", &rows(), 2), None);
        assert_eq!(step("ArrowLeft", &rows(), 0), Some(Step::Turn));
        assert_eq!(step("ArrowLeft", &rows(), 3), Some(Step::Focus(0)));
        assert_eq!(step("ArrowLeft", &rows(), 2), Some(Step::Focus(1)));
        assert_eq!(step("ArrowLeft", &rows(), 4), None);
    }

    #[test]
    fn enter_opens_and_other_keys_are_left_to_the_browser() {
        assert_eq!(step("Enter", &rows(), 2), Some(Step::Open));
        assert_eq!(step("Tab", &rows(), 2), None);
        assert_eq!(step("ArrowDown", &[], 0), None);
    }
}
