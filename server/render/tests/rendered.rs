//! What is rendered, without a cluster.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the helpers of these tests stand outside of the test functions")]

#[path = "rendered/differing.rs"]
mod differing;
#[path = "rendered/golden.rs"]
mod golden;
#[path = "rendered/network.rs"]
mod network;
#[path = "rendered/properties.rs"]
mod properties;
#[path = "rendered/support.rs"]
mod support;
