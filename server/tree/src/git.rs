//! Git, read-only: the files of one commit, never those of the working tree.
//!
//! The only part of this crate that touches the disk. Blocking: call it where blocking is allowed. It runs no hooks, no
//! filters and no other program, and reads no configuration but the repository's own. Whoever may push decides what lies there, so
//! a commit is weighed before it is unfolded.

mod weigh;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use gix::{ObjectId, ThreadSafeRepository, object::tree::EntryKind};
use windfirm_model::{
    clock::Timestamp,
    view::{app::CommitRow, tree::TreeRevision},
};

use crate::{
    address::Address,
    error::TreeError,
    files::{Files, directly_in},
};

/// More files than this are refused: a repository of manifests is small.
pub const MAX_FILES: usize = 200_000;
/// What is passed over is told for the first ones, and counted beyond.
const MAX_SKIPPED: usize = 100;
/// Of a name that is told.
const MAX_TOLD_CHARACTERS: usize = 200;
/// How far back the last commit of a path is searched.
const MAX_HISTORY: usize = 10_000;
/// Enough for the trees that one walk sees again and again.
const OBJECT_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// A local repository (with a working tree, or bare) and the revision to read from it.
#[derive(Clone)]
pub struct GitSource {
    repository: ThreadSafeRepository,
    path: PathBuf,
    revision: String,
}

impl fmt::Debug for GitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitSource").field("path", &self.path).field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl GitSource {
    /// Opens the repository at exactly this place. `revision` is a branch, tag or commit; `HEAD` if there is none.
    ///
    /// # Errors
    /// No repository there, no commit in it, or no such revision.
    pub fn open(path: &Path, revision: Option<&str>) -> Result<Self, TreeError> {
        let repository = ThreadSafeRepository::open_opts(path, gix::open::Options::isolated())
            .map_err(|error| TreeError::NoRepository { path: path.display().to_string(), why: innermost(&error) })?;
        let source = Self { repository, path: path.to_owned(), revision: revision.unwrap_or("HEAD").to_owned() };
        source.head()?;
        Ok(source)
    }

    /// The addresses of the repository's own remotes, as its configuration has them: the names by which others know it.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let remotes = remotes(&self.repository.to_thread_local());
        remotes.into_iter().flat_map(|(_, urls)| urls).filter(|url| Address::read(url).is_some()).collect()
    }

    /// The names by which a manifest may ask for the commit that is read: its id, and the branch or tag as others call it.
    ///
    /// # Errors
    /// The revision is not there any more.
    pub fn revisions(&self) -> Result<Vec<String>, TreeError> {
        let repository = self.repository.to_thread_local();
        let mut names = vec![self.resolve(&repository)?.to_string(), self.revision.clone()];
        if self.revision == "HEAD" {
            names.extend(repository.head_name().ok().flatten().map(|name| name.shorten().to_string()));
        }
        // `origin/main` is what a clone calls the branch that manifests call `main`.
        let tracked = self.revision.strip_prefix("refs/remotes/").unwrap_or(&self.revision);
        names.extend(remotes(&repository).iter().filter_map(|(remote, _)| tracked.strip_prefix(&format!("{remote}/"))).map(str::to_owned));
        Ok(names)
    }

    /// The commit that the revision names now. Cheap: to be asked often, to see whether something is new.
    pub fn head(&self) -> Result<String, TreeError> {
        Ok(self.resolve(&self.repository.to_thread_local())?.to_string())
    }

    /// The files at the commit that the revision names now.
    pub fn read(&self, now: Timestamp) -> Result<Snapshot, TreeError> {
        let mut repository = self.repository.to_thread_local();
        // Equal folders are read once.
        repository.object_cache_size_if_unset(OBJECT_CACHE_BYTES);
        let id = self.resolve(&repository)?;
        let commit = repository.find_commit(id).map_err(unreadable)?;
        Snapshot::of(&self.repository, &commit, now, self.path.display().to_string())
    }

    fn resolve(&self, repository: &gix::Repository) -> Result<ObjectId, TreeError> {
        let path = || self.path.display().to_string();
        let found =
            repository.rev_parse_single(self.revision.as_str()).and_then(|id| id.object()).and_then(|object| object.peel_to_kind(gix::object::Kind::Commit));
        match found {
            Ok(commit) => Ok(commit.id),
            Err(_) if repository.head().is_ok_and(|head| head.is_unborn()) => Err(TreeError::Empty { path: path() }),
            Err(error) => {
                tracing::debug!(tree.revision = %self.revision, error = %error, "revision not found");
                Err(TreeError::NoRevision { path: path(), revision: self.revision.clone() })
            }
        }
    }
}

/// All files of one commit. Contents are read when they are asked for.
#[derive(Clone)]
pub struct Snapshot {
    repository: ThreadSafeRepository,
    commit: ObjectId,
    revision: TreeRevision,
    paths: BTreeSet<String>,
    blobs: BTreeMap<String, ObjectId>,
    skipped: Skipped,
}

/// A sentence each for the first, and how many there are.
#[derive(Clone, Debug, Default)]
struct Skipped {
    told: Vec<String>,
    count: usize,
}

impl Skipped {
    fn add(&mut self, path: &str, why: &str) {
        self.count = self.count.saturating_add(1);
        if self.told.len() < MAX_SKIPPED {
            let path: String = path.chars().take(MAX_TOLD_CHARACTERS).collect();
            self.told.push(format!("{path} is passed over: {why}."));
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("commit", &self.commit).field("files", &self.paths.len()).finish_non_exhaustive()
    }
}

impl Snapshot {
    fn of(repository: &ThreadSafeRepository, commit: &gix::Commit<'_>, read: Timestamp, source: String) -> Result<Self, TreeError> {
        let row = commit_row(commit)?;
        let mut snapshot = Self {
            repository: repository.clone(),
            commit: commit.id,
            revision: TreeRevision { commit: row.id, subject: row.subject, author: row.author, committed: row.at, read, source, stale: None },
            paths: BTreeSet::new(),
            blobs: BTreeMap::new(),
            skipped: Skipped::default(),
        };
        let root = commit.tree_id().map_err(unreadable)?.detach();
        weigh::weigh(commit.repo, root)?;
        snapshot.walk(commit.repo, root)?;
        Ok(snapshot)
    }

    /// The files at another commit of the same repository, by its whole id; `None` when it is not there.
    ///
    /// # Errors
    /// It is there and cannot be read, or is too large.
    pub fn at(&self, id: &str) -> Result<Option<Self>, TreeError> {
        let mut repository = self.repository.to_thread_local();
        repository.object_cache_size_if_unset(OBJECT_CACHE_BYTES);
        let Ok(id) = ObjectId::from_hex(id.as_bytes()) else { return Ok(None) };
        let Ok(commit) = repository.find_commit(id) else { return Ok(None) };
        Self::of(&self.repository, &commit, self.revision.read, self.revision.source.clone()).map(Some)
    }

    #[must_use]
    pub const fn revision(&self) -> &TreeRevision {
        &self.revision
    }
    /// What was passed over: symbolic links, submodules, names that are not UTF-8; a sentence each for the first hundred.
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        &self.skipped.told
    }
    /// The content of one file.
    pub fn blob(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, TreeError> {
        self.read(path, limit_bytes)
    }
    /// The files directly in a folder; empty for the top.
    #[must_use]
    pub fn list(&self, folder: &str) -> Vec<&str> {
        directly_in(self, folder).collect()
    }

    /// The last commit that changed this file or folder, as far back as [`MAX_HISTORY`] commits. `None`: it is not there, or
    /// its change lies further back.
    pub fn last_commit(&self, path: &str) -> Result<Option<CommitRow>, TreeError> {
        let mut repository = self.repository.to_thread_local();
        repository.object_cache_size_if_unset(OBJECT_CACHE_BYTES);
        let mut commit = repository.find_commit(self.commit).map_err(unreadable)?;
        let Some(wanted) = object_at(&commit, path)? else { return Ok(None) };
        // A commit that has the same content as one of its parents did not bring it: go on with that parent.
        'history: for _ in 0..MAX_HISTORY {
            for parent in commit.parent_ids().map(gix::Id::detach).collect::<Vec<_>>() {
                // A shallow clone ends here: the parent is named, but not there.
                let Ok(parent) = repository.find_commit(parent) else { continue };
                if object_at(&parent, path)? == Some(wanted) {
                    commit = parent;
                    continue 'history;
                }
            }
            return commit_row(&commit).map(Some);
        }
        Ok(None)
    }

    /// Unfolds a commit that was weighed.
    fn walk(&mut self, repository: &gix::Repository, root: ObjectId) -> Result<(), TreeError> {
        let mut open = vec![(String::new(), root)];
        while let Some((folder, id)) = open.pop() {
            let tree = repository.find_tree(id).map_err(unreadable)?;
            for entry in tree.iter() {
                let entry = entry.map_err(unreadable)?;
                let Ok(name) = std::str::from_utf8(entry.filename()) else {
                    self.skipped.add(&format!("{folder}{}", entry.filename()), "its name is not UTF-8");
                    continue;
                };
                let path = format!("{folder}{name}");
                match entry.kind() {
                    EntryKind::Tree => open.push((format!("{path}/"), entry.object_id())),
                    EntryKind::Blob | EntryKind::BlobExecutable => {
                        self.paths.insert(path.clone());
                        self.blobs.insert(path, entry.object_id());
                    }
                    EntryKind::Link => self.skipped.add(&path, "it is a symbolic link"),
                    EntryKind::Commit => self.skipped.add(&path, "it is a submodule"),
                }
            }
        }
        self.skipped.told.sort();
        Ok(())
    }
}

impl Files for Snapshot {
    fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }
    fn trouble(&self) -> Option<String> {
        let more = self.skipped.count.saturating_sub(self.skipped.told.len());
        (more > 0).then(|| {
            format!(
                "The repository holds {} symbolic links, submodules and names that are not UTF-8. They are passed over, and what they lead to is not in the tree; a repository of manifests has few of them.",
                self.skipped.count
            )
        })
    }
    fn read(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, TreeError> {
        let id = *self.blobs.get(path).ok_or_else(|| TreeError::NoFile { path: path.to_owned() })?;
        let repository = self.repository.to_thread_local();
        // The header first, so that a huge file is refused before it is unpacked.
        let bytes = repository.find_header(id).map_err(unreadable)?.size();
        if bytes > limit_bytes {
            return Err(TreeError::FileTooLarge { path: path.to_owned(), bytes, limit: limit_bytes });
        }
        let mut blob = repository.find_blob(id).map_err(unreadable)?;
        Ok(blob.take_data())
    }
}

/// Name and addresses of each remote, as the repository's own configuration has them.
fn remotes(repository: &gix::Repository) -> Vec<(String, Vec<String>)> {
    let config = repository.config_snapshot();
    let sections = config.plumbing().sections_by_name("remote").into_iter().flatten();
    let remote = |section: gix::config::file::SectionRef<'_>| {
        let name = section.header().subsection_name()?.to_string();
        Some((name, section.values("url").iter().map(ToString::to_string).collect()))
    };
    sections.filter_map(remote).collect()
}

fn object_at(commit: &gix::Commit<'_>, path: &str) -> Result<Option<ObjectId>, TreeError> {
    let tree = commit.tree().map_err(unreadable)?;
    if path.is_empty() {
        return Ok(Some(tree.id));
    }
    let names = path.split('/').map(str::as_bytes);
    Ok(tree.lookup_entry(names).map_err(unreadable)?.map(|entry| entry.object_id()))
}

fn commit_row(commit: &gix::Commit<'_>) -> Result<CommitRow, TreeError> {
    let author = commit.author().map_err(unreadable)?;
    let message = commit.message().map_err(unreadable)?;
    Ok(CommitRow {
        id: commit.id.to_string(),
        subject: message.summary().to_string(),
        author: author.name.to_string(),
        at: Timestamp::from_seconds(commit.time().map_err(unreadable)?.seconds),
    })
}

fn unreadable(error: gix::Error) -> TreeError {
    TreeError::Unreadable { why: innermost(&error) }
}

/// The cause that says most, without its full stop.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(next) = at.source() {
        at = next;
    }
    at.to_string().trim_end_matches('.').to_owned()
}
