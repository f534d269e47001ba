//! The tree page: a flat list of rows with explicit levels.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    environment::Environment,
    path::AppPath,
    run::RunStateKind,
    view::{
        cluster::{AccountFindings, ClusterState, LiveState},
        run::Permission,
    },
};

/// The whole state of the page, as it stands in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeQuery {
    /// Part of a name or path.
    pub q: Option<String>,
    pub env: Option<String>,
    /// A word of the verdict column: `pass`, `fail`, `inconclusive`, `never`, `live`.
    pub verdict: Option<String>,
    /// A word of [`crate::view::cluster::HealthWord`].
    pub health: Option<String>,
    /// A code of [`crate::view::cluster::SyncWord`].
    pub sync: Option<String>,
    /// `no` for what is not settled, `yes` for what is.
    pub settled: Option<String>,
    /// Paths whose children are shown, separated by commas; absent shows the first two levels, `none` only the roots, `all` everything.
    pub open: Option<String>,
    /// `table` for the flat list of apps.
    pub view: Option<String>,
    /// How many rows are shown; absent shows the first [`FIRST_ROWS`].
    #[serde(default)]
    pub rows: Option<String>,
}

/// As many rows as a page shows at first: more than a screen has room for, and few enough to come at once, from a tree of any size.
pub const FIRST_ROWS: u32 = 20;

/// How many rows to ask for where `shown` are not enough: each time several times as many, so that few steps lead to the end.
#[must_use]
pub const fn more_rows(shown: u32) -> u32 {
    shown.saturating_mul(4)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreePage {
    pub query: TreeQuery,
    pub rows: Vec<TreeRow>,
    /// How many rows follow that are not among them.
    #[serde(default)]
    pub rows_left: u32,
    pub environments: Vec<Environment>,
    pub visible_apps: u32,
    /// How many apps exist that the person may not see, all in all.
    pub hidden_apps: u32,
    /// Whether the person may open the page on the portal's own state, which says more of a tree that cannot be read.
    pub may_view_system: bool,
    pub counts: VerdictCounts,
    pub revision: TreeRevision,
    /// Problems in the part of the tree that the person sees: unreadable manifests, cycles.
    pub problems: Vec<String>,
    /// The clusters that hold an app which the person sees; empty in a portal that reads none.
    #[serde(default)]
    pub clusters: Vec<ClusterState>,
    /// Whether a cluster says anything of an app that the person sees, so that rows can be told by it.
    #[serde(default)]
    pub has_live: bool,
    /// Accounts that the person acts as somewhere in the tree and that lack something: their launches are locked.
    #[serde(default)]
    pub accounts: Vec<AccountFindings>,
    /// Set when clusters grant all that the person's launches need: since when that is known of each of them.
    #[serde(default)]
    pub granted: Option<Timestamp>,
    pub now: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCounts {
    pub pass: u32,
    pub fail: u32,
    pub inconclusive: u32,
    pub live: u32,
    pub never: u32,
}

/// Where the tree was read from, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRevision {
    pub commit: String,
    pub subject: String,
    pub author: String,
    pub committed: Timestamp,
    pub read: Timestamp,
    pub source: String,
    /// Set when the newest commit could not be read, in the words that the reader may see. An older one is shown, or none at all.
    pub stale: Option<String>,
}

impl TreeRevision {
    /// Whether no commit could be read since the portal started: that is not the same as a tree without apps.
    #[must_use]
    pub const fn is_unread(&self) -> bool {
        self.commit.is_empty() && self.stale.is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly every row is an app; boxing each would cost more than the few hidden rows save")]
pub enum TreeRow {
    App(AppRow),
    /// Children that the person may not see: counted, never named.
    Hidden {
        level: u32,
        count: u32,
        position: u32,
        size: u32,
    },
}

/// One app. What is not there is not written: a page holds its rows twice, as HTML and as data for the script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppRow {
    pub path: AppPath,
    pub name: String,
    /// `Application` or `ApplicationSet`.
    #[serde(default = "application", skip_serializing_if = "is_application")]
    pub kind: String,
    /// 1 for a root.
    pub level: u32,
    /// Place among its siblings, from 1, and how many they are; for `aria-posinset` and `aria-setsize`.
    pub position: u32,
    pub size: u32,
    /// `None`: no children. Otherwise whether they are shown.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expanded: Option<bool>,
    /// The `open` of the URL that turns this row over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub toggle: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub wave: i32,
    pub environment: Environment,
    /// Last verdict of the app itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last: Option<RunStateKind>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_run: Option<crate::id::RunId>,
    /// Its runs are not the person's to read: that none are shown does not say that there are none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub runs_locked: bool,
    /// Worst last verdict of everything visible below, the app included.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rolled_up: Option<RunStateKind>,
    /// Live runs of everything visible below, the app included.
    #[serde(default, skip_serializing_if = "is_default")]
    pub live: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub spread_us: Option<u64>,
    /// p99 − p50 of the last runs, oldest first, microseconds, for the sparkline.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spread_history_us: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub tests: u32,
    /// Without a why where it is allowed.
    pub launch: Permission,
    /// Set on rows that a filter keeps only because something below them matches.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: bool,
    /// Cycle back to an app that already stands above: shown once, not followed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cycle: bool,
    /// Its manifests stand in another repository, so nothing is known below it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub elsewhere: bool,
    /// How it stands in its cluster; `None` where no cluster is read, or where that is not the person's to know.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_cluster: Option<LiveState>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn application() -> String {
    "Application".to_owned()
}

fn is_application(kind: &str) -> bool {
    kind == "Application"
}
