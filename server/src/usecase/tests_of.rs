//! The tests of an app, at the commit that runs: what is tested is what is deployed, and not what Git says since.
//!
//! Without a cluster that tells, where another repository runs, or where the commit cannot be read, they are those of the tree's own commit.

use std::sync::Arc;

use windfirm_tree::{
    Bundle,
    discovery::{self, TestScript},
    git::Snapshot,
    graph::App,
    live::AgainstGit,
};

use crate::context::Asker;

/// The tests, and where they are from.
#[derive(Debug)]
pub(super) struct Tests {
    pub(super) scripts: Vec<TestScript>,
    pub(super) searched: Vec<String>,
    /// The commit that runs, where they are from that one and not from the tree's.
    pub(super) deployed_at: Option<String>,
    /// Why they are not from the commit that runs, though it is another one.
    pub(super) problem: Option<String>,
    snapshot: Option<Arc<Snapshot>>,
}

impl Tests {
    /// A test with all its files.
    pub(super) async fn bundle(&self, test: &TestScript) -> Result<Bundle, String> {
        let snapshot = self.snapshot.clone().ok_or("The tree cannot be read right now.")?;
        let test = test.clone();
        tokio::task::spawn_blocking(move || discovery::bundle(&snapshot, &test).map_err(|error| error.to_string())).await.map_err(|error| error.to_string())?
    }
}

impl Asker {
    pub(super) async fn tests_of(&self, app: &App) -> Tests {
        let head = |problem: Option<String>| Tests {
            scripts: app.tests.clone(),
            searched: app.searched.clone(),
            deployed_at: None,
            problem,
            snapshot: self.tree.snapshot.clone(),
        };
        let (Some(commit), Some(at_head)) = (self.deployed_otherwise(app), self.tree.snapshot.clone()) else { return head(None) };
        let (portal, looked_for, of_app) = (Arc::clone(&self.portal), commit.clone(), app.clone());
        let read = tokio::task::spawn_blocking(move || {
            let snapshot = portal.deployed.at(&at_head, &looked_for).map_err(|error| error.to_string())?;
            Ok::<_, String>(snapshot.map(|snapshot| (of_app.tests_in(&*snapshot), snapshot)))
        });
        let short: String = commit.chars().take(7).collect();
        match read.await.map_err(|error| error.to_string()).and_then(|read| read) {
            Ok(Some((found, snapshot))) => {
                Tests { scripts: found.tests, searched: found.searched, deployed_at: Some(commit), problem: None, snapshot: Some(snapshot) }
            }
            Ok(None) => head(Some(format!(
                "The cluster runs commit {short}, which is not in the repository that the portal reads: the tests are those of the tree’s commit. Let the portal read a clone that has it."
            ))),
            Err(why) => head(Some(format!("The cluster runs commit {short}, which cannot be read: {why} The tests are those of the tree’s commit."))),
        }
    }

    /// The revisions that run, one for each source that has any; none where no cluster tells, or not to the asker.
    pub(super) fn deployed(&self, app: &App) -> Vec<String> {
        let told = app.live(&self.access);
        told.iter().flat_map(|live| &live.revisions).filter_map(|revision| revision.deployed.as_ref()).map(ToString::to_string).collect()
    }
    /// The commit of the tree's own repository that runs, where it is not the one that the tree was read at.
    fn deployed_otherwise(&self, app: &App) -> Option<String> {
        let other = app.live(&self.access)?.revisions.iter().find(|revision| revision.against_git == AgainstGit::Other)?;
        other.deployed.as_ref().map(ToString::to_string)
    }
}
