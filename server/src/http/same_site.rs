//! A change is taken from our own pages only.
//!
//! There are no tokens in forms: browsers say themselves where a request comes from, in `Sec-Fetch-Site` or `Origin`, and
//! tower-http's layer refuses what comes from elsewhere. That layer takes a request with neither for one of a program without
//! anybody's cookie, and lets it pass. Here nothing but our pages sends changes (runners have a way of their own, outside this
//! layer), and every browser that can show them sends at least one of the two. So neither is refused as well: it costs nobody
//! anything, and does not rely on what an unknown browser leaves out.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::csrf::ProtectionError;

const REFUSED: &str = "Nothing was changed: this did not come from a page of Windfirm. Open the page here and try again. \
    A program has to send the header “Sec-Fetch-Site: same-origin”.";

/// The answer to what comes from elsewhere.
pub fn refused(_: ProtectionError) -> Response {
    metrics::counter!("windfirm_cross_site_refused_total").increment(1);
    (StatusCode::FORBIDDEN, REFUSED).into_response()
}

fn says_where_from(headers: &HeaderMap) -> bool {
    ["sec-fetch-site", "origin"].iter().any(|name| headers.get(*name).is_some_and(|value| !value.is_empty()))
}

/// Refuses a change whose request does not say where it comes from.
pub async fn require_word(request: Request, next: Next) -> Response {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_reading || says_where_from(request.headers()) {
        return next.run(request).await;
    }
    metrics::counter!("windfirm_cross_site_refused_total").increment(1);
    (StatusCode::FORBIDDEN, REFUSED).into_response()
}
