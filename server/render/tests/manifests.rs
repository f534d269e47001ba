//! The manifests in a real Kubernetes (`make cluster`): that they are enough, that each rule is needed, that admission refuses.
//!
//! `WINDFIRM_TEST_CLUSTER` names the folder of the cluster. Without it each test says `skipped` and, where `WINDFIRM_REQUIRE_CLUSTER=1` is
//! set, fails. Each test has namespaces of its own, and a portal of its own, and deletes all of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the helpers of these tests stand outside of the test functions")]

#[path = "../../cluster/tests/shared/clock.rs"]
mod clock;
#[expect(dead_code, reason = "shared with tests that read the audit log")]
#[path = "../../cluster/tests/shared/cluster.rs"]
mod cluster;
#[path = "../../cluster/tests/shared/runner_image.rs"]
mod runner_image;
#[path = "manifests/stage.rs"]
mod stage;

#[path = "manifests/admission.rs"]
mod admission;
#[path = "manifests/applied.rs"]
mod applied;
#[path = "manifests/rules.rs"]
mod rules;
#[path = "manifests/run.rs"]
mod run;
