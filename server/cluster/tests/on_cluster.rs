//! Everything here talks to a real Kubernetes API server (`make cluster`).
//!
//! `WINDFIRM_TEST_CLUSTER` names the folder with its `admin.kubeconfig`, `portal.kubeconfig` and `log/audit.jsonl`. Without it each test
//! says `skipped` and, where `WINDFIRM_REQUIRE_CLUSTER=1` is set, fails. Each test works in a namespace of its own and deletes it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the helpers of these tests stand outside of the test functions")]

#[expect(dead_code, reason = "shared with tests of the whole portal")]
#[path = "shared/between.rs"]
mod between;
#[path = "shared/clock.rs"]
mod clock;
#[expect(dead_code, reason = "shared with tests that start runs")]
#[path = "shared/cluster.rs"]
mod cluster;
#[path = "on_cluster/stage.rs"]
mod stage;

#[path = "on_cluster/acting.rs"]
mod acting;
#[path = "on_cluster/own_secrets.rs"]
mod own_secrets;
#[path = "on_cluster/preflight.rs"]
mod preflight;
#[path = "on_cluster/reach.rs"]
mod reach;
#[path = "on_cluster/secrets.rs"]
mod secrets;
#[path = "on_cluster/watching.rs"]
mod watching;
