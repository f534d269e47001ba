//! The runner in front of k6, as an image of ours has it: called as `k6`, with what k6-operator and the portal say.

use std::{path::PathBuf, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::stage::{Stage, TOKEN, counted, until};

const EXECUTION: &str = "01935c7e8b1a70008000123456789abc";
/// Its threshold fails, so that k6 ends with 99.
const SHORT: &str = r"
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 2, duration: '4s', thresholds: { http_reqs: ['count<1'] } };
export default function () { http.get(__ENV.ADDRESS); sleep(0.05); }
";
const STEADY: &str = r"
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 2, duration: '10m' };
export default function () { http.get(__ENV.ADDRESS); sleep(0.05); }
";

/// The program by the name that it has in the image.
fn front(stage: &Stage) -> PathBuf {
    let path = stage.folder.path().join("k6");
    if !path.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_windfirm-runner"), &path).unwrap();
    }
    path
}

fn run(stage: &Stage, script: &str, more: &[&str]) -> Child {
    let spool = stage.folder.path().join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let script = stage.bundle(script).join("k6/test.js");
    #[expect(clippy::disallowed_methods, reason = "this is what the test is about")]
    let mut command = Command::new(front(stage));
    command
        .args(["run", "--quiet", "-e"])
        .arg(format!("ADDRESS={}", stage.target.url()))
        .args(more)
        .arg(script)
        .env_clear()
        .env("HOME", stage.folder.path())
        .env("WINDFIRM_K6_BEHIND", &stage.k6.path)
        .env("WINDFIRM_SPOOL", &spool)
        .env("WINDFIRM_FORWARD_GRACE_S", "60");
    for (name, value) in [
        ("K6_OUT", "cloud"),
        ("K6_CLOUD_HOST", &format!("http://{}/ingest", stage.portal.address)),
        ("K6_CLOUD_PUSH_REF_ID", EXECUTION),
        ("K6_CLOUD_TOKEN", TOKEN),
        ("K6_CLOUD_TRACES_ENABLED", "false"),
        ("K6_CLOUD_AGGREGATION_PERIOD", "1s"),
        ("K6_CLOUD_AGGREGATION_WAIT_PERIOD", "1s"),
        ("K6_CLOUD_METRIC_PUSH_INTERVAL", "500ms"),
        ("K6_CLOUD_STOP_ON_ERROR", "true"),
        ("K6_NO_USAGE_REPORT", "true"),
        ("K6_LOG_FORMAT", "json"),
        ("K6_LOG_OUTPUT", "stderr"),
    ] {
        command.env(name, value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

#[tokio::test]
async fn a_portal_that_comes_late_gets_everything_and_the_exit_code_is_k6s() {
    let Some(stage) = Stage::without_portal().await else { return };
    let address = free_address().await;
    let mut child = run(&stage, SHORT, &[&format!("--address={address}")]);
    // It is over for k6, and its port still answers.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = format!("http://{address}/v1/status");
    until("the end of k6", || async {
        let answer: serde_json::Value = client.get(&status).send().await.ok()?.json().await.ok()?;
        (answer["data"]["attributes"]["stopped"] == true).then_some(())
    })
    .await;
    assert!(child.try_wait().unwrap().is_none(), "it waits for the portal");
    assert!(stage.portal.frames().is_empty());
    stage.portal.come(&stage.tasks).await;
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(99), "{}", String::from_utf8_lossy(&output.stderr));
    let frames = stage.portal.frames();
    assert_eq!(counted(&frames, "http_reqs"), f64::from(u32::try_from(stage.target.hits()).unwrap()));
    // What is spooled and printed has the token of the portal nowhere.
    for text in [&output.stdout, &output.stderr, &std::fs::read(stage.folder.path().join("spool/k6.json")).unwrap()] {
        assert!(!String::from_utf8_lossy(text).contains(TOKEN));
    }
}

#[tokio::test]
async fn a_portal_that_says_stop_ends_k6_in_its_own_way() {
    let Some(stage) = Stage::new().await else { return };
    let child = run(&stage, STEADY, &[]);
    until("a frame", || async { (!stage.portal.frames().is_empty()).then_some(()) }).await;
    stage.portal.say_stop();
    let output = child.wait_with_output().await.unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{log}");
    assert!(log.contains("Received error to stop from output") && log.contains("enough for today"), "{log}");
}

#[tokio::test]
async fn a_pod_that_is_ended_ends_k6_and_delivers_what_it_has() {
    let Some(stage) = Stage::new().await else { return };
    let child = run(&stage, STEADY, &[]);
    until("a frame", || async { (!stage.portal.frames().is_empty()).then_some(()) }).await;
    kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::TERM).unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(105), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = String::from_utf8(output.stdout).unwrap();
    let counted_by_k6 = summary.lines().find_map(|line| line.trim().strip_prefix("http_reqs")?.split(':').nth(1)?.split_whitespace().next()?.parse().ok());
    assert_eq!(Some(counted(&stage.portal.frames(), "http_reqs")), counted_by_k6, "{summary}");
    // k6 counts no request that it cuts off, of which each of its two users may have had one.
    let cut_off = f64::from(u32::try_from(stage.target.hits()).unwrap()) - counted_by_k6.unwrap();
    assert!((0.0..=2.0).contains(&cut_off), "{cut_off}");
}

#[tokio::test]
async fn what_is_no_run_is_k6s_own_business() {
    let Some(stage) = Stage::new().await else { return };
    let ask = async |arguments: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "this is what the test is about")]
        let mut command = Command::new(front(&stage));
        command.args(arguments).env_clear().env("HOME", stage.folder.path()).env("WINDFIRM_K6_BEHIND", &stage.k6.path).output().await.unwrap()
    };
    let version = ask(&["version"]).await;
    assert!(version.status.success() && String::from_utf8_lossy(&version.stdout).contains(stage.k6.version.as_str()));
    let script = stage.bundle("export default function () { let x = ; }").join("k6/test.js");
    // Without anything to deliver a run is k6's, too.
    assert_eq!(ask(&["run", script.to_str().unwrap()]).await.status.code(), Some(107));
}

/// One that is free at this moment.
async fn free_address() -> std::net::SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
