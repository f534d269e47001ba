//! Where Git and clusters disagree, and what is odd about the marks.

use windfirm_model::path::AppPath;

use super::Joiner;
use crate::{
    graph::{AppIndex, Presence, TreeProblem},
    live::{Edge, EdgeSource, LiveParent, Node, NodeIndex, Parent},
    manifest::Kind,
};

impl Joiner<'_> {
    pub(super) fn compare(&mut self) {
        for index in 0..self.apps.len() {
            let Some(at) = self.node_of.get(index).copied().flatten() else { continue };
            self.disagreements(index, at);
            self.doubtful_mark(index, at);
            self.shared_resources(index);
        }
        let forest = self.forest;
        for edge in forest.edges() {
            self.odd_edge(edge);
        }
    }

    fn disagreements(&mut self, index: AppIndex, at: NodeIndex) {
        let Some(app) = self.apps.get(index).filter(|app| app.presence == Presence::Both) else { return };
        let (Some(live), Some(node)) = (&app.live, self.node(at)) else { return };
        let mut told = Vec::new();
        let mut problems = Vec::new();
        let (path, git_parent) = (app.path.clone(), app.parent);
        match live.parent {
            LiveParent::App(there) if Some(there) != git_parent => {
                told.push("In the cluster it stands below another app than in Git. Its place here is the one of Git.".to_owned());
                let here = git_parent.map_or_else(|| "at the top".to_owned(), |parent| format!("below {}", self.path(parent)));
                let sentence = format!("{path} stands {here} in Git and below {} in the cluster. Its place here is the one of Git.", self.path(there));
                problems.push(TreeProblem { sentence, about: [index, there].into_iter().chain(git_parent).collect(), below: None });
            }
            LiveParent::None if git_parent.is_some_and(|parent| !self.is_listed_by(parent, at)) => {
                told.push("In Git another app makes it; in the cluster it bears the mark of none.".to_owned());
            }
            _ => {}
        }
        if app.kind == Kind::Application && (live.cluster.as_str(), live.namespace.as_str()) != (app.cluster.as_str(), app.destination_namespace.as_str()) {
            told.push(format!(
                "Git says that it is deployed to {} in {}; in the cluster it is deployed to {} in {}.",
                app.destination_namespace, app.cluster, live.namespace, live.cluster
            ));
            // Where it really is, is for those who may see it there.
            let sentence = format!("{path} is deployed to another place than Git says. Sync it, or correct one of the two.");
            problems.push(TreeProblem { sentence, about: vec![index], below: None });
        }
        if let Some(live) = node.object.application() {
            if *live.project != *app.project {
                told.push(format!("Git has it in the project {}, the cluster in {}.", app.project, live.project));
            }
            if !live.sources.iter().eq(app.sources.iter().map(|source| &source.source)) {
                told.push("The cluster has other sources for it than Git, or other revisions of them.".to_owned());
            }
        }
        if let Some(live) = self.apps.get_mut(index).and_then(|app| app.live.as_mut()) {
            live.disagreements = told;
        }
        for problem in problems {
            self.tell(problem);
        }
    }

    /// Whether the parent that Git gives lists the live app, too.
    fn is_listed_by(&self, parent: AppIndex, child: NodeIndex) -> bool {
        let parent = self.node_of.get(parent).copied().flatten();
        parent.is_some_and(|parent| is_listed(self.forest.provenance(parent, child)))
    }

    /// Marks of apps that are not there. They name what nobody may see here.
    fn doubtful_mark(&mut self, index: AppIndex, at: NodeIndex) {
        let path = self.path(index);
        let problem = match self.node(at).map(|node| &node.parent) {
            Some(Parent::Missing { named }) => {
                let sentence = format!("{path} bears the mark of {named}, which no cluster that is read holds.");
                TreeProblem { sentence, about: vec![index], below: Some(AppPath::root()) }
            }
            Some(Parent::Unsure(several)) => {
                let apps: Vec<AppIndex> = several.iter().filter_map(|node| self.app_of(*node)).collect();
                let names: Vec<String> = apps.iter().map(|app| self.path(*app)).collect();
                let sentence = format!("{path} may be made by any of {}; its marks do not tell. Let only one make it.", names.join(", "));
                TreeProblem { sentence, about: [index].into_iter().chain(apps).collect(), below: None }
            }
            _ => return,
        };
        self.tell(problem);
    }

    /// Argo CD's own word for two apps that claim one resource. Its message names the other app, so it is told at the top.
    fn shared_resources(&mut self, index: AppIndex) {
        let Some(live) = self.apps.get(index).and_then(|app| app.live.as_ref()) else { return };
        let conditions = live.object.application().map(|app| &*app.conditions).unwrap_or_default();
        let Some(condition) = conditions.iter().find(|condition| &*condition.kind == "SharedResourceWarning") else { return };
        let sentence = format!("{}: Argo CD says: {}", self.path(index), condition.message);
        self.tell(TreeProblem { sentence, about: vec![index], below: Some(AppPath::root()) });
    }

    /// Edges that are not the way the tree goes: loops and second parents. What a label says alone is no claim.
    fn odd_edge(&mut self, edge: &Edge) {
        let claims = edge.from.iter().any(|source| !matches!(source, EdgeSource::Label | EdgeSource::LabelCut));
        let (Some(parent), Some(child)) = (self.app_of(edge.parent), self.app_of(edge.child)) else { return };
        if !claims || parent == child {
            return;
        }
        if self.is_above(child, parent) {
            let sentence = format!("{} makes {} again, which stands above it. The loop is shown once and not followed.", self.path(parent), self.path(child));
            self.tell(TreeProblem { sentence, about: vec![parent, child], below: None });
            if let Some(app) = self.apps.get_mut(parent).filter(|app| !app.cycles.contains(&child)) {
                app.cycles.push(child);
            }
            return;
        }
        let chosen = matches!(self.node(edge.child), Some(Node { parent: Parent::Below(chosen) | Parent::Loop(chosen), .. }) if *chosen == edge.parent);
        let placed = self.apps.get(child).and_then(|app| app.parent) == Some(parent);
        if !chosen && !placed && is_listed(&edge.from) {
            let sentence = format!(
                "{} lists {} too, which does not bear its mark. It is not placed there; let only one app make it.",
                self.path(parent),
                self.path(child)
            );
            self.tell(TreeProblem { sentence, about: vec![parent, child], below: None });
        }
    }

    fn is_above(&self, candidate: AppIndex, index: AppIndex) -> bool {
        std::iter::successors(Some(index), |here| self.apps.get(*here).and_then(|app| app.parent)).any(|here| here == candidate)
    }
}

fn is_listed(from: &[EdgeSource]) -> bool {
    from.contains(&EdgeSource::ListedSynced) || from.contains(&EdgeSource::Listed)
}
