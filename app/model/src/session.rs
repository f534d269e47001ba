//! What is remembered of a login, in the session row and nowhere else.

use serde::{Deserialize, Serialize};

use crate::{
    actor::{Groups, PersonKey},
    clock::Timestamp,
};

/// The key under which a session's data holds its [`Login`].
pub const LOGIN_KEY: &str = "login";

/// Without any request for this long, a session has ended.
pub const IDLE_LIMIT_S: i64 = 30 * 60;

/// A person who has logged in. Stays on the server; the browser holds a random id only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub person: PersonKey,
    pub name: String,
    pub groups: Groups,
    /// When the session began, and when it ends whatever happens.
    pub began: Timestamp,
    pub absolute_end: Timestamp,
    /// When the person last proved who they are (`auth_time`, else the login itself).
    pub authenticated: Timestamp,
    /// Needed to log out at the identity provider; never sent to the browser.
    pub id_token: String,
    /// Browser and address in short, for the list of one's own sessions.
    pub client: String,
}

impl Login {
    #[must_use]
    pub fn actor(&self) -> crate::actor::Actor {
        crate::actor::Actor::Person { key: self.person.clone(), name: self.name.clone(), groups: self.groups.clone() }
    }
}
