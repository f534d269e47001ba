//! What a server function answers when it cannot do what was asked.

use leptos::server_fn::{codec::JsonEncoding, error::FromServerFnError};
use serde::{Deserialize, Serialize};
use server_fn::error::ServerFnErrorErr;
use windfirm_model::fault::Fault;

/// A fault of the portal, or trouble on the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ApiError {
    /// The portal said no, and why.
    #[error("{fault}")]
    Portal { fault: Fault },
    /// The call was not understood: a field is missing or of a wrong type. Nothing was changed.
    #[error("The request was not understood: {detail}. Nothing was changed. Reload the page and try again.")]
    Malformed { detail: String },
    /// The portal could not be reached, or its answer could not be read.
    #[error("The portal cannot be reached right now. What you see may be old. Try again in a moment.")]
    Away { detail: String },
}

impl ApiError {
    /// The fault that pages show.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Portal { fault } => fault,
            Self::Malformed { .. } => Fault::field("", self.to_string()),
            Self::Away { .. } => Fault::Unavailable { what: self.to_string() },
        }
    }

    /// The sentence about one field of a form, if there is one.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        match self {
            Self::Portal { fault: Fault::Invalid { fields } } => fields.get(name).map(String::as_str),
            _ => None,
        }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Portal { fault }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(detail) | ServerFnErrorErr::MissingArg(detail) => {
                crate::platform::set_call_status(422);
                Self::Malformed { detail }
            }
            other => Self::Away { detail: other.to_string() },
        }
    }
}
