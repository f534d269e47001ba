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

/// Registers every server function by name. They register themselves too, but a linker may drop what nothing refers to; a server
/// that calls this once at its start serves all of them, whatever the linker thinks.
#[cfg(feature = "ssr")]
pub fn register() {
    use leptos::server_fn::axum::register_explicit;
    register_explicit::<person::GetFrame>();
    register_explicit::<person::GetHome>();
    register_explicit::<person::GetSessions>();
    register_explicit::<person::EndSession>();
    register_explicit::<tree::GetTree>();
    register_explicit::<tree::GetApp>();
    register_explicit::<runs::GetLaunchForm>();
    register_explicit::<runs::Judge>();
    register_explicit::<runs::Launch>();
    register_explicit::<runs::GetRuns>();
    register_explicit::<runs::GetRun>();
    register_explicit::<runs::GetLog>();
    register_explicit::<runs::StopRun>();
    register_explicit::<audit::GetAudit>();
    register_explicit::<rules::GetAccess>();
    register_explicit::<rules::GetPolicy>();
    register_explicit::<rules::GetSystem>();
}
