//! Requests whose shape says that they mean nothing here: answered before anything of them is looked for.

use axum::{
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// A longer name has no file on any disk, and the disk's complaint is not that it is missing.
const MOST_NAME_BYTES: usize = 255;
/// Of all names together, well below what a disk takes.
const MOST_PATH_BYTES: usize = 2_048;

/// Two hosts: whoever stands before us may have read the other one, so neither is taken.
pub async fn one_host(request: Request, next: Next) -> Response {
    if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
        return (StatusCode::BAD_REQUEST, "The request names two hosts (two lines “Host”). Send one.").into_response();
    }
    next.run(request).await
}

/// Whether a file can have this path.
#[must_use]
pub fn may_be_a_file(path: &str) -> bool {
    path.len() <= MOST_PATH_BYTES && path.split('/').all(|name| name.len() <= MOST_NAME_BYTES) && !path.contains("%00")
}
