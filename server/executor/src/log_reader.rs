//! Reads the kept log of an execution, page by page, while it grows.
//!
//! The portal asks every 300 ms for what is new, and a log may have ten million bytes: so a reader remembers where it stopped, and a page
//! costs what is new in it.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom},
    path::Path,
};

use windfirm_model::view::run::LogPage;

/// What one page holds at most.
const MOST_LINES: usize = 2000;

/// Where a page ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Lines before it.
    lines: u64,
    /// Bytes before it.
    bytes: u64,
}

/// The page after the first `after` lines, and where it ends. `mark` is where an earlier page ended; a reader that goes back, or has
/// forgotten it, reads from the start. A missing log is an empty one.
pub(crate) fn read(path: &Path, after: u64, mark: Mark) -> io::Result<(LogPage, Mark)> {
    let mut at = if mark.lines <= after { mark } else { Mark::default() };
    let mut page = LogPage { from: after, ..LogPage::default() };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok((page, Mark::default())),
        Err(other) => return Err(other),
    };
    file.seek(SeekFrom::Start(at.bytes))?;
    let mut file = BufReader::new(file);
    let mut end = at;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = file.read_until(b'\n', &mut line)?;
        // The last line may be half written; it is whole at the next call.
        if !line.ends_with(b"\n") {
            break;
        }
        let before = at.lines < after;
        let fits = !before && page.lines.len() < MOST_LINES;
        if fits {
            let Ok(line) = serde_json::from_slice(&line) else { break };
            page.lines.push(line);
        }
        at = Mark { lines: at.lines + 1, bytes: at.bytes + u64::try_from(read).unwrap_or_default() };
        if before || fits {
            end = at;
        }
    }
    page.total = at.lines;
    Ok((page, end))
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write as _};

    use windfirm_model::view::run::LogLine;

    use super::*;

    struct Log {
        _folder: tempfile::TempDir,
        path: std::path::PathBuf,
    }
    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { path: folder.path().join("log.ndjson"), _folder: folder }
        }
        fn append(&self, bytes: &[u8]) {
            OpenOptions::new().create(true).append(true).open(&self.path).unwrap().write_all(bytes).unwrap();
        }
        fn lines(&self, range: std::ops::Range<usize>) {
            for number in range {
                self.append(&[&line(number), b"\n".as_slice()].concat());
            }
        }
    }

    fn line(number: usize) -> Vec<u8> {
        serde_json::to_vec(&LogLine { at: None, level: "info".into(), text: format!("line {number}") }).unwrap()
    }

    fn texts(page: &LogPage) -> Vec<String> {
        page.lines.iter().map(|line| line.text.clone()).collect()
    }

    #[test]
    fn pages_follow_each_other_and_know_the_whole() {
        let log = Log::new();
        assert_eq!(read(&log.path, 0, Mark::default()).unwrap(), (LogPage::default(), Mark::default()));
        log.lines(0..MOST_LINES + 500);
        let (first, mark) = read(&log.path, 0, Mark::default()).unwrap();
        assert_eq!((first.lines.len(), first.total), (MOST_LINES, 2500));
        let (second, mark) = read(&log.path, 2000, mark).unwrap();
        assert_eq!((second.lines.len(), second.from, second.total, texts(&second)[0].as_str()), (500, 2000, 2500, "line 2000"));
        log.lines(2500..2502);
        let (third, mark) = read(&log.path, 2500, mark).unwrap();
        assert_eq!((texts(&third), third.total), (vec!["line 2500".to_owned(), "line 2501".to_owned()], 2502));
        // Somebody begins anew, or asks for something in between.
        assert_eq!(read(&log.path, 0, mark).unwrap().0, LogPage { total: 2502, ..first });
        assert_eq!(texts(&read(&log.path, 2501, mark).unwrap().0), ["line 2501"]);
        assert_eq!(texts(&read(&log.path, 2501, Mark::default()).unwrap().0), ["line 2501"]);
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let log = Log::new();
        log.lines(0..3);
        let (_, mark) = read(&log.path, 0, Mark::default()).unwrap();
        // Were it read again, it would end the page there.
        let length = usize::try_from(mark.bytes).unwrap();
        std::fs::write(&log.path, vec![b'x'; length]).unwrap();
        log.lines(3..4);
        let (page, _) = read(&log.path, 3, mark).unwrap();
        assert_eq!((texts(&page), page.total), (vec!["line 3".to_owned()], 4));
    }

    #[test]
    fn half_a_line_waits_for_its_other_half() {
        let log = Log::new();
        log.lines(0..1);
        let next = line(1);
        log.append(&next[..5]);
        let (page, mark) = read(&log.path, 0, Mark::default()).unwrap();
        assert_eq!((page.lines.len(), page.total), (1, 1));
        log.append(&next[5..]);
        assert_eq!(read(&log.path, 1, mark).unwrap().0.lines.len(), 0, "its end has not been seen yet");
        log.append(b"\n");
        assert_eq!(texts(&read(&log.path, 1, mark).unwrap().0), ["line 1"]);
    }
}
