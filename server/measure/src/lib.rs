//! From k6's wire to honest numbers: decode, mask, frames, windows, percentiles, thresholds, completeness, verdict.
//!
//! Pure: no I/O, no clock, no async, no randomness. The same frames give the same bytes and the same numbers, in any order.
//!
//! The way of a delivery: [`wire::decode`] → [`mask::mask_set`] → [`wire::encode`] into a [`frame::Frame`] (what is stored) →
//! [`window::Merger::merge`] → [`window::Merger::encode_second`] for the seconds that changed (what is stored beside) →
//! [`results::measured`] (what is shown) → [`completeness::compare`] and [`verdict::judge`] at the end.

pub mod cell;
mod codec;
pub mod completeness;
pub mod frame;
mod glance;
pub mod histogram;
pub mod mask;
mod num;
pub mod results;
#[cfg(test)]
mod sample;
pub mod series;
pub mod threshold;
pub mod verdict;
pub mod window;
pub mod wire;
