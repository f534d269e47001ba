//! The rows of the treegrid, flat and in order, with their levels and places among their siblings.

use windfirm_model::{
    fault::Fault,
    view::tree::{AppRow, TreeQuery, TreeRow},
};

use super::{
    Asked, count,
    filter::Filter,
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

pub(super) fn rows(asked: &Asked<'_>, visible: &Visible, filter: &Filter, query: &TreeQuery) -> Result<Vec<TreeRow>, Fault> {
    let open = Open::read(query, asked.tree, visible)?;
    let parts = parts(asked, visible, filter);
    let mut builder = Builder { asked, visible, filter, open, parts, rows: Vec::new() };
    if filter.table {
        builder.table()
    } else {
        builder.tree()
    }
    Ok(builder.rows)
}

fn parts(asked: &Asked<'_>, visible: &Visible, filter: &Filter) -> Vec<Part> {
    let apps = asked.tree.apps();
    let mut parts = vec![Part::Out; apps.len()];
    for index in visible.shown.iter().rev() {
        let Some(app) = apps.get(*index) else { continue };
        if filter.takes(app, visible.standing(*index))
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
    rows: Vec<TreeRow>,
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

    fn tree(&mut self) {
        let mut steps = Vec::new();
        self.siblings(&self.visible.roots, &[], self.visible.hidden_at_top, 1, &mut steps);
        while let Some(step) = steps.pop() {
            match step {
                Step::Hidden { level, count, position, size } => self.rows.push(TreeRow::Hidden { level, count, position, size }),
                Step::App { index, level, position, size, cycle } => {
                    let expanded = if cycle { None } else { self.expanded(index) };
                    let toggle = expanded.filter(|_| !self.filter.narrows()).map(|_| self.open.toggled(self.asked.tree, self.visible, index));
                    self.rows.extend(self.row(index, level, position, size).map(|row| TreeRow::App(AppRow { expanded, toggle, cycle, ..row })));
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
            self.rows.extend(self.row(index, 1, count(place).saturating_add(1), size).map(|row| TreeRow::App(AppRow { context: false, ..row })));
        }
        if hidden > 0 {
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
            rolled_up: self.visible.worst(index),
            live: self.visible.live(index),
            spread_us: last.and_then(|last| last.spread_us),
            spread_history_us: runs.map(|runs| runs.spread_history_us.clone()).unwrap_or_default(),
            tests: count(app.tests.len()),
            launch: (self.asked.launch)(&app.place()),
            context: self.filter.narrows() && self.part(index) == Part::Context,
            cycle: false,
            elsewhere: app.is_elsewhere(),
            in_cluster: None,
        })
    }
}
