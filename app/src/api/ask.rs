//! The server's half of every server function: the portal of this request, and the status of its answer.

use std::sync::Arc;

use leptos::prelude::use_context;
use server_fn::{ServerFn, error::ServerFnUrlError};
use windfirm_model::fault::Fault;

use crate::{
    api::ApiError,
    platform::{send_back, set_call_status},
    portal::{Answer, Portal, PortalHandle},
};

/// The portal of this request. Missing only if the server forgot to provide it, which is our own fault.
pub(super) fn portal() -> Result<Arc<dyn Portal>, ApiError> {
    told(use_context::<PortalHandle>().map(|handle| handle.0).ok_or_else(|| Fault::Internal { request_id: "unknown".to_owned() }))
}

/// Hands on an answer; a fault also sets the status of the call.
pub(super) fn told<T>(answer: Answer<T>) -> Result<T, ApiError> {
    answer.map_err(|fault| {
        set_call_status(fault.status());
        ApiError::from(fault)
    })
}

/// The longest sentence that goes into an address, in characters.
const MOST_SENTENCE: usize = 600;

/// What was wrong, short enough for an address: k6's own messages have no bound.
fn brief(error: &ApiError) -> ApiError {
    let cut = |text: &String| match text.char_indices().nth(MOST_SENTENCE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.clone(),
    };
    let mut error = error.clone();
    match &mut error {
        ApiError::Portal { fault: Fault::Invalid { fields } } => fields.values_mut().for_each(|text| *text = cut(text)),
        ApiError::Portal { fault: Fault::Forbidden { why: text } | Fault::Conflict { what: text } | Fault::Unavailable { what: text } }
        | ApiError::Malformed { detail: text }
        | ApiError::Away { detail: text } => *text = cut(text),
        ApiError::Portal { .. } => {}
    }
    error
}

/// Sends a plain form back to `path` (one of our own) together with what was wrong, as the framework encodes it.
pub(super) fn back_with<F: ServerFn>(path: &str, error: &ApiError) {
    // The encoder wants a whole address; only what follows the origin is used.
    const ORIGIN: &str = "http://localhost";
    if let Ok(url) = ServerFnUrlError::new(F::PATH, brief(error)).to_url(&format!("{ORIGIN}{path}")) {
        send_back(url.as_str().strip_prefix(ORIGIN).unwrap_or(path));
    }
}
