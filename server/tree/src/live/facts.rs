//! What a cluster says of an app of the tree.

use windfirm_model::environment::Environment;

use super::{EdgeSource, LiveObject, Settled, Text};
use crate::graph::AppIndex;

/// The live side of an app. Read it through [`crate::App::live`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Health, sync, images, addresses, operation, history: all that is kept of the object itself. What it lists, and the messages
    /// of its health, conditions and operations, may name apps that the asker may not see: show counts, and messages only to those
    /// who may see everything directly below.
    pub object: LiveObject,
    /// `None` for an ApplicationSet, which deploys nothing itself.
    pub settled: Option<Settled>,
    /// What runs, one for each source of the live app.
    pub revisions: Vec<LiveRevision>,
    /// Where it really is deployed to, spelled as in the tree.
    pub cluster: String,
    pub namespace: String,
    /// The environment of that place. The app's own one is another if Git and cluster disagree about the place.
    pub environment: Environment,
    pub environment_why: String,
    /// Below which app the cluster has it; its place in the tree may be another one, and the asker may not see that app.
    pub parent: LiveParent,
    /// What tells so.
    pub provenance: Vec<EdgeSource>,
    /// How Git and cluster differ about this app, a sentence each. Names no other app.
    pub disagreements: Vec<String>,
}

/// The revision of a source that runs, beside the commit that the tree was read at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRevision {
    pub repository: String,
    /// Id of a commit, or version of a chart; `None` if nothing was deployed yet.
    pub deployed: Option<Text>,
    pub against_git: AgainstGit,
    /// Where in the tree's repository it is, as the object says; `None` of another one.
    pub folder: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgainstGit {
    /// The very commit that the tree was read at.
    Same,
    /// Another commit of the tree's repository, older or newer: an app in sync follows within Argo CD's next look.
    Other,
    /// Nothing of the tree's repository, or what a hydrator wrote: there is nothing to compare.
    Incomparable,
}

/// Below which app the cluster has an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveParent {
    /// It bears the mark of nobody.
    None,
    App(AppIndex),
    /// It bears the mark of an app that has no place here.
    Missing,
    /// Several may be it.
    Unsure,
}
