//! What each page shows: the answers of `app::portal`, plain data, already cut to what the asker may see.
//!
//! Units stand in the names. Times are [`crate::clock::Timestamp`]; the page formats them in UTC.

pub mod access;
pub mod app;
pub mod audit;
pub mod cluster;
pub mod frame;
pub mod home;
pub mod launch;
pub mod run;
pub mod runs;
pub mod secret;
pub mod system;
pub mod tree;
