//! What happens to the cluster in the middle of a run: it goes on, and nothing is lost.

use std::time::Duration;

use windfirm_executor::{Ending, Executor as _, Observation};

use crate::{
    node,
    stage::{STEADY, Stage, steady, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_restarted_in_the_middle_changes_nothing() {
    let Some(stage) = Stage::open_alone().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 15));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    let operator = ["--namespace", "k6-operator-system"];
    stage.kubectl(&[&operator[..], &["delete", "pods", "--all", "--force", "--grace-period=0"]].concat(), "");
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Itself, None, Some(0)));
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    assert_eq!(stage.hand(&["get", "jobs", "-o", "name"]).lines().count(), 4, "nothing was started a second time");
    stage.clean_up(orders.execution).await;
    // The next test finds it at work.
    let at_work = [&operator[..], &["rollout", "status", "deployment/k6-operator-controller-manager", "--timeout=120s"]].concat();
    assert!(stage.kubectl(&at_work, "").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_not_there_is_told_of_and_the_run_begins_when_it_is() {
    let Some(stage) = Stage::open_alone().await else { return };
    let operator = Operator(&stage);
    operator.scale(0);
    let orders = stage.orders(STEADY, &steady(4, 3));
    let began = std::time::Instant::now();
    stage.start(&orders).await;
    let words = until("words", async || match stage.observe(orders.execution).await.unwrap() {
        Observation::Starting { waits_for } => waits_for,
        other => panic!("{other:?}"),
    })
    .await;
    assert!(
        words.starts_with("k6-operator has not looked at this run yet") && began.elapsed() < Duration::from_secs(30),
        "{words} after {:?}",
        began.elapsed()
    );
    drop(operator);
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Itself, None, Some(0)));
    stage.clean_up(orders.execution).await;
}

/// Back and at work when this is dropped.
struct Operator<'a>(&'a Stage);

impl Operator<'_> {
    fn scale(&self, replicas: u32) {
        let deployment = ["--namespace", "k6-operator-system", "scale", "deployment/k6-operator-controller-manager", "--timeout=120s"];
        assert!(self.0.kubectl(&[&deployment[..], &[&format!("--replicas={replicas}")]].concat(), "").status.success());
        let gone = ["--namespace", "k6-operator-system", "wait", "pods", "--all", "--for=delete", "--timeout=120s"];
        let there = ["--namespace", "k6-operator-system", "rollout", "status", "deployment/k6-operator-controller-manager", "--timeout=120s"];
        assert!(self.0.kubectl(if replicas == 0 { &gone } else { &there }, "").status.success());
    }
}

impl Drop for Operator<'_> {
    fn drop(&mut self) {
        self.scale(1);
    }
}

/// Before 1.36 the portal's right to act as an account is one verb for everything.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_form_of_the_right_to_act_as_the_account_carries_a_run() {
    let Some(stage) = Stage::open().await else { return };
    let rules = r#"{"rules":[{"apiGroups":[""],"resources":["serviceaccounts"],"resourceNames":["loadtest"],"verbs":["get","impersonate"]}]}"#;
    stage.hand(&["patch", "role", "windfirm-portal", "--type=merge", "-p", rules]);
    let orders = stage.orders(STEADY, &steady(2, 3));
    // A right takes a moment until it is known.
    until("the right", async || stage.executor.start(&stage.permit(), &orders).await.ok()).await;
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Itself, None, Some(0)));
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_in_the_middle_ends_the_run_in_words_and_takes_no_other() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(4, 300));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    // Something in it cannot go yet, so that it stays there, being deleted.
    stage.hand(&["create", "configmap", "held"]);
    let hold =
        |finalizers: &str| stage.hand(&["patch", "configmap", "held", "--type=merge", "-p", &format!(r#"{{"metadata":{{"finalizers":{finalizers}}}}}"#)]);
    hold(r#"["windfirm.dev/held"]"#);
    assert!(stage.kubectl(&["delete", "namespace", &stage.namespace, "--wait=false"], "").status.success());
    let other = stage.orders(STEADY, &steady(2, 3));
    let refused = stage.executor.start(&stage.permit(), &other).await.unwrap_err();
    // What goes first is up to the cluster: the account, its rights, or the right to make anything there.
    let words = ["being terminated", "does not exist", "may not do this", "does not let the portal act"];
    assert!(!refused.is_passing() && words.iter().any(|part| refused.to_string().contains(part)), "{refused}");
    until("the end of the run", async || match stage.observe(orders.execution).await {
        Ok(Observation::Absent | Observation::Lost | Observation::Ended(_)) => Some(()),
        Err(error) if !error.is_passing() => {
            assert!(words.iter().any(|part| error.to_string().contains(part)), "{error}");
            Some(())
        }
        Ok(_) | Err(_) => None,
    })
    .await;
    hold("null");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_stands_still_hides_the_end_and_loses_nothing() {
    let Some(stage) = Stage::open_alone().await else { return };
    let configuration = stage.folder().join("node/kubelet.yaml");
    let Some(kubelet) = node::process("/kubelet", &[configuration.to_str().unwrap()]) else {
        return crate::stage::skipped("the kubelet of a borrowed cluster is out of reach");
    };
    let orders = stage.orders(STEADY, &steady(4, 8));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    let still = Still::of(kubelet);
    // k6 ends, and delivers to the last sample; nobody tells the API server.
    let mut before = 0.0;
    until("the last sample", async || {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = stage.received.count("http_reqs");
        let is_last = now > 0.0 && now == before;
        before = now;
        is_last.then_some(())
    })
    .await;
    let seen = stage.observe(orders.execution).await;
    assert!(matches!(seen, Ok(Observation::Running { .. })), "what nobody has seen end has not ended: {seen:?}");
    drop(still);
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.cause, report.exit_code), (Ending::Itself, None, Some(0)));
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    stage.clean_up(orders.execution).await;
}

/// A process that stands still, until this is dropped.
struct Still(String);

impl Still {
    fn of(pid: String) -> Self {
        assert!(node::signal("-STOP", &pid));
        Self(pid)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        node::signal("-CONT", &self.0);
    }
}
