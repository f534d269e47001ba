//! The frozen files of a test: packed for the store, unpacked once into a folder that k6 may read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::UNIX_EPOCH,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
use serde::{Deserialize, Serialize};
use windfirm_model::clock::Timestamp;

/// The form in the store: JSON, file contents in base 64. Small scripts; what is large is refused when it is found.
#[derive(Debug, Serialize, Deserialize)]
struct Packed {
    version: u32,
    files: BTreeMap<String, String>,
}

const VERSION: u32 = 1;

/// Why a stored bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("The frozen files cannot be read: {0}.")]
    Damaged(String),
    #[error("The frozen files cannot be written to the disk: {0}.")]
    Disk(#[from] io::Error),
}

/// Packs files, path to content, for the store.
#[must_use]
pub fn pack(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let files = files.iter().map(|(path, content)| (path.clone(), STANDARD.encode(content))).collect();
    serde_json::to_vec(&Packed { version: VERSION, files }).unwrap_or_default()
}

/// Unpacks into `state/bundles/<digest>`, unless it is there already. Returns the folder, absolute.
pub fn unpack(state: &Path, digest: &str, content: &[u8]) -> Result<PathBuf, BundleError> {
    let damaged = |error: &dyn std::fmt::Display| BundleError::Damaged(error.to_string());
    let packed: Packed = serde_json::from_slice(content).map_err(|error| damaged(&error))?;
    let mut files = BTreeMap::new();
    for (path, text) in packed.files {
        files.insert(path, STANDARD.decode(text).map_err(|error| damaged(&error))?);
    }
    write(state, digest, &files)
}

/// Writes files into `state/bundles/<digest>`, unless that is there already: into a folder of its own beside it first, then moved,
/// so that neither a crash nor somebody who unpacks the same at the same moment leaves half of it.
pub fn write(state: &Path, digest: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<PathBuf, BundleError> {
    let bundles = state.join("bundles");
    // Scripts and their data are not for other people of this machine.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&bundles)?;
    fs::set_permissions(&bundles, fs::Permissions::from_mode(0o700))?;
    let bundles = bundles.canonicalize()?;
    let folder = bundles.join(digest);
    if folder.is_dir() {
        // Used now, so not pruned soon.
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        utimensat(CWD, &folder, &Timestamps { last_access: now, last_modification: now }, AtFlags::empty()).map_err(io::Error::from)?;
        return Ok(folder);
    }
    let half = empty_folder(&bundles, digest)?;
    let moved = fill(&half, files).and_then(|()| match fs::rename(&half, &folder) {
        // Somebody was faster with the same content.
        Err(_) if folder.is_dir() => Ok(()),
        moved => Ok(moved?),
    });
    let _ = fs::remove_dir_all(&half);
    moved.map(|()| folder)
}

/// A folder that nobody else writes to, not even another call in this process: whoever reads a finished bundle reads whole files.
fn empty_folder(bundles: &Path, digest: &str) -> io::Result<PathBuf> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    loop {
        let half = bundles.join(format!(".{digest}.{}.{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed)));
        match fs::create_dir(&half) {
            // Left by a process that had our number before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| half),
        }
    }
}

fn fill(half: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    for (path, content) in files {
        let inside = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            return Err(BundleError::Damaged(format!("{path} leads out of the bundle")));
        }
        let file = half.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, content)?;
    }
    Ok(())
}

/// Removes what was written and not used since `before`, unless its digest is in `used`. Doing it twice is doing it once.
pub fn prune(state: &Path, used: &BTreeSet<String>, before: Timestamp) -> Result<(), BundleError> {
    let entries = match fs::read_dir(state.join("bundles")) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let modified = entry.metadata()?.modified()?;
        let modified_s = modified.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        if modified_s < before.seconds() && !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
            match fs::remove_dir_all(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let files = BTreeMap::from([("k6/a.js".to_owned(), b"export default 1".to_vec()), ("k6/data/b.bin".to_owned(), vec![0, 255, 7])]);
        let state = tempfile::tempdir().unwrap();
        let folder = unpack(state.path(), "d1", &pack(&files)).unwrap();
        assert_eq!(fs::read(folder.join("k6/data/b.bin")).unwrap(), [0, 255, 7]);
        assert_eq!(unpack(state.path(), "d1", &pack(&files)).unwrap(), folder);
    }

    #[test]
    fn what_nobody_uses_any_more_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([("k6/a.js".to_owned(), Vec::new())]);
        let folders = ["running", "asked", "old"].map(|digest| write(state.path(), digest, &files).unwrap());
        for folder in &folders {
            fs::File::open(folder).unwrap().set_modified(UNIX_EPOCH).unwrap();
        }
        write(state.path(), "asked", &files).unwrap();
        for _ in 0..2 {
            prune(state.path(), &BTreeSet::from(["running".to_owned()]), Timestamp::from_seconds(1_000)).unwrap();
        }
        assert_eq!(folders.map(|folder| folder.is_dir()), [true, true, false]);
        prune(tempfile::tempdir().unwrap().path(), &BTreeSet::new(), Timestamp::from_seconds(1_000)).unwrap();
    }

    #[test]
    fn no_file_leaves_the_bundle() {
        let files = BTreeMap::from([("../out.js".to_owned(), Vec::new())]);
        let state = tempfile::tempdir().unwrap();
        assert!(matches!(write(state.path(), "d2", &files), Err(BundleError::Damaged(_))));
        assert!(!state.path().join("out.js").exists());
    }

    #[test]
    fn many_who_unpack_the_same_at_once_all_read_whole_files() {
        const MEGABYTE: usize = 1 << 20;
        let files: BTreeMap<String, Vec<u8>> = (0..6_u8).map(|n| (format!("k6/{n}.bin"), vec![n; MEGABYTE])).collect();
        let state = tempfile::tempdir().unwrap();
        for round in 0..12 {
            let (digest, start) = (format!("d{round}"), std::sync::Barrier::new(8));
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        let folder = write(state.path(), &digest, &files).unwrap();
                        for (path, content) in &files {
                            assert!(fs::read(folder.join(path)).unwrap() == *content, "{path} of {digest} is not whole");
                        }
                    });
                }
            });
        }
        let left: Vec<String> = fs::read_dir(state.path().join("bundles")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
    }
}
