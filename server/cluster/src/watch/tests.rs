//! The watcher against an API server that says exactly what a test wants it to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use tower::BoxError;
use windfirm_model::clock::Clock;

use super::*;

#[derive(Debug)]
struct TestClock(Mutex<i64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += 1;
        Timestamp(*now)
    }
    fn new_uuid(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }
    fn secret(&self) -> [u8; 32] {
        [0; 32]
    }
}

/// One answer of the script.
enum Reply {
    Says(u16, Value),
    /// Events of a watch, which then ends.
    Events(Vec<Value>),
    /// Events of a watch, which then is silent for ever.
    ThenSilent(Vec<Value>),
    /// No answer at all.
    Never,
}

type Script = Arc<Mutex<(VecDeque<Reply>, Vec<String>)>>;

/// After its last reply the API server never answers again.
fn server(replies: Vec<Reply>) -> (Arc<Cluster>, Script) {
    let script: Script = Arc::new(Mutex::new((replies.into(), Vec::new())));
    let shared = Arc::clone(&script);
    let service = tower::service_fn(move |request: Request<Body>| {
        let reply = {
            let mut script = shared.lock().unwrap();
            script.1.push(request.uri().to_string());
            script.0.pop_front().unwrap_or(Reply::Never)
        };
        async move {
            let (status, parts, silent) = match reply {
                Reply::Says(status, value) => (status, vec![value], false),
                Reply::Events(events) => (200, events, false),
                Reply::ThenSilent(events) => (200, events, true),
                Reply::Never => return std::future::pending().await,
            };
            let lines = parts.into_iter().map(|part| Ok::<_, BoxError>(Frame::data(Bytes::from(format!("{part}\n")))));
            let end = futures::stream::pending().take(usize::from(silent));
            let body: UnsyncBoxBody<Bytes, BoxError> = StreamBody::new(futures::stream::iter(lines).chain(end)).boxed_unsync();
            Ok::<_, BoxError>(Response::builder().status(status).body(body).unwrap())
        }
    });
    let clock: Arc<dyn Clock> = Arc::new(TestClock(Mutex::new(0)));
    (Arc::new(Cluster::for_tests(Client::new(service, "default"), clock)), script)
}

#[derive(Debug, serde::Deserialize)]
struct App {
    project: String,
}
impl Watched for App {
    const KIND: Kind = Kind::APPLICATION;
}

fn app(name: &str, version: &str, project: impl Into<Value>) -> Value {
    let metadata = json!({ "namespace": "argocd", "name": name, "uid": name, "resourceVersion": version });
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "project": project.into() })
}

fn page(version: &str, next: &str, items: &[Value]) -> Reply {
    let metadata = json!({ "resourceVersion": version, "continue": next });
    Reply::Says(200, json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationList", "metadata": metadata, "items": items }))
}

fn event(kind: &str, object: &Value) -> Value {
    json!({ "type": kind, "object": object })
}

fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message })
}

/// In real time, but short.
fn settings() -> WatchSettings {
    WatchSettings {
        request: Duration::from_secs(1),
        patience: Duration::from_millis(300),
        longest_pause: Duration::from_millis(200),
        ..WatchSettings::default()
    }
}

fn start(cluster: Arc<Cluster>) -> (Watch<App>, CancellationToken) {
    let (watcher, watch) = watch::<App>(cluster, settings());
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(watcher.run(stop.clone()));
    (watch, stop)
}

fn names(snapshot: &Snapshot<App>) -> Vec<&str> {
    snapshot.objects.keys().map(|name| name.name.as_str()).collect()
}

#[tokio::test]
async fn pages_become_one_list_and_nothing_is_told_before_its_end() {
    let more = page("7", "more", &[app("a", "1", "x"), app("b", "2", "x")]);
    let (cluster, script) = server(vec![more, page("9", "", &[app("c", "3", "x")])]);
    let (mut watch, _stop) = start(cluster);
    let first = watch.changed().await.unwrap();
    assert_eq!(names(&first), ["a", "b", "c"]);
    let asked = &script.lock().unwrap().1;
    assert!(asked[0].contains("limit=100") && asked[1].contains("continue=more"), "{asked:?}");
}

#[tokio::test]
async fn one_object_is_asked_for_by_its_name_in_lists_and_watches() {
    let (cluster, script) = server(vec![page("7", "", &[app("a", "1", "x")]), Reply::Events(Vec::new()), Reply::ThenSilent(Vec::new())]);
    let named = WatchSettings { namespace: Some("argocd".into()), fields: Some("metadata.name=a".into()), ..settings() };
    let (watcher, mut watch) = watch::<App>(cluster, named);
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(watcher.run(stop.clone()));
    watch.until(|snapshot| snapshot.trouble.is_some()).await.unwrap();
    let asked = &script.lock().unwrap().1;
    assert!(asked.len() >= 3 && asked.iter().skip(1).any(|asked| asked.contains("watch=true")), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.contains("/namespaces/argocd/applications?") && asked.contains("fieldSelector=metadata.name%3Da")), "{asked:?}");
}

#[tokio::test]
async fn many_changes_make_one_snapshot() {
    let changes = (0..100).map(|count| event("ADDED", &app(&format!("app-{count}"), "8", "x"))).collect();
    let (cluster, _script) = server(vec![page("7", "", &[]), Reply::ThenSilent(changes)]);
    let (mut watch, _stop) = start(cluster);
    assert!(watch.changed().await.unwrap().objects.is_empty());
    assert_eq!(watch.changed().await.unwrap().objects.len(), 100);
}

#[tokio::test]
async fn a_version_that_is_forgotten_keeps_the_old_list_until_the_new_one_is_whole() {
    let gone = event("ERROR", &failure(410, "Expired", "too old resource version: 7 (90)"));
    let broken = Reply::Says(500, failure(500, "InternalError", "etcd is away"));
    let part = page("90", "more", &[app("c", "80", "x")]);
    let whole = page("91", "", &[app("b", "81", "x"), app("c", "80", "x")]);
    let (cluster, _script) = server(vec![page("7", "", &[app("a", "1", "x"), app("b", "2", "x")]), Reply::Events(vec![gone]), part, broken, whole]);
    let (mut watch, _stop) = start(cluster);
    let mut told = Vec::new();
    let last = watch.until(|snapshot| {
        told.push(names(snapshot).join(" "));
        names(snapshot).contains(&"c")
    });
    let last = last.await.unwrap();
    assert_eq!(names(&last), ["b", "c"]);
    told.retain(|names| !names.is_empty());
    told.dedup();
    assert_eq!(told, ["a b", "b c"]);
}

#[tokio::test]
async fn an_object_of_another_form_does_not_hold_up_the_others() {
    let list = page("7", "", &[app("a", "1", "x"), app("strange", "2", json!({ "secret": 1 }))]);
    let (cluster, _script) = server(vec![list, Reply::ThenSilent(vec![event("MODIFIED", &app("strange", "8", "y"))])]);
    let (mut watch, _stop) = start(cluster);
    let first = watch.changed().await.unwrap();
    let view = |snapshot: &Snapshot<App>| {
        let strange = snapshot.objects.values().find(|object| object.name.name == "strange").unwrap();
        strange.view.as_ref().map(|app| app.project.clone()).map_err(Clone::clone)
    };
    assert_eq!(view(&first), Err("a field is not what was expected: a string".into()));
    assert_eq!(view(&watch.changed().await.unwrap()), Ok("y".into()));
}

#[tokio::test]
async fn silence_is_trouble_whether_in_a_list_at_the_start_of_a_watch_or_within_it() {
    let list = || page("7", "", &[app("a", "1", "x")]);
    for replies in [vec![Reply::Never], vec![list(), Reply::Never], vec![list(), Reply::ThenSilent(Vec::new())]] {
        let (cluster, _script) = server(replies);
        let (mut watch, _stop) = start(Arc::clone(&cluster));
        let troubled = watch.until(|snapshot| snapshot.trouble.is_some()).await.unwrap();
        let trouble = troubled.trouble.as_ref().unwrap();
        assert!(matches!(&trouble.why, ClusterError::Unanswered { .. }), "{trouble:?}");
        assert!(matches!(cluster.reach(), crate::Reach::Away { .. }), "{:?}", cluster.reach());
    }
}

#[tokio::test]
async fn trouble_ends_when_the_watch_goes_on_even_without_a_change() {
    let busy = Reply::Says(429, failure(429, "TooManyRequests", "wait"));
    let list = page("7", "", &[app("a", "1", "x")]);
    let (cluster, script) = server(vec![list, Reply::Events(Vec::new()), busy, Reply::ThenSilent(Vec::new())]);
    let (mut watch, _stop) = start(cluster);
    let troubled = watch.until(|snapshot| snapshot.trouble.is_some()).await.unwrap();
    assert!(matches!(troubled.trouble.as_ref().unwrap().why, ClusterError::Throttled { .. }));
    let over = watch.until(|snapshot| snapshot.trouble.is_none()).await.unwrap();
    assert_eq!(names(&over), ["a"]);
    assert_eq!(script.lock().unwrap().1.iter().filter(|asked| asked.contains("limit=")).count(), 1, "no second list");
}

#[tokio::test]
async fn a_watch_that_ends_as_soon_as_it_begins_is_not_made_at_full_speed() {
    let mut replies = vec![page("7", "", &[])];
    replies.extend((0..1_000).map(|_| Reply::Events(Vec::new())));
    let (cluster, script) = server(replies);
    let (_watch, _stop) = start(cluster);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = script.lock().unwrap().1.len();
    assert!(asked <= 7, "{asked} requests in two seconds");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to_and_says_so() {
    let (cluster, _script) = server(vec![page("7", "", &[]), Reply::ThenSilent(Vec::new())]);
    let (mut watch, stop) = start(cluster);
    watch.changed().await.unwrap();
    stop.cancel();
    assert_eq!(watch.changed().await.unwrap_err(), Ended);
}
