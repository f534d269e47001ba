//! Which rows are unfolded, as it stands in the URL, and the value that turns one row over.

use std::collections::BTreeSet;

use windfirm_model::{fault::Fault, path::AppPath, view::tree::TreeQuery};

use super::visible::Visible;
use crate::graph::{AppIndex, Tree};

/// A longer list would not fit in a URL: then a row's link keeps only what is needed to see that row.
const MAX_LIST_BYTES: usize = 1_500;

/// The rows whose children are shown.
#[derive(Debug)]
pub(super) struct Open {
    rows: BTreeSet<AppIndex>,
    /// Their paths in order, if they fit in a URL.
    list: Option<Vec<String>>,
}

impl Open {
    pub(super) fn read(query: &TreeQuery, tree: &Tree, visible: &Visible) -> Result<Self, Fault> {
        let parents = visible.shown.iter().copied().filter(|index| has_children(tree, visible, *index));
        let rows: BTreeSet<AppIndex> = match query.open.as_deref().map(str::trim) {
            None | Some("") => parents.filter(|index| visible.level(*index) == 1).collect(),
            Some("none") => BTreeSet::new(),
            Some("all") => parents.collect(),
            Some(list) => {
                let mut rows = BTreeSet::new();
                for text in list.split(',') {
                    let path: AppPath = text.trim().parse().map_err(|error| Fault::field("open", format!("The unfolded rows cannot be read: {error}.")))?;
                    // What is gone, or not the asker's to see, is passed over without a word.
                    rows.extend(tree.index_of(&path).filter(|index| visible.sees(*index) && has_children(tree, visible, *index)));
                }
                rows
            }
        };
        let mut list = Vec::with_capacity(rows.len().min(100));
        let mut bytes = 0_usize;
        for path in rows.iter().filter_map(|index| tree.apps().get(*index)).map(|app| app.path.as_str()) {
            bytes = bytes.saturating_add(path.len()).saturating_add(1);
            if bytes > MAX_LIST_BYTES {
                return Ok(Self { rows, list: None });
            }
            list.push(path.to_owned());
        }
        Ok(Self { rows, list: Some(list) })
    }

    pub(super) fn has(&self, index: AppIndex) -> bool {
        self.rows.contains(&index)
    }

    /// The `open` of the URL that folds or unfolds this row and leaves the others as they are.
    pub(super) fn toggled(&self, tree: &Tree, visible: &Visible, index: AppIndex) -> String {
        let path = |index: AppIndex| tree.apps().get(index).map(|app| app.path.as_str()).unwrap_or_default();
        let own = path(index);
        let opens = !self.has(index);
        let mut paths: Vec<&str> = match &self.list {
            Some(list) => list.iter().map(String::as_str).filter(|other| *other != own).collect(),
            None => std::iter::successors(visible.parent(index), |above| visible.parent(*above)).map(path).collect(),
        };
        if opens {
            paths.push(own);
        }
        if paths.is_empty() { "none".to_owned() } else { paths.join(",") }
    }
}

pub(super) fn has_children(tree: &Tree, visible: &Visible, index: AppIndex) -> bool {
    let cycles = || tree.apps().get(index).is_some_and(|app| app.cycles.iter().any(|cycle| visible.sees(*cycle)));
    !visible.children(index).is_empty() || visible.hidden_below(index) > 0 || cycles()
}
