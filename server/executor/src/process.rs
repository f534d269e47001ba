//! Processes by pid *and* start time, so that a pid which the system gave to somebody else is never taken for ours.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

/// One process, for as long as the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRef {
    pub pid: u32,
    /// Clock ticks since boot, from `/proc/<pid>/stat` field 22.
    pub start_ticks: u64,
}

impl ProcessRef {
    /// The process that has this pid now.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        stat(pid).map(|(_, start_ticks)| Self { pid, start_ticks })
    }
    /// The calling process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
    /// Whether it still runs: the same process, and not merely waiting to be buried.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|(state, start_ticks)| start_ticks == self.start_ticks && !matches!(state, 'Z' | 'X'))
    }
    /// Sends a signal, if it still is that process.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.living_pid() {
            // It may end at this very moment; that is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }
    /// Sends a signal to the whole group that it leads, if it still is that process.
    pub fn signal_group(&self, signal: Signal) {
        if let Some(pid) = self.living_pid() {
            let _ = kill_process_group(pid, signal);
        }
    }
    fn living_pid(&self) -> Option<Pid> {
        if self.is_alive() { i32::try_from(self.pid).ok().and_then(Pid::from_raw) } else { None }
    }
}

/// State letter and start time. The name in field 2 may hold blanks and parentheses, so reading starts behind the last one.
fn stat(pid: u32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some((state, start_ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_alive_and_somebody_with_our_pid_but_another_start_is_not_us() {
        let own = ProcessRef::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessRef { start_ticks: own.start_ticks + 1, ..own }.is_alive());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process that ends is what the test is about")]
    fn an_ended_child_is_not_alive_even_before_it_is_buried() {
        let mut child = std::process::Command::new("/bin/sh").args(["-c", "read x"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let there = ProcessRef::of(child.id()).unwrap();
        assert!(there.is_alive());
        there.signal(Signal::KILL);
        while there.is_alive() {
            std::thread::yield_now();
        }
        assert!(child.wait().unwrap().code().is_none());
    }
}
