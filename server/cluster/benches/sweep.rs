//! One preflight of 200 accounts, each in a namespace of its own, with all that a run needs. `WINDFIRM_TEST_CLUSTER` names the cluster.
//! The accounts need not exist: the API server reviews all the same.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark says what it measured")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;
use windfirm_cluster::{ClusterSpec, Clusters, Impersonation, Question, Source, preflight};
use windfirm_model::clock::{Clock, Timestamp};

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the cluster lives in real time")]
    fn now(&self) -> Timestamp {
        Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
    }
    fn new_uuid(&self) -> Uuid {
        Uuid::nil()
    }
    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}

#[tokio::main]
async fn main() {
    let Some(folder) = std::env::var_os("WINDFIRM_TEST_CLUSTER").map(PathBuf::from) else {
        println!("skipped: WINDFIRM_TEST_CLUSTER names no cluster; `make cluster` brings one up in .windfirm/cluster");
        return;
    };
    let source = Source::Kubeconfig { file: folder.join("portal.kubeconfig"), context: None };
    let spec = ClusterSpec { name: "here".parse().unwrap(), source, impersonation: Impersonation::Constrained };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let clusters = Clusters::new(vec![spec], &clock).unwrap();
    let cluster = clusters.get("here").unwrap();
    let accounts = (0..200).map(|number| format!("bench-{number}/loadtest").parse().unwrap());
    let questions: Vec<Question> = accounts.flat_map(|account| Question::of_a_run(&account).collect::<Vec<_>>()).collect();
    for _ in 0..3 {
        let swept = preflight(cluster, &questions).await;
        println!("{} accounts, {} questions, {} reviews: {} ms", swept.accounts.len(), questions.len(), swept.reviews, swept.took_ms);
    }
}
