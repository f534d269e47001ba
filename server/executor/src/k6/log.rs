//! k6's log lines (`--log-format=json`) as people read them: masked, on paths of the bundle, bounded.

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windfirm_measure::mask;
use windfirm_model::{clock::Timestamp, view::run::LogLine};

/// Longest text of one line, characters. A script that prints a whole answer does not need all of it to be understood.
const MOST_TEXT: usize = 4000;

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    time: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    error: String,
}

/// Reads one line. What is not k6's JSON (a Go panic, for one) is kept as an error in its own words.
///
/// `bundle_url` is how k6 names the folder of the scripts (`file:///…/bundle/`): people know the paths below it, not the folder.
#[must_use]
pub fn parse(line: &str, bundle_url: &str) -> LogLine {
    let (at, level, text) = match serde_json::from_str::<Wire>(line) {
        Ok(wire) => {
            let text = match (wire.msg.is_empty(), wire.error.is_empty()) {
                (false, false) => format!("{}: {}", wire.msg, wire.error),
                (true, _) => wire.error,
                (false, true) => wire.msg,
            };
            (timestamp(&wire.time), wire.level, text)
        }
        Err(_) => (None, "error".to_owned(), line.to_owned()),
    };
    let text = text.replace(bundle_url, "");
    let text = bundle_url.strip_prefix("file://").map_or_else(|| text.clone(), |path| text.replace(path, ""));
    let text = in_plain_words(text);
    let (masked, _) = mask::mask_text(&text);
    let mut text: String = masked.chars().take(MOST_TEXT).collect();
    if text.len() < masked.len() {
        text.push('…');
    }
    LogLine { at, level, text }
}

/// Whether this line tells of an error that the script threw and did not catch. What a script prints with `console.error` is none.
///
/// Fields come in the order of the alphabet, so that what tells stands before the level, also where a long message was cut. A quote of the
/// script's own is escaped there, so no message can pass for a field. Rejected promises have no hint; they come from the iteration's executor.
#[must_use]
pub fn is_uncaught(line: &str) -> bool {
    line.split_once(r#""level":"error""#).is_some_and(|(head, _)| {
        let of_k6_itself = head.starts_with(r#"{"error":"#);
        head.contains(r#""hint":"script exception""#) || (head.contains(r#""executor":"#) && !of_k6_itself)
    })
}

/// k6 tells a refused host as a refused proxy (see [`super::NOWHERE`]); the script knows of no proxy.
fn in_plain_words(text: String) -> String {
    let told = format!("proxyconnect tcp: IP ({}) is in a blacklisted range (", super::NOWHERE);
    match text.split_once(&told) {
        Some((before, after)) => {
            let after = after.split_once(')').map_or("", |(_, after)| after);
            format!("{before}this host is not one that the run may reach{after}")
        }
        None => text,
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1000).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_k6_is_read_and_its_paths_are_those_of_the_bundle() {
        let line = r#"{"error":"boom at file:///x/bundle/k6/a.js:1:2","level":"warning","msg":"Request Failed","time":"2026-01-02T03:04:05Z"}"#;
        let read = parse(line, "file:///x/bundle/");
        assert_eq!(read.level, "warning");
        assert_eq!(read.text, "Request Failed: boom at k6/a.js:1:2");
        assert_eq!(read.at, Some(Timestamp::from_seconds(1_767_323_045)));
    }

    #[test]
    fn what_is_not_json_is_an_error_in_its_own_words() {
        assert_eq!(parse("panic: oh", "file:///x/").level, "error");
        assert_eq!(parse("panic: oh", "file:///x/").text, "panic: oh");
    }

    #[test]
    fn a_host_that_is_not_allowed_is_told_so() {
        let line = r#"{"error":"Get \"http://a.test/\": proxyconnect tcp: IP (192.0.2.1) is in a blacklisted range (192.0.0.0/9)","level":"warning","msg":"Request Failed"}"#;
        assert_eq!(parse(line, "file:///x/").text, "Request Failed: Get \"http://a.test/\": this host is not one that the run may reach");
    }

    #[test]
    fn an_error_that_was_not_caught_is_told_from_one_that_was_printed() {
        // As k6 2.2.0 writes them.
        for uncaught in [
            r#"{"executor":"per-vu-iterations","hint":"script exception","level":"error","msg":"Error: boom \n","scenario":"s","source":"stacktrace","time":"2026-11-25T21:04:11Z"}"#,
            r#"{"executor":"per-vu-iterations","level":"error","msg":"Uncaught (in promise) Error: promise\n","scenario":"s","time":"2026-11-25T21:04:11Z"}"#,
            r#"{"hint":"script exception","level":"error","msg":"Error: in summary\n","source":"stacktrace","time":"2026-11-25T21:05:11Z"}"#,
            r#"{"executor":"constant-vus","hint":"script exception","level":"error","msg":"cut before its end"#,
        ] {
            assert!(is_uncaught(uncaught), "{uncaught}");
        }
        for other in [
            r#"{"level":"error","msg":"mine \"executor\":\"x\",\"level\":\"error\"","source":"console","time":"2026-11-25T21:04:11Z"}"#,
            r#"{"error":"too many","executor":"constant-arrival-rate","level":"error","msg":"Error while allocating unplanned VU","scenario":"s"}"#,
            r#"{"executor":"constant-vus","level":"warning","msg":"slow","scenario":"s"}"#,
            "panic: oh",
        ] {
            assert!(!is_uncaught(other), "{other}");
        }
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(parse(&"x".repeat(10_000), "file:///x/").text.chars().count(), MOST_TEXT + 1);
    }
}
