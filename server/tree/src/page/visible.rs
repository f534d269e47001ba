//! Which apps the asker may see, whom they stand under, and what is rolled up to them: one walk over the tree.

use windfirm_model::{action::Action, environment::Environment, run::RunStateKind};

use super::{AppRuns, Asked};
use crate::graph::{AppIndex, Tree};

/// How an app stands, as counts and filters see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Live,
    Pass,
    Fail,
    /// Also what was lost or broke: it should have said something of the app, and did not.
    Inconclusive,
    /// No verdict yet: it never ran, or somebody cancelled every run, which says nothing of the app.
    Never,
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    sees: bool,
    /// Seeing an app is one right, reading its runs another.
    reads_runs: bool,
    /// The nearest visible app above.
    parent: Option<AppIndex>,
    /// Counts visible apps only.
    level: u32,
    standing: Standing,
    worst: Option<RunStateKind>,
    live: u32,
}

#[derive(Debug)]
pub(super) struct Visible {
    facts: Vec<Facts>,
    /// Visible children, for each app.
    children: Vec<Vec<AppIndex>>,
    /// Visible apps without a visible one above.
    pub(super) roots: Vec<AppIndex>,
    /// All visible apps, parents first.
    pub(super) shown: Vec<AppIndex>,
    pub(super) hidden: usize,
    /// How many hidden apps have this one as the nearest visible app above.
    hidden_below: Vec<u32>,
    pub(super) hidden_at_top: u32,
}

impl Visible {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let apps = asked.tree.apps();
        let mut all = Self {
            facts: Vec::with_capacity(apps.len()),
            children: vec![Vec::new(); apps.len()],
            roots: Vec::new(),
            shown: Vec::new(),
            hidden: 0,
            hidden_below: vec![0; apps.len()],
            hidden_at_top: 0,
        };
        for (index, app) in apps.iter().enumerate() {
            // Parents come first, so what is above is known. Under a hidden app, its own nearest visible one counts.
            let above = app.parent.and_then(|parent| {
                let facts = all.facts.get(parent)?;
                if facts.sees { Some(parent) } else { facts.parent }
            });
            let [sees, may_read] = asked.access.allows_each([Action::ViewApp, Action::ViewRun], &app.path, &app.environment);
            let level = above.and_then(|above| all.facts.get(above)).map_or(1, |above| above.level.saturating_add(1));
            let reads_runs = sees && may_read;
            let runs = asked.runs.get(&app.path).filter(|_| reads_runs);
            let last = runs.and_then(|runs| runs.last).map(|last| last.state).filter(|state| !state.is_live());
            let live = runs.map_or(0, |runs| runs.live);
            all.facts.push(Facts { sees, reads_runs, parent: above, level, standing: standing(last, live), worst: last, live });
            all.add(index, above, sees);
        }
        all.roll_up();
        all
    }

    fn add(&mut self, index: AppIndex, above: Option<AppIndex>, sees: bool) {
        if !sees {
            self.hidden = self.hidden.saturating_add(1);
            let hidden = above.and_then(|above| self.hidden_below.get_mut(above)).unwrap_or(&mut self.hidden_at_top);
            *hidden = hidden.saturating_add(1);
            return;
        }
        self.shown.push(index);
        above.and_then(|above| self.children.get_mut(above)).unwrap_or(&mut self.roots).push(index);
    }

    /// From the last to the first, so that an app is complete before it counts for the one above.
    fn roll_up(&mut self) {
        for index in self.shown.iter().rev() {
            let Some(facts) = self.facts.get(*index).copied() else { continue };
            if let Some(above) = facts.parent.and_then(|above| self.facts.get_mut(above)) {
                above.live = above.live.saturating_add(facts.live);
                above.worst = above.worst.max_by_key(facts.worst);
            }
        }
    }

    /// What the asker may know of the runs of an app.
    pub(super) fn runs<'a>(&self, asked: &Asked<'a>, index: AppIndex) -> Option<&'a AppRuns> {
        let path = &asked.tree.apps().get(index)?.path;
        asked.runs.get(path).filter(|_| self.reads_runs(index))
    }
    pub(super) fn reads_runs(&self, index: AppIndex) -> bool {
        self.facts.get(index).is_some_and(|facts| facts.reads_runs)
    }
    pub(super) fn sees(&self, index: AppIndex) -> bool {
        self.facts.get(index).is_some_and(|facts| facts.sees)
    }
    pub(super) fn parent(&self, index: AppIndex) -> Option<AppIndex> {
        self.facts.get(index).and_then(|facts| facts.parent)
    }
    pub(super) fn level(&self, index: AppIndex) -> u32 {
        self.facts.get(index).map_or(1, |facts| facts.level)
    }
    pub(super) fn standing(&self, index: AppIndex) -> Standing {
        self.facts.get(index).map_or(Standing::Never, |facts| facts.standing)
    }
    pub(super) fn worst(&self, index: AppIndex) -> Option<RunStateKind> {
        self.facts.get(index).and_then(|facts| facts.worst)
    }
    pub(super) fn live(&self, index: AppIndex) -> u32 {
        self.facts.get(index).map_or(0, |facts| facts.live)
    }
    pub(super) fn children(&self, index: AppIndex) -> &[AppIndex] {
        self.children.get(index).map(Vec::as_slice).unwrap_or_default()
    }
    pub(super) fn hidden_below(&self, index: AppIndex) -> u32 {
        self.hidden_below.get(index).copied().unwrap_or_default()
    }
    /// Environments of visible apps, by name.
    pub(super) fn environments(&self, tree: &Tree) -> Vec<Environment> {
        let mut found: Vec<&Environment> = self.shown.iter().filter_map(|index| tree.apps().get(*index)).map(|app| &app.environment).collect();
        // Neighbours mostly have the same one, so that few are left to sort.
        found.dedup();
        found.sort();
        found.dedup();
        found.into_iter().cloned().collect()
    }
}

trait Worst {
    fn max_by_key(self, other: Self) -> Self;
}
impl Worst for Option<RunStateKind> {
    fn max_by_key(self, other: Self) -> Self {
        if other.map(badness) > self.map(badness) { other } else { self }
    }
}

/// The worst last: a failure is certain, a broken run may be one, the rest is doubt. A cancelled run says less than a passed one.
const fn badness(state: RunStateKind) -> u8 {
    match state {
        RunStateKind::Failed => 6,
        RunStateKind::Errored => 5,
        RunStateKind::Lost => 4,
        RunStateKind::Inconclusive => 3,
        RunStateKind::Passed => 2,
        RunStateKind::Cancelled => 1,
        RunStateKind::Waiting | RunStateKind::Queued | RunStateKind::Starting | RunStateKind::Running | RunStateKind::Finishing | RunStateKind::Cancelling => 0,
    }
}

const fn standing(last: Option<RunStateKind>, live: u32) -> Standing {
    match last {
        _ if live > 0 => Standing::Live,
        None => Standing::Never,
        Some(state) if !state.tells() => Standing::Never,
        Some(RunStateKind::Passed) => Standing::Pass,
        Some(RunStateKind::Failed) => Standing::Fail,
        Some(_) => Standing::Inconclusive,
    }
}
