//! The logs of all runners as one: each line with its runner's number, in the order of time.
//!
//! A pod's log is read piece by piece, each line with the time at which the node took it. From a time on means from a whole second on, so a
//! piece begins with lines that are known, which are passed over. A line goes out only when every runner's log was read up to a later
//! moment: so whoever reads everything again, after a restart, gets the same lines in the same order.
//!
//! What a node has thrown away because a log grew (10 MiB is usual) is gone; the summary at its end is not.

use std::collections::VecDeque;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windfirm_executor::k6::log as k6_log;
use windfirm_model::{
    clock::Timestamp,
    view::run::{LogLine, LogPage},
};

use super::{archive::ROOT_URL, summary::Scanner};

/// What one page holds at most.
const MOST_LINES: usize = 2_000;
/// A node writes a line down within that of its being printed, and no two nodes' clocks are further apart, microseconds.
const SETTLED_US: i64 = 2_000_000;

/// How k6's line begins that tells of it, with what the portal said behind it (`internal/cmd/run.go`). Other errors follow.
const STOPPED_BY_OUTPUT: &str = "Received error to stop from output";

/// Nanoseconds since the epoch: a node's times are that fine, and lines are told apart by them.
type Nanos = i128;

/// The log of one runner, as far as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) runner: u32,
    /// The last line's time, and how many lines have it.
    at: Nanos,
    lines_at: usize,
    scanner: Scanner,
    waiting: VecDeque<(Nanos, LogLine)>,
    /// Nothing more will come.
    pub(crate) whole: bool,
    pub(crate) script_errors: u64,
    /// What k6 said when the portal's answer ended the test.
    pub(crate) told_to_stop: Option<String>,
    /// k6's last error, or the first line of what is not k6's log at all (a panic starts with its reason).
    pub(crate) last_error: String,
    foreign: bool,
}

impl Feed {
    pub(crate) fn new(runner: u32) -> Self {
        Self {
            runner,
            at: 0,
            lines_at: 0,
            scanner: Scanner::default(),
            waiting: VecDeque::new(),
            whole: false,
            script_errors: 0,
            told_to_stop: None,
            last_error: String::new(),
            foreign: false,
        }
    }
    /// From when on the next piece is to be read, to the second; `None`: from the start.
    pub(crate) fn since(&self) -> Option<String> {
        let seconds = i64::try_from(self.at / 1_000_000_000).ok().filter(|seconds| *seconds > 0)?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
    }
    /// The summary's metrics.
    pub(crate) const fn scanner(&self) -> &Scanner {
        &self.scanner
    }
    /// Takes a piece: lines with their times in front. `cut`: its last line may not be whole. Tells whether anything in it was new.
    pub(crate) fn take(&mut self, piece: &str, cut: bool) -> bool {
        let whole = if cut { piece.rsplit_once('\n').map_or("", |(whole, _)| whole) } else { piece };
        let (from, known, mut passed_over) = (self.at, self.lines_at, 0);
        let mut new = false;
        for line in whole.lines() {
            let Some((at, text)) = line.split_once(' ').and_then(|(at, text)| Some((nanos(at)?, text))) else { continue };
            if at < from {
                continue;
            }
            if at == from && passed_over < known {
                passed_over += 1;
                continue;
            }
            if at > self.at {
                (self.at, self.lines_at) = (at, 0);
            }
            self.lines_at += usize::from(at == self.at);
            new = true;
            self.line(text);
        }
        new
    }
    fn line(&mut self, text: &str) {
        if let Some((mine, rest)) = self.scanner.split(text) {
            self.scanner.takes(mine);
            self.keep(rest);
        } else if !self.scanner.takes(text) {
            self.keep(text);
        }
    }
    fn keep(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.script_errors += u64::from(k6_log::is_uncaught(text));
        let foreign = !text.starts_with('{');
        let read = k6_log::parse(text, ROOT_URL);
        if read.level == "error" && read.text.starts_with(STOPPED_BY_OUTPUT) {
            self.told_to_stop.get_or_insert_with(|| read.text.clone());
        }
        if read.level == "error" && !self.foreign {
            self.last_error.clone_from(&read.text);
        }
        self.foreign |= foreign;
        self.waiting.push_back((self.at, read));
    }
}

/// The logs of all runners of one execution.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) feeds: Vec<Feed>,
    numbered: bool,
    /// Lines that went out already and are not kept.
    gone: u64,
    lines: VecDeque<LogLine>,
    bytes_left: u64,
    full: bool,
    dropped: u64,
}

impl Book {
    pub(crate) fn new(runners: u32, log_bytes: u64) -> Self {
        Self {
            feeds: (1..=runners).map(Feed::new).collect(),
            numbered: runners > 1,
            gone: 0,
            lines: VecDeque::new(),
            bytes_left: log_bytes,
            full: false,
            dropped: 0,
        }
    }
    pub(crate) fn is_whole(&self) -> bool {
        self.feeds.iter().all(|feed| feed.whole)
    }
    pub(crate) fn total(&self) -> u64 {
        self.gone + u64::try_from(self.lines.len()).unwrap_or_default()
    }
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
    /// Puts in order what no earlier line can come before any more. All logs were read at `read` or later.
    pub(crate) fn settle(&mut self, read: Timestamp) {
        let until = if self.is_whole() { Nanos::MAX } else { Nanos::from(read.0.saturating_sub(SETTLED_US)) * 1_000 };
        loop {
            // The first runner wins among equals, so the order is always the same.
            let first = self.feeds.iter_mut().filter(|feed| feed.waiting.front().is_some_and(|(at, _)| *at <= until));
            let Some(feed) = first.min_by_key(|feed| feed.waiting.front().map(|(at, _)| *at)) else { return };
            let runner = feed.runner;
            let Some((_, line)) = feed.waiting.pop_front() else { return };
            self.keep(runner, line);
        }
    }
    fn keep(&mut self, runner: u32, mut line: LogLine) {
        if self.numbered {
            line.text = format!("[{runner}] {}", line.text);
        }
        let length = u64::try_from(line.text.len() + line.level.len()).unwrap_or(u64::MAX);
        // Full once is full for good, so what is kept is a true beginning.
        self.full |= length > self.bytes_left;
        if self.full {
            self.dropped += 1;
        } else {
            self.bytes_left -= length;
            self.lines.push_back(line);
        }
    }
    /// The page after the first `after` lines. Those before are forgotten; `None` when they are asked for again: read everything anew.
    pub(crate) fn page(&mut self, after: u64) -> Option<LogPage> {
        let skip = usize::try_from(after.checked_sub(self.gone)?).ok()?;
        let forgotten = skip.min(self.lines.len());
        self.lines.drain(..forgotten);
        self.gone += u64::try_from(forgotten).unwrap_or_default();
        // Somebody who knows more than we have read again so far waits until we have.
        let lines = if skip > forgotten { Vec::new() } else { self.lines.iter().take(MOST_LINES).cloned().collect() };
        Some(LogPage { lines, from: after, total: self.total(), dropped: self.dropped })
    }
}

fn nanos(text: &str) -> Option<Nanos> {
    Some(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as the API gives it.
    fn line(second: u32, fraction: &str, text: &str) -> String {
        format!("2026-11-26T00:59:{second:02}{fraction}Z {{\"level\":\"info\",\"msg\":\"{text}\"}}\n")
    }
    fn at(second: i64) -> Timestamp {
        Timestamp(time::macros::datetime!(2026-11-26 00:59 UTC).unix_timestamp() * 1_000_000 + second * 1_000_000)
    }
    fn texts(page: &LogPage) -> Vec<&str> {
        page.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn pieces_that_overlap_give_each_line_once() {
        let mut feed = Feed::new(1);
        assert_eq!(feed.since(), None);
        let first = [line(1, ".5", "a"), line(1, ".5", "b"), line(1, ".75", "c")].concat();
        assert!(feed.take(&first, false));
        assert_eq!(feed.since().unwrap(), "2026-11-26T00:59:01Z");
        assert!(!feed.take(&first, false), "nothing new");
        let more = [first.as_str(), &line(1, ".75", "d"), &line(2, "", "e")].concat();
        assert!(feed.take(&more, false));
        let read: Vec<_> = feed.waiting.iter().map(|(_, line)| line.text.as_str()).collect();
        assert_eq!(read, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn a_line_that_was_cut_is_read_when_it_is_whole() {
        let mut feed = Feed::new(1);
        let two = [line(1, "", "a"), line(2, "", "b")].concat();
        assert!(feed.take(&two[..two.len() - 9], true));
        assert!(feed.take(&two, false));
        assert_eq!(feed.waiting.len(), 2);
    }

    #[test]
    fn lines_of_all_runners_come_in_order_with_their_numbers_and_always_the_same() {
        let (one, two) = ([line(1, ".1", "a"), line(3, "", "c")].concat(), [line(2, "", "b"), line(9, "", "late")].concat());
        let mut book = Book::new(2, 1_000);
        book.feeds[1].take(&two, false);
        book.settle(at(3));
        assert_eq!(texts(&book.page(0).unwrap()), Vec::<&str>::new(), "the other may still have an earlier one");
        book.feeds[0].take(&one, false);
        book.settle(at(6));
        assert_eq!(texts(&book.page(0).unwrap()), ["[1] a", "[2] b", "[1] c"]);
        assert_eq!(texts(&book.page(2).unwrap()), ["[1] c"]);
        assert_eq!(book.page(0), None, "what was given is not kept");
        book.feeds.iter_mut().for_each(|feed| feed.whole = true);
        book.settle(at(6));
        assert_eq!((texts(&book.page(3).unwrap()), book.total()), (vec!["[2] late"], 4));

        let mut again = Book::new(2, 1_000);
        again.feeds[0].take(&one, false);
        again.feeds[1].take(&two, false);
        again.feeds.iter_mut().for_each(|feed| feed.whole = true);
        again.settle(at(60));
        assert_eq!(texts(&again.clone().page(0).unwrap()), ["[1] a", "[2] b", "[1] c", "[2] late"]);
        assert_eq!(texts(&again.page(3).unwrap()), ["[2] late"]);
        assert_eq!(texts(&again.page(9).unwrap()), Vec::<&str>::new(), "somebody knows more than was read again");
    }

    #[test]
    fn a_log_over_its_bound_is_a_true_beginning_and_the_rest_is_counted() {
        let mut book = Book::new(1, 12);
        book.feeds[0].take(&[line(1, "", "aaaa"), line(2, "", "bbbbbbbb"), line(3, "", "c")].concat(), false);
        book.feeds[0].whole = true;
        book.settle(at(9));
        let page = book.page(0).unwrap();
        assert_eq!((texts(&page), page.dropped, page.total), (vec!["aaaa"], 2, 1));
    }

    #[test]
    fn errors_of_the_script_are_counted_and_a_panic_is_told_by_its_first_line() {
        let mut feed = Feed::new(1);
        feed.take("2026-11-26T00:59:01Z {\"executor\":\"constant-vus\",\"hint\":\"script exception\",\"level\":\"error\",\"msg\":\"boom\"}\n", false);
        assert_eq!((feed.script_errors, feed.last_error.as_str()), (1, "boom"));
        feed.take("2026-11-26T00:59:02Z fatal error: runtime: out of memory\n2026-11-26T00:59:02.5Z goroutine 1:\n", false);
        assert_eq!(feed.last_error, "fatal error: runtime: out of memory");
    }
}
