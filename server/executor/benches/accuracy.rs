//! How far our percentiles are from k6's own raw values of the same run, and whether the counts are equal.
//!
//! One real k6 (`WINDFIRM_K6`) writes every value into a file and sends its histograms to a receiver here, both at once. What was
//! received goes the way of every measurement: decoded, masked, merged. Prints lines for `BENCHMARKS.md`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a measurement: a panic says that it failed")]
#![expect(clippy::disallowed_methods, reason = "no run of the portal: k6 is started here with two outputs, which the portal never does")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use windfirm_measure::{
    frame::Frame,
    results,
    window::{Limits, Merger},
    wire::{self, Bounds},
};
use windfirm_model::clock::Timestamp;

const SCRIPT: &str = r#"
import http from "k6/http";
export const options = { vus: 20, duration: "20s" };
export default () => { http.get(`${__ENV.TARGET}/wait`, { tags: { name: "wait" } }); };
"#;
const RUN: &str = "0190b0f0-0000-7000-8000-000000000001";

/// Milliseconds, from a fixed row: most answers are quick, some are slow, few are very slow.
fn wait_ms(at: u64) -> u64 {
    let spread = at.wrapping_mul(2_654_435_761) % 1_000;
    match spread {
        0..900 => spread % 20,
        900..990 => 20 + spread % 80,
        _ => 150 + spread % 200,
    }
}

fn main() {
    // The bench harness passes flags; there is only one measurement.
    let k6 = std::env::var("WINDFIRM_K6").expect("WINDFIRM_K6 names the k6 binary");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(&k6));
}

async fn measure(k6: &str) {
    let folder = tempfile::tempdir().unwrap();
    let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let keep = {
        let bodies = Arc::clone(&bodies);
        move |body: Bytes| async move {
            bodies.lock().unwrap().push(body);
        }
    };
    let answer = {
        let asked = Arc::clone(&asked);
        move || async move {
            let at = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(wait_ms(at))).await;
            "{}"
        }
    };
    let router = Router::new().route("/v2/metrics/{run}", post(keep)).route("/wait", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    std::fs::write(folder.path().join("script.js"), SCRIPT).unwrap();
    let started = now();
    let status = {
        let mut command = Command::new(k6);
        command
            .current_dir(folder.path())
            .args(["run", "--quiet", "--no-usage-report", "--out", "json=raw.json", "--out", "cloud", "script.js"])
            .env("TARGET", &here)
            .envs([("K6_CLOUD_HOST", here.as_str()), ("K6_CLOUD_PUSH_REF_ID", RUN), ("K6_CLOUD_TOKEN", "bench"), ("K6_CLOUD_TRACES_ENABLED", "false")])
            .envs([("K6_CLOUD_AGGREGATION_PERIOD", "1s"), ("K6_CLOUD_AGGREGATION_WAIT_PERIOD", "1s"), ("K6_CLOUD_METRIC_PUSH_INTERVAL", "500ms")])
            .env("K6_AUTO_EXTENSION_RESOLUTION", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap()
    };
    assert!(status.success(), "k6: {status}");

    let frames: Vec<Frame> = bodies.lock().unwrap().iter().enumerate().map(|(at, body)| frame(at, body)).collect();
    let merger = Merger::from_frames(started, Limits::default(), &frames);
    let merged = results::totals(&merger);
    let raw = raw(&folder.path().join("raw.json"));
    let count = u64::try_from(raw.len()).unwrap();
    println!("| requests, merged against raw | equal | {} of {count} | {} |", merged.requests, verdict(merged.requests == count));
    for (name, q, ours_us) in
        [("p50", 0.5, merged.p50_us), ("p90", 0.9, merged.p90_us), ("p95", 0.95, merged.p95_us), ("p99", 0.99, merged.p99_us), ("p99.9", 0.999, merged.p999_us)]
    {
        let exact_us = quantile(&raw, q) * 1_000.0;
        let ours = f64::from(u32::try_from(ours_us).unwrap());
        let error = (ours - exact_us).abs() / exact_us;
        println!(
            "| {name}, merged against raw | ≤ 0.8 % | {:.3} % ({:.3} ms against {:.3} ms) | {} |",
            error * 100.0,
            ours / 1_000.0,
            exact_us / 1_000.0,
            verdict(error <= 0.008)
        );
    }
}

fn verdict(good: bool) -> &'static str {
    if good { "reached" } else { "missed" }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_micros()).unwrap())
}

fn frame(at: usize, body: &Bytes) -> Frame {
    let mut set = wire::decode(body, &Bounds::default()).unwrap();
    Frame::keep(&format!("bench-{at}"), now(), &mut set).0
}

/// Every `http_req_duration` in milliseconds, ascending.
fn raw(file: &std::path::Path) -> Vec<f64> {
    let lines = BufReader::new(std::fs::File::open(file).unwrap()).lines();
    let value = |line: std::io::Result<String>| {
        let point: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        (point["type"] == "Point" && point["metric"] == "http_req_duration").then(|| point["data"]["value"].as_f64().unwrap())
    };
    let mut values: Vec<f64> = lines.filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// As k6 defines it: at rank q · (count − 1), a straight line between the two values around it.
fn quantile(ascending: &[f64], q: f64) -> f64 {
    let last = f64::from(u32::try_from(ascending.len() - 1).unwrap());
    let rank = q * last;
    // Whole part of a small positive number, found by counting rather than by a cast.
    let below = (0..ascending.len()).rev().find(|at| f64::from(u32::try_from(*at).unwrap()) <= rank).unwrap();
    let above = (below + 1).min(ascending.len() - 1);
    let part = rank - f64::from(u32::try_from(below).unwrap());
    ascending[below] + (ascending[above] - ascending[below]) * part
}
