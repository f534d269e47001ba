//! The stage of one test: an executor in a folder of its own, a target, a portal that takes frames, and a bundle with one script.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, time::interval};
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use windfirm_executor::{AllowedTarget, Executor as _, ExitReport, K6, Limits, LocalExecutor, LocalSettings, Observation, Orders, Secret, runner::RunnerFile};
use windfirm_measure::{
    frame::Frame,
    wire::{self, Samples},
};
use windfirm_model::{
    clock::{Clock, Timestamp},
    id::{ExecutionId, OperationId, RunId},
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};

/// However slow the machine is: nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const TOKEN: &str = "write-only-token";

/// The k6 to test with, or `None` after saying so loudly.
pub(crate) fn k6() -> Option<K6> {
    let configured = std::env::var_os("WINDFIRM_K6").map(PathBuf::from);
    let cached = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/k6/k6");
    match K6::find(configured.as_deref(), &[cached]) {
        Ok(k6) => Some(k6),
        Err(error) => {
            assert!(std::env::var_os("WINDFIRM_REQUIRE_K6").is_none_or(|value| value != "1"), "WINDFIRM_REQUIRE_K6=1, but: {error}");
            skipped(&error.to_string());
            None
        }
    }
}

/// Says so past the test harness, which would swallow what a test that ends well prints.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = std::io::stderr().write_all(format!("skipped: {name}: {why}\n").as_bytes());
}

#[derive(Debug)]
struct SystemClock;
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "processes live in real time")]
    fn now(&self) -> Timestamp {
        Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
    }
    fn new_uuid(&self) -> Uuid {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let millis = u64::try_from(self.now().0 / 1000).unwrap();
        let [a, b, c, d, e, f, g, h] = COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        uuid::Builder::from_unix_timestamp_millis(millis, &[0, 0, a, b, c, d, e, f, g, h]).into_uuid()
    }
    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}

/// An HTTP service that counts who came.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    hits: Arc<AtomicU64>,
}

impl Target {
    /// Listens on an address; `None` when the machine does not have it (no IPv6, say).
    pub(crate) async fn listen(tasks: &TaskTracker, address: &str) -> Option<Self> {
        let listener = TcpListener::bind(address).await.ok()?;
        let target = Self { address: listener.local_addr().unwrap(), hits: Arc::default() };
        let router = Router::new().route("/redirect", get(redirect)).fallback(|| async { "ok" });
        let counted = router.layer(axum::middleware::from_fn_with_state(Arc::clone(&target.hits), count));
        tasks.spawn(async move { axum::serve(listener, counted).await });
        Some(target)
    }
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }
}

async fn count(State(hits): State<Arc<AtomicU64>>, request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    hits.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}

async fn redirect(Query(query): Query<BTreeMap<String, String>>) -> Redirect {
    Redirect::temporary(query.get("to").map(String::as_str).unwrap_or_default())
}

/// The portal's side of ingest: keeps what comes, in order, with repetitions.
#[derive(Clone, Debug)]
pub(crate) struct Portal {
    pub(crate) address: SocketAddr,
    inner: Arc<PortalInner>,
}

#[derive(Debug, Default)]
struct PortalInner {
    taken: Mutex<Vec<Frame>>,
    headers: Mutex<Vec<HeaderMap>>,
    says_stop: AtomicBool,
}

impl Portal {
    /// A portal that has an address but is not there yet.
    pub(crate) async fn away() -> Self {
        // The port is free again at once, and nobody else on the machine asks for it by number.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        Self { address, inner: Arc::default() }
    }
    pub(crate) async fn come(&self, tasks: &TaskTracker) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let router = Router::new().route("/ingest/v2/metrics/{execution}", post(take)).with_state(Arc::clone(&self.inner));
        tasks.spawn(async move { axum::serve(listener, router).await });
    }
    /// From now on every delivery is answered with “stop”.
    pub(crate) fn say_stop(&self) {
        self.inner.says_stop.store(true, Ordering::SeqCst);
    }
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.inner.taken.lock().unwrap().clone()
    }
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        self.inner.headers.lock().unwrap().clone()
    }
}

async fn take(State(portal): State<Arc<PortalInner>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    if text(header::AUTHORIZATION.as_str()) != format!("Token {TOKEN}") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if portal.says_stop.load(Ordering::SeqCst) {
        return (StatusCode::FORBIDDEN, r#"{"error":{"code":4,"message":"enough for today"}}"#).into_response();
    }
    let frame = Frame { key: text("k6-idempotency-key"), received_us: text("windfirm-received-us").parse().unwrap(), payload: body.to_vec() };
    portal.taken.lock().unwrap().push(frame);
    portal.headers.lock().unwrap().push(headers);
    StatusCode::OK.into_response()
}

/// One test's world.
pub(crate) struct Stage {
    pub(crate) k6: K6,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) executor: LocalExecutor,
    pub(crate) target: Target,
    pub(crate) portal: Portal,
    pub(crate) tasks: TaskTracker,
}

impl Stage {
    /// With a portal that is there.
    pub(crate) async fn new() -> Option<Self> {
        let stage = Self::without_portal().await?;
        stage.portal.come(&stage.tasks).await;
        Some(stage)
    }
    pub(crate) async fn without_portal() -> Option<Self> {
        let k6 = k6()?;
        let tasks = TaskTracker::new();
        let folder = tempfile::tempdir().unwrap();
        let target = Target::listen(&tasks, "127.0.0.1:0").await.unwrap();
        let portal = Portal::away().await;
        let executor = executor(folder.path(), &k6);
        Some(Self { k6, folder, executor, target, portal, tasks })
    }
    /// The same state folder in the hands of a new portal process.
    pub(crate) fn executor_after_restart(&self) -> LocalExecutor {
        executor(self.folder.path(), &self.k6)
    }
    /// Freezes a bundle of one script, `k6/test.js`, and a data file beside it.
    pub(crate) fn bundle(&self, script: &str) -> PathBuf {
        let bundle = self.folder.path().join("bundles").join(SystemClock.new_uuid().simple().to_string());
        std::fs::create_dir_all(bundle.join("k6")).unwrap();
        std::fs::write(bundle.join("k6/test.js"), script).unwrap();
        std::fs::write(bundle.join("k6/data.json"), "[1,2,3]").unwrap();
        bundle
    }
    pub(crate) fn orders(&self, script: &str) -> Orders {
        Orders {
            execution: ExecutionId(SystemClock.new_uuid()),
            run: RunId(SystemClock.new_uuid()),
            portal: format!("http://{}", self.portal.address),
            token: Secret::new(TOKEN.into()),
            k6: self.k6.path.clone(),
            bundle: self.bundle(script),
            entry: "k6/test.js".into(),
            target: self.target.url(),
            parameters: Vec::new(),
            load: None,
            max_vus: 100,
            allowed: vec![AllowedTarget { host: "127.0.0.1".into(), addresses: vec![self.target.address.ip()], port: Some(self.target.address.port()) }],
            deadline_s: 60,
            limits: Limits::default(),
            in_cluster: None,
        }
    }
    pub(crate) fn permit(&self) -> Permit<SuperviseRuns> {
        Permit::system(OperationId(SystemClock.new_uuid()), Resource::default())
    }
    pub(crate) async fn start(&self, orders: &Orders) {
        self.executor.start(&self.permit(), orders).await.unwrap();
    }
    pub(crate) async fn run(&self, orders: &Orders) -> ExitReport {
        self.start(orders).await;
        self.end(orders.execution).await
    }
    pub(crate) async fn end(&self, execution: ExecutionId) -> ExitReport {
        until("the end", || async {
            match self.executor.observe(&self.permit(), execution).await.unwrap() {
                Observation::Ended(report) => Some(*report),
                Observation::Lost => panic!("the runner is lost"),
                _ => None,
            }
        })
        .await
    }
    /// Waits until k6 has sent this many requests to the target.
    pub(crate) async fn hits(&self, at_least: u64) {
        until("requests", || async { (self.target.hits() >= at_least).then_some(()) }).await;
    }
    pub(crate) async fn spooled(&self, execution: ExecutionId) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let more = self.executor.spooled_frames(&self.permit(), execution, u64::try_from(frames.len()).unwrap()).await.unwrap();
            if more.is_empty() {
                return frames;
            }
            frames.extend(more);
        }
    }
    pub(crate) async fn log_text(&self, execution: ExecutionId) -> String {
        let page = self.executor.log(&self.permit(), execution, 0).await.unwrap();
        page.lines.iter().map(|line| format!("{} {}\n", line.level, line.text)).collect()
    }
    pub(crate) fn runner(&self, execution: ExecutionId) -> RunnerFile {
        serde_json::from_slice(&std::fs::read(self.executor.folder(execution).runner()).unwrap()).unwrap()
    }
}

fn executor(folder: &Path, k6: &K6) -> LocalExecutor {
    let settings = LocalSettings { state_dir: folder.join("state"), k6: k6.clone(), runner_command: vec![env!("CARGO_BIN_EXE_windfirm-runner").into()] };
    LocalExecutor::new(settings, Arc::new(SystemClock)).unwrap()
}

/// Asks again until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let mut tick = interval(Duration::from_millis(20));
    let asking = async {
        loop {
            tick.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// The sum of a counter over all frames.
pub(crate) fn counted(frames: &[Frame], metric: &str) -> f64 {
    let sets = frames.iter().map(|frame| wire::decode(&frame.payload, &wire::Bounds::default()).unwrap());
    sets.flat_map(|set| set.metrics)
        .filter(|found| found.name == metric)
        .flat_map(|found| found.time_series)
        .map(|series| match series.samples {
            Some(Samples::Counter(counter)) => counter.values.iter().map(|value| value.value).sum(),
            _ => 0.0,
        })
        .sum()
}
