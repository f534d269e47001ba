//! This computer has several names. Cookies belong to one of them, and identity providers send browsers back to the one in
//! `public_url`; so a page that is opened under another name of this computer leads there first.
//!
//! Never to anywhere else: the host comes from the configuration, only path and query from the request.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

use crate::{config::is_loopback, state::Portal};

/// The layer around everything that people open.
pub async fn lead_there(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let opens_page = matches!(*request.method(), Method::GET | Method::HEAD) && accepts_html(request.headers());
    match elsewhere(&portal.settings.public_url, request.headers(), request.uri()) {
        Some(there) if opens_page => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, there)]).into_response(),
        _ => next.run(request).await,
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/html"))
}

/// The same page at our own address, when it was asked for under another name of this computer.
fn elsewhere(public: &Url, headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let asked = Url::parse(&format!("http://{host}/")).ok()?;
    if !is_loopback(public) || !is_loopback(&asked) || asked.host() == public.host() {
        return None;
    }
    let here = uri.path_and_query().map_or("/", |here| here.as_str());
    // Begins with “/” by the shape of a request, so nothing of it can become part of the host.
    here.starts_with('/').then(|| format!("{}{here}", public.as_str().trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(public: &str, host: &str, path: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        elsewhere(&public.parse().unwrap(), &headers, &path.parse().unwrap())
    }

    #[test]
    fn another_name_of_this_computer_leads_to_ours() {
        let public = "http://127.0.0.1:7700/";
        assert_eq!(led(public, "localhost:7700", "/tree?q=a").as_deref(), Some("http://127.0.0.1:7700/tree?q=a"));
        assert_eq!(led(public, "[::1]:7700", "/").as_deref(), Some("http://127.0.0.1:7700/"));
        assert_eq!(led("http://localhost:7700/", "127.0.0.1:7700", "/").as_deref(), Some("http://localhost:7700/"));
        assert_eq!(led(public, "localhost:7700", "//evil.example/x").as_deref(), Some("http://127.0.0.1:7700//evil.example/x"));
    }

    #[test]
    fn everything_else_stays_where_it_is() {
        for (public, host) in [
            ("http://127.0.0.1:7700/", "127.0.0.1:7700"),
            // Forwarded to another port: the name is right, so the cookies are.
            ("http://127.0.0.1:7700/", "127.0.0.1:9000"),
            ("http://127.0.0.1:7700/", "evil.example"),
            ("http://127.0.0.1:7700/", "localhost.evil.example:7700"),
            ("http://127.0.0.1:7700/", "user@localhost:7700/x?"),
            ("http://127.0.0.1:7700/", ""),
            // A probe on the machine itself.
            ("https://windfirm.example/", "localhost:7700"),
        ] {
            assert_eq!(led(public, host, "/tree").as_deref().filter(|there| !there.starts_with(public)), None, "{host}");
        }
        assert_eq!(led("https://windfirm.example/", "localhost:7700", "/"), None);
        assert_eq!(led("http://127.0.0.1:7700/", "evil.example", "/"), None);
        assert_eq!(led("http://127.0.0.1:7700/", "127.0.0.1:9000", "/"), None);
    }
}
