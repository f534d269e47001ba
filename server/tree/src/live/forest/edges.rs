//! Reads the four marks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Edge, EdgeSource, ForestOptions, LiveObject, Node, NodeIndex};
use crate::{
    graph::AppKey,
    live::{ListedStatus, LiveApplication, TrackingId, tracking::label_of},
    manifest::Kind,
};

/// What an object bears itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Of(NodeIndex),
    Itself,
    /// The words name the app.
    OfMissing(String),
    OfOneOf(Vec<NodeIndex>),
}

/// All that the marks say, by node.
pub(super) struct Found {
    pub(super) edges: Vec<Edge>,
    pub(super) owner: Vec<Mark>,
    pub(super) tracking: Vec<Mark>,
    pub(super) manages_itself: Vec<bool>,
    pub(super) unseen: Vec<Vec<AppKey>>,
}

struct Reader<'a> {
    nodes: &'a [Node],
    index: &'a HashMap<AppKey, NodeIndex>,
    options: &'a ForestOptions,
    /// Applications by name, whatever their namespace and cluster.
    by_name: HashMap<&'a str, Vec<NodeIndex>>,
    edges: BTreeMap<(NodeIndex, NodeIndex), BTreeSet<EdgeSource>>,
    manages_itself: Vec<bool>,
    unseen: Vec<Vec<AppKey>>,
}

pub(super) fn find(nodes: &[Node], index: &HashMap<AppKey, NodeIndex>, options: &ForestOptions) -> Found {
    let mut by_name: HashMap<&str, Vec<NodeIndex>> = HashMap::new();
    for (at, node) in nodes.iter().enumerate().filter(|(_, node)| node.key.kind == Kind::Application) {
        by_name.entry(&node.key.name).or_default().push(at);
    }
    let (manages_itself, unseen) = (vec![false; nodes.len()], vec![Vec::new(); nodes.len()]);
    let mut reader = Reader { nodes, index, options, by_name, edges: BTreeMap::new(), manages_itself, unseen };
    // Lists first: they help to tell apart whom a tracking id may mean.
    for (at, node) in nodes.iter().enumerate() {
        reader.list(at, node);
    }
    let owner = nodes.iter().enumerate().map(|(at, node)| reader.owner(at, node)).collect();
    let tracking = nodes.iter().enumerate().map(|(at, node)| reader.tracking(at, node)).collect();
    for (at, node) in nodes.iter().enumerate() {
        reader.label(at, node);
    }
    let Reader { edges, manages_itself, unseen, .. } = reader;
    let edges = edges.into_iter().map(|((parent, child), from)| Edge { parent, child, from: from.into_iter().collect() }).collect();
    Found { edges, owner, tracking, manages_itself, unseen }
}

impl Reader<'_> {
    fn add(&mut self, parent: NodeIndex, child: NodeIndex, from: EdgeSource) {
        self.edges.entry((parent, child)).or_default().insert(from);
    }

    fn itself(&mut self, at: NodeIndex) {
        if let Some(manages_itself) = self.manages_itself.get_mut(at) {
            *manages_itself = true;
        }
    }

    /// Where the objects live that it makes: an app's where it is deployed to, a set's beside it.
    fn made_in(&self, node: &Node) -> String {
        match &node.object {
            LiveObject::Application(app) => self.options.clusters.meant(&node.key.cluster, &app.destination.cluster),
            LiveObject::Set(_) => node.key.cluster.clone(),
        }
    }

    fn list(&mut self, at: NodeIndex, node: &Node) {
        let cluster = self.made_in(node);
        let mut unseen = BTreeSet::new();
        for listed in node.object.listed() {
            let namespace = Some(&*listed.namespace).filter(|namespace| !namespace.is_empty()).unwrap_or(&node.key.namespace);
            let key = AppKey { cluster: cluster.clone(), namespace: namespace.to_owned(), kind: listed.kind, name: listed.name.to_string() };
            // What a set makes bears no tracking id, so what it calls synced says nothing of marks.
            let synced = listed.status == ListedStatus::Synced && node.key.kind == Kind::Application;
            match self.index.get(&key) {
                Some(child) if *child == at => self.itself(at),
                Some(child) => self.add(at, *child, if synced { EdgeSource::ListedSynced } else { EdgeSource::Listed }),
                None => {
                    unseen.insert(key);
                }
            }
        }
        if let Some(of_node) = self.unseen.get_mut(at) {
            *of_node = unseen.into_iter().collect();
        }
    }

    fn owner(&mut self, at: NodeIndex, node: &Node) -> Mark {
        let Some(owner) = node.object.owners().iter().find(|owner| owner.controller && &*owner.kind == "ApplicationSet") else { return Mark::None };
        let key = AppKey { kind: Kind::ApplicationSet, name: owner.name.to_string(), ..node.key.clone() };
        // A set of the same name that was made again did not make this app.
        let set = self.index.get(&key).copied().filter(|set| self.nodes.get(*set).is_some_and(|set| set.object.id().uid == owner.uid));
        match set {
            Some(set) if set == at => Mark::None,
            Some(set) => {
                self.add(set, at, EdgeSource::OwnerReference);
                Mark::Of(set)
            }
            None => Mark::OfMissing(format!("the ApplicationSet {} in {}", owner.name, node.key.namespace)),
        }
    }

    fn tracking(&mut self, at: NodeIndex, node: &Node) -> Mark {
        let marks = node.object.marks();
        let Some(id) = marks.tracking_id.as_deref().and_then(TrackingId::parse) else { return Mark::None };
        if !id.is_about(node.key.kind, &node.key.namespace, &node.key.name) {
            return Mark::None;
        }
        if self.options.installation_id.as_ref().is_some_and(|ours| marks.installation_id.as_deref() != Some(ours)) {
            return Mark::None;
        }
        let candidates = self.named(id.parent_namespace, id.parent_name, &node.key.cluster);
        let chosen = self.tell_apart(candidates, at, node);
        match chosen.as_slice() {
            [only] if *only == at => {
                self.itself(at);
                Mark::Itself
            }
            [only] => {
                let only = *only;
                self.add(only, at, EdgeSource::TrackingId);
                Mark::Of(only)
            }
            [] => {
                let namespace = id.parent_namespace.map_or_else(|| "the namespace of Argo CD".to_owned(), str::to_owned);
                Mark::OfMissing(format!("the Application {} in {namespace}", id.parent_name))
            }
            several => Mark::OfOneOf(several.to_vec()),
        }
    }

    /// Applications that an instance may mean, of those that deploy to this cluster.
    fn named(&self, namespace: Option<&str>, name: &str, cluster: &str) -> Vec<NodeIndex> {
        let means = |at: &&NodeIndex| {
            let Some(node) = self.nodes.get(**at) else { return false };
            let LiveObject::Application(app) = &node.object else { return false };
            let here = namespace.map_or_else(|| self.is_in_control_namespace(app), |namespace| node.key.namespace == namespace);
            here && self.made_in(node) == cluster
        };
        self.by_name.get(name).into_iter().flatten().filter(means).copied().collect()
    }

    fn is_in_control_namespace(&self, app: &LiveApplication) -> bool {
        app.controller_namespace.as_deref().unwrap_or(&self.options.control_namespace) == &*app.id.namespace
    }

    /// Of several that a tracking id may mean, the one that lists the app; else the one beside it; else the one whose Argo CD lives
    /// in the same namespace as its own.
    fn tell_apart(&self, candidates: Vec<NodeIndex>, at: NodeIndex, node: &Node) -> Vec<NodeIndex> {
        let controller = |object: &LiveObject| object.application().and_then(|app| app.controller_namespace.clone());
        let own = controller(&node.object);
        let lists = |index: &NodeIndex| *index == at && self.manages_itself.get(at) == Some(&true) || self.edges.contains_key(&(*index, at));
        let beside = |index: &NodeIndex| self.nodes.get(*index).is_some_and(|other| other.key.cluster == node.key.cluster);
        let same = |index: &NodeIndex| own.is_some() && self.nodes.get(*index).is_some_and(|other| controller(&other.object) == own);
        let tests: [&dyn Fn(&NodeIndex) -> bool; 3] = [&lists, &beside, &same];
        tests.into_iter().fold(candidates, |left, test| {
            let narrowed: Vec<NodeIndex> = left.iter().copied().filter(|index| test(index)).collect();
            if left.len() > 1 && !narrowed.is_empty() { narrowed } else { left }
        })
    }

    fn label(&mut self, at: NodeIndex, node: &Node) {
        let Some(value) = node.object.marks().instance_label(&self.options.instance_label_key) else { return };
        let (namespace, name) = value.split_once('_').map_or((None, value), |(namespace, name)| (Some(namespace), name));
        let mut named: Vec<(NodeIndex, EdgeSource)> =
            self.named(namespace, name, &node.key.cluster).into_iter().map(|parent| (parent, EdgeSource::Label)).collect();
        // A label that was cut names nobody; only a parent that lists the app can be meant.
        let parents: Vec<NodeIndex> = self.edges.keys().filter(|(_, child)| *child == at).map(|(parent, _)| *parent).collect();
        let cut = parents.into_iter().filter(|parent| self.instances(*parent).iter().any(|instance| instance != value && label_of(instance) == value));
        named.extend(cut.map(|parent| (parent, EdgeSource::LabelCut)));
        for (parent, source) in named.into_iter().filter(|(parent, _)| *parent != at) {
            self.add(parent, at, source);
        }
    }

    /// The names that Argo CD may give an app in the marks of what it makes.
    fn instances(&self, at: NodeIndex) -> Vec<String> {
        let Some(node) = self.nodes.get(at) else { return Vec::new() };
        let LiveObject::Application(app) = &node.object else { return Vec::new() };
        let long = format!("{}_{}", node.key.namespace, node.key.name);
        if self.is_in_control_namespace(app) { vec![node.key.name.clone(), long] } else { vec![long] }
    }
}
