//! Which live app makes which.
//!
//! No single mark tells. Four are read and kept with each edge, since each has its own way to lie:
//!
//! | mark | says | and lies |
//! |---|---|---|
//! | owner reference | the set that generated the app, with its uid | never; it is gone once the set is |
//! | tracking id | the app that applied the object | when it was copied with the object, or is of a foreign installation |
//! | list of the parent | what the parent finds in Git, or finds applied | it lags, and lists what was never applied |
//! | instance label | the app that applied the object, cut at 63 characters | charts write the same label |
//!
//! An app stands below one other at most. What the object bears itself (owner, then tracking id) decides, because only who may
//! write the object can change it. Without such a mark a parent must list the app *and* the app's label must name that parent. A
//! list alone never places an app, not even one that calls it synced: whoever may write into a repository could take any app below
//! his own, and with `ignoreDifferences` it would count as synced without ever being applied.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Clusters, Identity, Listed, LiveApplication, LiveApplicationSet, Marks, Owner};
use crate::{graph::AppKey, manifest::Kind};

mod edges;
mod parents;

/// Index into [`LiveForest::nodes`].
pub type NodeIndex = usize;

/// How to read the marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForestOptions {
    pub clusters: Clusters,
    /// Where an Argo CD lives that does not say so itself; `argocd`.
    pub control_namespace: String,
    /// `application.instanceLabelKey` of Argo CD; its own default unless set. Only keys that end in `/instance` are kept of objects.
    pub instance_label_key: String,
    /// `installationID` of Argo CD, if it has one: objects with another one are not its own.
    pub installation_id: Option<String>,
}

impl ForestOptions {
    /// What Argo CD does unless told otherwise.
    #[must_use]
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters, control_namespace: "argocd".into(), instance_label_key: "app.kubernetes.io/instance".into(), installation_id: None }
    }
}

/// An app or a set, shared with whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveObject {
    Application(Arc<LiveApplication>),
    Set(Arc<LiveApplicationSet>),
}

/// What tells that one app makes another. In the order of their worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeSource {
    OwnerReference,
    TrackingId,
    /// The parent lists it as synced.
    ListedSynced,
    /// The parent lists it, but not as synced: it was never applied, was changed since, or waits to be pruned.
    Listed,
    /// The instance label names the parent, whole.
    Label,
    /// The instance label names the parent, cut at 63 characters.
    LabelCut,
}

/// One app makes another, as far as the marks say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub parent: NodeIndex,
    pub child: NodeIndex,
    /// In order, each once.
    pub from: Vec<EdgeSource>,
}

/// Below which app an app stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// It bears the mark of nobody, or only its own.
    Root,
    Below(NodeIndex),
    /// It is below this one, but that one is below it: the loop is opened here.
    Loop(NodeIndex),
    /// It bears the mark of an app that is not there: deleted, or in a cluster that is not read.
    Missing {
        named: String,
    },
    /// Several may be it, and nothing tells which.
    Unsure(Vec<NodeIndex>),
}

/// A live app and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub key: AppKey,
    pub object: LiveObject,
    pub parent: Parent,
    /// By wave, then name.
    pub children: Vec<NodeIndex>,
    /// A mark says that it makes itself.
    pub manages_itself: bool,
    /// Apps that it lists and that no watch has shown: in another cluster, or not made yet.
    pub unseen: Vec<AppKey>,
}

/// All live apps, each once, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveForest {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    options: ForestOptions,
}

impl LiveObject {
    #[must_use]
    pub fn id(&self) -> &Identity {
        match self {
            Self::Application(app) => &app.id,
            Self::Set(set) => &set.id,
        }
    }
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Application(_) => Kind::Application,
            Self::Set(_) => Kind::ApplicationSet,
        }
    }
    #[must_use]
    pub fn wave(&self) -> i32 {
        match self {
            Self::Application(app) => app.wave,
            Self::Set(set) => set.wave,
        }
    }
    #[must_use]
    pub fn application(&self) -> Option<&LiveApplication> {
        match self {
            Self::Application(app) => Some(app),
            Self::Set(_) => None,
        }
    }
    pub(crate) fn marks(&self) -> &Marks {
        match self {
            Self::Application(app) => &app.marks,
            Self::Set(set) => &set.marks,
        }
    }
    fn owners(&self) -> &[Owner] {
        match self {
            Self::Application(app) => &app.owners,
            Self::Set(set) => &set.owners,
        }
    }
    fn listed(&self) -> &[Listed] {
        match self {
            Self::Application(app) => &app.listed,
            Self::Set(set) => &set.listed,
        }
    }
    fn key(&self) -> AppKey {
        let Identity { cluster, namespace, name, .. } = self.id();
        AppKey { cluster: cluster.to_string(), namespace: namespace.to_string(), kind: self.kind(), name: name.to_string() }
    }
}

impl Node {
    /// The order of siblings: by wave, then name; the rest only makes it total.
    pub(crate) fn order(&self) -> (i32, &str, &str, Kind, &str) {
        (self.object.wave(), &self.key.name, &self.key.namespace, self.key.kind, &self.key.cluster)
    }
}

impl LiveForest {
    /// Joins the objects of all clusters. The order of the input does not matter, and of an object that is given twice the newer
    /// state is taken. An object without a name is passed over; none such can exist.
    #[must_use]
    pub fn build(applications: &[Arc<LiveApplication>], sets: &[Arc<LiveApplicationSet>], options: &ForestOptions) -> Self {
        let objects = applications.iter().map(|app| LiveObject::Application(Arc::clone(app))).chain(sets.iter().map(|set| LiveObject::Set(Arc::clone(set))));
        let mut by_key: BTreeMap<AppKey, LiveObject> = BTreeMap::new();
        for object in objects.filter(|object| !object.id().name.is_empty()) {
            let key = object.key();
            if by_key.get(&key).is_none_or(|known| known.id().age_key() < object.id().age_key()) {
                by_key.insert(key, object);
            }
        }
        let node = |(key, object)| Node { key, object, parent: Parent::Root, children: Vec::new(), manages_itself: false, unseen: Vec::new() };
        let mut nodes: Vec<Node> = by_key.into_iter().map(node).collect();
        let index: HashMap<AppKey, NodeIndex> = nodes.iter().enumerate().map(|(index, node)| (node.key.clone(), index)).collect();
        let found = edges::find(&nodes, &index, options);
        parents::choose(&mut nodes, &found);
        for (node, unseen) in nodes.iter_mut().zip(found.unseen) {
            node.unseen = unseen;
        }
        for (node, manages_itself) in nodes.iter_mut().zip(found.manages_itself) {
            node.manages_itself = manages_itself;
        }
        Self { nodes, edges: found.edges, options: options.clone() }
    }

    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// All edges that any mark tells of, by parent and child; those of an app to itself are left out.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }
    #[must_use]
    pub const fn options(&self) -> &ForestOptions {
        &self.options
    }
    #[must_use]
    pub fn index_of(&self, key: &AppKey) -> Option<NodeIndex> {
        self.nodes.binary_search_by(|node| node.key.cmp(key)).ok()
    }
    #[must_use]
    pub fn find(&self, key: &AppKey) -> Option<&Node> {
        self.index_of(key).and_then(|index| self.nodes.get(index))
    }
    /// What tells that `parent` makes `child`; empty where nothing does.
    #[must_use]
    pub fn provenance(&self, parent: NodeIndex, child: NodeIndex) -> &[EdgeSource] {
        let found = self.edges.binary_search_by(|edge| (edge.parent, edge.child).cmp(&(parent, child)));
        found.ok().and_then(|at| self.edges.get(at)).map_or(&[], |edge| &edge.from)
    }
}
