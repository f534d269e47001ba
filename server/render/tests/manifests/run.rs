//! A whole run by the portal's own executor, with no right but those that were rendered.

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    routing::get,
};
use serde_json::json;
use tokio_util::task::TaskTracker;
use windfirm_cluster::{
    Gateway,
    operator::{KubernetesExecutor, OperatorSettings, PullPolicy, Resources, RunnerImage, Shelf},
};
use windfirm_executor::{Executor as _, ExitReport, InCluster, Limits, Observation, Orders, Secret};
use windfirm_model::{
    clock::Clock,
    id::{ExecutionId, OperationId, RunId},
    view::run::SecretUse,
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};

use crate::clock::SystemClock;
use crate::runner_image::runner_image;
use crate::stage::{Stage, asked, in_real_time, until};

const SCRIPT: &str = "import http from 'k6/http';
import { fail, sleep } from 'k6';
export default function () {
  http.get('http://cart.shop-staging.svc.cluster.local/carts/1');
  if (__ENV.TEST_USER !== 'ann') fail('the secret is not what it should be');
  sleep(0.5);
}";

fn executor(stage: &Stage, runner_image: Option<RunnerImage>) -> KubernetesExecutor {
    let settings = OperatorSettings {
        instance: stage.namespace.clone(),
        k6_image: stage.given.image("k6"),
        runner_image,
        starter_image: stage.given.image("starter"),
        pull_policy: PullPolicy::Never,
        runner: Resources { cpu: "100m".into(), memory_mib: 256 },
        runner_environment: Vec::new(),
        run_as: None,
        start_limit_s: 120,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    KubernetesExecutor::new(Gateway::new(stage.cluster()), settings, clock)
}

fn orders(portal: &str, bundle: &Path) -> Orders {
    std::fs::create_dir_all(bundle.join("k6")).unwrap();
    std::fs::write(bundle.join("k6/test.js"), SCRIPT).unwrap();
    let scenario = json!({ "executor": "constant-vus", "vus": 4, "duration": "3s", "gracefulStop": "5s" });
    Orders {
        execution: ExecutionId(SystemClock.new_uuid()),
        run: RunId(SystemClock.new_uuid()),
        portal: portal.to_owned(),
        token: Secret::new("write-only-token".into()),
        k6: "/nowhere/k6".into(),
        bundle: bundle.to_owned(),
        entry: "k6/test.js".into(),
        target: "http://cart.shop-staging.svc.cluster.local".into(),
        parameters: Vec::new(),
        load: None,
        max_vus: 4,
        allowed: Vec::new(),
        deadline_s: 120,
        limits: Limits::default(),
        in_cluster: Some(InCluster {
            secrets: vec![SecretUse { variable: "TEST_USER".into(), secret: "pay-user".into(), key: "username".into() }],
            runners: 2,
            options: json!({ "scenarios": { "default": scenario } }),
            app: "shop/shop-staging/cart".into(),
            actor_sha256: "ac".repeat(32),
            again: false,
            commit: "c0".repeat(20),
        }),
    }
}

#[test]
fn what_is_rendered_is_enough_for_a_run_from_start_to_clean_up() {
    // The namespace is dedicated to runs, so that quota and limits hold for the pods of this one too.
    let Some(mut stage) = Stage::open(|_| {}) else { return };
    stage.settings.dedicated.insert(stage.namespace.clone());
    in_real_time(run(&stage, None));
}

/// The same with runners of the runner image, which fetch their files: no right more.
#[test]
fn what_is_rendered_is_enough_for_a_run_whose_files_are_fetched() {
    let Some(mut stage) = Stage::open(|_| {}) else { return };
    let Some(image) = runner_image(&stage.given.folder) else { return };
    stage.settings.dedicated.insert(stage.namespace.clone());
    stage.settings.runner_image = Some(image.clone());
    in_real_time(run(&stage, Some(image)));
}

async fn run(stage: &Stage, image: Option<String>) {
    stage.apply();
    until("the first green", async || asked(&stage.cluster(), &stage.accounts()).await.is_green().then_some(())).await;
    stage.done(&["create", "secret", "generic", "pay-user", "--from-literal=username=ann", "--namespace", &stage.namespace], "");
    let listener = stage.given.listener().await;
    let portal = format!("http://{}:{}", stage.given.address(), listener.local_addr().unwrap().port());
    let (state, bundle) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shelf = Shelf::in_state(state.path());
    let archive = async |State(shelf): State<Shelf>, UrlPath((execution, digest)): UrlPath<(ExecutionId, String)>| {
        std::fs::read(shelf.find(execution, &digest).unwrap()).unwrap()
    };
    let router = Router::new().route("/ingest/v2/archives/{execution}/{digest}", get(archive)).with_state(shelf.clone()).fallback(async || StatusCode::OK);
    let tasks = TaskTracker::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    let orders = orders(&portal, bundle.path());
    if image.is_some() {
        std::fs::write(bundle.path().join("k6/large.bin"), vec![7_u8; 3 << 20]).unwrap();
    }
    let executor = executor(stage, image.map(|name| RunnerImage { name, shelf }));
    let permit: Permit<SuperviseRuns> = Permit::for_run(OperationId(SystemClock.new_uuid()), Resource::default(), &format!("{}/loadtest", stage.namespace));
    executor.start(&permit, &orders).await.unwrap();
    let report: ExitReport = until("the end of the run", async || match executor.observe(&permit, orders.execution).await {
        Ok(Observation::Ended(report)) => Some(*report),
        Ok(Observation::Absent | Observation::Lost) => panic!("the run is gone"),
        Ok(_) => None,
        Err(error) if error.is_passing() => None,
        Err(error) => panic!("{error}"),
    })
    .await;
    assert_eq!((report.exit_code, report.script_errors), (Some(0), 0), "{report:?}");
    executor.clean_up(&permit, orders.execution).await.unwrap();
    until("an empty namespace", async || {
        let left = stage.done(&["get", "testruns,jobs,pods,secrets,services", "-o", "name", "--namespace", &stage.namespace], "");
        (left == "secret/pay-user\n").then_some(())
    })
    .await;
}
