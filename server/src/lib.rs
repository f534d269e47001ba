//! The portal: use cases, workers, HTTP and the command line, put together from the crates beside this one.
//!
//! `build_router` needs no socket, so that tests can call it. `main` parses, builds, serves and drains.
#![recursion_limit = "256"]

pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod deployed;
pub mod home;
pub mod http;
pub mod lease;
pub mod live;
pub mod places;
pub mod secrets;
pub mod sites;
pub mod start;
pub mod state;
pub mod usecase;
pub mod worker;
