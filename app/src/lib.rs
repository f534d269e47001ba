//! Pages and server functions, compiled for the server and for the browser.
//!
//! May know: the words of the domain (`windfirm-model`) and the contract in [`portal`]. May not know: stores, clusters, axum
//! routes, time. Everything that differs between server and browser stands in `platform`, so that no view needs a `cfg`.
#![recursion_limit = "256"]

pub mod api;
pub mod app;
pub mod href;
pub mod live;
pub mod pages;
mod platform;
pub mod portal;
pub mod shell;
pub mod theme;
pub mod ui;

pub use app::App;
pub use shell::{FormTargets, shell};
