//! The state folder as the home of one portal: who starts in it again is the same portal to its runs, and two cannot live in it at once.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;
use windfirm_model::clock::Clock;

/// The file with the name of the home. It is locked for as long as the process lives, however it ends.
const FILE: &str = "home";

/// A home that is lived in.
#[derive(Debug)]
pub struct Home {
    name: String,
    lock: Mutex<Option<File>>,
}

impl Home {
    /// Moves in; a folder that was no home yet gets a name.
    ///
    /// # Errors
    /// Another portal lives there, or the file cannot be read or written: a sentence.
    pub fn open(state: &Path, clock: &dyn Clock) -> Result<Self, String> {
        let path = state.join(FILE);
        let failed = |error: std::io::Error| format!("state: {} cannot be read and written: {error}. Mend its rights, or remove it.", path.display());
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let state = state.display();
                return Err(format!(
                    "state: another portal works in {state} at this moment. Each portal needs a folder of its own: end that one, or name another folder."
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let inode = file.metadata().map_err(failed)?.ino();
        let written = text.split_whitespace().collect::<Vec<_>>();
        let name = match (written.first().map(|name| name.parse::<Uuid>()), written.get(1)) {
            // A folder that was copied has the name of the other one, in a file of its own: two would take each other's place for ever.
            (Some(Ok(name)), Some(file)) if *file == inode.to_string() => name,
            _ => {
                let name = clock.new_uuid();
                let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{name} {inode}"));
                written.and_then(|()| file.sync_all()).map_err(failed)?;
                name
            }
        };
        Ok(Self { name: name.to_string(), lock: Mutex::new(Some(file)) })
    }

    /// Moves out: this portal ends.
    pub fn leave(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_home_keeps_its_name_and_has_one_portal() {
        let folder = tempfile::tempdir().unwrap();
        let first = Home::open(folder.path(), &SystemClock).unwrap();
        let refused = Home::open(folder.path(), &SystemClock).unwrap_err();
        assert!(refused.contains("another portal works in"), "{refused}");
        let name = first.name().to_owned();
        first.leave();
        assert_eq!(Home::open(folder.path(), &SystemClock).unwrap().name(), name);
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.path().join(FILE), copy.path().join(FILE)).unwrap();
        assert_ne!(Home::open(copy.path(), &SystemClock).unwrap().name(), name, "a copy is another home");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Home::open(other.path(), &SystemClock).unwrap().name(), name);
    }
}
