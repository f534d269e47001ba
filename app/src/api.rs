//! Server functions, one file per resource: take the portal of this request, ask it, hand on what it says. Nothing else.
//!
//! They are public HTTP endpoints under [`PREFIX`]; the portal checks every one of them.

#[cfg(feature = "ssr")]
mod ask;
pub mod audit;
pub mod error;
pub mod person;
pub mod rules;
pub mod runs;
pub mod tree;

pub use error::ApiError;

/// Where all server functions live.
pub const PREFIX: &str = "/api/fn/";
