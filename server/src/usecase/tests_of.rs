//! The tests of an app, at the commit that runs: what is tested is what is deployed, and not what Git says since.
//!
//! Each source has its commit, its folder in it, and so its tests. Without a cluster that tells, where another repository runs, or where the
//! commit cannot be read, they are those of the tree's own commit.

use std::{collections::BTreeSet, sync::Arc};

use windfirm_tree::{
    Bundle,
    discovery::{self, Found, TestScript},
    git::Snapshot,
    graph::App,
    live::{AgainstGit, Live, LiveRevision},
};

use crate::context::Asker;

/// The tests, and where they are from.
#[derive(Debug)]
pub(super) struct Tests {
    pub(super) scripts: Vec<TestScript>,
    pub(super) searched: Vec<String>,
    /// The commit that runs, where they are from that one and not from the tree's; of several the first.
    pub(super) deployed_at: Option<String>,
    /// What is wrong with them at the commits that run; also why they are not from those, though they are others.
    pub(super) problems: Vec<String>,
    parts: Vec<Part>,
}

/// Tests that are from one commit.
#[derive(Debug)]
struct Part {
    /// `None`: the one that the tree was read at.
    commit: Option<String>,
    snapshot: Option<Arc<Snapshot>>,
    scripts: Vec<TestScript>,
}

impl Tests {
    /// A test with all its files.
    pub(super) async fn bundle(&self, test: &TestScript) -> Result<Bundle, String> {
        let snapshot = self.part_of(&test.path).and_then(|part| part.snapshot.clone()).ok_or("The tree cannot be read right now.")?;
        let test = test.clone();
        tokio::task::spawn_blocking(move || discovery::bundle(&snapshot, &test).map_err(|error| error.to_string())).await.map_err(|error| error.to_string())?
    }
    /// The commit that this test is from, where it is not the tree's.
    pub(super) fn commit_of(&self, path: &str) -> Option<String> {
        self.part_of(path)?.commit.clone()
    }
    fn part_of(&self, path: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.scripts.iter().any(|test| test.path == path))
    }
}

impl Asker {
    pub(super) async fn tests_of(&self, app: &App) -> Tests {
        let head = |problem: Option<String>| Tests {
            scripts: app.tests.clone(),
            searched: app.searched.clone(),
            deployed_at: None,
            problems: problem.into_iter().collect(),
            parts: vec![Part { commit: None, snapshot: self.tree.snapshot.clone(), scripts: app.tests.clone() }],
        };
        let (Some(live), Some(at_head)) = (app.live(&self.access), self.tree.snapshot.clone()) else { return head(None) };
        let commits = commits_of(live);
        if commits.iter().all(|(commit, _)| commit.is_none()) {
            return head(None);
        }
        let (portal, of_app) = (Arc::clone(&self.portal), app.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut read = Vec::new();
            for (commit, folders) in commits {
                let snapshot = match &commit {
                    None => Arc::clone(&at_head),
                    Some(commit) => portal.deployed.at(&at_head, commit).map_err(|why| unread(commit, &why))?.ok_or_else(|| not_there(commit))?,
                };
                let found = of_app.tests_deployed(&*snapshot, &folders.iter().map(String::as_str).collect::<Vec<_>>());
                read.push((commit, snapshot, found));
            }
            Ok::<_, String>(read)
        });
        match read.await.map_err(|error| error.to_string()).and_then(|read| read) {
            Ok(read) => joined(read),
            Err(why) => head(Some(why)),
        }
    }

    /// The revisions that run, one for each source that has any; none where no cluster tells, or not to the asker.
    pub(super) fn deployed(&self, app: &App) -> Vec<String> {
        let told = app.live(&self.access);
        told.iter().flat_map(|live| &live.revisions).filter_map(|revision| revision.deployed.as_ref()).map(ToString::to_string).collect()
    }
}

/// The commits of the tree's own repository that run, `None` for the one that the tree was read at, each with the folders of the sources that
/// run it; in the order of the sources.
fn commits_of(live: &Live) -> Vec<(Option<String>, Vec<String>)> {
    let mut commits: Vec<(Option<String>, Vec<String>)> = Vec::new();
    let ours = |revision: &&LiveRevision| revision.against_git != AgainstGit::Incomparable;
    for revision in live.revisions.iter().filter(ours) {
        let commit = revision.deployed.as_ref().filter(|_| revision.against_git == AgainstGit::Other).map(|id| id.to_string().to_ascii_lowercase());
        let at = commits.iter().position(|(known, _)| *known == commit).unwrap_or_else(|| {
            commits.push((commit, Vec::new()));
            commits.len().saturating_sub(1)
        });
        if let Some((_, folders)) = commits.get_mut(at) {
            folders.extend(revision.folder.clone());
        }
    }
    commits
}

fn joined(read: Vec<(Option<String>, Arc<Snapshot>, Found)>) -> Tests {
    let deployed_at = read.iter().find_map(|(commit, ..)| commit.clone());
    let (mut searched, mut problems, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut scripts, mut seen) = (Vec::new(), BTreeSet::new());
    let any = read.iter().any(|(_, _, found)| !found.tests.is_empty());
    for (commit, snapshot, found) in read {
        // What the annotation names is mostly at one of the commits alone.
        if !any || !found.tests.is_empty() {
            searched.extend(found.searched);
            problems.extend(found.problems);
        }
        let own: Vec<TestScript> = found.tests.into_iter().filter(|test| seen.insert(test.path.clone())).collect();
        scripts.extend(own.iter().cloned());
        parts.push(Part { commit, snapshot: Some(snapshot), scripts: own });
    }
    scripts.sort();
    problems.dedup();
    Tests { scripts, searched, deployed_at, problems, parts }
}

fn not_there(commit: &str) -> String {
    format!(
        "The cluster runs commit {}, which is not in the repository that the portal reads: the tests are those of the tree’s commit. Let the portal read a clone that has it.",
        short(commit)
    )
}

fn unread(commit: &str, why: &str) -> String {
    format!("The cluster runs commit {}, which cannot be read: {why} The tests are those of the tree’s commit.", short(commit))
}

fn short(commit: &str) -> String {
    commit.chars().take(7).collect()
}
