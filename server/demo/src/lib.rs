//! What `windfirm demo` has besides the portal: an online shop of real HTTP services on loopback that call each other with
//! bounded pools and queues (so that load on one really slows the others), and the Git repository that describes it.
//!
//! The shop runs as a process of its own, so that it, like any real target, outlives the portal.
//! It knows nothing of the portal, its store or k6.

pub mod fault;
pub mod pool;
pub mod repository;
pub mod service;
pub mod shop;
