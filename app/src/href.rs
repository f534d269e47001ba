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

/// The same with a profile, where one is chosen.
#[must_use]
pub fn launch_as(path: &AppPath, test: &str, profile: &str) -> String {
    launch_after(path, test, profile, "")
}

/// The same, to start when a Secret of the tests changes.
#[must_use]
pub fn launch_after(path: &AppPath, test: &str, profile: &str, secret: &str) -> String {
    with_query("/launch", &[("path", Some(path.as_str())), ("test", Some(test)), ("profile", Some(profile)), ("after", Some(secret))])
}

/// The longest address of a launch form, in bytes. Servers take 64 KiB at most, and what was wrong stands in it, too.
const MOST_FORM_BYTES: usize = 40 << 10;

/// The launch form with everything that was typed; for a form that was refused and must not lose it.
#[must_use]
pub fn launch_again(request: &LaunchRequest) -> String {
    launch_within(request, MOST_FORM_BYTES)
}

/// The same in at most `most_bytes`. A text that does not fit loses its end, and its field is named in `cut`, so that the form says
/// so. No field takes the room of those after it: what is short and what is dear comes first.
#[must_use]
pub fn launch_within(request: &LaunchRequest, most_bytes: usize) -> String {
    /// Names, signs, and `cut` with every name in it.
    const FRAME_BYTES: usize = 200;
    let LaunchRequest { path, test, profile, vus, duration, runners, after, env, reason, once, cut: before } = request;
    let mut left = most_bytes.saturating_sub(FRAME_BYTES);
    let mut cut: Vec<&str> = Vec::new();
    let [path, test, once, profile, vus, duration, runners, after, reason, env] = [
        ("path", path, 2_000),
        ("test", test, 2_000),
        ("once", once, 200),
        ("profile", profile, 100),
        ("vus", vus, 100),
        ("duration", duration, 100),
        ("runners", runners, 100),
        ("after", after, 300),
        ("reason", reason, 8_000),
        ("env", env, usize::MAX),
    ]
    .map(|(name, text, most)| {
        let (kept, bytes) = fitting(text, left.min(most));
        left = left.saturating_sub(bytes);
        if kept.len() < text.len() || before.split(',').any(|other| other == name) {
            cut.push(name);
        }
        (name, Some(kept))
    });
    let cut = cut.join(",");
    with_query("/launch", &[path, test, profile, vus, duration, runners, after, env, reason, once, ("cut", Some(cut.as_str()))])
}

/// The beginning of a text that fits into so many bytes, encoded, and how many it takes.
fn fitting(text: &str, most_bytes: usize) -> (&str, usize) {
    let (mut end, mut bytes) = (0, 0_usize);
    for (at, character) in text.char_indices() {
        let next = at.saturating_add(character.len_utf8());
        let more = bytes.saturating_add(encode(text.get(at..next).unwrap_or_default()).len());
        if more > most_bytes {
            break;
        }
        (end, bytes) = (next, more);
    }
    (text.get(..end).unwrap_or_default(), bytes)
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

    #[test]
    fn what_does_not_fit_into_an_address_is_cut_and_named() {
        let typed = LaunchRequest {
            path: "/shop/".to_owned(),
            reason: "ä".repeat(400),
            env: "A=€\n".repeat(30_000),
            once: "once-1".to_owned(),
            ..LaunchRequest::default()
        };
        for most in [2_000, 10_000, MOST_FORM_BYTES] {
            let address = launch_within(&typed, most);
            assert!(address.len() <= most, "{} of {most}", address.len());
            assert!(address.starts_with("/launch?path=/shop/&") && address.contains("&once=once-1"), "{address}");
            assert_eq!(address.contains("cut=reason,env"), most == 2_000, "what is dear is kept longest");
            assert_eq!(address.contains("cut=env"), most > 2_000);
        }
        // Nothing is half a character, and a form that lost something goes on saying so.
        let again = LaunchRequest { reason: "short".to_owned(), cut: "reason".to_owned(), ..LaunchRequest::default() };
        assert_eq!(launch_again(&again), "/launch?reason=short&cut=reason");
    }
}
