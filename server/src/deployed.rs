//! The files of commits that run, where those are not the one that the tree was read at. A few are kept: apps of one repository mostly run the same.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use windfirm_tree::{TreeError, git::Snapshot};

const MOST: usize = 4;

#[derive(Debug, Default)]
pub struct DeployedFiles(Mutex<VecDeque<Arc<Snapshot>>>);

impl DeployedFiles {
    /// The files at a commit of the repository that `head` was read from; `None` when it is not there. Blocking.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn at(&self, head: &Snapshot, commit: &str) -> Result<Option<Arc<Snapshot>>, TreeError> {
        let source = &head.revision().source;
        let is_it = |kept: &&Arc<Snapshot>| kept.revision().commit.eq_ignore_ascii_case(commit) && kept.revision().source == *source;
        if let Some(kept) = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find(is_it) {
            return Ok(Some(Arc::clone(kept)));
        }
        // Read outside the lock: two who ask at the same moment read it twice, and nobody waits.
        let Some(read) = head.at(commit)? else { return Ok(None) };
        let read = Arc::new(read);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&read));
        Ok(Some(read))
    }
}
