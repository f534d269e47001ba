//! What the tree page and the home page show, cut to what the asker may see.
//!
//! Pure. One rule decides: an app is visible if [`Access`] allows `app.view` in its place. What is not visible is counted,
//! never named: not in rows, filters, roll-ups, choices or problems.

use std::collections::{BTreeSet, HashMap};

use windfirm_model::{
    action::Action,
    clock::Timestamp,
    fault::Fault,
    id::RunId,
    path::AppPath,
    run::RunStateKind,
    view::{
        cluster::ClusterState,
        home::SubtreeRow,
        run::Permission,
        tree::{TreePage, TreeQuery, TreeRevision, VerdictCounts},
    },
};
use windfirm_policy::{Access, Place};

use crate::graph::{App, AppIndex, Tree};

mod filter;
mod live;
mod open;
mod project;
mod rows;
mod visible;

use filter::Filter;
pub use live::live_facts;
pub use project::project_facts;
use visible::{Standing, Visible};

/// The home page shows a part; the tree page shows all.
const MAX_SUBTREES: usize = 100;

/// What is known of the runs of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppRuns {
    /// The newest ended run.
    pub last: Option<LastRun>,
    /// How many are queued or running.
    pub live: u32,
    /// p99 − p50 of the last runs, oldest first, microseconds.
    pub spread_history_us: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRun {
    pub run: RunId,
    pub state: RunStateKind,
    /// p99 − p50, if anything was measured.
    pub spread_us: Option<u64>,
}

/// Everything that a page is made of.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub tree: &'a Tree,
    pub access: &'a Access,
    /// By path; an app without an entry has never run.
    pub runs: &'a HashMap<AppPath, AppRuns>,
    /// May the asker launch here, and why (not). Asked for rows that are shown, only.
    pub launch: &'a dyn Fn(&Place) -> Permission,
    /// How well each cluster is heard that the live side of the tree comes from; empty where none is read.
    pub clusters: &'a [ClusterState],
    pub now: Timestamp,
}

impl std::fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("apps", &self.tree.apps().len()).field("now", &self.now).finish_non_exhaustive()
    }
}

/// The tree page. `revision` is the tree's own, with `stale` set where a newer one could not be read.
///
/// # Errors
/// [`Fault::Invalid`] names each part of the query that is not understood.
pub fn tree_page(asked: &Asked<'_>, query: &TreeQuery, revision: &TreeRevision) -> Result<TreePage, Fault> {
    let visible = Visible::of(asked);
    let environments = visible.environments(asked.tree);
    let has_live = live_apps(asked, &visible).next().is_some();
    let filter = Filter::read(query, &environments, has_live)?;
    let (rows, rows_left) = rows::rows(asked, &visible, &filter, query)?;
    Ok(TreePage {
        query: query.clone(),
        rows,
        rows_left,
        environments,
        visible_apps: count(visible.shown.len()),
        hidden_apps: count(visible.hidden),
        may_view_system: asked.access.can_anywhere(Action::ViewSystem).is_some(),
        counts: counts(&visible, &visible.shown),
        revision: revision.clone(),
        problems: problems(asked, &visible),
        clusters: heard_clusters(asked, &visible),
        has_live,
        accounts: Vec::new(),
        granted: None,
        now: asked.now,
    })
}

/// The person's part of the tree for the home page: what stands at its top, and what has apps below it one level down.
#[must_use]
pub fn subtree_rows(asked: &Asked<'_>) -> Vec<SubtreeRow> {
    let visible = Visible::of(asked);
    let shown = visible.shown.iter().copied().filter(|index| match visible.level(*index) {
        1 => true,
        2 => !visible.children(*index).is_empty(),
        _ => false,
    });
    let row = |index: AppIndex| {
        let app = asked.tree.apps().get(index)?;
        let at = |bound: AppIndex| visible.shown.partition_point(|other| *other < bound);
        let below = visible.shown.get(at(index)..at(app.end)).unwrap_or_default();
        let counts = counts(&visible, below);
        Some(SubtreeRow {
            path: app.path.clone(),
            environment: app.environment.clone(),
            apps: count(below.len()),
            passed: counts.pass,
            failed: counts.fail,
            inconclusive: counts.inconclusive,
            live: counts.live,
            never_run: counts.never,
        })
    };
    shown.filter_map(row).take(MAX_SUBTREES).collect()
}

/// How many apps the asker may see, and how many there are beside.
#[must_use]
pub fn visible_and_hidden(tree: &Tree, access: &Access) -> (u32, u32) {
    let seen = tree.apps().iter().filter(|app| app.allows(access, Action::ViewApp)).count();
    (count(seen), count(tree.apps().len().saturating_sub(seen)))
}

/// Each app counts once: as live while something of it runs, else by its last verdict.
fn counts(visible: &Visible, apps: &[AppIndex]) -> VerdictCounts {
    let mut counts = VerdictCounts::default();
    for index in apps {
        let field = match visible.standing(*index) {
            Standing::Live => &mut counts.live,
            Standing::Pass => &mut counts.pass,
            Standing::Fail => &mut counts.fail,
            Standing::Inconclusive => &mut counts.inconclusive,
            Standing::Never => &mut counts.never,
        };
        *field = field.saturating_add(1);
    }
    counts
}

/// A problem is told if every app that it names is visible. What lies at an unknown place below an app, such as a manifest that
/// cannot be read, is told to those who may see that place in every environment.
fn problems(asked: &Asked<'_>, visible: &Visible) -> Vec<String> {
    let tree = asked.tree;
    let environments = live::environments(tree);
    let sees_all = |path: &AppPath| live::sees_all(asked.access, path, &environments);
    let told = tree.problems().iter().filter(|problem| problem.about.iter().all(|index| visible.sees(*index)) && problem.below.as_ref().is_none_or(sees_all));
    told.map(|problem| problem.sentence.clone()).collect()
}

/// The visible apps of which a cluster says anything that the asker may know.
fn live_apps<'a>(asked: &Asked<'a>, visible: &'a Visible) -> impl Iterator<Item = &'a App> {
    let (apps, access) = (asked.tree.apps(), asked.access);
    visible.shown.iter().filter_map(|index| apps.get(*index)).filter(move |app| live::is_told(app, access))
}

/// The clusters that hold a visible app. Which others there are is nobody's business here.
fn heard_clusters(asked: &Asked<'_>, visible: &Visible) -> Vec<ClusterState> {
    let mut holding: BTreeSet<&str> = BTreeSet::new();
    for app in live_apps(asked, visible) {
        holding.extend(live::cluster_of(app, app.live(asked.access), asked.clusters).map(|cluster| cluster.name.as_str()));
        // There are few clusters, and many apps.
        if holding.len() == asked.clusters.len() {
            break;
        }
    }
    asked.clusters.iter().filter(|cluster| holding.contains(cluster.name.as_str())).cloned().collect()
}

/// Far below `u32::MAX`; clamped rather than wrapped.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
