//! Two portals on one PostgreSQL, their rounds made by hand: what comes to either is one run, one result and one page.

use std::{collections::BTreeSet, process::Command, sync::Arc, time::Instant};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use windfirm::{
    config::Secret,
    live::Taken,
    worker::{collect, lease, supervise, tick, waiting},
};
use windfirm_measure::{
    frame::Frame,
    window::{Limits, Merger},
    wire::{self, CounterSamples, CounterValue, Metric, MetricSet, MetricType, Samples, Time, TimeSeries},
};
use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::Clock as _,
    id::{OperationId, RunId},
    run::{RunState, RunStateKind},
    view::run::RunPage,
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};
use windfirm_store::runs::{RunRecord, Step};

use crate::{
    flows::{launch, record},
    harness::{As, House, Plan},
    live::{Stream, supervisor},
    postgres,
    visitor::{Visitor, serve_provider},
};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
const PORTAL: &str = "http://127.0.0.1:7700/";

/// Two portals on a database of their own.
struct Two {
    a: House,
    b: House,
    url: String,
}

/// As somebody with a shell on the database.
fn sql(url: &str, text: &str) {
    let output = Command::new("psql").args(["--no-psqlrc", "--quiet", "--no-password", url, "-c", text]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Two {
    /// `None` when there is no PostgreSQL or no k6; that was said.
    async fn open() -> Option<Self> {
        let pattern = tokio::task::spawn_blocking(postgres::url_pattern).await.unwrap()?;
        let name = format!("replicas_{}", windfirm::clock::SystemClock.new_uuid().simple());
        sql(&pattern.replace("{}", "postgres"), &format!("create database {name}"));
        let url = pattern.replace("{}", &name);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        serve_provider(listener, &issuer, PORTAL, "secret");
        let open = async || {
            let plan = Plan { issuer: issuer.clone(), ..Plan::default() };
            House::build_with(plan, |_, config| config.database = Some(Secret::Value(url.clone()))).await
        };
        let two = Self { a: open().await?, b: open().await?, url: url.clone() };
        two.beat().await;
        Some(two)
    }

    async fn beat(&self) {
        for house in [&self.a, &self.b] {
            lease::round(Arc::clone(&house.portal)).await;
            assert!(house.portal.lease.is_held(Instant::now()));
        }
    }

    /// A run in the hands of the first portal, with no k6.
    async fn running(&self) -> RunRecord {
        let run = launch(&self.a, As::Ana, CART).await;
        let now = self.a.portal.clock.now();
        for to in [RunState::Starting { since: now }, RunState::Running { since: now }] {
            step(&self.a, run, to).await;
        }
        let run = record(&self.a, run).await;
        assert_eq!(run.owner, self.a.portal.store.portal());
        let hash: [u8; 32] = Sha256::digest(b"token").into();
        self.a.portal.store.arm_execution(&permit(&self.a, run.id), run.execution, &hash, &serde_json::json!({})).await.unwrap();
        run
    }

    /// The second portal takes the first for dead, without waiting until it may.
    async fn bury_the_first(&self) {
        let seen = self.b.portal.store.beat(&permit_of_none(&self.b)).await.unwrap().unwrap();
        let first = seen.into_iter().find(|beat| Some(beat.portal) == self.a.portal.store.portal()).unwrap();
        assert!(self.b.portal.store.bury(&permit_of_none(&self.b), first).await.unwrap());
        lease::round(Arc::clone(&self.b.portal)).await;
    }

    async fn close(self) {
        for house in [&self.a, &self.b] {
            house.portal.store.close().await;
        }
        let (server, name) = self.url.split('?').next().unwrap().rsplit_once('/').unwrap();
        let options = self.url.split_once('?').map(|(_, options)| format!("?{options}")).unwrap_or_default();
        sql(&format!("{server}/postgres{options}"), &format!("drop database {name} with (force)"));
    }
}

fn permit(house: &House, run: RunId) -> Permit<SuperviseRuns> {
    Permit::system(OperationId(house.portal.clock.new_uuid()), Resource { run: Some(run), ..Resource::default() })
}
fn permit_of_none(house: &House) -> Permit<SuperviseRuns> {
    Permit::system(OperationId(house.portal.clock.new_uuid()), Resource::default())
}

async fn step(house: &House, run: RunId, to: RunState) {
    let version = record(house, run).await.version;
    house.portal.store.advance(&permit(house, run), Step { version, to, confinement: None, events: Vec::new() }).await.unwrap();
}

/// What k6 measured in this second.
fn measured(house: &House, requests: f64) -> MetricSet {
    let value = CounterValue { time: Some(Time { seconds: house.portal.clock.now().seconds(), nanos: 0 }), value: requests };
    let series = TimeSeries { labels: Vec::new(), samples: Some(Samples::Counter(CounterSamples { values: vec![value] })) };
    let metric = Metric { name: "http_reqs".into(), kind: MetricType::Counter.into(), time_series: vec![series] };
    MetricSet { test_run_id: "1".into(), aggregation_period: 1, metrics: vec![metric] }
}

/// One delivery of k6 to this portal; its status.
async fn deliver(house: &House, run: &RunRecord, key: &str, requests: f64) -> u16 {
    let body = wire::encode(&measured(house, requests));
    let request = Request::post(format!("/ingest/v2/metrics/{}", run.execution))
        .header("authorization", "Token token")
        .header("content-encoding", "snappy")
        .header("k6-idempotency-key", key)
        .body(Body::from(body));
    house.send(As::Nobody, request.unwrap()).await.status.as_u16()
}

async fn page(house: &House, run: &RunRecord) -> RunPage {
    let answer = house.call(As::Ana, Method::GET, "run", &format!("id={}", run.id)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// The requests that stand in the store, after a look that its windows are what its frames make, and that these are the frames.
async fn stored(house: &House, run: &RunRecord, keys: &[&str]) -> u64 {
    let rows = house.portal.store.frames(&supervisor(), run.execution, None, 100).await.unwrap();
    let frames: Vec<_> = rows.into_iter().map(|row| Frame { key: row.key, received_us: row.received.0, payload: row.payload }).collect();
    assert_eq!(frames.iter().map(|frame| frame.key.as_str()).collect::<BTreeSet<_>>(), keys.iter().copied().collect());
    let merger = Merger::from_frames(run.created, Limits::default(), &frames);
    let windows = house.portal.store.windows(&supervisor(), run.execution).await.unwrap();
    let stored: Vec<_> = windows.into_iter().map(|window| (window.second, window.content)).collect();
    assert_eq!(stored, merger.seconds().map(|second| (second, merger.encode_second(second))).collect::<Vec<_>>());
    windfirm_measure::results::measured(&merger, run.created, &[]).totals.requests
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_either_portal_is_one_result_and_one_page() {
    let Some(two) = Two::open().await else { return };
    let run = two.running().await;
    // The page is open at the other portal before anything comes.
    let mut stream = Stream::open(&two.b, As::Ana, run.id).await;
    let mut keys = Vec::new();
    for (number, key) in ["k0", "k1", "k2", "k3", "k4", "k5"].into_iter().enumerate() {
        let to = if number % 2 == 0 { &two.a } else { &two.b };
        assert_eq!(deliver(to, &run, key, 10.0).await, 200);
        keys.push(key);
    }
    assert_eq!(page(&two.a, &run).await.measured.totals.requests, 30, "the rest waits");
    waiting::round(Arc::clone(&two.a.portal)).await;
    // Tried again at the other one: nothing counts twice.
    for key in ["k0", "k1"] {
        assert_eq!((deliver(&two.a, &run, key, 10.0).await, deliver(&two.b, &run, key, 10.0).await), (200, 200));
    }
    waiting::round(Arc::clone(&two.a.portal)).await;
    assert_eq!(stored(&two.a, &run, &keys).await, 60);
    for house in [&two.a, &two.b] {
        assert_eq!(page(house, &run).await.measured.totals.requests, 60);
    }
    tick::round(Arc::clone(&two.b.portal)).await;
    assert_eq!(stream.tick().await.measured.totals.requests, 60);
    assert_eq!(deliver(&two.b, &run, "k6", 5.0).await, 200);
    // The other portal merges nothing: it would find nothing that waits for it.
    waiting::round(Arc::clone(&two.b.portal)).await;
    waiting::round(Arc::clone(&two.a.portal)).await;
    tick::round(Arc::clone(&two.b.portal)).await;
    assert_eq!(stream.tick().await.measured.totals.requests, 65);

    // Whoever stops it does it at either; its own portal hears of it from the store.
    let answer = two.b.call(As::Ana, Method::POST, "stop", &format!("id={}", run.id)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let stopped = record(&two.a, run.id).await;
    assert!(matches!(&stopped.state, RunState::Cancelling { by, .. } if by.contains("Ana")) && stopped.owner == run.owner, "{stopped:?}");
    supervise::round(Arc::clone(&two.b.portal)).await;
    assert_eq!(record(&two.a, run.id).await, stopped, "it is not the other one's to look after");
    supervise::round(Arc::clone(&two.a.portal)).await;
    assert!(matches!(&record(&two.b, run.id).await.state, RunState::Cancelled { by } if by.contains("Ana")));
    assert_eq!(deliver(&two.b, &run, "k7", 1.0).await, 403);
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_was_taken_for_dead_changes_nothing_and_loses_nothing() {
    let Some(two) = Two::open().await else { return };
    let run = two.running().await;
    assert_eq!(deliver(&two.a, &run, "k0", 1.0).await, 200);
    assert_eq!(deliver(&two.b, &run, "k1", 10.0).await, 200);
    two.bury_the_first().await;
    let taken = two.b.portal.store.take_over(&permit(&two.b, run.id), run.version, &[]).await.unwrap();
    assert_eq!((record(&two.b, run.id).await.owner, taken), (two.b.portal.store.portal(), run.version + 1));
    // The first one was in the middle of taking a delivery in, and goes on: what it was given is kept for the other.
    let (frame, _) = Frame::keep("k2", two.a.portal.clock.now(), &mut measured(&two.a, 100.0));
    assert_eq!(collect::take_in(&two.a.portal, run.id, run.execution, true, frame).await.unwrap(), Taken::Left);
    supervise::round(Arc::clone(&two.a.portal)).await;
    assert_eq!(record(&two.b, run.id).await.version, taken);
    waiting::round(Arc::clone(&two.b.portal)).await;
    assert_eq!(deliver(&two.b, &run, "k3", 1_000.0).await, 200);
    assert_eq!(stored(&two.b, &run, &["k0", "k1", "k2", "k3"]).await, 1_111);
    for house in [&two.a, &two.b] {
        assert_eq!(page(house, &run).await.measured.totals.requests, 1_111);
    }
    // It learns of it, and is a portal again, under another name.
    let before = two.a.portal.store.portal();
    lease::round(Arc::clone(&two.a.portal)).await;
    assert!(!two.a.portal.lease.is_held(Instant::now()));
    lease::round(Arc::clone(&two.a.portal)).await;
    assert!(two.a.portal.lease.is_held(Instant::now()) && two.a.portal.store.portal() != before);
    assert!(!two.a.portal.lease.is_eldest());
    assert_eq!(deliver(&two.a, &run, "k4", 10_000.0).await, 200);
    lease::round(Arc::clone(&two.b.portal)).await;
    waiting::round(Arc::clone(&two.b.portal)).await;
    assert_eq!(page(&two.a, &run).await.measured.totals.requests, 11_111);
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_the_machine_of_a_dead_portal_is_lost_and_never_started_again() {
    let Some(two) = Two::open().await else { return };
    let run = launch(&two.a, As::Ana, CART).await;
    step(&two.a, run, RunState::Starting { since: two.a.portal.clock.now() }).await;
    let starting = record(&two.a, run).await;
    let handle = serde_json::json!({ "executor": "local", "home": two.a.portal.home.name() });
    two.a.portal.store.arm_execution(&permit(&two.a, run), starting.execution, &[1; 32], &handle).await.unwrap();
    // While its portal lives the other one leaves it alone.
    supervise::round(Arc::clone(&two.b.portal)).await;
    assert_eq!(record(&two.b, run).await, starting);
    two.bury_the_first().await;
    for _ in 0..2 {
        supervise::round(Arc::clone(&two.b.portal)).await;
    }
    let ended = record(&two.b, run).await;
    assert_eq!(ended.state.kind(), RunStateKind::Lost, "{:?}", ended.state);
    assert_eq!(two.b.executions().await, [], "nothing was started");
    let events = two.b.portal.store.run_events(&supervisor(), run).await.unwrap();
    assert!(events.iter().any(|event| event.text.contains("another one goes on")), "{events:?}");
    let taken: Vec<_> = two.b.record().await.into_values().filter(|row| row.code == EventCode::RunTakeOver.code()).collect();
    assert!(matches!(taken.as_slice(), [row] if row.run == Some(run) && row.outcome == EventOutcome::Done), "{taken:?}");
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_at_one_portal_is_in_at_the_other() {
    let Some(two) = Two::open().await else { return };
    let mut ana = Visitor::new(&two.a);
    let back = ana.visit_provider("ana").await;
    // The browser comes back to the other one.
    let mut there = Visitor::new(&two.b);
    there.cookies = ana.cookies.clone();
    assert_eq!(there.get(&back).await.headers["location"], "/tree");
    assert_eq!(there.get("/tree").await.status, StatusCode::OK);
    ana.cookies = there.cookies.clone();
    assert_eq!(ana.get("/tree").await.status, StatusCode::OK);

    // A form without script that is refused at one comes back to its page at the other, and the page says why.
    let cookie = two.a.cookie(As::Ana).await.unwrap();
    let form = Request::post("/api/fn/end_session")
        .header(header::HOST, "127.0.0.1:7700")
        .header("sec-fetch-site", "same-origin")
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, "http://127.0.0.1:7700/sessions")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, &cookie);
    let refused = two.a.send(As::Nobody, form.body(Body::from("handle=none")).unwrap()).await;
    let location = refused.headers[header::LOCATION].to_str().unwrap().to_owned();
    assert!(location.contains("__stamp="), "{location}");
    let get = Request::get(&location).header(header::ACCEPT, "text/html").header(header::COOKIE, &cookie);
    let told = two.b.send(As::Nobody, get.body(Body::empty()).unwrap()).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.headers);
    assert!(told.body.contains("There is nothing here for you"), "{}", told.body);

    assert_eq!(there.post("/logout", "").await.status, StatusCode::SEE_OTHER);
    assert_ne!(ana.get("/tree").await.status, StatusCode::OK, "who is out is out everywhere");
    two.close().await;
}
