//! Archives that are too large for a ConfigMap, until the pods of their execution have fetched them: files in the portal's state folder.
//!
//! A file is there before the TestRun that tells of it, whole, under the digest of its content. So a start that is repeated, and whose
//! archive is another one because a name means another address now, leaves the one that the first TestRun speaks of.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};
use windfirm_model::id::ExecutionId;

/// Below the portal's state folder.
const FOLDER: &str = "archives";
/// SHA-256 in hex.
const DIGEST_LENGTH: usize = 64;

/// Where they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    #[must_use]
    pub fn in_state(state: &Path) -> Self {
        Self { folder: state.join(FOLDER) }
    }
    /// The archive of this digest, if this execution has it.
    #[must_use]
    pub fn find(&self, execution: ExecutionId, digest: &str) -> Option<PathBuf> {
        // What comes in an address must not lead anywhere else.
        let is_digest = digest.len() == DIGEST_LENGTH && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        Some(self.of(execution).join(digest)).filter(|path| is_digest && path.is_file())
    }
    /// Puts it there and returns its digest.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(crate) fn put(&self, execution: ExecutionId, archive: &[u8]) -> io::Result<String> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let digest = digest(archive);
        if self.find(execution, &digest).is_some() {
            return Ok(digest);
        }
        let folder = self.of(execution);
        fs::create_dir_all(&folder)?;
        let half = folder.join(format!(".{digest}.{}.{}", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
        fs::write(&half, archive)?;
        fs::rename(&half, folder.join(&digest))?;
        Ok(digest)
    }
    /// Whose archives lie here.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn executions(&self) -> io::Result<Vec<ExecutionId>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
    }
    /// Takes away what this execution has.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn clear(&self, execution: ExecutionId) -> io::Result<()> {
        match fs::remove_dir_all(self.of(execution)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
    fn of(&self, execution: ExecutionId) -> PathBuf {
        self.folder.join(execution.to_string())
    }
}

pub(crate) fn digest(archive: &[u8]) -> String {
    Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_its_executions_alone_until_it_is_taken_away() {
        let state = tempfile::tempdir().unwrap();
        let shelf = Shelf::in_state(state.path());
        assert_eq!(shelf.executions().unwrap(), []);
        let (own, other) = (ExecutionId(uuid::Uuid::from_u128(1)), ExecutionId(uuid::Uuid::from_u128(2)));
        let digest = shelf.put(own, b"tar").unwrap();
        assert_eq!(shelf.put(own, b"tar").unwrap(), digest);
        assert_eq!(fs::read(shelf.find(own, &digest).unwrap()).unwrap(), b"tar");
        assert_eq!(fs::read_dir(shelf.of(own)).unwrap().count(), 1, "nothing is left beside it");
        assert_eq!(shelf.executions().unwrap(), [own]);
        let second = shelf.put(own, b"another").unwrap();
        assert!(shelf.find(own, &digest).is_some() && shelf.find(own, &second).is_some());
        fs::write(shelf.of(own).join("secret"), "x").unwrap();
        for wrong in ["", "secret", "../secret", &digest.to_uppercase(), &digest[1..]] {
            assert_eq!(shelf.find(own, wrong), None, "{wrong}");
        }
        assert_eq!(shelf.find(other, &digest), None);
        shelf.clear(own).unwrap();
        shelf.clear(own).unwrap();
        assert_eq!(shelf.find(own, &digest), None);
    }
}
