//! The addresses of our own pages, in one place: what a link says and what the router matches.

use windfirm_model::{id::RunId, path::AppPath, view::launch::LaunchRequest};

/// Text as one value of a query string.
#[must_use]
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/' | b',' | b':' | b'*');
        if plain {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A path with a query; absent and empty values are left out.
#[must_use]
pub fn with_query(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let query = pairs
        .iter()
        .filter_map(|(name, value)| value.filter(|text| !text.is_empty()).map(|text| format!("{name}={}", encode(text))))
        .collect::<Vec<_>>()
        .join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// `/apps/shop/payments/`.
#[must_use]
pub fn app(path: &AppPath) -> String {
    format!("/apps{path}")
}

/// A tab of an app page; the overview has no word.
#[must_use]
pub fn app_tab(path: &AppPath, tab: &str) -> String {
    with_query(&app(path), &[("tab", Some(tab))])
}

/// The launch form, filled as far as it is known. `test` is the script's path in the repository.
#[must_use]
pub fn launch(path: &AppPath, test: Option<&str>) -> String {
    with_query("/launch", &[("path", Some(path.as_str())), ("test", test)])
}

/// The launch form with everything that was typed; for a form that was refused and must not lose it.
#[must_use]
pub fn launch_again(request: &LaunchRequest) -> String {
    let LaunchRequest { path, test, profile, vus, duration, env, reason, once } = request;
    let pairs = [("path", path), ("test", test), ("profile", profile), ("vus", vus), ("duration", duration), ("env", env), ("reason", reason), ("once", once)];
    with_query("/launch", &pairs.map(|(name, value)| (name, Some(value.as_str()))))
}

#[must_use]
pub fn run(id: RunId) -> String {
    format!("/runs/{id}")
}

/// The whole log of a run, from a line on.
#[must_use]
pub fn run_log(id: RunId, from: u64) -> String {
    if from == 0 { format!("/runs/{id}/log") } else { format!("/runs/{id}/log?from={from}") }
}

/// The stream of [`windfirm_model::view::run::LiveTick`]s.
#[must_use]
pub fn run_events(id: RunId) -> String {
    format!("/runs/{id}/events")
}

/// The history, cut to a subtree.
#[must_use]
pub fn runs_of(path: &AppPath) -> String {
    with_query("/runs", &[("path", Some(path.as_str()))])
}

/// Why somebody may (not) do something here.
#[must_use]
pub fn access(path: &AppPath) -> String {
    with_query("/access", &[("path", Some(path.as_str()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_leave_out_what_is_empty_and_escape_the_rest() {
        assert_eq!(with_query("/tree", &[("q", Some("a b&c")), ("env", None), ("view", Some(""))]), "/tree?q=a%20b%26c");
        assert_eq!(with_query("/tree", &[]), "/tree");
        let path = "/shop/payments/".parse().unwrap();
        assert_eq!(launch(&path, Some("apps/k6/a.js")), "/launch?path=/shop/payments/&test=apps/k6/a.js");
        assert_eq!(app_tab(&path, ""), "/apps/shop/payments/");
        let typed = LaunchRequest { path: "/shop/".to_owned(), env: "A=1\nB=2".to_owned(), ..LaunchRequest::default() };
        assert_eq!(launch_again(&typed), "/launch?path=/shop/&env=A%3D1%0AB%3D2");
    }
}
