//! Killed at any moment: no run is lost, none is doubled, and every sample of a run that ends is there.
//!
//! A real portal process on SQLite, the real k6, a real shop. The moments come from fixed seeds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, in its helpers too; it starts what it tests, and says what it skips"
)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use windfirm::clock::SystemClock;
use windfirm_executor::{folder::Folder, spool::Reader};
use windfirm_measure::{frame::Frame, window::Merger};
use windfirm_model::{actor::SystemTask, id::RunId, run::RunStateKind};
use windfirm_policy::Access;
use windfirm_store::{Store, runs::RunRecord};

#[path = "portal/ana.rs"]
mod ana;
#[path = "portal/k6.rs"]
mod k6;

use ana::log_in;
use k6::k6;

const LOAD: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=load&request[vus]=2";

/// Moments from a seed: the same in every run of this test.
struct Moments(u64);

impl Moments {
    fn next(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(from_ms + self.0 % (to_ms - from_ms))
    }
}

struct House {
    folder: tempfile::TempDir,
    port: u16,
    store: Store,
    cookie: String,
    client: reqwest::Client,
    portal: Option<Child>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl House {
    async fn open(shop_port: u16, slots: u32) -> Option<Self> {
        let k6 = k6()?;
        // One TLS provider for the client below; a second test of this process finds it there.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        windfirm_demo::repository::create(&at("repository.git"), &windfirm_demo::shop::places(shop_port)).unwrap();
        std::fs::write(at("policy.yaml"), windfirm_demo::repository::policy()).unwrap();
        let port = free_port();
        let config = format!(
            "listen: 127.0.0.1:{port}\npublic_url: http://127.0.0.1:{port}/\nstate: state\npolicy: policy.yaml\n\
             tree: {{ repository: repository.git, revision: main, roots: roots }}\n\
             identity: [ {{ name: none, issuer: 'http://127.0.0.1:9', client_id: windfirm }} ]\n\
             runner: {{ k6: '{}', slots: {slots} }}\n",
            k6.display()
        );
        std::fs::write(at("windfirm.yaml"), config).unwrap();
        std::fs::create_dir(at("state")).unwrap();
        let store = Store::open(&format!("sqlite:{}", at("state/windfirm.db").display()), Arc::new(SystemClock)).await.unwrap();
        let cookie = log_in(&store).await;
        let alive = at("alive");
        std::fs::write(&alive, "").unwrap();
        tokio::spawn(async move { windfirm_demo::shop::serve(shop_port, &alive, Duration::from_secs(900)).await });
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap();
        let mut house = Self { folder, port, store, cookie, client, portal: None };
        house.start().await;
        Some(house)
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state").canonicalize().unwrap()
    }

    async fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("portal.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_windfirm"))
            .args(["serve", "--config"])
            .arg(self.folder.path().join("windfirm.yaml"))
            .arg("--site")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.portal = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.client.get(format!("http://127.0.0.1:{}/health/live", self.port)).send().await.is_err() {
            assert!(Instant::now() < deadline, "the portal does not answer: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("portal.log")).unwrap_or_default()
    }

    /// SIGKILL: nothing is said, nothing is written.
    fn kill(&mut self) {
        if let Some(mut child) = self.portal.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    async fn launch(&self, fields: &str, once: &str) -> Option<RunId> {
        let request = self
            .client
            .post(format!("http://127.0.0.1:{}/api/fn/launch", self.port))
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("{fields}&request[once]={once}"));
        let answer = request.send().await.ok()?.text().await.ok()?;
        Some(answer.trim_matches('"').parse().unwrap_or_else(|_| panic!("{answer}")))
    }

    async fn record(&self, run: RunId) -> RunRecord {
        self.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap()
    }

    /// The keys of the frames that the store has, after a look that its windows are made of these frames and of nothing else.
    async fn stored_keys(&self, run: &RunRecord) -> BTreeSet<String> {
        const ALL: u32 = 10_000;
        let access = Access::system(SystemTask::Ingest);
        let rows = self.store.frames(&access, run.execution, None, ALL).await.unwrap();
        let frames: Vec<Frame> = rows.into_iter().map(|row| Frame { key: row.key, received_us: row.received.0, payload: row.payload }).collect();
        let again = Merger::from_frames(run.created, windfirm::live::limits(), &frames);
        let stored = self.store.windows(&access, run.execution).await.unwrap();
        assert_eq!(stored.iter().map(|window| window.second).collect::<Vec<_>>(), again.seconds().collect::<Vec<_>>(), "the seconds of {}", run.id);
        for window in stored {
            assert!(window.content == again.encode_second(window.second), "second {} of {} is not what its frames make", window.second, run.id);
        }
        frames.into_iter().map(|frame| frame.key).collect()
    }

    async fn ended(&self, run: RunId) -> RunRecord {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let now = self.record(run).await;
            if !now.state.is_live() {
                return now;
            }
            assert!(Instant::now() < deadline, "{run} stays {:?}: {}", now.state, self.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn portal_killed_ten_times(seed: u64, shop_port: u16) {
    let Some(mut house) = House::open(shop_port, 2).await else { return };
    let mut moments = Moments(seed);
    let mut runs = Vec::new();
    for number in 0..2 {
        let fields = format!("{LOAD}&request[duration]=20s");
        runs.push(house.launch(&fields, &format!("seed-{seed}-{number}")).await.unwrap());
    }
    for _ in 0..10 {
        tokio::time::sleep(moments.next(50, 2_500)).await;
        house.kill();
        tokio::time::sleep(moments.next(0, 800)).await;
        house.start().await;
    }
    // The same forms again, as a browser that never saw the answer would send them: the same runs.
    for (number, run) in runs.iter().enumerate() {
        let again = house.launch(&format!("{LOAD}&request[duration]=20s"), &format!("seed-{seed}-{number}")).await;
        assert_eq!(again, Some(*run), "a run was doubled");
    }
    for run in runs {
        let ended = house.ended(run).await;
        let completeness = ended.completeness.clone().unwrap();
        assert!(matches!(ended.state.kind(), RunStateKind::Passed | RunStateKind::Failed), "{:?}: {:?}", ended.state, ended.verdict);
        assert!(completeness.compared && completeness.complete, "seed {seed}: {completeness:?}");
        let requests = completeness.rows.iter().find(|row| row.counter == "http_reqs").unwrap();
        assert!(requests.k6 > 50 && ended.totals.unwrap().requests == requests.k6, "{requests:?}");
        house.stored_keys(&ended).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_may_be_killed_at_any_moment() {
    portal_killed_ten_times(0x5eed_0001, 22_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_may_be_killed_at_any_other_moment() {
    portal_killed_ten_times(0x0bad_cafe, 22_100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_takes_its_k6_along_and_the_run_is_told_as_lost() {
    let Some(house) = House::open(22_200, 4).await else { return };
    let mut moments = Moments(0xfeed_beef);
    let mut ends = std::collections::BTreeMap::new();
    let mut frames_kept = 0;
    for round in 0..5 {
        let mut runs = Vec::new();
        for number in 0..4 {
            runs.push(house.launch(&format!("{LOAD}&request[duration]=30s"), &format!("runner-{round}-{number}")).await.unwrap());
        }
        for (number, run) in runs.into_iter().enumerate() {
            let execution = house.record(run).await.execution;
            let folder = Folder::of(&house.state(), execution);
            let runner = wait_for_runner(&house, &folder).await;
            if number == 3 {
                // Most are killed while k6 starts; one of each round has something to lose.
                wait_for_frames(&house, &folder).await;
            }
            tokio::time::sleep(moments.next(20, 1_200)).await;
            // Opened before the kill: once the run is settled the portal removes the folder, but an open file stays.
            let mut spool = Reader::open(&folder.spool(), 0).unwrap();
            let mut spooled = keys(&mut spool);
            let _ = Command::new("kill").args(["-9", &runner.to_string()]).status().unwrap();
            spooled.extend(keys(&mut spool));
            let ended = house.ended(run).await;
            // What it appended between the last look and its end.
            spooled.extend(keys(&mut spool));
            frames_kept += spooled.len();
            *ends.entry(ended.state.kind().word()).or_insert(0) += 1;
            assert!(matches!(ended.state.kind(), RunStateKind::Lost | RunStateKind::Errored), "{:?}", ended.state);
            // All that was on the disk when the runner died is kept, delivered or not.
            let lost: Vec<_> = spooled.difference(&house.stored_keys(&ended).await).cloned().collect();
            assert!(lost.is_empty(), "{} of {} spooled frames of {run} are not in the store", lost.len(), spooled.len());
        }
    }
    assert!(no_process_mentions(&house.state()), "something of a killed runner still runs");
    assert_eq!(ends.values().sum::<i32>(), 20, "{ends:?}");
    assert!(frames_kept >= 10, "nothing was there that could have been lost: {frames_kept} frames");
}

/// The keys of the frames that this reader has not read yet.
fn keys(spool: &mut Reader) -> BTreeSet<String> {
    std::iter::from_fn(|| spool.next_frame().unwrap()).map(|frame| frame.key).collect()
}

async fn wait_for_frames(house: &House, folder: &Folder) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while keys(&mut Reader::open(&folder.spool(), 0).unwrap()).len() < 2 {
        assert!(Instant::now() < deadline, "no frames in {folder:?}: {}", house.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wait_for_runner(house: &House, folder: &Folder) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let file = std::fs::read_to_string(folder.runner()).unwrap_or_default();
        let pid = serde_json::from_str::<serde_json::Value>(&file).ok().and_then(|file| file.pointer("/runner/pid").and_then(serde_json::Value::as_u64));
        if let Some(pid) = pid.and_then(|pid| u32::try_from(pid).ok()) {
            return pid;
        }
        assert!(Instant::now() < deadline, "no runner in {folder:?}: {}", house.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether no process has the folder on its command line, but for the portal itself.
fn no_process_mentions(state: &Path) -> bool {
    let wanted = state.join("executions").display().to_string();
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let found = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&wanted)
        });
        if !found {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}
