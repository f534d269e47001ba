//! Asked to end: live streams are told, what was asked is answered, the program ends well within its limits, and running tests
//! go on without it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, in its helpers too; it starts what it tests, and says what it skips"
)]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use windfirm::clock::SystemClock;
use windfirm_model::{actor::SystemTask, id::RunId, run::RunStateKind};
use windfirm_policy::Access;
use windfirm_store::Store;

#[path = "portal/ana.rs"]
mod ana;
#[path = "portal/k6.rs"]
mod k6;
#[path = "portal/process.rs"]
mod process;

use ana::log_in;
use process::Process;

const SHOP_PORT: u16 = 22_300;
const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=load&request[vus]=2&request[duration]=30s";

/// Whether a k6 runs whose scratch lies under this folder.
fn k6_runs_under(state: &Path) -> bool {
    let wanted = state.join("executions").display().to_string();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let is_k6 = std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe.file_name().is_some_and(|name| name.to_string_lossy().starts_with("k6")));
        is_k6 && String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).unwrap_or_default()).contains(&wanted)
    })
}

/// Reads until `text` has come; fails at the end of what comes.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        let mut some = [0; 4_096];
        let count = stream.read(&mut some).await.unwrap();
        assert!(count > 0, "“{text}” never came: {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(some.get(..count).unwrap());
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_tells_who_watches_answers_what_was_asked_and_leaves_tests_running() {
    let Some(mut portal) = Process::prepare(SHOP_PORT, "http://127.0.0.1:9", "secret", "info") else { return };
    let store = Store::open(&format!("sqlite:{}", portal.at("state/windfirm.db").display()), Arc::new(SystemClock)).await.unwrap();
    let cookie = log_in(&store).await;
    let alive = portal.at("alive");
    std::fs::write(&alive, "").unwrap();
    tokio::spawn(async move { windfirm_demo::shop::serve(SHOP_PORT, &alive, Duration::from_secs(300)).await });
    portal.start().await;

    let form = |request: reqwest::RequestBuilder| {
        request.header("cookie", &cookie).header("sec-fetch-site", "same-origin").header("content-type", "application/x-www-form-urlencoded")
    };
    let launched = form(portal.client.post(portal.url("/api/fn/launch"))).body(CART).send().await.unwrap().text().await.unwrap();
    let run: RunId = launched.trim_matches('"').parse().unwrap();

    // Somebody watches the run.
    let mut watching = portal.client.get(portal.url(&format!("/runs/{run}/events"))).header("cookie", &cookie).send().await.unwrap();
    let mut seen = String::new();
    while !(seen.contains("event: tick") && k6_runs_under(&portal.at("state").canonicalize().unwrap())) {
        seen.push_str(&String::from_utf8_lossy(&watching.chunk().await.unwrap().unwrap()));
        assert!(!seen.contains("event: end"), "{seen}: {}", portal.log());
    }
    // Somebody else sends a form, slowly: the portal has asked for its body and waits for it.
    let mut slow = TcpStream::connect(("127.0.0.1", portal.port)).await.unwrap();
    let head = format!(
        "POST /api/fn/judge HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        CART.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut slow, "100 Continue").await;
    let (first, second) = CART.split_at(20);
    slow.write_all(first.as_bytes()).await.unwrap();

    portal.ask_to_end();
    let mut rest = String::new();
    while let Some(chunk) = watching.chunk().await.unwrap() {
        rest.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(rest.contains("event: end\ndata: restarting\n\n"), "{rest}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", portal.port)).await.is_ok() {
        assert!(Instant::now() < deadline, "somebody new is let in");
        tokio::task::yield_now().await;
    }
    slow.write_all(second.as_bytes()).await.unwrap();
    let answer = read_until(&mut slow, "may_start").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let status = portal.ended().await;
    assert_eq!(status.code(), Some(0), "{}", portal.log());
    assert!(!portal.log().contains("cut_short"), "{}", portal.log());

    // k6 has gone on, and the next start takes the run up again, with everything that was measured meanwhile.
    assert!(k6_runs_under(&portal.at("state").canonicalize().unwrap()), "k6 ended with the portal");
    portal.start().await;
    let deadline = Instant::now() + Duration::from_secs(120);
    let ended = loop {
        let now = store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap();
        if !now.state.is_live() {
            break now;
        }
        assert!(Instant::now() < deadline, "{run} stays {:?}: {}", now.state, portal.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?}", ended.verdict);
    let completeness = ended.completeness.unwrap();
    assert!(completeness.compared && completeness.complete, "{completeness:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_does_not_answer_keeps_it_neither_from_serving_nor_from_ending() {
    let Some(mut portal) = Process::prepare(SHOP_PORT, "http://127.0.0.1:9", "secret", "info") else { return };
    let branch = portal.at("repository.git/refs/heads/main");
    std::fs::remove_file(&branch).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&branch).status().unwrap().success());
    portal.start().await;
    assert!(portal.log().contains("could not be read within"), "{}", portal.log());
    portal.ask_to_end();
    let began = Instant::now();
    assert_eq!(portal.ended().await.code(), Some(0), "{}", portal.log());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {}", began.elapsed(), portal.log());
}
