//! Everything here talks to a real Kubernetes API server (`make cluster`).
//!
//! `WINDFIRM_TEST_CLUSTER` names the folder with its `admin.kubeconfig`, `portal.kubeconfig` and `log/audit.jsonl`. Without it each test
//! says `skipped` and, where `WINDFIRM_REQUIRE_CLUSTER=1` is set, fails. Each test works in a namespace of its own and deletes it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the helpers of these tests stand outside of the test functions")]

#[path = "real/between.rs"]
mod between;
#[path = "real/stage.rs"]
mod stage;

#[path = "real/acting.rs"]
mod acting;
#[path = "real/preflight.rs"]
mod preflight;
#[path = "real/reach.rs"]
mod reach;
#[path = "real/watching.rs"]
mod watching;
