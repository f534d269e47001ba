//! Who may do what, as which service account.
//!
//! One YAML file compiles into a [`Policy`]. From it and an actor comes one [`Access`]: it answers for one thing
//! ([`Access::can`]), yields the rows of the SQL predicate for lists ([`Access::scopes`]), and makes the [`Permit`] without
//! which nothing can be changed. Because all three come from one value, they cannot disagree (invariant 1).
//!
//! Pure: no async, no I/O. It knows nothing of the store, the web or k6.

pub mod access;
pub mod account;
pub mod act;
pub mod compile;
pub mod error;
pub mod explain;
pub mod guardrail;
pub mod host;
mod index;
mod pattern;
pub mod permit;
pub mod policy;
pub mod secret;
mod within;

pub use access::{Access, Decision, GrantUse, Place, Refused, Scope, ScopeSet};
pub use account::AccountUse;
pub use compile::compile;
pub use error::{PolicyError, Position, Problem};
pub use explain::{explain, explain_all};
pub use guardrail::{Facts, LaunchRefused, Limits};
pub use host::{HostPattern, HostPort};
pub use permit::{Permit, Resource};
pub use policy::{AppFacts, Policy};
pub use secret::{AccountSecret, SecretRule};
