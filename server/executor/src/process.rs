//! Processes by pid *and* start time, so that a pid which the system gave to somebody else is never taken for ours.
//!
//! A group is named by the pid of its leader. As long as the leader is not buried (waited for), nobody else can have that number: so a group
//! is signalled first and its leader buried afterwards, never the other way round.

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
        Stat::of(pid).map(|stat| Self { pid, start_ticks: stat.start_ticks })
    }
    /// The calling process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
    /// Whether it still runs: the same process, and not merely waiting to be buried.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.stat().is_some_and(|stat| stat.is_alive())
    }
    /// Sends a signal, if it still is that process.
    pub fn signal(&self, signal: Signal) {
        if let (true, Some(pid)) = (self.is_alive(), raw(self.pid)) {
            // It may end at this very moment; that is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }
    /// Sends a signal to the whole group that it leads, also when it has ended itself, as long as it is not buried.
    pub fn signal_group(&self, signal: Signal) {
        if let (Some(_), Some(pid)) = (self.stat(), raw(self.pid)) {
            let _ = kill_process_group(pid, signal);
        }
    }
    /// Sends a signal to all that are left of the group that it led in the session of `session`, also when both are long buried.
    pub fn signal_left_behind(&self, session: &Self, signal: Signal) {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            let left = Stat::of(pid).filter(|stat| (stat.group, stat.session) == (self.pid, session.pid) && stat.start_ticks >= self.start_ticks);
            if let Some(stat) = left {
                Self { pid, start_ticks: stat.start_ticks }.signal(signal);
            }
        }
    }
    /// What the system says of it, alive or not buried yet.
    fn stat(&self) -> Option<Stat> {
        Stat::of(self.pid).filter(|stat| stat.start_ticks == self.start_ticks)
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// What `/proc/<pid>/stat` says.
#[derive(Clone, Copy, Debug)]
struct Stat {
    state: char,
    /// Pid of the leader of its group.
    group: u32,
    /// Pid of the leader of its session.
    session: u32,
    start_ticks: u64,
}

impl Stat {
    /// The name in field 2 may hold blanks and parentheses, so reading starts behind the last one.
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        // The first of these is field 3 of the manual.
        let field = |number: usize| fields.get(number.saturating_sub(3)).copied();
        Some(Self { state: field(3)?.chars().next()?, group: field(5)?.parse().ok()?, session: field(6)?.parse().ok()?, start_ticks: field(22)?.parse().ok()? })
    }
    /// Not merely waiting to be buried.
    const fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
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

    /// A leader of a group that starts another process in it, tells its pid, and ends.
    #[expect(clippy::disallowed_methods, reason = "processes that end are what the tests are about")]
    async fn leader_with_child() -> (tokio::process::Child, ProcessRef, ProcessRef) {
        use tokio::io::AsyncBufReadExt as _;
        let mut leader = tokio::process::Command::new("/bin/sh")
            .args(["-c", "sleep 1000 >/dev/null 2>&1 & echo $!"])
            .process_group(0)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = ProcessRef::of(leader.id().unwrap()).unwrap();
        let mut told = String::new();
        tokio::io::BufReader::new(leader.stdout.take().unwrap()).read_line(&mut told).await.unwrap();
        (leader, process, ProcessRef::of(told.trim().parse().unwrap()).unwrap())
    }

    async fn until_dead(process: ProcessRef) {
        while process.is_alive() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_group_can_be_signalled_when_its_leader_has_ended_and_is_not_buried() {
        let (mut leader, process, child) = leader_with_child().await;
        until_dead(process).await;
        assert!(child.is_alive());
        process.signal_group(Signal::KILL);
        until_dead(child).await;
        assert_eq!(leader.wait().await.unwrap().code(), Some(0), "it was not buried before");
    }

    #[tokio::test]
    async fn who_is_left_of_a_group_is_found_when_its_leader_is_buried() {
        let (mut leader, process, child) = leader_with_child().await;
        leader.wait().await.unwrap();
        let session = Stat::of(child.pid).unwrap().session;
        process.signal_group(Signal::KILL);
        process.signal_left_behind(&ProcessRef { pid: session + 1, start_ticks: 0 }, Signal::KILL);
        assert!(child.is_alive(), "of another session: a number that somebody else has now");
        process.signal_left_behind(&ProcessRef { pid: session, start_ticks: 0 }, Signal::KILL);
        until_dead(child).await;
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
