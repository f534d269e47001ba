//! Runs on a real cluster with k6-operator. The folder of the cluster stands in `WINDFIRM_TEST_CLUSTER` (`make cluster` makes
//! `.windfirm/cluster`); without it these tests say that they are skipped, with `WINDFIRM_REQUIRE_CLUSTER=1` they fail.
//!
//! Each test works in a namespace of its own and takes it away. At most two runs go on at a time.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the helpers of these tests stand outside of the test functions")]

#[path = "shared/account.rs"]
mod account;
#[path = "shared/clock.rs"]
mod clock;
#[path = "shared/cluster.rs"]
mod cluster;
#[path = "runs/ends.rs"]
mod ends;
#[path = "runs/faults.rs"]
mod faults;
#[path = "runs/image.rs"]
mod image;
#[path = "runs/measured.rs"]
mod measured;
#[path = "runs/node.rs"]
mod node;
#[path = "shared/runner_image.rs"]
mod runner_image;
#[path = "runs/secrets.rs"]
mod secrets;
#[path = "runs/stage.rs"]
mod stage;
#[path = "runs/stuck.rs"]
mod stuck;
