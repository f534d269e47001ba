//! How much a script has written: each file has its bound by the kernel, their number has none.

use std::{fs, path::Path, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::desk::Desk;
use crate::executor::Ending;

/// What an entry takes on the disk at least, whatever its length.
const LEAST_BYTES: u64 = 4_096;

/// Comes back when the scratch is over its bound, with the wish to stop: in a folder that is looked at now and then.
pub(super) async fn until_over(desk: &Desk, every: Duration) {
    let mut look = interval(every);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !look_once(desk) {
        look.tick().await;
    }
}

/// Whether it is over its bound now.
pub(super) fn look_once(desk: &Desk) -> bool {
    let limit = desk.orders.limits.scratch_bytes;
    let over = is_over(&desk.folder.scratch(), limit);
    if over {
        let bound = format!("{} MiB of files that the script may write in all", limit >> 20);
        desk.want_stop(Ending::Bound { bound, reached: "more than that".to_owned() });
    }
    over
}

/// Counts no further than it has to. What cannot be read is not counted: it is ours, and gone only when the execution is.
fn is_over(scratch: &Path, limit: u64) -> bool {
    let mut bytes = 0_u64;
    let mut open = vec![scratch.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            // Of the entry itself: a link is followed nowhere.
            let Ok(meta) = entry.metadata() else { continue };
            bytes = bytes.saturating_add(meta.len().max(LEAST_BYTES));
            if bytes > limit {
                return true;
            }
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_count_together_and_small_ones_too() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_over(folder.path(), 0));
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("in/a"), vec![0; 10_000]).unwrap();
        std::fs::write(folder.path().join("b"), vec![0; 10_000]).unwrap();
        assert!(is_over(folder.path(), 23_000) && !is_over(folder.path(), 30_000));
        for number in 0..10 {
            std::fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert!(is_over(folder.path(), 60_000) && !is_over(folder.path(), 80_000));
        std::os::unix::fs::symlink("/usr", folder.path().join("away")).unwrap();
        assert!(!is_over(folder.path(), 80_000), "a link is followed nowhere");
    }
}
