//! The ordinary routes: every address that is neither a page of the app nor a server function, each with who may ask and what
//! it changes.
//!
//! The router is built from these entries and from nothing else, and `server/tests/portal/coverage.rs` walks through the same
//! entries: a new route without a case there fails the test.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodRouter, get, post},
};

/// Who gets an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anybody,
    /// A runner, by the token of its execution.
    Runners,
    /// Somebody who is logged in; the handler asks what they may.
    LoggedIn,
}

/// What a request may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    Nothing,
    /// Something that stands on the record: the audit log has rows of it.
    Recorded,
    /// What the asker's own browser remembers, and nothing here.
    Browser,
    /// The measurements of one execution.
    Measurements,
}

/// One route, as the tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordinary {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    pub changes: Changes,
}

/// One route, with what answers it.
pub(crate) struct Entry<S> {
    pub(crate) about: Ordinary,
    handler: MethodRouter<S>,
}

/// A route that is asked with GET and changes nothing.
pub(crate) fn reads<H, T, S>(path: &'static str, who: Who, handler: H) -> Entry<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Entry { about: Ordinary { method: Method::GET, path, who, changes: Changes::Nothing }, handler: get(handler) }
}

/// A route that is asked with POST, because it changes something.
pub(crate) fn changes<H, T, S>(path: &'static str, who: Who, changes: Changes, handler: H) -> Entry<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Entry { about: Ordinary { method: Method::POST, path, who, changes }, handler: post(handler) }
}

/// The router of these entries.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(entries: Vec<Entry<S>>) -> Router<S> {
    entries.into_iter().fold(Router::new(), |router, entry| router.route(entry.about.path, entry.handler))
}
