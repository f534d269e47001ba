//! One tree from Git and from clusters.
//!
//! # Whose word holds
//!
//! Grants hold by path and by environment, so both are a matter of access, not of display. The rule: **whatever Git knows keeps the
//! path and the environment that Git gives it**, with or without a cluster beside it.
//!
//! - What stands above an app in the cluster is decided by whoever may write an `Application`, or into the repository of any other
//!   app. If that word moved apps, such a person could pull any app below a path that he holds a grant for. Git's word is the one
//!   that the grants were written for. So nobody sees or may do more because clusters are read, and no path moves when a cluster
//!   lags, is away, or comes back.
//! - Where the cluster disagrees, it is told and not followed: [`Live::parent`](crate::live::Live::parent) and
//!   [`disagreements`](crate::live::Live::disagreements).
//! - Where the cluster has deployed the app into another environment than Git says, its live facts are shown only to those who may
//!   see the app in *both* ([`App::live`]), and [`App::live_place`] names the other place, so that a launch can ask for it too.
//!
//! An app that only a cluster has gets its path by the same rule as one from Git: below the app that makes it, at the top if nobody
//! does. Names that Git uses are taken. Two things are stricter than in Git:
//!
//! - An app that bears the mark of a parent which is not there, or of one that cannot be told, stands at the top under its name
//!   *with* its namespace (`/cart~argocd/`): a grant for an app of that plain name was not written for it.
//! - Tests and commits of our repository are shown for it only once Argo CD itself took its sources and compared it with them: to
//!   name a folder of a repository is not to be allowed to read it.
//!
//! What an app without a place makes has none either, as in Git.

use std::collections::{BTreeSet, VecDeque};

use windfirm_model::path::AppPath;

use super::{
    App, AppIndex, AppKey, EnvironmentOf, MAX_APPS, MAX_LEVELS, Presence, Tree, TreeOptions, TreeProblem,
    arrange::{arrange, renumbered},
    expand::Library,
    key::{Naming, deployed_to, free_path},
    place::{MAX_PROBLEMS, made_app},
};
use crate::{
    files::Files,
    live::{Live, LiveForest, LiveParent, Node, NodeIndex, Parent},
};

mod compare;
mod facts;

/// Joins the tree of a commit with what clusters hold. `files` and `options` are those that the tree was built from.
///
/// Each app of either is in the result once: by cluster, namespace, kind and name. With an empty forest, the result is the tree.
#[must_use]
pub fn join(git: &Tree, forest: &LiveForest, files: &dyn Files, options: &TreeOptions, environment_of: EnvironmentOf<'_>) -> Tree {
    let mut joiner = Joiner {
        forest,
        library: Library::new(files, options),
        commit: &git.revision.commit,
        apps: git.apps.clone(),
        node_of: vec![None; git.apps.len()],
        app_of: vec![None; forest.nodes().len()],
        taken: git.apps.iter().map(|app| app.path.clone()).collect(),
        problems: git.problems.clone(),
    };
    joiner.match_git();
    joiner.place_others();
    joiner.add_facts();
    joiner.compare();
    let Joiner { apps, mut problems, .. } = joiner;
    let (mut apps, new_index) = arrange(apps);
    for problem in &mut problems {
        problem.about = renumbered(&problem.about, &new_index);
    }
    for live in apps.iter_mut().filter_map(|app| app.live.as_mut()) {
        if let LiveParent::App(index) = live.parent {
            live.parent = new_index.get(index).copied().flatten().map_or(LiveParent::Missing, LiveParent::App);
        }
    }
    let by_path = apps.iter().enumerate().map(|(index, app)| (app.path.clone(), index)).collect();
    Tree { apps, by_path, problems, revision: git.revision.clone() }.with_environments(environment_of)
}

/// Indexes of apps are those of the tree from Git, the others behind, until all is arranged at the end.
struct Joiner<'a> {
    forest: &'a LiveForest,
    library: Library<'a>,
    /// The commit that the tree was read at.
    commit: &'a str,
    apps: Vec<App>,
    /// By app.
    node_of: Vec<Option<NodeIndex>>,
    /// By node.
    app_of: Vec<Option<AppIndex>>,
    taken: BTreeSet<AppPath>,
    problems: Vec<TreeProblem>,
}

impl Joiner<'_> {
    fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.forest.nodes().get(index)
    }
    fn app_of(&self, node: NodeIndex) -> Option<AppIndex> {
        self.app_of.get(node).copied().flatten()
    }
    fn path(&self, app: AppIndex) -> String {
        self.apps.get(app).map(|app| app.path.to_string()).unwrap_or_default()
    }
    fn tell(&mut self, problem: TreeProblem) {
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Finds the apps that both know.
    fn match_git(&mut self) {
        let clusters = &self.forest.options().clusters;
        for (index, app) in self.apps.iter_mut().enumerate() {
            let cluster = clusters.meant(clusters.home(), &app.object_cluster);
            let key = AppKey { cluster, namespace: app.namespace.clone(), kind: app.kind, name: app.name.clone() };
            let node = self.forest.index_of(&key);
            app.presence = match node {
                Some(_) => Presence::Both,
                None if clusters.is_read(&key.cluster) => Presence::GitOnly,
                None => Presence::Unasked,
            };
            if let Some(node_of) = self.node_of.get_mut(index) {
                *node_of = node;
            }
            // Two spellings of one cluster can make two apps of one in Git; both know the live one, and the first stands for it.
            if let Some(app_of) = node.and_then(|node| self.app_of.get_mut(node)).filter(|app_of| app_of.is_none()) {
                *app_of = Some(index);
            }
        }
    }

    /// Gives a place to each app that only a cluster has, parents before children.
    fn place_others(&mut self) {
        let forest = self.forest;
        let mut tops: Vec<(Naming, NodeIndex)> = Vec::new();
        let mut queue: VecDeque<NodeIndex> = VecDeque::new();
        for (index, node) in forest.nodes().iter().enumerate() {
            match (&node.parent, self.app_of(index)) {
                (_, Some(_)) => queue.push_back(index),
                (Parent::Below(_), None) => {}
                (Parent::Root | Parent::Loop(_), None) => tops.push((Naming::Plain, index)),
                (Parent::Missing { .. } | Parent::Unsure(_), None) => tops.push((Naming::Qualified, index)),
            }
        }
        tops.sort_by_key(|(naming, index)| (*naming == Naming::Qualified, forest.nodes().get(*index).map(Node::order)));
        for (naming, index) in tops {
            queue.extend(self.add(index, None, naming));
        }
        while let Some(above) = queue.pop_front() {
            let (Some(parent), Some(node)) = (self.app_of(above), forest.nodes().get(above)) else { continue };
            for child in &node.children {
                if self.app_of(*child).is_none() {
                    queue.extend(self.add(*child, Some(parent), Naming::Plain));
                }
            }
        }
    }

    /// Returns the node if it got a place.
    fn add(&mut self, index: NodeIndex, parent: Option<AppIndex>, naming: Naming) -> Option<NodeIndex> {
        let node = self.forest.nodes().get(index)?;
        let clusters = &self.forest.options().clusters;
        let above = parent.and_then(|parent| self.apps.get(parent));
        let (base, level) = above.map_or_else(|| (AppPath::root(), 1), |above| (above.path.clone(), above.level.saturating_add(1)));
        let key = AppKey { cluster: clusters.in_git(&node.key.cluster).to_owned(), ..node.key.clone() };
        if self.apps.len() >= MAX_APPS {
            let sentence = format!("There are more than {MAX_APPS} apps; the rest is not shown.");
            self.tell(TreeProblem { sentence, about: Vec::new(), below: Some(AppPath::root()) });
            return None;
        }
        if level > MAX_LEVELS {
            let sentence = format!("{base} lies {MAX_LEVELS} levels deep; what it makes is not shown. Make the tree flatter.");
            self.tell(TreeProblem { sentence, about: parent.into_iter().collect(), below: None });
            return None;
        }
        let Some(path) = free_path(&self.taken, &base, &key, naming) else {
            let sentence = format!("No path can be made of the name {}, so the app is left out. Give it a shorter, plain name.", key.name);
            self.tell(TreeProblem { sentence, about: parent.into_iter().collect(), below: Some(base) });
            return None;
        };
        let mut app = made_app(&self.library, &facts::manifest_of(&node.object), &key, path.clone(), level);
        if !facts::is_accepted(&node.object) {
            facts::withhold_files(&mut app);
        }
        app.parent = parent;
        app.presence = Presence::ClusterOnly;
        let at = self.apps.len();
        let own: Vec<String> = app.problems.iter().map(|sentence| format!("{path}: {sentence}")).collect();
        self.apps.push(app);
        self.node_of.push(Some(index));
        self.taken.insert(path);
        if let Some(app_of) = self.app_of.get_mut(index) {
            *app_of = Some(at);
        }
        if let Some(above) = parent.and_then(|parent| self.apps.get_mut(parent)) {
            above.children.push(at);
        }
        for sentence in own {
            self.tell(TreeProblem { sentence, about: vec![at], below: None });
        }
        Some(index)
    }

    fn add_facts(&mut self) {
        let clusters = &self.forest.options().clusters;
        let in_tree: BTreeSet<AppKey> = self
            .apps
            .iter()
            .map(|app| {
                let cluster = clusters.meant(clusters.home(), &app.object_cluster);
                AppKey { cluster, namespace: app.namespace.clone(), kind: app.kind, name: app.name.clone() }
            })
            .collect();
        for index in 0..self.apps.len() {
            let Some(at) = self.node_of.get(index).copied().flatten() else { continue };
            let (Some(node), Some(app)) = (self.node(at), self.apps.get(index)) else { continue };
            let live = self.facts(at, node, app);
            let unseen: Vec<&AppKey> = node.unseen.iter().filter(|key| !in_tree.contains(key)).collect();
            let mut unresolved = facts::unseen_in_words(&unseen, clusters);
            unresolved.extend(facts::cut_list(&node.object));
            // What only Argo CD knows is known now, once it looked.
            let git_unresolved = if facts::is_unread(&node.object) { app.unresolved.clone() } else { Vec::new() };
            unresolved.extend(git_unresolved);
            let manages_itself = node.manages_itself;
            if let Some(app) = self.apps.get_mut(index) {
                app.unresolved = unresolved;
                app.manages_itself |= manages_itself;
                app.live = Some(Box::new(live));
            }
        }
    }

    fn facts(&self, at: NodeIndex, node: &Node, app: &App) -> Live {
        let clusters = &self.forest.options().clusters;
        let (parent, provenance) = match &node.parent {
            Parent::Root => (LiveParent::None, Vec::new()),
            Parent::Below(parent) | Parent::Loop(parent) => {
                (self.app_of(*parent).map_or(LiveParent::Missing, LiveParent::App), self.forest.provenance(*parent, at).to_vec())
            }
            Parent::Missing { .. } => (LiveParent::Missing, Vec::new()),
            Parent::Unsure(_) => (LiveParent::Unsure, Vec::new()),
        };
        let key = AppKey { cluster: clusters.in_git(&node.key.cluster).to_owned(), ..node.key.clone() };
        let destination = facts::destination(&node.object);
        let mut cluster = deployed_to(&key, destination);
        // One cluster in two spellings is one place.
        if clusters.meant(clusters.home(), &cluster) == clusters.meant(clusters.home(), &app.cluster) {
            cluster.clone_from(&app.cluster);
        }
        Live {
            object: node.object.clone(),
            settled: node.object.application().map(crate::live::settled),
            revisions: facts::revisions(&self.library, &node.object, self.commit),
            cluster,
            namespace: destination.namespace.clone(),
            environment: app.environment.clone(),
            environment_why: String::new(),
            parent,
            provenance,
            disagreements: Vec::new(),
        }
    }
}
