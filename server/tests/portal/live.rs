//! Runs while they are live: what is taken in, who may watch, what ends them, and what is left behind.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::{Body, BodyDataStream},
    http::{Method, Request, StatusCode, header},
};
use futures::{FutureExt as _, StreamExt as _};
use gix::objs::tree::EntryKind;
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use tower_sessions::SessionStore as _;
use windfirm::{
    clock::SystemClock,
    live::Taken,
    usecase::inspection,
    worker::{collect, housekeeping, reload, tick},
};
use windfirm_executor::{process::ProcessRef, runner::RunnerFile};
use windfirm_measure::{
    frame::Frame,
    window::{Limits, Merger},
    wire::{CounterSamples, CounterValue, Metric, MetricSet, MetricType, Samples, Time, TimeSeries},
};
use windfirm_model::{
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    clock::{Clock, Timestamp},
    id::{OperationId, RunId},
    run::{RunState, RunStateKind},
    view::run::{Confinement, LiveTick, LogLine, RunEvent},
};
use windfirm_policy::{Access, Permit, Resource, act::SuperviseRuns};
use windfirm_store::{
    audit::{AuditFilter, EventFilter},
    runs::{RunRecord, Step},
    session::SessionRows,
};

use crate::{
    flows::{launch, record, wait_for},
    harness::{As, House},
};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";

const LONG: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=load&request[vus]=1&request[duration]=120s";

const ENDLESS: &str = "
import { sleep } from 'k6';
const line = 'again and again '.repeat(240);
export default function () {
  for (let i = 0; i < 50; i++) console.log(line);
  sleep(0.01);
}";

pub(crate) fn supervisor() -> Access {
    Access::system(SystemTask::RunSupervisor)
}

/// Waits until `look` finds what it looks for; fails after a minute, saying what did not come.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "this did not come: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One more commit with one more file, in force when this returns.
pub(crate) async fn add_file(house: &House, path: &str, text: &str) {
    let head = commit(&house.portal.settings.repository, path, text);
    reload::round(Arc::clone(&house.portal)).await;
    until("the new commit", async || (house.portal.tree().revision.commit == head).then_some(())).await;
}

fn commit(repository: &Path, path: &str, text: &str) -> String {
    let repository = gix::open(repository).unwrap();
    let head = repository.head_commit().unwrap();
    let mut editor = repository.edit_tree(head.tree_id().unwrap()).unwrap();
    editor.upsert(path, EntryKind::Blob, repository.write_blob(text).unwrap()).unwrap();
    let tree = editor.write().unwrap();
    let author = head.author().unwrap();
    repository.commit_as(author, author, "refs/heads/main", "Add a file", tree, [head.id]).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_over_its_bound_says_how_much_is_missing() {
    let Some(house) = House::open_live(21_200).await else { return };
    add_file(&house, "services/cart/k6/endless.js", ENDLESS).await;
    let run = launch(&house, As::Ana, "request[path]=/shop/cart/&request[test]=services/cart/k6/endless.js&request[profile]=smoke").await;
    wait_for(&house, run, |state| !state.is_live()).await;
    let log = house.portal.store.log(&supervisor(), run, 0, 1).await.unwrap().unwrap();
    assert!(log.total > 1_000 && log.dropped > 1_000, "{} kept, {} dropped", log.total, log.dropped);
    let page = house.page(As::Ana, &format!("/runs/{run}/log")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("lines were not kept"), "{}", page.body);
    assert!(!record(&house, run).await.state.is_live());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_judged_by_the_thresholds_of_its_launch_or_not_at_all() {
    let Some(house) = House::open().await else { return };
    let run = launch(&house, As::Ana, CART).await;
    let mut record = record(&house, run).await;
    assert_eq!(record.manifest.thresholds.as_ref().map(Vec::len), Some(3), "{:?}", record.manifest.thresholds);
    // k6's answer of the launch is gone, as after another version of k6 was put in place.
    record.bundle_digest = "gone".to_owned();
    assert_eq!(inspection::thresholds(&house.portal, &record).await.unwrap().unwrap().len(), 3);
    // A run from before thresholds were frozen: nobody may say that there were none.
    record.manifest.thresholds = None;
    assert!(inspection::thresholds(&house.portal, &record).await.unwrap().unwrap_err().contains("not known any more"));
    let entry = collect::read_entry(&house.portal, &record).await.unwrap();
    assert!(entry.thresholds.is_empty() && entry.thresholds_unknown.is_some());
}

/// The system's clock, which a test may put forward.
#[derive(Debug, Default)]
struct Forward(AtomicI64);

impl Clock for Forward {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(self.0.load(Ordering::SeqCst))
    }
    fn new_uuid(&self) -> uuid::Uuid {
        SystemClock.new_uuid()
    }
    fn secret(&self) -> [u8; 32] {
        SystemClock.secret()
    }
}

/// A run that goes on as far as the store knows; no k6 and no worker.
async fn running(house: &House) -> RunRecord {
    let run = launch(house, As::Ana, CART).await;
    let now = house.portal.clock.now();
    step(house, run, RunState::Starting { since: now }, "Taken from the queue", None).await;
    step(house, run, RunState::Running { since: now }, "k6 runs", Some(Confinement { full: false, measures: vec!["network: not confined".into()] })).await
}

async fn step(house: &House, run: RunId, to: RunState, text: &str, confinement: Option<Confinement>) -> RunRecord {
    let permit: Permit<SuperviseRuns> = Permit::system(OperationId(house.portal.clock.new_uuid()), Resource { run: Some(run), ..Resource::default() });
    let event = RunEvent { at: house.portal.clock.now(), text: text.into(), bad: false };
    let version = record(house, run).await.version;
    house.portal.store.advance(&permit, Step { version, to, confinement, events: vec![event] }).await.unwrap();
    record(house, run).await
}

/// The stream of a run, as a browser reads it.
pub(crate) struct Stream(BodyDataStream, String);

impl Stream {
    pub(crate) async fn open(house: &House, who: As, run: RunId) -> Self {
        Self::open_with(house, &house.cookie(who).await.unwrap(), run).await
    }

    async fn open_with(house: &House, cookie: &str, run: RunId) -> Self {
        let request = Request::get(format!("/runs/{run}/events")).header(header::COOKIE, cookie);
        let answer = house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Self(answer.into_body().into_data_stream(), String::new())
    }

    /// Name and data of the next event; `None` when the stream is over. Comments keep it alive and say nothing.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            while let Some((event, rest)) = self.1.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned())) {
                self.1 = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim_start().to_owned());
                if let Some(name) = field("event:") {
                    return Some((name, field("data:").unwrap_or_default()));
                }
            }
            let more = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await.unwrap()?;
            self.1.push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
    }

    pub(crate) async fn tick(&mut self) -> LiveTick {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "tick", "{data}");
        serde_json::from_str(&data).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_brings_what_happened_and_how_k6_is_confined_once() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await;
    let mut stream = Stream::open(&house, As::Ana, run.id).await;
    tick::round(Arc::clone(&house.portal)).await;
    let first = stream.tick().await;
    assert_eq!(first.new_events.iter().map(|event| event.text.as_str()).collect::<Vec<_>>(), ["Taken from the queue", "k6 runs"]);
    assert_eq!(first.confinement, Some(run.confinement));
    tick::round(Arc::clone(&house.portal)).await;
    let second = stream.tick().await;
    assert_eq!((second.new_events, second.confinement), (Vec::new(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_no_longer_see_a_run_gets_nothing_more_of_it() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await.id;
    let (mut ana, mut dora) = (Stream::open(&house, As::Ana, run).await, Stream::open(&house, As::Dora, run).await);
    tick::round(Arc::clone(&house.portal)).await;
    ana.tick().await;
    dora.tick().await;

    let file = &house.portal.settings.policy_file;
    let without = std::fs::read_to_string(file).unwrap().replace("group: shop-dev", "group: shop-gone");
    std::fs::write(file, without).unwrap();
    reload::round(Arc::clone(&house.portal)).await;
    tick::round(Arc::clone(&house.portal)).await;
    assert_eq!(ana.next().await, Some(("end".into(), "gone".into())));
    assert_eq!(ana.next().await, None);
    dora.tick().await;

    let rows = house.portal.store.audit(&supervisor(), &AuditFilter::default(), 50).await.unwrap().rows;
    let denied: Vec<_> = rows.iter().filter(|row| row.outcome == EventOutcome::Denied).collect();
    let [row] = denied.as_slice() else { panic!("one refusal, not {denied:?}") };
    assert_eq!((row.code.as_str(), row.run), (EventCode::RunRead.code(), Some(run)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_session() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await.id;
    let cookie = house.cookie(As::Ana).await.unwrap();
    let mut stream = Stream::open_with(&house, &cookie, run).await;
    tick::round(Arc::clone(&house.portal)).await;
    stream.tick().await;
    let session = cookie.strip_prefix("windfirm=").unwrap().parse().unwrap();
    SessionRows(house.portal.store.clone()).delete(&session).await.unwrap();
    assert_eq!(stream.next().await, Some(("end".into(), "gone".into())));
    assert_eq!(stream.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_watches_so_many_runs_at_once_and_no_more() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await.id;
    let cookie = house.cookie(As::Ana).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open_with(&house, &cookie, run).await);
    }
    // In another session they are still the same person.
    let address = format!("/runs/{run}/events");
    let refused = house.page(As::Ana, &address).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.body.contains("20 live runs already") && refused.headers.contains_key("retry-after"), "{}", refused.body);
    let get = || Request::get(&address).body(Body::empty()).unwrap();
    assert_eq!(house.head(As::Ben, get()).await.0, StatusCode::OK, "others watch");
    streams.pop();
    assert_eq!(house.head(As::Ana, get()).await.0, StatusCode::OK, "who closes one may open another");
}

/// Stops the runner of a run with a signal that it cannot hear; returns its process and that of k6.
async fn freeze(house: &House, run: RunId) -> [u32; 2] {
    let execution = wait_for(house, run, |state| matches!(state, RunState::Running { .. })).await.execution;
    let text = std::fs::read_to_string(house.portal.local.folder(execution).runner()).unwrap();
    let file: RunnerFile = serde_json::from_str(&text).unwrap();
    file.runner.signal(Signal::STOP);
    [file.runner.pid, file.k6.unwrap().pid]
}

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_hangs_does_not_keep_its_slot_for_ever() {
    let clock = Arc::new(Forward::default());
    let Some(house) = House::open_live_at(21_300, clock.clone()).await else { return };
    let (hung, cancelled) = (launch(&house, As::Ana, LONG).await, launch(&house, As::Ana, LONG).await);
    let processes = [freeze(&house, hung).await, freeze(&house, cancelled).await].concat();
    assert_eq!(house.call(As::Ana, Method::POST, "stop", &format!("id={cancelled}")).await.status, StatusCode::OK);
    clock.0.store(3_600, Ordering::SeqCst);
    for run in [hung, cancelled] {
        let ended = wait_for(&house, run, |state| !state.is_live()).await;
        assert_eq!(ended.state, RunState::Lost);
        let events = house.portal.store.run_events(&supervisor(), run).await.unwrap();
        assert!(events.iter().any(|event| event.bad && event.text.contains("were killed")), "{events:?}");
        let stops = codes(&house, run).await.into_iter().filter(|code| code == EventCode::RunStop.code()).count();
        assert_eq!(stops, if run == hung { 1 } else { 2 }, "the portal's own stop is on the record");
    }
    until("the end of runners and k6s", async || processes.iter().all(|pid| !lives(*pid)).then_some(())).await;
    until("empty folders", async || {
        housekeeping::round(Arc::clone(&house.portal)).await;
        house.executions().await.is_empty().then_some(())
    })
    .await;
}

/// Codes of the record of one run, newest first.
async fn codes(house: &House, run: RunId) -> Vec<String> {
    let rows = house.portal.store.audit(&supervisor(), &AuditFilter { run: Some(run), ..AuditFilter::default() }, 50).await.unwrap().rows;
    rows.into_iter().map(|row| row.code).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_an_ended_run_is_removed() {
    let Some(house) = House::open().await else { return };
    let (live, ended) = (running(&house).await, running(&house).await);
    let folders = [&live, &ended].map(|run| house.portal.local.folder(run.execution));
    for folder in &folders {
        folder.create().unwrap();
        std::fs::write(folder.orders(), "{}").unwrap();
        // Nobody has this pid since that moment: the runner is gone.
        let runner = ProcessRef { pid: 1, start_ticks: u64::MAX };
        let file = RunnerFile { runner, started: Timestamp::default(), port: 0, k6: None, k6_started: None };
        std::fs::write(folder.runner(), serde_json::to_vec(&file).unwrap()).unwrap();
    }
    step(&house, ended.id, RunState::Lost, "Lost", None).await;
    for _ in 0..2 {
        housekeeping::round(Arc::clone(&house.portal)).await;
    }
    assert_eq!(house.executions().await, [live.execution]);
}

/// One delivery: so many requests in one second.
fn frame(key: &str, at: Timestamp, requests: f64) -> Frame {
    let value = CounterValue { time: Some(Time { seconds: at.seconds(), nanos: 0 }), value: requests };
    let series = TimeSeries { labels: Vec::new(), samples: Some(Samples::Counter(CounterSamples { values: vec![value] })) };
    let metric = Metric { name: "http_reqs".into(), kind: MetricType::Counter.into(), time_series: vec![series] };
    Frame::keep(key, at, &mut MetricSet { test_run_id: "1".into(), aggregation_period: 1, metrics: vec![metric] }).0
}

/// What is stored of a run, against what its frames make.
async fn assert_stored(house: &House, run: &RunRecord, frames: &[&Frame]) {
    let rows = house.portal.store.frames(&supervisor(), run.execution, None, 100).await.unwrap();
    let mut keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, frames.iter().map(|frame| frame.key.as_str()).collect::<Vec<_>>());
    let merger = Merger::from_frames(run.created, Limits::default(), frames.iter().copied());
    let windows = house.portal.store.windows(&supervisor(), run.execution).await.unwrap();
    let stored: Vec<_> = windows.into_iter().map(|window| (window.second, window.content)).collect();
    assert_eq!(stored, merger.seconds().map(|second| (second, merger.encode_second(second))).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_could_not_be_stored_is_in_no_window_and_may_come_again() {
    let Some(house) = House::open().await else { return };
    let (run, other) = (running(&house).await, launch(&house, As::Ben, CART).await);
    let at = house.portal.clock.now();
    let (a, b, c) = (frame("a", at, 1.0), frame("b", at, 10.0), frame("c", at, 100.0));
    collect::take_frame(&house.portal, run.id, run.execution, a.clone()).await.unwrap();

    // Both wait for the same entry. The first cannot be stored: its execution is none of that run.
    let guard = collect::locked(&house.portal, run.id, run.execution).await.unwrap();
    let free = async move { drop(guard) };
    let (failed, taken, ()) = tokio::join!(
        biased;
        collect::take_frame(&house.portal, other, run.execution, b.clone()),
        collect::take_frame(&house.portal, run.id, run.execution, c.clone()),
        free
    );
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(taken.unwrap(), Taken::New);
    assert_stored(&house, &run, &[&a, &c]).await;
    assert_eq!(collect::take_frame(&house.portal, run.id, run.execution, b.clone()).await.unwrap(), Taken::New);
    assert_stored(&house, &run, &[&a, &b, &c]).await;

    // A delivery that is given up while it is being stored leaves no doubt either.
    let d = frame("d", at, 1_000.0);
    let _ = collect::take_frame(&house.portal, run.id, run.execution, d.clone()).now_or_never();
    // Whether the database had finished it before it was given up decides the answer, not what is stored.
    let again = collect::take_frame(&house.portal, run.id, run.execution, d.clone()).await.unwrap();
    assert!(matches!(again, Taken::New | Taken::Known), "{again:?}");
    assert_stored(&house, &run, &[&a, &b, &c, &d]).await;
}

/// Also one that comes twice at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_come_at_once_are_each_taken_once() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await;
    let at = house.portal.clock.now();
    let frames: Vec<Frame> = (0..100).map(|number| frame(&format!("{:02}", number % 90), at.plus_seconds(number % 90 % 4), 1.0)).collect();
    let guard = collect::locked(&house.portal, run.id, run.execution).await.unwrap();
    let waiting = frames.iter().map(|frame| collect::take_frame(&house.portal, run.id, run.execution, frame.clone()));
    let (answers, ()) = tokio::join!(biased; futures::future::join_all(waiting), async move { drop(guard) });

    let answers: Vec<Taken> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|taken| **taken == Taken::New).count(), 90);
    assert_stored(&house, &run, &frames.iter().take(90).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_run_that_has_ended_nothing_stays_in_memory() {
    let Some(house) = House::open().await else { return };
    let (watched, unwatched) = (launch(&house, As::Ana, CART).await, launch(&house, As::Ana, CART).await);
    let mut stream = Stream::open(&house, As::Ana, watched).await;
    drop(Stream::open(&house, As::Ana, unwatched).await);
    for run in [watched, unwatched] {
        assert_eq!(house.call(As::Ana, Method::POST, "stop", &format!("id={run}")).await.status, StatusCode::OK);
    }
    tick::round(Arc::clone(&house.portal)).await;
    assert!(house.portal.live.all().await.is_empty());
    assert_eq!(stream.next().await, Some(("end".into(), "over".into())));
    // Somebody who had read the run while it was live comes too late.
    let late = record(&house, watched).await;
    drop(collect::locked(&house.portal, late.id, late.execution).await.unwrap());
    assert!(house.portal.live.all().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_brings_the_end_of_a_long_log_and_only_the_seconds_that_changed() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await;
    let at = run.started.unwrap();
    let mut stream = Stream::open(&house, As::Ana, run.id).await;
    let line = |number| LogLine { at: None, level: "info".into(), text: format!("line {number}") };
    collect::locked(&house.portal, run.id, run.execution).await.unwrap().add_log((0..100_000).map(line).collect());
    for (key, after_s) in [("a", 0), ("b", 1)] {
        collect::take_frame(&house.portal, run.id, run.execution, frame(key, at.plus_seconds(after_s), 1.0)).await.unwrap();
    }
    tick::round(Arc::clone(&house.portal)).await;
    let first = stream.tick().await;
    assert_eq!((first.log_total, first.new_log.len()), (100_000, 100));
    assert_eq!(first.new_log.last().unwrap().text, "line 99999");
    assert_eq!(first.windows.iter().map(|point| point.at_s).collect::<Vec<_>>(), [0, 1]);
    collect::take_frame(&house.portal, run.id, run.execution, frame("c", at.plus_seconds(1), 1.0)).await.unwrap();
    tick::round(Arc::clone(&house.portal)).await;
    let second = stream.tick().await;
    assert_eq!(second.windows.iter().map(|point| (point.at_s, point.requests)).collect::<Vec<_>>(), [(1, 2)]);
    assert!(second.new_log.is_empty() && second.measured.totals.requests == 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_wakes_the_supervisor_also_in_the_middle_of_a_round() {
    let Some(house) = House::open().await else { return };
    // Nobody waits at this moment, as when the supervisor is in a round.
    let run = launch(&house, As::Ana, CART).await;
    assert!(house.portal.wake.notified().now_or_never().is_some(), "the launch is not lost");
    assert_eq!(house.call(As::Ana, Method::POST, "stop", &format!("id={run}")).await.status, StatusCode::OK);
    assert!(house.portal.wake.notified().now_or_never().is_some(), "the stop is not lost");
}

const ABORTING: &str = "
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { thresholds: { http_reqs: [{ threshold: 'count<3', abortOnFail: true }] } };
export default function () {
  http.get(__ENV.TARGET);
  sleep(0.2);
}";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_portal_does_with_a_run_is_on_the_record() {
    let Some(house) = House::open_live(21_400).await else { return };
    add_file(&house, "services/cart/k6/aborting.js", ABORTING).await;
    let run = launch(&house, As::Ana, "request[path]=/shop/cart/&request[test]=services/cart/k6/aborting.js&request[profile]=load&request[duration]=60s").await;
    let ended = wait_for(&house, run, |state| !state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Failed, "{:?}", ended.verdict);
    // Counted a moment after the state is stored.
    let settled = until("the count", async || {
        let metrics = house.page(As::Nobody, "/metrics").await.body;
        let settled: Vec<String> = metrics.lines().filter(|line| line.starts_with("windfirm_runs_settled_total{")).map(str::to_owned).collect();
        settled.iter().any(|line| line.contains("state=\"failed\"")).then_some(settled)
    })
    .await;
    assert!(!settled.iter().any(|line| line.contains("run.")), "{settled:?}");
    let codes = codes(&house, run).await;
    let expected = [EventCode::RunSettle, EventCode::RunStop, EventCode::RunStart, EventCode::RunLaunch];
    assert_eq!(codes, expected.map(|code| code.code().to_owned()));
    let rows = house.portal.store.audit(&supervisor(), &AuditFilter { run: Some(run), ..AuditFilter::default() }, 50).await.unwrap().rows;
    let detail = house.portal.store.audit_entry(&supervisor(), rows[2].seq).await.unwrap().unwrap();
    assert!(detail.facts.contains(&("service account".to_owned(), "shop-staging/loadtest".to_owned())), "{detail:?}");
    assert_eq!((rows[2].outcome, rows[1].outcome), (EventOutcome::Done, EventOutcome::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_read_only_for_who_has_the_token_and_not_for_ever() {
    let Some(house) = House::open().await else { return };
    let run = running(&house).await;
    let permit: Permit<SuperviseRuns> = Permit::system(OperationId(house.portal.clock.new_uuid()), Resource { run: Some(run.id), ..Resource::default() });
    let hash: [u8; 32] = Sha256::digest(b"right").into();
    house.portal.store.arm_execution(&permit, run.execution, &hash, &serde_json::json!({})).await.unwrap();
    for (token, expected) in [("wrong", 401), ("wrong", 401), ("right", 408)] {
        let asked = Arc::new(AtomicBool::new(false));
        let asks = Arc::clone(&asked);
        let never = futures::stream::poll_fn(move |_| {
            asks.store(true, Ordering::SeqCst);
            std::task::Poll::<Option<Result<Vec<u8>, std::io::Error>>>::Pending
        });
        let request = Request::post(format!("/ingest/v2/metrics/{}", run.execution))
            .header("authorization", format!("Token {token}"))
            .header("content-encoding", "snappy")
            .header("k6-idempotency-key", "key")
            .body(Body::from_stream(never))
            .unwrap();
        let answer = house.send(As::Nobody, request).await;
        assert_eq!((answer.status.as_u16(), asked.load(Ordering::SeqCst)), (expected, token == "right"), "{}", answer.body);
    }
    // The two stand in one row, at the app, where its lead finds it.
    let filter = AuditFilter { event: Some(EventFilter::Is(EventCode::IngestRefused)), ..AuditFilter::default() };
    let rows = house.portal.store.audit(&supervisor(), &filter, 50).await.unwrap().rows;
    let [row] = rows.as_slice() else { panic!("one row, not {rows:?}") };
    assert_eq!((row.run, row.path.as_deref(), row.outcome), (Some(run.id), Some("/shop/cart/"), EventOutcome::Denied));
}
