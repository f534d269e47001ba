//! Objects as they were recorded from k6-operator 1.5.0 on Kubernetes 1.36.1, cut down to the fields that are read (and a few more).

use serde::Deserialize;

use super::*;
use crate::operator::{
    objects::tests::settings,
    seen::{Event, Job, TestRun},
};

#[derive(Deserialize)]
struct Recorded {
    now: String,
    run: TestRun,
    pods: Vec<Pod>,
    jobs: Vec<Job>,
    events: Vec<Event>,
    log: String,
}

/// `age_s`: how long after the TestRun was created somebody looks; `None`: when it was recorded.
fn seen(recorded: &str, age_s: Option<i64>) -> Seen {
    let Recorded { now, mut run, pods, jobs, events, log } = serde_json::from_str(recorded).unwrap();
    run.metadata.annotations.insert(objects::mark::MEMORY_MIB.to_owned(), "96".to_owned());
    let recorded = time_of(&now).unwrap();
    let now = age_s.map_or(recorded, |age_s| run.metadata.created().unwrap().plus_seconds(age_s));
    let initializer_log = (!log.is_empty()).then_some(log);
    Seen { run, pods, jobs, events, initializer_log, now }
}

macro_rules! recorded {
    ($name:literal) => {
        seen(include_str!(concat!("recorded/", $name, ".json")), None)
    };
    ($name:literal, $age_s:literal) => {
        seen(include_str!(concat!("recorded/", $name, ".json")), Some($age_s))
    };
}

fn stands(seen: &Seen) -> Standing {
    standing(seen, &settings())
}

/// The words of a start that failed.
fn failed(seen: &Seen) -> String {
    match stands(seen) {
        Standing::Failed(Cause::StartFailed { message }) => message,
        other => panic!("{other:?}"),
    }
}

fn waits(seen: &Seen) -> String {
    match stands(seen) {
        Standing::Waiting(Some(words)) => words,
        other => panic!("{other:?}"),
    }
}

fn exits(seen: &Seen) -> Vec<Exit> {
    match stands(seen) {
        Standing::Over { runners, .. } => runners.into_iter().map(|end| end.exit).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_run_is_over_with_its_exit_codes_and_its_times() {
    let seen = recorded!("good-finished");
    let Standing::Over { runners, since } = stands(&seen) else { panic!("{:?}", stands(&seen)) };
    assert!(runners.iter().all(|end| end.exit == Exit::Code(0) && end.pod.is_some() && end.ended > since), "{runners:?}");
    assert_eq!(runners.iter().map(|end| end.number).collect::<Vec<_>>(), [1, 2]);
    assert!(all_there(&seen) && unmoved(&seen).is_empty());
}

#[test]
fn that_it_is_over_does_not_wait_for_the_operator_to_say_so() {
    let mut seen = recorded!("good-finished");
    seen.run.status.stage = "started".to_owned();
    assert_eq!(exits(&seen), [Exit::Code(0), Exit::Code(0)]);
}

#[test]
fn finished_says_nothing_of_how() {
    assert_eq!(exits(&recorded!("thresholds-failed")), [Exit::Code(99), Exit::Code(99)]);
    assert_eq!(exits(&recorded!("oom")), [Exit::OutOfMemory, Exit::OutOfMemory]);
}

#[test]
fn a_runner_that_was_deleted_is_named_while_the_others_go_on() {
    let seen = recorded!("runner-deleted");
    let Standing::Running { events, since } = stands(&seen) else { panic!("{:?}", stands(&seen)) };
    assert_eq!(since, time_of("2026-11-26T01:16:23Z").unwrap());
    assert_eq!(events.len(), 1);
    assert!(events[0].bad && events[0].text.starts_with("The pod of runner 2 was deleted by somebody"), "{events:?}");
    assert!(!all_there(&seen), "its Job must be read to know");
}

#[test]
fn a_runner_that_is_killed_is_told_from_one_that_ended_itself() {
    let mut seen = recorded!("good-finished");
    for pod in seen.pods.iter_mut().filter(|pod| pod.metadata.name.starts_with("good-2")) {
        let ended = pod.status.container_statuses[0].state.terminated.as_mut().unwrap();
        (ended.exit_code, ended.reason) = (137, "Error".to_owned());
    }
    assert_eq!(exits(&seen), [Exit::Code(0), Exit::Killed]);
    for pod in seen.pods.iter_mut().filter(|pod| pod.metadata.name.starts_with("good-2")) {
        pod.status.container_statuses.clear();
        (pod.status.phase, pod.status.reason, pod.status.message) = ("Failed".to_owned(), "Evicted".to_owned(), "The node was low on memory.".to_owned());
    }
    assert_eq!(exits(&seen), [Exit::Code(0), Exit::Evicted("Evicted: The node was low on memory".to_owned())]);
}

#[test]
fn a_bad_script_is_told_in_k6s_words_before_the_operator_notices() {
    let seen = recorded!("bad-script");
    assert_eq!(seen.run.status.stage, "initialization");
    let message = "k6/a.js: Line 1:62 Unexpected token ; (and 1 more errors).".to_owned();
    assert_eq!(stands(&seen), Standing::Failed(Cause::ScriptInvalid { message }));
}

#[test]
fn too_few_users_for_the_runners_are_told_with_both_numbers() {
    let Standing::Failed(Cause::ScriptInvalid { message }) = stands(&recorded!("too-few-users")) else { panic!() };
    assert!(message.contains("at most 4 virtual users, too few for 5 runners"), "{message}");
}

#[test]
fn an_image_that_is_missing_is_told_by_name() {
    let words = failed(&recorded!("image-missing"));
    assert!(words.contains("windfirm.local/none:1 of the initializer is not on the node") && words.contains("pull policy Never"), "{words}");
    let words = failed(&recorded!("starter-image-missing"));
    assert!(words.contains("windfirm.local/none:1 of the starter"), "{words}");
}

#[test]
fn an_image_that_cannot_be_pulled_is_waited_for_a_while() {
    let mut seen = recorded!("image-pull", 10);
    assert!(waits(&seen).contains("nowhere.invalid/k6:1"), "{:?}", stands(&seen));
    let waiting = seen.pods[0].status.container_statuses[0].state.waiting.as_mut().unwrap();
    (waiting.reason, waiting.message) = ("ImagePullBackOff".to_owned(), "Back-off pulling image: no such host".to_owned());
    assert!(waits(&seen).contains("no such host"));
    seen.now = seen.run.metadata.created().unwrap().plus_seconds(29);
    assert!(failed(&seen).contains("cannot be pulled: Back-off pulling image: no such host."));
}

#[test]
fn an_account_that_was_deleted_is_told_by_name() {
    let words = failed(&recorded!("account-missing"));
    assert!(words.starts_with("The service account loadtest was deleted, so the initializer gets no pod"), "{words}");
}

#[test]
fn pod_security_is_told_with_what_it_misses() {
    let words = failed(&recorded!("pod-security"));
    assert!(words.contains("runAsNonRoot != true"), "{words}");
}

#[test]
fn a_quota_and_full_nodes_are_waited_for() {
    assert!(waits(&recorded!("quota")).contains("exceeded quota: q, requested: pods=1"));
    assert!(waits(&recorded!("unschedulable")).starts_with("No node takes runner 1: 0/1 nodes are available: 1 Insufficient memory"));
}

#[test]
fn without_its_config_map_it_is_only_half_ordered() {
    assert_eq!(stands(&recorded!("config-map-missing")), Standing::HalfOrdered);
}

#[test]
fn each_part_that_does_not_move_is_asked_about() {
    assert_eq!(unmoved(&recorded!("account-missing")), [("nosa-initializer".to_owned(), None)]);
    assert_eq!(unmoved(&recorded!("image-missing")).len(), 1);
    assert_eq!(unmoved(&recorded!("unschedulable")).len(), 2);
    assert_eq!(unmoved(&recorded!("image-missing", 1)), [], "it is too early to ask");
}

#[test]
fn an_operator_that_does_not_look_is_told_of() {
    let mut seen = recorded!("account-missing", 5);
    seen.run.status.stage.clear();
    seen.jobs.clear();
    assert_eq!(stands(&seen), Standing::Waiting(None));
    seen.now = seen.now.plus_seconds(10);
    assert!(waits(&seen).contains("has not looked at this run yet"));
}

#[test]
fn one_that_ended_before_the_start_keeps_all_from_starting() {
    let mut seen = recorded!("good-finished");
    seen.run.status.stage = "created".to_owned();
    seen.pods.retain(|pod| !pod.metadata.name.contains("starter"));
    for pod in &mut seen.pods {
        let state = &mut pod.status.container_statuses[0].state;
        if pod.metadata.name.starts_with("good-1") {
            (state.terminated, state.running) = (None, Some(crate::operator::seen::Running::default()));
        } else if let Some(ended) = &mut state.terminated {
            ended.exit_code = 107;
        }
    }
    assert_eq!(exits(&seen), [Exit::NeverStarted, Exit::Code(107)]);
}

#[test]
fn whatever_is_being_deleted_goes() {
    let mut seen = recorded!("good-finished");
    seen.run.metadata.deletion_timestamp = Some("2026-11-26T01:14:30Z".to_owned());
    assert_eq!(stands(&seen), Standing::Going);
}

/// A pod whose files come before k6 does, as far as its init container is.
fn fetching(pod: &mut Pod, state: serde_json::Value) {
    let container =
        |state: serde_json::Value| serde_json::from_value(serde_json::json!({ "image": "windfirm.local/runner@sha256:5e", "state": state })).unwrap();
    pod.status.phase = if state.get("terminated").is_some() { "Failed" } else { "Pending" }.to_owned();
    pod.status.init_container_statuses = vec![container(state)];
    pod.status.container_statuses = vec![container(serde_json::json!({ "waiting": { "reason": "PodInitializing" } }))];
}

#[test]
fn files_that_do_not_come_are_told_with_the_reason_of_what_fetches_them() {
    let why = serde_json::json!({ "terminated": { "exitCode": 1, "reason": "Error", "message": "The portal cannot be reached: timed out." } });
    let told = "The files of the test did not come to the pod of the initializer: The portal cannot be reached: timed out.";
    for stage in ["initialization", "error"] {
        let mut seen = recorded!("image-missing");
        seen.run.status.stage = stage.to_owned();
        fetching(&mut seen.pods[0], why.clone());
        assert_eq!(failed(&seen), told);
    }
    let mut seen = recorded!("image-missing");
    fetching(&mut seen.pods[0], serde_json::json!({ "running": { "startedAt": "2026-11-26T01:14:31Z" } }));
    assert_eq!(waits(&seen), "The pod of the initializer fetches the files of the test from the portal.");
    fetching(&mut seen.pods[0], serde_json::json!({ "waiting": { "reason": "ErrImageNeverPull", "message": "not present" } }));
    assert!(failed(&seen).starts_with("The image windfirm.local/runner@sha256:5e of the initializer is not on the node"));

    // One of the runners: the others are ready, and wait for ever.
    let mut seen = recorded!("good-finished");
    seen.run.status.stage = "created".to_owned();
    let jobs: Vec<String> = (1..=2).map(|number| objects::runner_job(&seen.run.metadata.name, number)).collect();
    seen.pods.retain(|pod| jobs.iter().any(|job| pod.job() == job));
    for pod in &mut seen.pods {
        if pod.job() == jobs[0] {
            pod.status.container_statuses[0].state = serde_json::from_value(serde_json::json!({ "running": {} })).unwrap();
        } else {
            fetching(pod, why.clone());
        }
    }
    assert!(failed(&seen).starts_with("The files of the test did not come to the pod of runner 2: "));
}
