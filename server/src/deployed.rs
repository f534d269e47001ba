//! The files of commits that run, where those are not the one that the tree was read at. A few are kept: apps of one repository mostly run the same.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use windfirm_tree::git::Snapshot;

const MOST: usize = 4;
/// Commits that could not be read, with why, and for how long that is taken to be so.
const MOST_UNREAD: usize = 64;
const UNREAD_FOR: Duration = Duration::from_secs(60);
/// Characters of a commit's id, by the longest hash there is.
const LONGEST_ID: usize = 64;

#[derive(Debug, Default)]
pub struct DeployedFiles {
    kept: Mutex<VecDeque<Arc<Snapshot>>>,
    unread: Mutex<VecDeque<Unread>>,
    /// One is read at a time, however many ask.
    reading: Mutex<()>,
}

/// What nothing was to be had of, when the repository was at that other commit.
#[derive(Debug)]
struct Unread {
    source: String,
    head: String,
    commit: String,
    asked: Instant,
    /// `None`: it is not there.
    why: Option<String>,
}

impl DeployedFiles {
    /// The files at a commit of the repository that `head` was read from; `None` when it is not there. Blocking, also while another one is read.
    ///
    /// # Errors
    /// Why it cannot be read, though it is there.
    pub fn at(&self, head: &Snapshot, commit: &str) -> Result<Option<Arc<Snapshot>>, String> {
        if commit.len() > LONGEST_ID {
            return Ok(None);
        }
        if let Some(known) = self.known(head, commit) {
            return known;
        }
        let _one = lock(&self.reading);
        // Somebody else may have read it meanwhile.
        if let Some(known) = self.known(head, commit) {
            return known;
        }
        let why = match head.at(commit) {
            Ok(Some(read)) => {
                let read = Arc::new(read);
                put(&self.kept, MOST, Arc::clone(&read));
                return Ok(Some(read));
            }
            Ok(None) => None,
            Err(error) => Some(error.to_string()),
        };
        let at = head.revision();
        put(
            &self.unread,
            MOST_UNREAD,
            Unread { source: at.source.clone(), head: at.commit.clone(), commit: commit.to_owned(), asked: Instant::now(), why: why.clone() },
        );
        why.map_or(Ok(None), Err)
    }
    fn known(&self, head: &Snapshot, commit: &str) -> Option<Result<Option<Arc<Snapshot>>, String>> {
        let at = head.revision();
        let is_it = |kept: &&Arc<Snapshot>| kept.revision().commit.eq_ignore_ascii_case(commit) && kept.revision().source == at.source;
        if let Some(kept) = lock(&self.kept).iter().find(is_it) {
            return Some(Ok(Some(Arc::clone(kept))));
        }
        let unread = lock(&self.unread);
        let is_it = |unread: &&Unread| unread.commit == commit && unread.head == at.commit && unread.source == at.source && unread.asked.elapsed() < UNREAD_FOR;
        let unread = unread.iter().find(is_it)?;
        Some(unread.why.clone().map_or(Ok(None), Err))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put<T>(list: &Mutex<VecDeque<T>>, most: usize, one: T) {
    let mut list = lock(list);
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(one);
}
