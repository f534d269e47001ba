//! What is secret by its look (`eyJ….….…`) or by the word before it (`Bearer …`, `password=…`).

use super::{Rewrite, run_end};

/// Words that announce a secret in the same breath: `Bearer abc`.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];

/// Keys whose value is a secret, whatever it looks like. Compared without `-` and `_`, at the end of a key: `X-Api-Key`.
const KEYS: [&str; 11] = ["password", "passwd", "passphrase", "secret", "apikey", "accesskey", "privatekey", "authorization", "token", "cookie", "credential"];

/// A secret after a scheme is at least this long: “the bearer of news” keeps its words.
const SHORTEST_AFTER_SCHEME: usize = 6;

const fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

const fn in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '/' | '=' | '*')
}

/// `Bearer abc…` and `password=abc`.
pub(super) fn spoken(text: &str, count: &mut u64) -> Option<String> {
    let mut rewrite = Rewrite::new(text);
    let mut at = 0;
    while at < text.len() {
        let word_end = run_end(text, at, in_word);
        if word_end == at {
            at = run_end(text, at, |c| !in_word(c));
            continue;
        }
        let word = text.get(at..word_end).unwrap_or_default().to_ascii_lowercase();
        at = word_end;
        if let Some((from, to)) = after_key(text, &word, word_end).or_else(|| after_scheme(text, &word, word_end)) {
            rewrite.mask(from, to);
            at = to.max(word_end);
        }
    }
    rewrite.finish(count)
}

fn after_scheme(text: &str, word: &str, word_end: usize) -> Option<(usize, usize)> {
    if !SCHEMES.contains(&word) {
        return None;
    }
    let from = run_end(text, word_end, |c| c == ' ');
    let to = run_end(text, from, in_token);
    let secret = text.get(from..to)?;
    // “token refused” is a sentence; “token 7f3a…” is not.
    let telling = word == "bearer" || secret.contains(|c: char| c.is_ascii_digit() || c == '=' || c == '*');
    (from > word_end && secret.len() >= SHORTEST_AFTER_SCHEME && telling).then_some((from, to))
}

fn after_key(text: &str, word: &str, word_end: usize) -> Option<(usize, usize)> {
    let bare: String = word.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    if !KEYS.iter().any(|key| bare.ends_with(key)) {
        return None;
    }
    // `key=`, `key: `, `"key":"`, `\"key\": \"`
    let quote = |c: char| matches!(c, '"' | '\'' | '\\');
    let colon = run_end(text, word_end, quote);
    let after_colon = run_end(text, colon, |c| matches!(c, '=' | ':'));
    if after_colon == colon || text.get(after_colon..)?.starts_with("//") {
        return None;
    }
    let from = run_end(text, after_colon, |c| c == ' ' || quote(c) || c == '[');
    // `Authorization: Bearer …`: the scheme may stay.
    let scheme_end = run_end(text, from, in_word);
    let scheme = text.get(from..scheme_end)?.to_ascii_lowercase();
    if SCHEMES.contains(&scheme.as_str()) && text.get(scheme_end..)?.starts_with(' ') {
        let from = run_end(text, scheme_end, |c| c == ' ');
        return Some((from, value_end(text, from)));
    }
    Some((from, value_end(text, from)))
}

fn value_end(text: &str, from: usize) -> usize {
    run_end(text, from, |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | ',' | ';' | '&' | '}' | ']' | '<' | '>' | '#'))
}

/// `eyJ….….…`: the base64 of `{"` and two more parts.
pub(super) fn web_tokens(text: &str, count: &mut u64) -> Option<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut rewrite = Rewrite::new(text);
    for (from, _) in text.match_indices("eyJ") {
        let head = run_end(text, from, part);
        let body = run_end(text, (head + 1).min(text.len()), part);
        if head - from < 10 || !text.get(head..).is_some_and(|rest| rest.starts_with('.')) || body < head + 5 {
            continue;
        }
        let to = if text.get(body..).is_some_and(|rest| rest.starts_with('.')) { run_end(text, body + 1, part) } else { body };
        rewrite.mask(from, to);
    }
    rewrite.finish(count)
}
