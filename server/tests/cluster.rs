//! The whole portal against a real Kubernetes: its tree, runs as the mapped account, the two audit logs, rights that go and come back.
//!
//! `WINDFIRM_TEST_CLUSTER` names the folder of a cluster that `make cluster` made. Without it each test says that it is skipped, and
//! fails where `WINDFIRM_REQUIRE_CLUSTER` is 1.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too; it starts what it tests, and says what it skips"
)]

#[path = "../cluster/tests/shared/account.rs"]
mod account;
#[path = "cluster/audit.rs"]
mod audit;
#[expect(dead_code, reason = "shared with tests of watches, which use all of it")]
#[path = "../cluster/tests/shared/between.rs"]
mod between;
#[path = "../cluster/tests/shared/cluster.rs"]
mod cluster;
#[path = "cluster/commands.rs"]
mod commands;
#[path = "cluster/deadline.rs"]
mod deadline;
#[path = "cluster/faults.rs"]
mod faults;
#[path = "cluster/large.rs"]
mod large;
#[path = "cluster/lost.rs"]
mod lost;
#[path = "cluster/own_secrets.rs"]
mod own_secrets;
#[path = "cluster/replicas.rs"]
mod replicas;
#[path = "cluster/rights.rs"]
mod rights;
#[path = "../cluster/tests/shared/runner_image.rs"]
mod runner_image;
#[path = "cluster/runs.rs"]
mod runs;
#[path = "cluster/secrets.rs"]
mod secrets;
#[path = "cluster/stage.rs"]
mod stage;
#[path = "cluster/tree.rs"]
mod tree;

// What the tests of the portal use too. Not all of it is used here.
#[path = "portal/ana.rs"]
mod ana;
#[expect(dead_code, reason = "shared with the tests of the portal, which use all of it")]
#[path = "portal/harness.rs"]
mod harness;
#[path = "portal/k6.rs"]
mod k6;
#[path = "portal/later_clock.rs"]
mod later_clock;
#[expect(dead_code, reason = "shared with the tests of the portal, which use all of it")]
#[path = "portal/visitor.rs"]
mod visitor;

// What the tests of the store use too.
#[path = "../store/tests/conformance/postgres.rs"]
mod postgres;
