//! What somebody may do, cut to where somebody else may ask about it.
//!
//! Who may explain access on one part of the tree must not learn from it what holds on another, so the subject's rules are cut
//! before anything is answered from them: grants that hold elsewhere are as if they were not there.

use windfirm_model::{action::Action, actor::Actor, environment::Environment, path::AppPath, view::access::GrantRow};

use crate::{
    access::{Access, Rule, bit},
    policy::Policy,
};

/// A place and everything below it, in these environments (`None`: all).
type Piece = (AppPath, Option<Vec<Environment>>);

impl Access {
    /// This access, cut to the places where `asker` has `action`.
    #[must_use]
    pub fn within(&self, asker: &Self, action: Action) -> Self {
        let scopes = scopes(asker, action);
        let cut = |rule: &Rule| {
            let pieces = pieces(&rule.path, rule.environments.as_ref(), &scopes);
            let rule = rule.clone();
            pieces.into_iter().map(move |(path, environments)| {
                let grant = crate::access::GrantUse { path: path.clone(), ..rule.grant.clone() };
                Rule { path, environments, grant, ..rule.clone() }
            })
        };
        Self::new(self.actor().clone(), self.policy_digest().to_owned(), self.rules().iter().flat_map(cut).collect())
    }

    /// Whether this action is held on the whole tree, in every environment.
    #[must_use]
    pub fn holds_everywhere(&self, action: Action) -> bool {
        scopes(self, action).iter().any(|(path, environments)| *path == AppPath::root() && environments.is_none())
    }
}

impl Policy {
    /// The grants that hold for `actor`, cut to the places where `asker` has `action`; a grant that holds nowhere there is left
    /// out. A grant whose places differ in their environments makes a row for each set of them.
    #[must_use]
    pub fn grants_within(&self, actor: &Actor, asker: &Access, action: Action) -> Vec<GrantRow> {
        let scopes = scopes(asker, action);
        let mut rows = Vec::new();
        for row in self.grants_of(actor) {
            let environments = Some(row.environments.clone()).filter(|names| !names.is_empty());
            let mut cut: Vec<GrantRow> = Vec::new();
            for (path, environments) in row.on.iter().flat_map(|path| pieces(path, environments.as_ref(), &scopes)) {
                let environments = environments.unwrap_or_default();
                match cut.iter_mut().find(|known| known.environments == environments) {
                    Some(known) if known.on.contains(&path) => {}
                    Some(known) => known.on.push(path),
                    None => cut.push(GrantRow { on: vec![path], environments, ..row.clone() }),
                }
            }
            rows.append(&mut cut);
        }
        rows
    }
}

fn scopes(asker: &Access, action: Action) -> Vec<Piece> {
    asker.rules().iter().filter(|rule| rule.actions & bit(action) != 0).map(|rule| (rule.path.clone(), rule.environments.clone())).collect()
}

/// What is left of a place within `scopes`. Two subtrees lie within each other or apart, so the deeper one is what they share.
fn pieces(path: &AppPath, environments: Option<&Vec<Environment>>, scopes: &[Piece]) -> Vec<Piece> {
    let mut left: Vec<Piece> = Vec::new();
    for (scope, named) in scopes {
        let shared = match (scope.covers(path), path.covers(scope)) {
            (true, _) => path.clone(),
            (false, true) => scope.clone(),
            (false, false) => continue,
        };
        let both = match (environments, named) {
            (Some(ours), Some(theirs)) => Some(ours.iter().filter(|name| theirs.contains(name)).cloned().collect::<Vec<_>>()),
            (ours, theirs) => ours.or(theirs.as_ref()).cloned(),
        };
        let piece = (shared, both);
        let empty = piece.1.as_ref().is_some_and(Vec::is_empty);
        if !empty && !left.iter().any(|known| holds(known, &piece)) {
            left.retain(|known| !holds(&piece, known));
            left.push(piece);
        }
    }
    left
}

/// Whether everything of `inner` is in `outer`.
fn holds(outer: &Piece, inner: &Piece) -> bool {
    let environments = match (&outer.1, &inner.1) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(outer), Some(inner)) => inner.iter().all(|name| outer.contains(name)),
    };
    environments && outer.0.covers(&inner.0)
}
