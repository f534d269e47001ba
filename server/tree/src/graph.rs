//! The tree of apps: which app makes which, where each stands, and what is wrong.
//!
//! Pure: from the files of one commit to one [`Tree`]. Argo CD's graph may have two ways to an app, loops and apps that manage
//! themselves; here each app stands once, and what was cut is told as a problem.

use std::collections::HashMap;

use windfirm_model::{
    action::Action,
    environment::Environment,
    path::AppPath,
    view::{app::Target, tree::TreeRevision},
};
use windfirm_policy::{Access, AppFacts, Place};

use crate::{
    discovery::{self, Found, TestScript},
    files::Files,
    live::Live,
    manifest::{Kind, Source, TESTS_ANNOTATION},
};

mod arrange;
mod expand;
mod join;
mod key;
mod kustomize;
mod place;

pub use join::join;
pub use key::AppKey;

/// More apps are not placed.
pub const MAX_APPS: usize = 50_000;
/// Deeper trees are cut.
pub const MAX_LEVELS: usize = 40;

/// How to read the repository.
#[derive(Clone, Debug, Default)]
pub struct TreeOptions {
    /// Where root Applications are looked for, folders below included; empty or `/` is the whole repository.
    pub roots: String,
    /// The addresses by which manifests name this repository, in any spelling. What names none of them stands elsewhere: a
    /// path alone never makes a source ours.
    pub repositories: Vec<String>,
    /// The names by which manifests may ask for the commit that is read, beside `HEAD`: branch, tag, id.
    pub revisions: Vec<String>,
}

/// Index into [`Tree::apps`].
pub type AppIndex = usize;

/// Decides the environment of an app, and says why.
pub type EnvironmentOf<'a> = &'a dyn Fn(&AppFacts) -> (Environment, String);

/// All apps at one commit, parents before their children, each subtree in one piece.
#[derive(Clone, Debug)]
pub struct Tree {
    apps: Vec<App>,
    by_path: HashMap<AppPath, AppIndex>,
    problems: Vec<TreeProblem>,
    revision: TreeRevision,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub path: AppPath,
    pub name: String,
    pub kind: Kind,
    /// 1 for a root.
    pub level: usize,
    pub parent: Option<AppIndex>,
    /// By wave, then name.
    pub children: Vec<AppIndex>,
    /// Apps above that this one makes again: shown, not followed.
    pub cycles: Vec<AppIndex>,
    /// One past the last app of its subtree.
    pub end: AppIndex,
    pub wave: i32,
    pub environment: Environment,
    pub environment_why: String,
    pub project: String,
    /// The namespace of the object itself.
    pub namespace: String,
    /// The cluster that the object itself lives in, as the tree spells it; `in-cluster` for the one whose Argo CD reads this
    /// repository.
    pub object_cluster: String,
    /// Where the app is deployed to.
    pub cluster: String,
    pub destination_namespace: String,
    pub sources: Vec<AppSource>,
    pub target: Target,
    pub tests: Vec<TestScript>,
    /// Where tests were looked for, whether or not there are some.
    pub searched: Vec<String>,
    /// Where its annotation says that they are.
    pub annotated_tests: Option<String>,
    /// Set when children may be missing, because only Argo CD can work them out; a sentence each.
    pub unresolved: Vec<String>,
    pub manages_itself: bool,
    /// Trouble with this app's own manifest and tests.
    pub problems: Vec<String>,
    /// The file of the manifest; empty for an app that stands in a cluster only.
    pub file: String,
    pub presence: Presence,
    /// Behind [`Self::live`], so that it is not shown without asking.
    live: Option<Box<Live>>,
}

/// Where an app was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Presence {
    /// In Git, and nobody looked into its cluster.
    #[default]
    Unasked,
    /// In Git, and not (or not yet) in its cluster.
    GitOnly,
    /// In Git and in its cluster.
    Both,
    /// In a cluster, and not in this repository at this commit: another repository makes it, a template, or a hand.
    ClusterOnly,
}

/// A source, and its folder if it lies in this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSource {
    pub source: Source,
    pub folder: Option<String>,
    /// Its manifests stand in another repository: nothing of them is known here.
    pub elsewhere: bool,
    /// `directory`, `helm`, `kustomize`, `chart`, `plugin`, `values`, `unknown`.
    pub kind: &'static str,
}

/// Something wrong, and whom it may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeProblem {
    pub sentence: String,
    /// The apps that the sentence names or is about.
    pub about: Vec<AppIndex>,
    /// Set when the sentence is about something whose place is not known, but lies below here: an unreadable manifest. It is
    /// told only to those who may see everything directly below.
    pub below: Option<AppPath>,
}

impl App {
    /// Its tests in these files, which are those that the tree was read from.
    #[must_use]
    pub(crate) fn tests_in(&self, files: &dyn Files) -> Found {
        if self.kind != Kind::Application {
            return Found::default();
        }
        let folders: Vec<&str> = self.sources.iter().filter_map(|source| source.folder.as_deref()).collect();
        discovery::tests(files, self.annotated_tests.as_deref(), &folders)
    }
    /// Its tests in these files of a commit that runs: where the cluster's object says that they are, in these folders of its sources.
    #[must_use]
    pub fn tests_deployed(&self, files: &dyn Files, folders: &[&str]) -> Found {
        let Some(live) = self.live.as_deref().filter(|_| self.kind == Kind::Application) else { return Found::default() };
        discovery::tests(files, live.object.marks().windfirm(TESTS_ANNOTATION), folders)
    }
    #[must_use]
    pub fn place(&self) -> Place {
        Place { path: self.path.clone(), environment: self.environment.clone() }
    }
    /// Whether somebody may do this with the app, judged where Git says that it is. Costs less than to ask with [`App::place`].
    #[must_use]
    pub fn allows(&self, access: &Access, action: Action) -> bool {
        access.allows_in(action, &self.path, &self.environment)
    }
    /// What a cluster says of it, to those who may see the app where Git says that it is and where it really is: the two may be
    /// different environments. `None` also if no cluster has it.
    #[must_use]
    pub fn live(&self, access: &Access) -> Option<&Live> {
        let sees = |environment: &Environment| access.allows_in(Action::ViewApp, &self.path, environment);
        self.live.as_deref().filter(|live| sees(&self.environment) && (live.environment == self.environment || sees(&live.environment)))
    }
    /// Where the app really is, if that is another environment than the one that Git says. Whoever does something to what runs
    /// needs the right to it in both places.
    #[must_use]
    pub fn live_place(&self) -> Option<Place> {
        let live = self.live.as_ref().filter(|live| live.environment != self.environment)?;
        Some(Place { path: self.path.clone(), environment: live.environment.clone() })
    }
    /// Whether all that it renders stands in other repositories and no cluster tells what that is, so that nothing can be shown
    /// below it.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.live.is_none() && self.sources.iter().any(|source| source.elsewhere) && self.sources.iter().all(|source| source.folder.is_none())
    }
    fn facts(&self) -> AppFacts {
        AppFacts { cluster: self.cluster.clone(), namespace: self.destination_namespace.clone(), name: self.name.clone(), path: self.path.clone() }
    }
}

impl Tree {
    /// Reads the manifests and joins them. Never fails: what cannot be read is told in [`Self::problems`].
    #[must_use]
    pub fn build(files: &dyn Files, revision: TreeRevision, options: &TreeOptions, environment_of: EnvironmentOf<'_>) -> Self {
        let (apps, problems) = place::place(files, options);
        let by_path = apps.iter().enumerate().map(|(index, app)| (app.path.clone(), index)).collect();
        Self { apps, by_path, problems, revision }.with_environments(environment_of)
    }
    /// The same tree under another policy.
    #[must_use]
    pub fn with_environments(mut self, environment_of: EnvironmentOf<'_>) -> Self {
        for app in &mut self.apps {
            let facts = app.facts();
            (app.environment, app.environment_why) = environment_of(&facts);
            if let Some(live) = &mut app.live {
                // A set deploys nothing, and its template may not say where; it stands where its place in the tree is.
                let of_itself = live.object.application().is_some();
                let there = AppFacts { cluster: live.cluster.clone(), namespace: live.namespace.clone(), ..facts };
                (live.environment, live.environment_why) =
                    if of_itself { environment_of(&there) } else { (app.environment.clone(), app.environment_why.clone()) };
            }
        }
        self
    }
    /// A tree without any app, until one can be read.
    #[must_use]
    pub fn empty(revision: TreeRevision) -> Self {
        Self { apps: Vec::new(), by_path: HashMap::new(), problems: Vec::new(), revision }
    }
    #[must_use]
    pub fn apps(&self) -> &[App] {
        &self.apps
    }
    /// All problems, uncut: for those who look after the portal.
    #[must_use]
    pub fn problems(&self) -> &[TreeProblem] {
        &self.problems
    }
    #[must_use]
    pub const fn revision(&self) -> &TreeRevision {
        &self.revision
    }
    #[must_use]
    pub fn index_of(&self, path: &AppPath) -> Option<AppIndex> {
        self.by_path.get(path).copied()
    }
    #[must_use]
    pub fn find(&self, path: &AppPath) -> Option<&App> {
        self.index_of(path).and_then(|index| self.apps.get(index))
    }
    /// The app and everything below it.
    #[must_use]
    pub fn subtree(&self, path: &AppPath) -> &[App] {
        let range = self.index_of(path).and_then(|start| self.apps.get(start).map(|app| start..app.end));
        range.and_then(|range| self.apps.get(range)).unwrap_or_default()
    }
    pub fn children<'a>(&'a self, app: &'a App) -> impl Iterator<Item = &'a App> {
        app.children.iter().filter_map(|index| self.apps.get(*index))
    }
    #[must_use]
    pub fn parent(&self, app: &App) -> Option<&App> {
        app.parent.and_then(|index| self.apps.get(index))
    }
}
