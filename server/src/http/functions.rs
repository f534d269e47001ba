//! The addresses of the server functions. What the framework takes loosely, or answers in words for developers, is decided here
//! before it: an unknown name, a wrong method, a body of another kind, one that is too large or breaks off.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest as _, Request},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use windfirm_app::api::{ApiError, PREFIX};
use windfirm_model::fault::Fault;

const FORM: &str = "application/x-www-form-urlencoded";

/// The layer around pages and functions.
pub async fn check(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(PREFIX) {
        return next.run(request).await;
    }
    match checked(request).await {
        Ok(request) => next.run(request).await,
        Err(answer) => *answer,
    }
}

/// The request with its whole body, or the answer to one that cannot be taken. Nothing was changed then.
async fn checked(request: Request) -> Result<Request, Box<Response>> {
    let path = request.uri().path();
    let methods: Vec<Method> = server_fn::axum::server_fn_paths().filter(|(known, _)| *known == path).map(|(_, method)| method).collect();
    if methods.is_empty() {
        return Err(Box::new((StatusCode::NOT_FOUND, Json(ApiError::from(Fault::NotFound))).into_response()));
    }
    if !methods.contains(request.method()) {
        let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let mut response = malformed(StatusCode::METHOD_NOT_ALLOWED, &format!("it has to be sent with {allowed}"));
        response.headers_mut().extend(HeaderValue::from_str(&allowed).ok().map(|value| (header::ALLOW, value)));
        return Err(response);
    }
    if request.method() == Method::GET {
        return Ok(request);
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
        return Err(malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("its body has to be a form ({FORM})")));
    }
    let (parts, body) = request.into_parts();
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => malformed(StatusCode::PAYLOAD_TOO_LARGE, "its body is too large"),
        _ => malformed(StatusCode::BAD_REQUEST, "its body broke off"),
    })?;
    if std::str::from_utf8(&body).is_err() {
        return Err(malformed(StatusCode::BAD_REQUEST, "its body is not UTF-8"));
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn malformed(status: StatusCode, detail: &str) -> Box<Response> {
    Box::new((status, Json(ApiError::Malformed { detail: detail.to_owned() })).into_response())
}
