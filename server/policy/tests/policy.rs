//! What a policy promises, told from outside the crate.

#[cfg(test)]
#[path = "policy/accounts.rs"]
mod accounts;
#[cfg(test)]
#[path = "policy/errors.rs"]
mod errors;
#[cfg(test)]
#[path = "policy/explaining.rs"]
mod explaining;
#[cfg(test)]
#[path = "policy/forgery.rs"]
mod forgery;
#[cfg(test)]
#[path = "policy/generated.rs"]
mod generated;
#[cfg(test)]
#[path = "policy/launching.rs"]
mod launching;
#[cfg(test)]
#[path = "policy/matrix.rs"]
mod matrix;
#[cfg(test)]
#[path = "policy/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "policy/secrets.rs"]
mod secrets;
#[cfg(test)]
#[path = "policy/support.rs"]
mod support;
#[cfg(test)]
#[path = "policy/within.rs"]
mod within;
