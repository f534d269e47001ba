//! Who is there: logging in and out through OpenID Connect, sessions, groups; and the identity provider of the demo.
//!
//! How the server uses it:
//!
//! 1. Implement [`LoginRows`] over the store, [`LoginAudit`] over the audit log, [`LoginPages`] over the pages at the door.
//! 2. `let identity = Arc::new(Identity::new(IdentityConfig::new(public_url, issuers), rows, clock)?);`, then `identity.warm().await` in the
//!    background, again and again ([`flow::WARM_EVERY`]); nothing waits for a provider, neither the start nor the page at the door.
//! 3. Merge [`routes`]`(IdentityState { identity, audit, pages, clock })` under the session layer and the CSRF layer:
//!    GET and POST `/login`, GET `/login/{issuer}/callback`, POST `/logout`, GET `/logged-out`.
//! 4. In every request: [`current_login`]`(&session, &*clock)`; in live streams now and then [`still_logged_in`].
//! 5. List [`Identity::form_origins`] in `form-action` of the content security policy.
//!
//! The session layer (tower-sessions) wants `SameSite=Lax`, `HttpOnly`, the `__Host-` name and `Secure` on https, and an inactivity expiry
//! of [`IDLE_LIMIT_S`] or more; the limits themselves are kept here. Its store must only *update* in `save`: one that inserts brings back a
//! session that another request has just ended.
//!
//! Two parts: this one may know the model and nothing else of Windfirm; [`demo`] is a provider like any other and shares no code with
//! the part that checks it.

pub mod config;
pub mod demo;
pub mod error;
pub mod flow;
pub mod hooks;
pub mod return_to;
pub mod routes;
pub mod rows;
pub mod session;

mod claims;
mod cookie;
mod exchange;
mod outbound;
mod provider;
mod strict;
mod verify;

pub use config::{ConfigError, IdentityConfig, IssuerConfig, Secret};
pub use error::LoginError;
pub use flow::{Departure, Finish, Identity};
pub use hooks::{AuditError, Choice, ChoosePage, LoginAudit, LoginPages, LogoutReach};
pub use return_to::own_path;
pub use routes::{Client, DoorEffect, DoorRoute, IdentityState, door_routes, routes};
pub use rows::{LOGIN_LIFETIME_S, LoginRow, LoginRows, RowsError};
pub use session::{ABSOLUTE_LIMIT_S, IDLE_LIMIT_S, LOGIN_KEY, SEEN_KEY, SessionError, begin_session, current_login, end_session, still_logged_in};
