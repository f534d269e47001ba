//! What a commit holds when it is unfolded, told before it is. Equal folders are one object in Git, so a few objects can stand for
//! more paths than any machine has memory for: each distinct folder is counted once, and what would be too much is never unfolded.

use std::collections::HashMap;

use gix::{ObjectId, object::tree::EntryKind};

use super::{MAX_FILES, unreadable};
use crate::error::TreeError;

/// Files, folders, links and submodules together.
const MAX_ENTRIES: usize = 2 * MAX_FILES;
/// Folders inside of folders.
const MAX_LEVELS: usize = 64;
/// The paths of all entries, written one after the other.
const MAX_PATH_BYTES: usize = 64 << 20;
/// The listings of all distinct folders, as Git keeps them: more is not even read to be counted.
const MAX_LISTING_BYTES: u64 = 64 << 20;

/// Everything below one folder.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    files: usize,
    entries: usize,
    path_bytes: usize,
}

/// A folder that is being counted, and its folders that are not yet: length of the name, and which.
struct Open {
    id: ObjectId,
    weight: Weight,
    rest: Vec<(usize, ObjectId)>,
}

/// # Errors
/// Unfolded it would be too much, or it cannot be read.
pub(super) fn weigh(repository: &gix::Repository, root: ObjectId) -> Result<(), TreeError> {
    let mut known: HashMap<ObjectId, Weight> = HashMap::new();
    let (mut entries, mut listing_bytes) = (0_usize, 0_u64);
    let mut open = Vec::new();
    let mut next = Some(root);
    loop {
        if let Some(id) = next.take() {
            if open.len() >= MAX_LEVELS {
                return Err(too_large(format!("has folders more than {MAX_LEVELS} levels deep")));
            }
            listing_bytes = listing_bytes.saturating_add(repository.find_header(id).map_err(unreadable)?.size());
            if listing_bytes > MAX_LISTING_BYTES {
                return Err(too_large(format!("has folders whose listings are together larger than {} MiB", MAX_LISTING_BYTES >> 20)));
            }
            let folder = read(repository, id)?;
            entries = entries.saturating_add(folder.weight.entries);
            within(Weight { entries, ..folder.weight })?;
            open.push(folder);
        }
        let Some(folder) = open.last_mut() else { return Ok(()) };
        let Some((name, id)) = folder.rest.last().copied() else {
            // All below it is counted: it is known, and the one above takes it up from there.
            let folder = open.pop();
            known.extend(folder.map(|folder| (folder.id, folder.weight)));
            continue;
        };
        match known.get(&id) {
            Some(below) => {
                folder.rest.pop();
                folder.weight.add(name, *below);
                within(folder.weight)?;
            }
            None => next = Some(id),
        }
    }
}

/// The folder itself, without what is below its folders.
fn read(repository: &gix::Repository, id: ObjectId) -> Result<Open, TreeError> {
    let mut folder = Open { id, weight: Weight::default(), rest: Vec::new() };
    for entry in repository.find_tree(id).map_err(unreadable)?.iter() {
        let entry = entry.map_err(unreadable)?;
        let (name, weight) = (entry.filename().len(), &mut folder.weight);
        weight.entries = weight.entries.saturating_add(1);
        weight.path_bytes = weight.path_bytes.saturating_add(name);
        match entry.kind() {
            EntryKind::Tree => folder.rest.push((name, entry.object_id())),
            EntryKind::Blob | EntryKind::BlobExecutable => weight.files = weight.files.saturating_add(1),
            EntryKind::Link | EntryKind::Commit => {}
        }
    }
    Ok(folder)
}

impl Weight {
    /// Takes in what is below a folder whose name has this length: the name stands before each of those paths, with a slash.
    fn add(&mut self, name: usize, below: Self) {
        self.files = self.files.saturating_add(below.files);
        self.entries = self.entries.saturating_add(below.entries);
        let named = below.entries.saturating_mul(name.saturating_add(1));
        self.path_bytes = self.path_bytes.saturating_add(below.path_bytes).saturating_add(named);
    }
}

fn within(weight: Weight) -> Result<(), TreeError> {
    if weight.files > MAX_FILES {
        return Err(TreeError::TooManyFiles { limit: MAX_FILES });
    }
    if weight.entries > MAX_ENTRIES {
        return Err(too_large(format!("holds more than {MAX_ENTRIES} files, folders, links and submodules")));
    }
    if weight.path_bytes > MAX_PATH_BYTES {
        return Err(too_large(format!("has paths that are together longer than {} MiB", MAX_PATH_BYTES >> 20)));
    }
    Ok(())
}

const fn too_large(what: String) -> TreeError {
    TreeError::TooLarge { what }
}
