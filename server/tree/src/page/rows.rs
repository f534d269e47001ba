//! The rows of the treegrid, flat and in order, with their levels and places among their siblings.

use windfirm_model::{
    fault::Fault,
    view::{
        run::Permission,
        tree::{AppRow, FIRST_ROWS, TreeQuery, TreeRow},
    },
};

use super::{
    Asked, count,
    filter::Filter,
    live,
    open::{Open, has_children},
    visible::Visible,
};
use crate::graph::AppIndex;

/// How a row takes part under a filter. An app that matches may be on the way to another match, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Out,
    /// Kept because something below it matches.
    Context,
    Match,
}

/// The first rows, as many as are asked for, and how many follow.
pub(super) fn rows(asked: &Asked<'_>, visible: &Visible, filter: &Filter, query: &TreeQuery) -> Result<(Vec<TreeRow>, u32), Fault> {
    let most = most(query)?;
    let open = Open::read(query, asked.tree, visible)?;
    let parts = parts(asked, visible, filter);
    let mut builder = Builder { asked, visible, filter, open, parts, most, rows: Vec::new(), left: 0 };
    if filter.table {
        builder.table()
    } else {
        builder.tree()
    }
    Ok((builder.rows, builder.left))
}

fn most(query: &TreeQuery) -> Result<usize, Fault> {
    let asked = match query.rows.as_deref().map(str::trim) {
        None | Some("") => FIRST_ROWS,
        Some(text) => {
            text.parse().map_err(|_| Fault::field("rows", "How many rows to show must be a whole number. Take it out of the address to see the first ones."))?
        }
    };
    Ok(usize::try_from(asked.max(1)).unwrap_or(usize::MAX))
}

fn parts(asked: &Asked<'_>, visible: &Visible, filter: &Filter) -> Vec<Part> {
    let apps = asked.tree.apps();
    let mut parts = vec![Part::Out; apps.len()];
    for index in visible.shown.iter().rev() {
        let Some(app) = apps.get(*index) else { continue };
        let state = || live::state(app, asked.access, asked.clusters);
        if filter.takes(app, visible.standing(*index), state)
            && let Some(part) = parts.get_mut(*index)
        {
            *part = Part::Match;
        }
        let kept = parts.get(*index).is_some_and(|part| *part != Part::Out);
        if let Some(above) = visible.parent(*index).filter(|_| kept).and_then(|above| parts.get_mut(above)) {
            *above = Part::Context;
        }
    }
    parts
}

struct Builder<'a> {
    asked: &'a Asked<'a>,
    visible: &'a Visible,
    filter: &'a Filter,
    open: Open,
    parts: Vec<Part>,
    /// How many rows are made.
    most: usize,
    rows: Vec<TreeRow>,
    /// How many would follow.
    left: u32,
}

/// What is still to be written, the next one last.
enum Step {
    App { index: AppIndex, level: u32, position: u32, size: u32, cycle: bool },
    Hidden { level: u32, count: u32, position: u32, size: u32 },
}

impl Builder<'_> {
    fn part(&self, index: AppIndex) -> Part {
        self.parts.get(index).copied().unwrap_or(Part::Out)
    }

    /// Makes a row where there is room for it; else it is only counted.
    fn put(&mut self, make: impl FnOnce(&Self) -> Option<TreeRow>) {
        if self.rows.len() < self.most {
            let row = make(self);
            self.rows.extend(row);
        } else {
            self.left = self.left.saturating_add(1);
        }
    }

    fn tree(&mut self) {
        let mut steps = Vec::new();
        self.siblings(&self.visible.roots, &[], self.visible.hidden_at_top, 1, &mut steps);
        while let Some(step) = steps.pop() {
            match step {
                Step::Hidden { level, count, position, size } => self.put(|_| Some(TreeRow::Hidden { level, count, position, size })),
                Step::App { index, level, position, size, cycle } => {
                    let expanded = if cycle { None } else { self.expanded(index) };
                    self.put(|builder| {
                        let toggle = expanded.filter(|_| !builder.filter.narrows()).map(|_| builder.open.toggled(builder.asked.tree, builder.visible, index));
                        builder.row(index, level, position, size).map(|row| TreeRow::App(AppRow { expanded, toggle, cycle, ..row }))
                    });
                    if expanded == Some(true) {
                        let cycles = self.asked.tree.apps().get(index).map(|app| app.cycles.as_slice()).unwrap_or_default();
                        self.siblings(self.visible.children(index), cycles, self.visible.hidden_below(index), level.saturating_add(1), &mut steps);
                    }
                }
            }
        }
    }

    /// Under a filter everything that leads to a match is unfolded, and nothing else.
    fn expanded(&self, index: AppIndex) -> Option<bool> {
        if self.filter.narrows() {
            let kept = self.visible.children(index).iter().any(|child| self.part(*child) != Part::Out);
            return kept.then_some(true);
        }
        has_children(self.asked.tree, self.visible, index).then(|| self.open.has(index))
    }

    /// One set of siblings. How many are hidden is told only without a filter, so that a search cannot ask about them.
    fn siblings(&self, children: &[AppIndex], cycles: &[AppIndex], hidden: u32, level: u32, steps: &mut Vec<Step>) {
        let shown = children.iter().copied().filter(|index| self.part(*index) != Part::Out).map(|index| (index, false));
        let cycles = cycles.iter().copied().filter(|index| self.visible.sees(*index) && !self.filter.narrows()).map(|index| (index, true));
        let shown: Vec<(AppIndex, bool)> = shown.chain(cycles).collect();
        let hidden = if self.filter.narrows() { 0 } else { hidden };
        let size = count(shown.len()).saturating_add(u32::from(hidden > 0));
        if hidden > 0 {
            steps.push(Step::Hidden { level, count: hidden, position: size, size });
        }
        for (place, (index, cycle)) in shown.into_iter().enumerate().rev() {
            steps.push(Step::App { index, level, position: count(place).saturating_add(1), size, cycle });
        }
    }

    /// The flat list: matches only, by path.
    fn table(&mut self) {
        let apps = self.asked.tree.apps();
        let mut matches: Vec<AppIndex> = self.visible.shown.iter().copied().filter(|index| self.part(*index) == Part::Match).collect();
        matches.sort_by_key(|index| apps.get(*index).map(|app| &app.path));
        let hidden = if self.filter.narrows() { 0 } else { count(self.visible.hidden) };
        let size = count(matches.len()).saturating_add(u32::from(hidden > 0));
        for (place, index) in matches.into_iter().enumerate() {
            self.put(|builder| builder.row(index, 1, count(place).saturating_add(1), size).map(|row| TreeRow::App(AppRow { context: false, ..row })));
        }
        // The table does not show it: it comes with the last app.
        if hidden > 0 && self.left == 0 {
            self.rows.push(TreeRow::Hidden { level: 1, count: hidden, position: size, size });
        }
    }

    fn row(&self, index: AppIndex, level: u32, position: u32, size: u32) -> Option<AppRow> {
        let app = self.asked.tree.apps().get(index)?;
        let runs = self.visible.runs(self.asked, index);
        let last = runs.and_then(|runs| runs.last).filter(|last| !last.state.is_live());
        Some(AppRow {
            path: app.path.clone(),
            name: app.name.clone(),
            kind: app.kind.word().to_owned(),
            level,
            position,
            size,
            expanded: None,
            toggle: None,
            wave: app.wave,
            environment: app.environment.clone(),
            last: last.map(|last| last.state),
            last_run: last.map(|last| last.run),
            runs_locked: !self.visible.reads_runs(index),
            rolled_up: self.visible.worst(index),
            live: self.visible.live(index),
            spread_us: last.and_then(|last| last.spread_us),
            spread_history_us: runs.map(|runs| runs.spread_history_us.clone()).unwrap_or_default(),
            tests: count(app.tests.len()),
            launch: permission((self.asked.launch)(&app.place())),
            context: self.filter.narrows() && self.part(index) == Part::Context,
            cycle: false,
            elsewhere: app.is_elsewhere(),
            in_cluster: live::state(app, self.asked.access, self.asked.clusters),
        })
    }
}

/// Of what is allowed no row says why.
fn permission(launch: Permission) -> Permission {
    if launch.allowed { Permission { why: String::new(), ..launch } } else { launch }
}
