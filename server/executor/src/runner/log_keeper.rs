//! Reads k6's log from its pipe and keeps it: masked, bounded, always draining, so that k6 never waits for us.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use windfirm_model::view::run::LogLine;

use crate::k6::log;

/// Longest line that is looked at; of what is longer, the rest is passed over.
const MOST_LINE: usize = 64 << 10;
const ERROR_MARK: &str = "\"level\":\"error\"";

/// What was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) lines: u64,
    pub(super) dropped: u64,
    /// Errors that the script threw and did not catch, in the lines that were not kept too.
    pub(super) script_errors: u64,
    /// k6's last error, or the first line of what is not k6's log at all (a panic starts with its reason).
    pub(super) last_error: String,
}

#[derive(Debug)]
pub(super) struct LogKeeper {
    file: File,
    bundle_url: String,
    bytes_left: u64,
    full: bool,
    foreign: bool,
    kept: Kept,
}

impl LogKeeper {
    pub(super) fn open(path: &Path, bundle: &Path, log_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let bundle_url = format!("file://{}/", bundle.display());
        Ok(Self { file, bundle_url, bytes_left: log_bytes, full: false, foreign: false, kept: Kept::default() })
    }
    /// Reads until k6 closes the pipe.
    pub(super) async fn read_all(mut self, pipe: impl AsyncRead + Unpin) -> Kept {
        let mut pipe = BufReader::with_capacity(MOST_LINE, pipe);
        let mut line = Vec::new();
        while let Ok(chunk) = pipe.fill_buf().await {
            if chunk.is_empty() {
                break;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = MOST_LINE.saturating_sub(line.len());
            line.extend_from_slice(part.get(..room).unwrap_or(part));
            let used = end.map_or(chunk.len(), |at| at + 1);
            pipe.consume(used);
            if end.is_some() {
                self.keep(&line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.keep(&line);
        }
        self.kept
    }
    fn keep(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if text.trim().is_empty() {
            return;
        }
        self.kept.script_errors += u64::from(log::is_uncaught(&text));
        let foreign = !text.starts_with('{');
        let is_error = foreign || text.contains(ERROR_MARK);
        if self.full && !is_error {
            // The cheap way: a script that prints without end must not cost us a core.
            self.kept.dropped += 1;
            return;
        }
        let read = log::parse(&text, &self.bundle_url);
        if is_error && !self.foreign {
            self.kept.last_error.clone_from(&read.text);
        }
        self.foreign |= foreign;
        if self.full || self.write(&read).is_err() {
            self.kept.dropped += 1;
        } else {
            self.kept.lines += 1;
        }
    }
    fn write(&mut self, line: &LogLine) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        // Full once is full for good: no small line slips in behind a dropped one, so what is kept is a true beginning.
        self.full = length > self.bytes_left;
        if self.full {
            return Err(io::Error::other("the log is full"));
        }
        self.bytes_left -= length;
        self.file.write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kept(input: &str, bytes: u64) -> (Kept, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.ndjson");
        let keeper = LogKeeper::open(&path, Path::new("/b"), bytes).unwrap();
        let kept = keeper.read_all(input.as_bytes()).await;
        (kept, std::fs::read_to_string(path).unwrap())
    }

    #[tokio::test]
    async fn a_log_over_its_bound_is_a_true_beginning_and_the_rest_is_counted() {
        let line = "{\"level\":\"info\",\"msg\":\"hello\",\"time\":\"2026-01-02T03:04:05Z\"}\n";
        let (kept, text) = kept(&line.repeat(100), 500).await;
        assert_eq!(kept.lines + kept.dropped, 100);
        assert!(text.len() <= 500 && kept.lines > 0);
        assert_eq!(u64::try_from(text.lines().count()).unwrap(), kept.lines);
    }

    #[tokio::test]
    async fn the_last_error_is_known_even_when_it_was_not_kept() {
        let input = format!("{}{}", "{\"level\":\"info\",\"msg\":\"x\"}\n".repeat(50), "{\"level\":\"error\",\"msg\":\"why\"}\n");
        let (kept, _) = kept(&input, 100).await;
        assert_eq!(kept.last_error, "why");
    }

    #[tokio::test]
    async fn errors_of_the_script_are_counted_beyond_the_bound_of_the_log() {
        let thrown = "{\"executor\":\"constant-vus\",\"hint\":\"script exception\",\"level\":\"error\",\"msg\":\"boom\"}\n";
        let printed = "{\"level\":\"error\",\"msg\":\"mine\",\"source\":\"console\"}\n";
        let (kept, _) = kept(&[thrown.repeat(70), printed.repeat(30)].concat(), 200).await;
        assert!(kept.dropped > 90, "{kept:?}");
        assert_eq!(kept.script_errors, 70);
    }

    #[tokio::test]
    async fn a_panic_is_told_by_its_first_line() {
        let (kept, _) = kept("fatal error: runtime: out of memory\n\ngoroutine 1 [running]:\nmain.main()", 10_000).await;
        assert_eq!(kept.last_error, "fatal error: runtime: out of memory");
        assert_eq!(kept.lines, 3);
    }

    #[tokio::test]
    async fn an_endless_line_is_cut() {
        let (kept, text) = kept(&"y".repeat(MOST_LINE * 3), 1 << 20).await;
        assert_eq!(kept.lines, 1);
        assert!(text.len() < MOST_LINE);
    }
}
