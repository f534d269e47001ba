//! The only SQL: what the portal keeps, in SQLite or PostgreSQL, from one text.
//!
//! - Reads take [`Access`](windfirm_policy::Access); what its actor may not see does not come out, because the predicate is part of the SQL.
//! - Changes take a [`Permit`](windfirm_policy::Permit) for exactly that act, and work on the target that stands in the permit.
//! - Every time comes from the [`Clock`](windfirm_model::clock::Clock) that [`Store::open`] was given.
//!
//! Without either, because no actor exists there yet or no app is concerned: the session rows behind the cookie
//! ([`session::SessionRows`]), the transactions of a login that is under way ([`login`]), what k6 said of a content
//! ([`inspection`], found only by its digest), how long the queue is, and keys that portals share ([`Store::shared_key`]).
//!
//! Several portals may share a PostgreSQL ([`portals`]). A store that has joined writes what a run measures and becomes only while the
//! run is in its own portal's hands: each such statement looks at the run's owner in its own transaction, so a portal that was taken
//! for dead, and is not, changes nothing.
//!
//! To add a table: a migration with the next number in `/migrations/sqlite` and `/migrations/postgres`, its name in
//! [`db::migrate`], a module here with `const` SQL beside the functions that use it, and a test in `tests/conformance`,
//! which runs on both databases. SQL that works on both: `$1` parameters, `on conflict … returning`, row values, window
//! functions. Not `->>`, `any(array)`, `for update`, `like` (its case rules differ) or sums without a cast.
//!
//! It knows nothing of HTTP, pages, k6 or Git.

#[macro_use]
mod db_macros;

pub mod audit;
pub mod db;
pub mod deployments;
pub mod error;
pub mod ingest;
pub mod inspection;
pub mod login;
pub mod policy_version;
pub mod portals;
pub mod runs;
mod scope;
pub mod session;
mod values;

pub use db::Store;
pub use error::StoreError;
