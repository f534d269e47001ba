//! The words of the domain, as types: ids, paths, actors, actions, runs, verdicts, audit codes, and what each page shows.
//!
//! Pure: serde only, no I/O, no clock, no randomness. It is compiled for the server and for the browser.

pub mod action;
pub mod actor;
pub mod audit;
pub mod clock;
pub mod environment;
pub mod fault;
pub mod id;
pub mod path;
pub mod run;
pub mod session;
pub mod verdict;
pub mod view;
