//! The end of an execution: of the ends of its runners, one.

use windfirm_executor::{Ending, ExitReport, PAST_DEADLINE, k6::failure};
use windfirm_model::{
    clock::Timestamp,
    run::Cause,
    view::run::{Confinement, RunEvent},
};

use super::{
    log::{Book, Feed},
    standing::{Exit, RunnerEnd, event},
    summary,
};

/// What is known of the execution beside its runners.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Why we asked it to stop, if we did and remember it.
    pub(crate) stop: Option<String>,
    pub(crate) deadline_s: u32,
    pub(crate) memory_mib: u32,
    pub(crate) since: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

const OTHER_LIMIT: &str = "the time that the cluster lets a runner’s pod be there (its activeDeadlineSeconds)";

pub(crate) fn of_runners(runners: &[RunnerEnd], book: &Book, facts: &Facts) -> ExitReport {
    let log_of = |end: &RunnerEnd| book.feeds.iter().find(|feed| feed.runner == end.number);
    let ended = runners.iter().filter_map(|end| end.ended).max().unwrap_or(facts.now);
    let started = facts.since.or_else(|| runners.iter().filter_map(|end| end.started).max()).unwrap_or(ended);
    let dead: Vec<_> = runners.iter().filter(|end| end.is_dead()).collect();
    let events: Vec<RunEvent> = runners.iter().filter_map(|end| event(end, facts.memory_mib, facts.now)).collect();
    let (ending, cause) = if dead.is_empty() {
        alive(runners, &log_of, started, ended, facts)
    } else if dead.len() == runners.len() {
        (Ending::Itself, dead.first().map(|end| of_dead(end, facts.memory_mib)))
    } else {
        let words = dead.iter().filter_map(|end| end.words(facts.memory_mib)).collect::<Vec<_>>().join(". ");
        let others: Vec<RunnerEnd> = runners.iter().filter(|end| !end.is_dead()).cloned().collect();
        let ending = Ending::RunnersLost {
            words: format!("{words}. Its share of the load was missing from then on."),
            lost: count(dead.len()),
            of: count(runners.len()),
            // A deadline, a stop or a script that ends itself would stand behind the loss, and nobody would see it.
            others_whole: alive(&others, &log_of, started, ended, facts) == (Ending::Itself, None),
            others_counted: summary::sum(others.iter().map(|end| log_of(end)?.scanner().metrics())),
        };
        (ending, None)
    };
    let codes = || runners.iter().filter_map(|end| if let Exit::Code(code) = end.exit { Some(code) } else { None });
    let whole = runners.iter().all(|end| matches!(end.exit, Exit::Code(_)));
    ExitReport {
        ending,
        exit_code: codes().find(|code| *code != 0).or_else(|| codes().next()),
        signal: dead.iter().any(|end| matches!(end.exit, Exit::Killed | Exit::OutOfMemory)).then_some(9),
        started,
        ended,
        first_frame: None,
        cause,
        summary: if whole { summary::sum(runners.iter().map(|end| log_of(end)?.scanner().metrics())) } else { None },
        frames: 0,
        log_lines: book.total(),
        log_dropped: book.dropped(),
        script_errors: book.feeds.iter().map(|feed| feed.script_errors).sum(),
        dropped: Vec::new(),
        masked: 0,
        confinement: confinement(),
        events,
    }
}

/// All that ended, ended by k6's own hand.
fn alive<'a>(
    runners: &[RunnerEnd],
    log_of: &impl Fn(&RunnerEnd) -> Option<&'a Feed>,
    started: Timestamp,
    ended: Timestamp,
    facts: &Facts,
) -> (Ending, Option<Cause>) {
    let code = |end: &RunnerEnd| if let Exit::Code(code) = end.exit { Some(code) } else { None };
    let last_error = |end: &RunnerEnd| log_of(end).map(|feed| feed.last_error.clone()).unwrap_or_default();
    let took_s = ended.micros_since(started) / 1_000_000;
    let late = took_s >= i64::from(facts.deadline_s);
    if runners.iter().any(|end| end.exit == Exit::Late) {
        // Where it was not the deadline, somebody's rule or quota gives pods less time.
        let (bound, reached) = (OTHER_LIMIT.to_owned(), format!("{} s", took_s.max(0)));
        let cause = Cause::BoundExceeded { bound: bound.clone(), reached: reached.clone() };
        return if late { deadline(facts) } else { (Ending::Bound { bound, reached }, Some(cause)) };
    }
    // 105 is what k6 says of a signal, and of a portal that told it to stop: then it has logged so.
    let told_to_stop = |end: &RunnerEnd| log_of(end)?.told_to_stop.clone();
    if let Some(message) = runners.iter().filter(|end| code(end) == Some(105)).find_map(told_to_stop) {
        return (Ending::Portal { message }, None);
    }
    let stopped = runners.iter().any(|end| matches!(code(end), Some(103)));
    if stopped {
        return match &facts.stop {
            Some(reason) if reason.starts_with(PAST_DEADLINE) => deadline(facts),
            Some(reason) => (Ending::Stopped { reason: reason.clone() }, None),
            // We have forgotten, with a restart in between: by its time it was the deadline, or somebody.
            None if late => deadline(facts),
            None => (Ending::Stopped { reason: "It was told to stop through k6's own interface.".to_owned() }, None),
        };
    }
    let causes = runners.iter().filter_map(|end| failure::cause(Some(code(end)?), None, &last_error(end), u64::from(facts.memory_mib) << 20));
    let cause = causes.into_iter().next();
    let never = runners.iter().any(|end| end.exit == Exit::NeverStarted);
    match cause {
        // They wait for each other before they begin, so none has begun.
        Some(Cause::ScriptException { message, .. } | Cause::Crashed { message, .. }) if never => {
            (Ending::NotStarted, Some(Cause::StartFailed { message: format!("one of the runners ended before all were ready: {message}") }))
        }
        None if never => (Ending::NotStarted, Some(Cause::StartFailed { message: "one of the runners ended before all were ready.".to_owned() })),
        cause if never => (Ending::NotStarted, cause),
        cause => (Ending::Itself, cause),
    }
}

fn count(runners: usize) -> u32 {
    u32::try_from(runners).unwrap_or(u32::MAX)
}

fn deadline(facts: &Facts) -> (Ending, Option<Cause>) {
    let limit_s = facts.deadline_s;
    (Ending::Deadline { limit_s }, Some(Cause::DeadlinePassed { limit_s }))
}

fn of_dead(end: &RunnerEnd, memory_mib: u32) -> Cause {
    match &end.exit {
        Exit::OutOfMemory => Cause::BoundExceeded { bound: format!("{memory_mib} MiB of memory for each runner"), reached: "all of it".to_owned() },
        _ => Cause::Killed { signal: 9 },
    }
}

/// It never began.
pub(crate) fn not_started(cause: Cause, now: Timestamp) -> ExitReport {
    ExitReport::not_started(cause, now, confinement())
}

/// What the pods are made with; see `objects`.
pub(crate) fn confinement() -> Confinement {
    let measures = [
        "files: only those of the bundle, and a scratch folder that goes with the pod",
        "rights: no user of the machine (non-root), no privileges, none to gain, the runtime's own system call filter",
        "cluster: no token of the service account in the pod",
        "network: as the network policies of the namespace allow; HTTP to the target only",
    ];
    Confinement { full: true, measures: measures.map(str::to_owned).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(number: u32, exit: Exit) -> RunnerEnd {
        let at = |second| Some(Timestamp::from_seconds(second));
        RunnerEnd { number, pod: Some(format!("p{number}")), exit, started: at(100), ended: at(130) }
    }
    fn facts(stop: Option<&str>) -> Facts {
        let (since, now) = (Some(Timestamp::from_seconds(103)), Timestamp::from_seconds(131));
        Facts { stop: stop.map(str::to_owned), deadline_s: 60, memory_mib: 512, since, now }
    }
    fn book(summaries: u32) -> Book {
        let mut book = Book::new(2, 10_000);
        for feed in book.feeds.iter_mut().take(usize::try_from(summaries).unwrap()) {
            feed.take("2026-11-26T00:00:01Z {\n2026-11-26T00:00:01Z \"metrics\": { \"http_reqs\": { \"count\": 20 } }\n2026-11-26T00:00:01Z }\n", false);
        }
        book
    }
    fn logged(error: &str) -> Book {
        let mut book = book(2);
        book.feeds[1].take(&format!("2026-11-26T00:00:02Z {}\n", serde_json::json!({ "level": "error", "msg": error })), false);
        book
    }

    #[test]
    fn a_good_end_has_the_sum_of_the_summaries() {
        for code in [0, 99] {
            let report = of_runners(&[end(1, Exit::Code(0)), end(2, Exit::Code(code))], &book(2), &facts(None));
            assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Itself, None, Some(code)));
            assert_eq!(report.summary.unwrap()["metrics"]["http_reqs"]["count"], 40);
            assert_eq!((report.started, report.ended), (Timestamp::from_seconds(103), Timestamp::from_seconds(130)));
        }
    }

    #[test]
    fn half_the_summaries_are_no_summary() {
        assert_eq!(of_runners(&[end(1, Exit::Code(0)), end(2, Exit::Code(0))], &book(1), &facts(None)).summary, None);
    }

    #[test]
    fn one_runner_lost_of_two_decides_nothing_and_is_named() {
        for (exit, told) in
            [(Exit::Killed, "Runner 2 was killed"), (Exit::OutOfMemory, "512 MiB"), (Exit::Gone, "was deleted"), (Exit::Evicted("x".into()), "(x)")]
        {
            let report = of_runners(&[end(1, Exit::Code(0)), end(2, exit)], &book(2), &facts(None));
            assert!(matches!(&report.ending, Ending::RunnersLost { words, lost: 1, of: 2, others_whole: true, .. } if words.contains(told)), "{report:?}");
            assert_eq!((&report.cause, &report.summary), (&None, &None));
            let Ending::RunnersLost { others_counted: Some(counted), .. } = &report.ending else { panic!("{report:?}") };
            assert_eq!(counted["metrics"]["http_reqs"]["count"], 20, "of the other one alone");
            assert!(report.events.iter().any(|event| event.bad && event.text.contains(told)), "{:?}", report.events);
        }
    }

    #[test]
    fn a_lost_runner_hides_no_other_end() {
        let lost_beside = |exit: Exit, book: &Book, stop: Option<&str>| {
            let report = of_runners(&[end(1, Exit::Killed), end(2, exit), end(3, Exit::Code(0))], book, &facts(stop));
            let Ending::RunnersLost { lost: 1, of: 3, others_whole, others_counted, .. } = report.ending else { panic!("{report:?}") };
            (others_whole, others_counted.is_some())
        };
        let mut three = Book::new(3, 10_000);
        for feed in &mut three.feeds[1..] {
            feed.take("2026-11-26T00:00:01Z {\n2026-11-26T00:00:01Z \"metrics\": { \"http_reqs\": { \"count\": 20 } }\n2026-11-26T00:00:01Z }\n", false);
        }
        assert_eq!(lost_beside(Exit::Code(99), &three, None), (true, true));
        assert!(!lost_beside(Exit::Code(103), &three, Some("Ana")).0, "stopped");
        assert!(!lost_beside(Exit::Code(108), &three, None).0, "ended by the script");
        assert!(!lost_beside(Exit::NeverStarted, &three, None).0, "never begun");
        assert_eq!(lost_beside(Exit::Code(0), &Book::new(3, 10_000), None), (true, false), "no counts");
    }

    #[test]
    fn all_runners_lost_is_a_cause() {
        let report = of_runners(&[end(1, Exit::Killed), end(2, Exit::Killed)], &book(0), &facts(None));
        assert_eq!(report.cause, Some(Cause::Killed { signal: 9 }));
        let report = of_runners(&[end(1, Exit::OutOfMemory), end(2, Exit::OutOfMemory)], &book(0), &facts(None));
        assert!(matches!(report.cause, Some(Cause::BoundExceeded { .. })), "{report:?}");
    }

    #[test]
    fn a_stop_is_told_by_who_wanted_it() {
        let both = [end(1, Exit::Code(103)), end(2, Exit::Code(103))];
        assert_eq!(of_runners(&both, &book(2), &facts(Some("Ana"))).ending, Ending::Stopped { reason: "Ana".into() });
        assert!(matches!(of_runners(&both, &book(2), &facts(None)).ending, Ending::Stopped { .. }));
        let report = of_runners(&both, &book(2), &facts(Some(&format!("{PAST_DEADLINE} 60 s."))));
        assert_eq!((report.ending, report.cause), (Ending::Deadline { limit_s: 60 }, Some(Cause::DeadlinePassed { limit_s: 60 })));
        let late = Facts { deadline_s: 20, ..facts(None) };
        assert_eq!(of_runners(&both, &book(2), &late).ending, Ending::Deadline { limit_s: 20 });
        let told = logged("Received error to stop from output: stop it");
        let by_portal = of_runners(&[end(1, Exit::Code(0)), end(2, Exit::Code(105))], &told, &facts(None));
        assert!(matches!(by_portal.ending, Ending::Portal { message } if message.contains("stop it")));
    }

    #[test]
    fn what_its_node_ends_at_the_limit_of_its_pod_has_passed_the_deadline() {
        let early = of_runners(&[end(1, Exit::Code(0)), end(2, Exit::Late)], &book(2), &facts(None));
        assert!(matches!(&early.cause, Some(Cause::BoundExceeded { bound, reached }) if bound == OTHER_LIMIT && reached == "27 s"), "{early:?}");
        let report = of_runners(&[end(1, Exit::Code(0)), end(2, Exit::Late)], &book(2), &Facts { deadline_s: 20, ..facts(None) });
        assert_eq!((report.ending, report.cause), (Ending::Deadline { limit_s: 20 }, Some(Cause::DeadlinePassed { limit_s: 20 })));
        assert!(report.events.iter().any(|event| event.bad && event.text.starts_with("Runner 2 was ended by its node")), "{:?}", report.events);
        // One that was lost beside it was lost before, or was not there to be ended.
        let beside = of_runners(&[end(1, Exit::Killed), end(2, Exit::Late)], &book(2), &facts(None));
        assert!(matches!(beside.ending, Ending::RunnersLost { others_whole: false, .. }), "{beside:?}");
    }

    #[test]
    fn what_ends_a_runner_before_the_start_keeps_the_run_from_starting() {
        let report = of_runners(&[end(1, Exit::NeverStarted), end(2, Exit::Code(107))], &logged("boom"), &facts(None));
        assert_eq!(report.ending, Ending::NotStarted);
        assert!(matches!(report.cause, Some(Cause::StartFailed { message }) if message.contains("boom")));
    }

    #[test]
    fn a_script_that_ends_itself_is_a_cause_in_its_own_words() {
        let report = of_runners(&[end(1, Exit::Code(0)), end(2, Exit::Code(108))], &logged("test aborted: enough"), &facts(None));
        assert_eq!(report.cause, Some(Cause::ScriptAborted { exit_code: 108, message: "test aborted: enough.".into() }));
        assert!(report.events.iter().any(|event| event.text == "Runner 2 ended with k6's exit code 108"));
    }
}
