//! The folder of one execution: which file is what, and how files are written so that a reader never sees half of one.
//!
//! ```text
//! orders.json       what to do; written by the portal before the runner is started
//! lock              held by the living runner
//! runner.json       who runs, since when; written by the runner once it is sure to be the only one
//! plan.json         what k6 is confined to; removed by the confined process before it becomes k6
//! confinement.json  what of it the kernel really enforces
//! cancel            the wish to stop; its text is the reason
//! frames.spool      every frame, before it was acknowledged
//! forwarded.json    how far the portal has them
//! log.ndjson        k6's log, masked and bounded
//! exit.json         the end; written after the last frame
//! runner.log        what the runner itself has to say; empty in good times
//! scratch/          the only place where k6 may write
//! ```

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use windfirm_model::id::ExecutionId;

use crate::executor::ExecutorError;

/// Paths of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    #[must_use]
    pub fn of(state_dir: &Path, execution: ExecutionId) -> Self {
        Self { root: state_dir.join("executions").join(execution.to_string()) }
    }
    /// The folder in which these orders lie.
    #[must_use]
    pub fn of_orders(orders: &Path) -> Self {
        Self { root: orders.parent().map(Path::to_path_buf).unwrap_or_default() }
    }
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    #[must_use]
    pub fn orders(&self) -> PathBuf {
        self.root.join("orders.json")
    }
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }
    #[must_use]
    pub fn runner(&self) -> PathBuf {
        self.root.join("runner.json")
    }
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.root.join("plan.json")
    }
    #[must_use]
    pub fn confinement(&self) -> PathBuf {
        self.root.join("confinement.json")
    }
    #[must_use]
    pub fn cancel(&self) -> PathBuf {
        self.root.join("cancel")
    }
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.root.join("frames.spool")
    }
    #[must_use]
    pub fn forwarded(&self) -> PathBuf {
        self.root.join("forwarded.json")
    }
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.root.join("log.ndjson")
    }
    #[must_use]
    pub fn exit(&self) -> PathBuf {
        self.root.join("exit.json")
    }
    #[must_use]
    pub fn runner_log(&self) -> PathBuf {
        self.root.join("runner.log")
    }
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }
    /// Makes the folder and its scratch, readable by their owner alone.
    pub fn create(&self) -> Result<(), ExecutorError> {
        create_private_dir(&self.scratch()).map_err(|source| ExecutorError::File { what: "The folder of the execution cannot be made".into(), source })
    }
}

/// Makes a folder and those above it; only the owner may enter.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file as a whole or not at all: beside it first, synced, then renamed over it. Only the owner may read it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&beside, path)?;
    // The rename itself must survive a power cut too.
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), ExecutorError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|source| ExecutorError::Json { what: name(path), source })?;
    write_atomically(path, &bytes).map_err(|source| ExecutorError::File { what: format!("{} cannot be written", name(path)), source })
}

/// Reads a file of ours; `None` when it is not there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ExecutorError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| ExecutorError::Json { what: name(path), source }),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ExecutorError::File { what: format!("{} cannot be read", name(path)), source }),
    }
}

/// File name for messages: the whole path is nobody's business.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_back_and_only_its_owner_may() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_json(&path, &vec![1, 2, 3]).unwrap();
        write_json(&path, &vec![4]).unwrap();
        assert_eq!(read_json::<Vec<i32>>(&path).unwrap(), Some(vec![4]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_missing_file_is_no_error_and_a_broken_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert_eq!(read_json::<Vec<i32>>(&path).unwrap(), None);
        fs::write(&path, "{").unwrap();
        assert!(read_json::<Vec<i32>>(&path).unwrap_err().to_string().starts_with("a.json cannot be read"));
    }
}
