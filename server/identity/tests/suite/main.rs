//! The door, tried from outside: hostile providers, hostile browsers, the demo provider, sessions. Everything talks HTTP on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "helpers of tests fail the test; the lints know only the test functions themselves"
)]

mod browser;
mod callback_cases;
mod certificate_cases;
mod clock;
mod demo_cases;
mod door_cases;
mod hostile;
mod mint;
mod portal;
mod provider_cases;
mod round_trip;
mod serve;
mod session_cases;
mod token_cases;
mod world;
