//! What can keep a tree from being read, in words for the person who runs the portal.

/// Why nothing could be read from Git. Trouble inside single manifests is no error: see [`crate::manifest::Problem`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    #[error("There is no Git repository at {path}: {why}. Name the folder that holds .git, or a bare repository.")]
    NoRepository { path: String, why: String },
    #[error("The repository {path} has no commit yet, so there is no tree to read. Commit the manifests first.")]
    Empty { path: String },
    #[error("The repository {path} has no branch, tag or commit {revision}. Correct the revision in the configuration.")]
    NoRevision { path: String, revision: String },
    #[error(
        "Nothing says by which address manifests name the repository {path}: it has no remote, and the configuration names none. Add tree.repositories to the configuration, with each repoURL that means this repository."
    )]
    NoAddress { path: String },
    #[error("The repository holds more than {limit} files. Point the portal at a smaller repository.")]
    TooManyFiles { limit: usize },
    #[error("The repository {what}, which is more than is read. Point the portal at a smaller repository, or take out what is no manifest.")]
    TooLarge { what: String },
    #[error("The repository cannot be read: {why}. It may be damaged, or changing right now; the portal tries again.")]
    Unreadable { why: String },
    #[error("There is no file {path} at this commit.")]
    NoFile { path: String },
    #[error("{path} has {bytes} bytes, more than the {limit} that are read. Make it smaller.")]
    FileTooLarge { path: String, bytes: u64, limit: u64 },
}
