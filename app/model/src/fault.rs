//! What a page or an API client is told when something cannot be done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a request was not answered. The words are for people: what, why, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nobody is logged in, or the session has ended.
    #[error("You are not logged in, or your session has ended.")]
    NotLoggedIn,
    /// Missing, misspelt, or not yours: the three are told alike.
    #[error("There is nothing here for you: the address is misspelt, the thing is gone, or it is not yours to see.")]
    NotFound,
    /// Known to the asker, but not allowed. `why` names the grant or rule.
    #[error("{why}")]
    Forbidden { why: String },
    /// Input that cannot be taken: a sentence per field, the empty name for the whole form. Nothing was changed.
    #[error("{}", fields_text(fields))]
    Invalid { fields: BTreeMap<String, String> },
    /// The thing has moved on since the page was drawn.
    #[error("{what}")]
    Conflict { what: String },
    /// A part that is needed is away; trying again later may help.
    #[error("{what}")]
    Unavailable { what: String },
    /// Our own fault. The request id leads to the log line.
    #[error("Something went wrong on our side. Nothing was changed. Request {request_id}.")]
    Internal { request_id: String },
}

impl Fault {
    /// One sentence about one field.
    #[must_use]
    pub fn field(name: &str, sentence: impl Into<String>) -> Self {
        Self::Invalid { fields: BTreeMap::from([(name.to_owned(), sentence.into())]) }
    }
    /// The HTTP status that says the same.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotLoggedIn => 401,
            Self::NotFound => 404,
            Self::Forbidden { .. } => 403,
            Self::Invalid { .. } => 422,
            Self::Conflict { .. } => 409,
            Self::Unavailable { .. } => 503,
            Self::Internal { .. } => 500,
        }
    }
}

fn fields_text(fields: &BTreeMap<String, String>) -> String {
    fields.values().cloned().collect::<Vec<_>>().join(" ")
}
