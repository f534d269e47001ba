//! From marks to one parent for each app, without loops.

use super::{
    EdgeSource, Node, NodeIndex, Parent,
    edges::{Found, Mark},
};

pub(super) fn choose(nodes: &mut [Node], found: &Found) {
    let mut listed_by: Vec<Vec<(NodeIndex, &[EdgeSource])>> = vec![Vec::new(); nodes.len()];
    for edge in &found.edges {
        if let Some(listed_by) = listed_by.get_mut(edge.child) {
            listed_by.push((edge.parent, &edge.from));
        }
    }
    let marks = found.owner.iter().zip(&found.tracking);
    for ((node, (owner, tracking)), edges) in nodes.iter_mut().zip(marks).zip(&listed_by) {
        node.parent = of(owner).or_else(|| of(tracking)).unwrap_or_else(|| by_lists(edges));
    }
    open_loops(nodes);
    let mut children: Vec<(NodeIndex, NodeIndex)> =
        nodes.iter().enumerate().filter_map(|(child, node)| if let Parent::Below(parent) = node.parent { Some((parent, child)) } else { None }).collect();
    children.sort_by(|(_, a), (_, b)| nodes.get(*a).map(Node::order).cmp(&nodes.get(*b).map(Node::order)));
    for (parent, child) in children {
        if let Some(parent) = nodes.get_mut(parent) {
            parent.children.push(child);
        }
    }
}

/// What an object's own mark decides; `None` leaves it to the lists.
fn of(mark: &Mark) -> Option<Parent> {
    match mark {
        Mark::None => None,
        Mark::Of(parent) => Some(Parent::Below(*parent)),
        Mark::Itself => Some(Parent::Root),
        Mark::OfMissing(named) => Some(Parent::Missing { named: named.clone() }),
        Mark::OfOneOf(several) => Some(Parent::Unsure(several.clone())),
    }
}

/// Of an app without a mark of its own: who lists it *and* is named by its label.
fn by_lists(edges: &[(NodeIndex, &[EdgeSource])]) -> Parent {
    let has = |from: &[EdgeSource], wanted: [EdgeSource; 2]| wanted.iter().any(|source| from.contains(source));
    let both = |from: &[EdgeSource]| has(from, [EdgeSource::ListedSynced, EdgeSource::Listed]) && has(from, [EdgeSource::Label, EdgeSource::LabelCut]);
    let parents: Vec<NodeIndex> = edges.iter().filter(|(_, from)| both(from)).map(|(parent, _)| *parent).collect();
    match parents.as_slice() {
        [] => Parent::Root,
        [only] => Parent::Below(*only),
        _ => Parent::Unsure(parents),
    }
}

/// Each app has one parent, so a walk upwards ends at a top or goes round: a loop is opened at its first app in the order of
/// siblings, as in a tree from Git.
fn open_loops(nodes: &mut [Node]) {
    let above = |nodes: &[Node], at: NodeIndex| match nodes.get(at).map(|node| &node.parent) {
        Some(Parent::Below(parent)) => Some(*parent),
        _ => None,
    };
    // In which walk an app was seen first.
    let mut walk_of: Vec<Option<NodeIndex>> = vec![None; nodes.len()];
    for start in 0..nodes.len() {
        let mut next = Some(start);
        while let Some(at) = next {
            match walk_of.get(at).copied().flatten() {
                None => {
                    if let Some(walk) = walk_of.get_mut(at) {
                        *walk = Some(start);
                    }
                    next = above(nodes, at);
                }
                Some(walk) if walk == start => {
                    let members = std::iter::successors(Some(at), |member| above(nodes, *member).filter(|next| *next != at));
                    let first = members.min_by(|a, b| nodes.get(*a).map(Node::order).cmp(&nodes.get(*b).map(Node::order)));
                    if let Some(node) = first.and_then(|first| nodes.get_mut(first))
                        && let Parent::Below(parent) = node.parent
                    {
                        node.parent = Parent::Loop(parent);
                    }
                    next = None;
                }
                Some(_) => next = None,
            }
        }
    }
}
