//! The contract of the pages, carried out for one asker: permit, intent, change, outcome; or a read through their access.
//!
//! One file per resource. A use case takes its rights from [`crate::context::Asker`] and nowhere else.

pub mod access;
pub mod app;
mod ask_clusters;
pub mod audit;
pub mod bundle;
mod clusters;
mod deployments;
pub mod home;
pub mod inspection;
pub mod launch;
pub mod person;
mod project;
pub mod runs;
pub mod secrets;
pub mod system;
mod tests_of;
pub mod tree;
