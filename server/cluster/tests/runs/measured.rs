//! A run is started once, seen, read whole, and leaves nothing.

use windfirm_executor::{Ending, Executor as _, Handle, Observation, Secret};

use crate::stage::{STEADY, Stage, steady, until};

#[tokio::test(flavor = "multi_thread")]
async fn all_that_two_runners_count_arrives_and_their_logs_are_read() {
    let Some(stage) = Stage::open().await else { return };
    let mut orders = stage.orders(STEADY, &steady(4, 6));
    if let Some(cluster) = &mut orders.in_cluster {
        cluster.options["tags"] = serde_json::json!({ "team": "shop" });
    }
    let handle = stage.executor.start(&stage.permit(), &orders).await.unwrap();
    let name = format!("windfirm-{}", orders.execution);
    assert_eq!(handle, Handle::Kubernetes { cluster: "test".into(), namespace: stage.namespace.clone(), name: name.clone() });
    // Again, and by a portal that does not know of it.
    assert_eq!(stage.executor.start(&stage.permit(), &orders).await.unwrap(), handle);
    assert!(!matches!(stage.observe(orders.execution).await.unwrap(), Observation::Absent));

    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((&report.ending, &report.cause, report.exit_code), (&Ending::Itself, &None, Some(0)), "{report:?}");
    let summary = report.summary.expect("the runners' own counters");
    for (metric, field) in [("http_reqs", "count"), ("iterations", "count")] {
        let counted = summary["metrics"][metric][field].as_f64().unwrap();
        assert!(counted > 8.0, "{summary}");
        assert_eq!(stage.received.count(metric), counted, "{metric}");
    }
    assert_eq!(summary["metrics"]["checks"]["fails"], 0, "{summary}");
    assert_eq!(stage.received.runners().into_iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(stage.received.strangers(), 0);
    assert!(stage.received.has_tag("team=shop"), "the operator's own tags do not replace the script's");

    let log = stage.log(orders.execution).await;
    for runner in 1..=2 {
        // Parameters come as they are; the token does not come at all.
        let told = format!("[{runner}] colour a \"b\" $(c), token undefined");
        assert!(log.contains(&told) && log.contains(&format!("[{runner}] tidied up")), "{log:#?}");
    }
    assert_eq!(report.log_lines, u64::try_from(log.len()).unwrap());
    assert_eq!(stage.hand(&["get", "testruns", "-o", "name"]).lines().count(), 1);
    assert_eq!(stage.executor.find_all(&stage.permit()).await.unwrap(), [orders.execution]);
    stage.clean_up(orders.execution).await;

    // The API server's own record, which is written a moment later than it answers: every change was made as the account of the run.
    if stage.changes().is_none() {
        return;
    }
    let changes = until("the deletion in the API server's log", async || {
        stage.changes().filter(|changes| changes.iter().any(|(_, made, what)| made == "delete" && what == "testruns"))
    })
    .await;
    let account = format!("system:serviceaccount:{}:loadtest", stage.namespace);
    assert!(changes.iter().all(|(account_of, _, _)| *account_of == account), "{changes:?}");
    for (verb, resource) in [("create", "testruns"), ("create", "secrets"), ("create", "configmaps"), ("delete", "testruns")] {
        assert!(changes.iter().any(|(_, made, what)| made == verb && what == resource), "{verb} {resource}: {changes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_portals_that_start_the_same_run_start_it_once() {
    let Some(stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(2, 3));
    let (other, permits) = (stage.another(), [stage.permit(), stage.permit()]);
    let (one, two) = tokio::join!(stage.executor.start(&permits[0], &orders), other.start(&permits[1], &orders));
    assert_eq!(one.unwrap(), two.unwrap());
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.exit_code), (Ending::Itself, Some(0)));
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    assert_eq!(stage.hand(&["get", "jobs", "-o", "name"]).lines().count(), 4, "initializer, starter, two runners");
    // The other one sees the same end, and cleans up what the first one also may.
    assert!(matches!(other.observe(&stage.permit(), orders.execution).await.unwrap(), Observation::Ended(_)));
    other.clean_up(&stage.permit(), orders.execution).await.unwrap();
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_starts_again_goes_on_with_what_runs() {
    let Some(mut stage) = Stage::open().await else { return };
    let orders = stage.orders(STEADY, &steady(2, 20));
    stage.start(&orders).await;
    stage.running(orders.execution).await;
    let before = until("a log", async || {
        let page = stage.executor.log(&stage.permit(), orders.execution, 0).await.unwrap();
        (page.lines.len() > 3).then_some(page.lines)
    })
    .await;

    stage.restart();
    assert_eq!(stage.executor.find_all(&stage.permit()).await.unwrap(), [orders.execution]);
    assert!(matches!(stage.observe(orders.execution).await.unwrap(), Observation::Running { .. }));
    assert!(matches!(stage.executor.clean_up(&stage.permit(), orders.execution).await, Err(windfirm_executor::ExecutorError::StillGoing(_))));
    let (report, _) = stage.end(orders.execution).await;
    let counted = report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap();
    assert_eq!(stage.received.count("http_reqs"), counted);
    // The same lines in the same order as before, and the rest behind them.
    let page = stage.executor.log(&stage.permit(), orders.execution, 0).await.unwrap();
    assert_eq!(page.lines[..before.len()], before);
    assert!(page.lines.len() > before.len());
    stage.clean_up(orders.execution).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ordered_only_half_is_ordered_once_more() {
    let Some(stage) = Stage::open().await else { return };
    // Somebody else has the pods of this namespace wait, so that there is time to die in.
    stage.hand(&["create", "quota", "none", "--hard=pods=0"]);
    let mut orders = stage.orders(STEADY, &steady(2, 3));
    orders.token = Secret::new("the-first-token".into());
    stage.start(&orders).await;
    let name = format!("windfirm-{}", orders.execution);
    stage.hand(&["delete", "configmap", &name]);
    let words = until("what it waits for", async || match stage.observe(orders.execution).await.unwrap() {
        Observation::Starting { waits_for } => waits_for.filter(|words| words.contains("quota")),
        other => panic!("{other:?}"),
    })
    .await;
    assert!(words.contains("exceeded quota: none"), "{words}");
    stage.hand(&["delete", "quota", "none"]);
    until("that it is not whole", async || (stage.observe(orders.execution).await.unwrap() == Observation::Absent).then_some(())).await;
    // The store knows only the token that it made last.
    let again = stage.orders(STEADY, &steady(2, 3));
    orders.token = again.token;
    stage.start(&orders).await;
    let (report, _) = stage.end(orders.execution).await;
    assert_eq!((report.ending, report.exit_code), (Ending::Itself, Some(0)));
    assert_eq!(stage.received.strangers(), 0, "the new token was used");
    assert_eq!(stage.received.count("http_reqs"), report.summary.unwrap()["metrics"]["http_reqs"]["count"].as_f64().unwrap());
    stage.clean_up(orders.execution).await;
}
