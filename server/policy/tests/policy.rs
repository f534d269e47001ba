//! What a policy promises, told from outside the crate.

#[path = "policy/errors.rs"]
mod errors;
#[path = "policy/explaining.rs"]
mod explaining;
#[path = "policy/forgery.rs"]
mod forgery;
#[path = "policy/launching.rs"]
mod launching;
#[path = "policy/matrix.rs"]
mod matrix;
#[path = "policy/properties.rs"]
mod properties;
#[path = "policy/support.rs"]
mod support;
