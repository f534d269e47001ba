//! What comes to the port of a runner from a script, or from a k6 that has lost its mind.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;
use windfirm_measure::wire::{self, CounterSamples, CounterValue, Metric, MetricSet, MetricType, Samples, Time, TimeSeries};
use windfirm_model::{
    clock::{Clock, Timestamp},
    id::{ExecutionId, RunId},
};

use super::{super::desk::Keeps, *};
use crate::{
    folder::Folder,
    orders::{Limits, Orders, Secret},
    spool::Spool,
};

/// However slow the machine is: nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_767_323_045)
    }
    fn new_uuid(&self) -> Uuid {
        Uuid::nil()
    }
    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}

/// A receiver that listens, and what it works for.
struct Stage {
    _folder: tempfile::TempDir,
    desk: Arc<Desk>,
    address: std::net::SocketAddr,
    client: reqwest::Client,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let execution = ExecutionId(Uuid::from_u128(1));
        let orders = Orders {
            execution,
            run: RunId(Uuid::from_u128(2)),
            portal: "http://127.0.0.1:9".into(),
            token: Secret::new("the portal's".into()),
            k6: "/k6".into(),
            bundle: "/bundle".into(),
            entry: "k6/test.js".into(),
            target: "http://127.0.0.1:9".into(),
            parameters: Vec::new(),
            load: None,
            max_vus: 1,
            allowed: Vec::new(),
            deadline_s: 60,
            limits: Limits::default(),
            in_cluster: None,
        };
        let home = Folder::of(folder.path(), execution);
        home.create().unwrap();
        let spool = Spool::open(&home.spool()).unwrap();
        let desk = Arc::new(Desk::new(home, orders, Arc::new(Fixed), spool, Keeps::Everything));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = router(Arc::clone(&desk));
        // It ends with the runtime of the test.
        let _serving = tokio_util::task::TaskTracker::new().spawn(async move { axum::serve(listener, served).await });
        Self { _folder: folder, desk, address, client: reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap() }
    }

    /// A delivery as k6 makes it.
    fn delivery(&self, key: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        self.client
            .post(format!("http://{}/v2/metrics/{}", self.address, self.desk.orders.execution))
            .header("authorization", format!("Token {}", self.desk.receiver_token))
            .header("content-encoding", "snappy")
            .header("k6-idempotency-key", key)
            .body(body)
    }

    /// Frames in the spool, deliveries that were turned away, and whether the test is to be stopped.
    fn account(&self) -> (u64, u64, bool) {
        let counts = self.desk.counts();
        (counts.frames, counts.dropped.values().sum(), self.desk.stop().is_some())
    }
}

fn set(name: &str) -> MetricSet {
    let values = vec![CounterValue { time: Some(Time { seconds: 1_767_323_044, nanos: 0 }), value: 3.0 }];
    let time_series = vec![TimeSeries { labels: Vec::new(), samples: Some(Samples::Counter(CounterSamples { values })) }];
    MetricSet { test_run_id: "r".into(), aggregation_period: 1, metrics: vec![Metric { name: name.into(), kind: MetricType::Counter.into(), time_series }] }
}

#[tokio::test]
async fn a_stranger_is_not_heard_and_ends_no_test() {
    let stage = Stage::new().await;
    let url = |execution: &str| format!("http://{}/v2/metrics/{execution}", stage.address);
    let own = stage.desk.orders.execution.to_string();
    let token = format!("Token {}", stage.desk.receiver_token);
    let portals = format!("Token {}", stage.desk.orders.token.reveal());
    for (url, token) in [
        (url(&own), ""),
        (url(&own), "Token "),
        (url(&own), token.trim_start_matches("Token ")),
        (url(&own), &token[..token.len() - 1]),
        (url(&own), portals.as_str()),
        (url("00000000-0000-0000-0000-000000000009"), token.as_str()),
    ] {
        let request = stage.client.post(&url).header("authorization", token).header("content-encoding", "snappy").header("k6-idempotency-key", "a");
        let answer = request.body(wire::encode(&set("http_reqs"))).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{url} {token}");
        assert_eq!(answer.headers()[header::CONNECTION], "close", "a stranger keeps no connection");
        assert_eq!(answer.text().await.unwrap(), "", "k6 would end the test at an answer with its error code");
    }
    assert_eq!(stage.account(), (0, 0, false));
}

#[tokio::test]
async fn a_strangers_body_is_not_waited_for() {
    let stage = Stage::new().await;
    let mut connection = TcpStream::connect(stage.address).await.unwrap();
    let head = format!(
        "POST /v2/metrics/{} HTTP/1.1\r\nhost: x\r\nauthorization: Token none\r\ncontent-encoding: snappy\r\nk6-idempotency-key: a\r\ncontent-length: 4000000\r\n\r\nslow",
        stage.desk.orders.execution
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // Nothing more is sent, ever: an answer comes only if the rest of the body is not wanted.
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await.expect("an answer, and the end of the connection");
    assert!(answer.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_the_next_delivery_is_taken() {
    let stage = Stage::new().await;
    let good = wire::encode(&set("http_reqs"));
    let half = good[..good.len() / 2].to_vec();
    // Small on the wire: nine million times the same letter, and a head that speaks of a gigabyte.
    let bomb = wire::encode(&set(&"x".repeat(9 << 20)));
    assert!(bomb.len() < 1 << 20);
    let claim = vec![0x80, 0x80, 0x80, 0x80, 0x04, 0x00];
    let encoding = |name: &'static str| {
        let mut request = stage.delivery("7", good.clone()).build().unwrap();
        request.headers_mut().insert("content-encoding", name.parse().unwrap());
        request
    };
    let delivery = |key: &str, body: Vec<u8>| stage.delivery(key, body).build().unwrap();
    let bad = [
        ("nothing", delivery("1", Vec::new()), StatusCode::BAD_REQUEST),
        ("not snappy", delivery("2", b"{\"metrics\":[]}".to_vec()), StatusCode::BAD_REQUEST),
        ("truncated", delivery("3", half), StatusCode::BAD_REQUEST),
        ("a bomb", delivery("4", bomb), StatusCode::BAD_REQUEST),
        ("a claim", delivery("5", claim), StatusCode::BAD_REQUEST),
        ("huge", delivery("6", vec![7; MOST_BODY + 1]), StatusCode::PAYLOAD_TOO_LARGE),
        ("another encoding", encoding("gzip"), StatusCode::BAD_REQUEST),
        ("no encoding", encoding(""), StatusCode::BAD_REQUEST),
        ("no key", delivery("", good.clone()), StatusCode::BAD_REQUEST),
        ("a long key", delivery(&"k".repeat(MOST_KEY_BYTES + 1), good.clone()), StatusCode::BAD_REQUEST),
    ];
    for (number, (name, request, status)) in (1..).zip(bad) {
        let answer = stage.client.execute(request).await.unwrap();
        assert_eq!(answer.status(), status, "{name}");
        // Counted each time, as it is missing in the results; and no reason to end the test.
        assert_eq!(stage.account(), (0, number, false), "{name}");
    }
    let dropped = stage.account().1;
    for _ in 0..2 {
        assert_eq!(stage.delivery("good", good.clone()).send().await.unwrap().status(), StatusCode::OK);
        assert_eq!(stage.account(), (1, dropped, false), "taken once, however often it comes");
    }
}
