//! What is secret in a URL: who asks, and what the query and the fragment carry.

use super::{Rewrite, run_end};

/// Ends a URL in running text. Brackets do not: they may stand in a query, and half a secret is a secret.
const fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`')
}

/// `http://ben:secret@host` → `http://***@host`.
pub(super) fn user_info(text: &str, count: &mut u64) -> Option<String> {
    let mut rewrite = Rewrite::new(text);
    for (at, scheme) in text.match_indices("://") {
        let from = at + scheme.len();
        let end = run_end(text, from, |c| !ends_url(c) && !matches!(c, '/' | '?' | '#'));
        if let Some(host) = text.get(from..end).and_then(|authority| authority.rfind('@')) {
            rewrite.mask(from, from + host);
        }
    }
    rewrite.finish(count)
}

/// `?token=abc&x=1` → `?token=***&x=***`, in queries and in fragments.
pub(super) fn queries(text: &str, count: &mut u64) -> Option<String> {
    let mut rewrite = Rewrite::new(text);
    for (at, _) in text.match_indices(['?', '#']) {
        let mut from = at + 1;
        // A fragment begins its own list, which the outer loop finds.
        let end = run_end(text, from, |c| !ends_url(c) && c != '#');
        while from < end {
            let next = run_end(text, from, |c| !matches!(c, '&' | ';')).min(end);
            let pair = text.get(from..next).unwrap_or_default();
            if let Some(equals) = pair.find('=')
                && equals > 0
            {
                rewrite.mask(from + equals + 1, next);
            }
            from = next + 1;
        }
    }
    rewrite.finish(count)
}
