//! How an execution stands, from everything that was seen of it at one moment.

use windfirm_executor::k6::{failure, log as k6_log};
use windfirm_model::{clock::Timestamp, run::Cause, view::run::RunEvent};

use super::{
    archive::ROOT_URL,
    objects,
    seen::{Pod, Seen, TestRun, time_of},
    settings::OperatorSettings,
    stuck::{self, Part, Stuck, said},
};

/// The operator looks at a TestRun at once; one that it has not looked at for that long waits for it, seconds.
const OPERATOR_S: i64 = 10;
/// The operator starts runners that are ready within seconds.
const STARTED_S: i64 = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not all was ordered: we died in between.
    HalfOrdered,
    /// It has not begun; what it waits for, if that can be said.
    Waiting(Option<String>),
    /// It will not begin.
    Failed(Cause),
    /// It was begun.
    Running { since: Timestamp, events: Vec<RunEvent> },
    /// All its runners have ended, or will never begin.
    Over { runners: Vec<RunnerEnd>, since: Option<Timestamp> },
    /// Somebody deletes it.
    Going,
}

/// How one runner ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunnerEnd {
    /// As k6 knows it (`instance_id`), from 1.
    pub(crate) number: u32,
    /// Where its log is.
    pub(crate) pod: Option<String>,
    pub(crate) exit: Exit,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// k6's own.
    Code(i32),
    /// SIGKILL, from whomever.
    Killed,
    /// It went over its memory limit.
    OutOfMemory,
    /// The node ended its pod because that had been there for longer than it may (`activeDeadlineSeconds`).
    Late,
    /// The node ended its pod.
    Evicted(String),
    /// Its pod is not there any more.
    Gone,
    /// Another one ended before all were ready.
    NeverStarted,
}

impl RunnerEnd {
    /// Whether it was ended by something outside of k6.
    pub(crate) const fn is_dead(&self) -> bool {
        !matches!(self.exit, Exit::Code(_) | Exit::Late | Exit::NeverStarted)
    }
    /// For the timeline; `None` for an ordinary end.
    pub(crate) fn words(&self, memory_mib: u32) -> Option<String> {
        let number = self.number;
        Some(match &self.exit {
            Exit::Code(0) | Exit::NeverStarted => return None,
            Exit::Code(code) => format!("Runner {number} ended with k6's exit code {code}"),
            Exit::Killed => format!("Runner {number} was killed (signal 9), by somebody or by its node; it is not replaced"),
            Exit::OutOfMemory => format!("Runner {number} needed more than its {memory_mib} MiB of memory and was killed; it is not replaced"),
            Exit::Late => format!("Runner {number} was ended by its node: its pod had been there for longer than it may (activeDeadlineSeconds)"),
            Exit::Evicted(why) => format!("Runner {number} was put off its node ({why}); it is not replaced"),
            Exit::Gone => format!("The pod of runner {number} was deleted by somebody, or went with its node; it is not replaced"),
        })
    }
}

/// The pod of which the log must be read before [`standing`] can tell why.
pub(crate) fn unhappy_initializer(seen: &Seen) -> Option<&Pod> {
    let pod = seen.pod_of(&objects::initializer_job(&seen.run.metadata.name))?;
    let ended = pod.terminated()?;
    (ended.exit_code != 0 || seen.run.status.stage == "error").then_some(pod)
}

/// Whether all runners are there: then nothing is to be learned from Jobs.
pub(crate) fn all_there(seen: &Seen) -> bool {
    let name = &seen.run.metadata.name;
    let there = |job: &str| seen.pod_of(job).is_some_and(Pod::has_started);
    (1..=seen.run.spec.parallelism).all(|number| there(&objects::runner_job(name, number))) && there(&objects::starter_job(name))
}

/// Whether the operator says that no runner is at work any more.
fn is_over(run: &TestRun) -> bool {
    matches!(run.status.stage.as_str(), "stopped" | "finished" | "error")
}

/// The Jobs whose pods have not started though it is time: their events may tell why. With the pods' names.
pub(crate) fn unmoved(seen: &Seen) -> Vec<(String, Option<String>)> {
    const SOON_S: i64 = 2;
    let started = |job: &str| seen.pod_of(job).is_some_and(Pod::has_started);
    let jobs = seen.jobs.iter().filter(|job| job.status.failed == 0 && job.status.succeeded == 0 && seen.age_of_s(&job.metadata) >= SOON_S);
    jobs.map(|job| job.metadata.name.clone())
        .filter(|job| !started(job))
        .map(|job| {
            let pod = seen.pod_of(&job).map(|pod| pod.metadata.name.clone());
            (job, pod)
        })
        .collect()
}

/// Whether no runner was made yet.
pub(crate) fn is_initializing(run: &TestRun) -> bool {
    matches!(run.status.stage.as_str(), "" | "initialization")
}

/// Whether runners were told to begin, or never will be.
pub(crate) fn has_begun(run: &TestRun) -> bool {
    run.status.stage == "started" || is_over(run)
}

pub(crate) fn standing(seen: &Seen, settings: &OperatorSettings) -> Standing {
    let name = seen.run.metadata.name.as_str();
    if seen.run.metadata.deletion_timestamp.is_some() {
        return Standing::Going;
    }
    match seen.run.status.stage.as_str() {
        "" => Standing::Waiting((seen.age_s() > OPERATOR_S).then(|| {
            "k6-operator has not looked at this run yet. It looks at one after the other; if this lasts, those who run the cluster should see whether it runs, and whether it watches this namespace.".to_owned()
        })),
        "error" => match fetched_not(seen, settings) {
            Some(words) => Standing::Failed(Cause::StartFailed { message: words }),
            None => Standing::Failed(of_initializer(seen)),
        },
        "initialization" if unhappy_initializer(seen).is_some() => Standing::Failed(of_initializer(seen)),
        "initialization" => waiting(seen, &[(Part::Initializer, objects::initializer_job(name))], settings),
        _ => of_runners(seen, settings),
    }
}

/// Why the initializer never began, where its files did not come.
fn fetched_not(seen: &Seen, settings: &OperatorSettings) -> Option<String> {
    let job = objects::initializer_job(&seen.run.metadata.name);
    seen.pod_of(&job)?.failed_to_fetch()?;
    match stuck::of_part(seen, Part::Initializer, &job, settings) {
        Some(Stuck::Never(words)) => Some(words),
        _ => None,
    }
}

/// What the first part waits for that does not move.
fn waiting(seen: &Seen, parts: &[(Part, String)], settings: &OperatorSettings) -> Standing {
    let stuck: Vec<_> = parts.iter().filter_map(|(part, job)| stuck::of_part(seen, *part, job, settings)).collect();
    if let Some(words) = stuck.iter().find_map(|one| if let Stuck::Never(words) = one { Some(words) } else { None }) {
        return Standing::Failed(Cause::StartFailed { message: words.clone() });
    }
    match stuck.into_iter().next() {
        Some(Stuck::HalfOrdered) => Standing::HalfOrdered,
        Some(Stuck::Waits(words) | Stuck::Never(words)) => Standing::Waiting(Some(words)),
        None => Standing::Waiting(None),
    }
}

fn of_runners(seen: &Seen, settings: &OperatorSettings) -> Standing {
    let name = seen.run.metadata.name.as_str();
    let stage = seen.run.status.stage.as_str();
    let numbers = 1..=seen.run.spec.parallelism;
    let ends: Vec<Option<RunnerEnd>> = numbers.clone().map(|number| end_of(seen, number)).collect();
    let begun = since(seen);
    let over = |instead: Exit| {
        let instead = |number: u32| RunnerEnd { number, pod: None, exit: instead.clone(), started: None, ended: None };
        let runners = numbers.clone().zip(&ends).map(|(number, end)| end.clone().unwrap_or_else(|| instead(number))).collect();
        Standing::Over { runners, since: begun }
    };
    match stage {
        _ if ends.iter().all(Option::is_some) => over(Exit::Gone),
        // The operator says that no Job is at work any more.
        _ if is_over(&seen.run) => over(Exit::Gone),
        "started" => started(seen, &ends, settings),
        // One that ended before the start: the operator waits for all of them for ever.
        _ if ends.iter().any(Option::is_some) => over(Exit::NeverStarted),
        _ => {
            let parts: Vec<_> = numbers.clone().map(|number| (Part::Runner(number), objects::runner_job(name, number))).collect();
            let waiting = waiting(seen, &parts, settings);
            let youngest_s = parts.iter().filter_map(|(_, job)| Some(seen.age_of_s(&seen.pod_of(job)?.metadata))).min();
            if waiting == Standing::Waiting(None) && youngest_s.is_none_or(|age_s| age_s > STARTED_S) && seen.age_s() > STARTED_S {
                let words = "All runners are ready, and k6-operator has not started them yet. It does one after the other, and may wait up to 30 seconds for a service of the cluster; if this lasts, those who run the cluster should read its log.";
                return Standing::Waiting(Some(words.to_owned()));
            }
            waiting
        }
    }
}

fn started(seen: &Seen, ends: &[Option<RunnerEnd>], settings: &OperatorSettings) -> Standing {
    let job = objects::starter_job(&seen.run.metadata.name);
    let starter = seen.pod_of(&job);
    if let Some(failed) = starter.and_then(Pod::terminated).filter(|ended| ended.exit_code != 0) {
        let message = format!(
            "The operator's starter could not tell every runner to begin (exit code {}). A network policy may keep it from the runners' port {}; or the image of the starter has no curl.",
            failed.exit_code,
            objects::REST_PORT
        );
        // Runners that it did reach are at work: whether there is anything to go on with is seen when they have ended.
        if ends.iter().all(Option::is_none) && seen.age_of_s(&starter.map(|pod| pod.metadata.clone()).unwrap_or_default()) > STARTED_S {
            return Standing::Failed(Cause::StartFailed { message });
        }
    }
    match since(seen) {
        Some(since) => {
            let memory_mib = seen.run.metadata.number(objects::mark::MEMORY_MIB).unwrap_or_default();
            let events = ends.iter().flatten().filter_map(|end| event(end, memory_mib, seen.now)).collect();
            Standing::Running { since, events }
        }
        None => waiting(seen, &[(Part::Starter, job)], settings),
    }
}

/// An event of the timeline, if it is worth one.
pub(crate) fn event(end: &RunnerEnd, memory_mib: u32, now: Timestamp) -> Option<RunEvent> {
    Some(RunEvent { at: end.ended.unwrap_or(now), text: end.words(memory_mib)?, bad: true })
}

/// When the runners were told to begin: the start of the starter's container, to a second. Without it (somebody deleted it), when the
/// operator made the starter.
fn since(seen: &Seen) -> Option<Timestamp> {
    let job = objects::starter_job(&seen.run.metadata.name);
    if let Some(pod) = seen.pod_of(&job) {
        let state = &pod.container()?.state;
        let began = state.running.as_ref().and_then(|running| running.started_at.as_deref());
        return time_of(began.or_else(|| state.terminated.as_ref()?.started_at.as_deref())?);
    }
    if !matches!(seen.run.status.stage.as_str(), "started" | "stopped" | "finished") || seen.job(&job).is_some_and(|job| job.status.active > 0) {
        return None;
    }
    let running = seen.run.status.conditions.iter().find(|condition| condition.kind == "TestRunRunning");
    running.and_then(|condition| time_of(condition.last_transition_time.as_deref()?))
}

fn end_of(seen: &Seen, number: u32) -> Option<RunnerEnd> {
    let job = objects::runner_job(&seen.run.metadata.name, number);
    let end = |pod: Option<&Pod>, exit| RunnerEnd { number, pod: pod.map(|pod| pod.metadata.name.clone()), exit, started: None, ended: None };
    let Some(pod) = seen.pod_of(&job) else {
        let found = seen.job(&job)?;
        return (found.status.active == 0 && found.status.failed + found.status.succeeded > 0).then(|| end(None, Exit::Gone));
    };
    let is_late = pod.status.phase == "Failed" && pod.status.reason == "DeadlineExceeded";
    if let Some(ended) = pod.terminated() {
        let exit = match (ended.exit_code, ended.reason.as_str()) {
            _ if is_late => Exit::Late,
            (_, "OOMKilled") => Exit::OutOfMemory,
            (137, _) => Exit::Killed,
            // The kubelet lost sight of it: its node went away.
            (_, "ContainerStatusUnknown") => Exit::Gone,
            (code, _) => Exit::Code(code),
        };
        let time = |text: &Option<String>| time_of(text.as_deref()?);
        return Some(RunnerEnd { started: time(&ended.started_at), ended: time(&ended.finished_at), ..end(Some(pod), exit) });
    }
    // Without a container that ended: the kubelet never started it, or ended the pod as a whole. Without its files none was to start: that is
    // told as what keeps the run from starting.
    if is_late {
        return Some(end(Some(pod), Exit::Late));
    }
    if pod.status.phase == "Failed" && pod.failed_to_fetch().is_none() {
        let why = if pod.status.reason.is_empty() { said(&pod.status.message) } else { format!("{}: {}", pod.status.reason, said(&pod.status.message)) };
        return Some(end(Some(pod), Exit::Evicted(why)));
    }
    None
}

/// Why the initializer, or the operator after reading it, is not content.
fn of_initializer(seen: &Seen) -> Cause {
    let log = seen.initializer_log.as_deref().unwrap_or_default();
    let ended = unhappy_initializer(seen).and_then(Pod::terminated);
    match ended {
        Some(ended) if ended.reason == "OOMKilled" || ended.exit_code == 137 => {
            let memory = seen.run.metadata.annotation(objects::mark::MEMORY_MIB);
            Cause::ScriptInvalid { message: format!("only to load it takes more than the {memory} MiB of memory that a runner has.") }
        }
        Some(ended) if ended.exit_code != 0 => {
            let error = last_error(log);
            match failure::cause(Some(107), None, &error, 0) {
                Some(cause @ Cause::ScriptInvalid { .. }) => cause,
                _ => Cause::StartFailed { message: format!("The initializer ended with code {}: {}.", ended.exit_code, said(&error)) },
            }
        }
        _ => of_inspection(seen, log),
    }
}

/// The initializer ended well and the operator says `error`: it did not like what it read.
fn of_inspection(seen: &Seen, log: &str) -> Cause {
    let runners = seen.run.spec.parallelism;
    match serde_json::from_str::<serde_json::Value>(log).ok().and_then(|inspected| inspected.get("maxVUs")?.as_u64()) {
        Some(max_vus) if max_vus < u64::from(runners) => Cause::ScriptInvalid {
            message: format!(
                "it has at most {max_vus} virtual users, too few for {runners} runners. Launch it with at most {max_vus} runners, or give it more users."
            ),
        },
        Some(_) => {
            Cause::StartFailed { message: "k6-operator refuses the run and says why only in its log. Those who run the cluster can read it.".to_owned() }
        }
        None => Cause::StartFailed {
            message: format!(
                "k6-operator could not read what its initializer printed: {}. Something writes into the pods' logs besides k6, a sidecar for one.",
                said(log.lines().last().unwrap_or_default())
            ),
        },
    }
}

/// k6's last error in a log, or the last line.
fn last_error(log: &str) -> String {
    let read: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).map(|line| k6_log::parse(line, ROOT_URL)).collect();
    read.iter().rev().find(|line| line.level == "error").or(read.last()).map(|line| line.text.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
