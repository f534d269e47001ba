//! The patterns of `directory.include` and `directory.exclude`: `*`, `?`, `[a-z]`, `{a,b}`. As in Argo CD, `*` also matches `/`.

/// Longer patterns match nothing; nobody writes them by hand.
const MAX_PATTERN: usize = 500;
/// How many alternatives `{…}` may unfold to.
const MAX_ALTERNATIVES: usize = 100;

/// Whether one of the alternatives of `pattern` matches the whole of `text`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len() > MAX_PATTERN {
        return false;
    }
    let text: Vec<char> = text.chars().collect();
    unfold(pattern).iter().any(|one| matches_one(&one.chars().collect::<Vec<_>>(), &text))
}

/// The same where `*` and `?` end at `separator`, as Argo CD reads the sources of a project; `**` goes on. Classes and alternatives are not read.
pub(crate) fn matches_between(pattern: &str, text: &str, separator: char) -> bool {
    if pattern.len() > MAX_PATTERN {
        return false;
    }
    // What is matched so far may end after any number of characters: each part of the pattern moves these ends on.
    let text: Vec<char> = text.chars().collect();
    let mut ends = vec![false; text.len().saturating_add(1)];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    let mut pattern = pattern.chars().peekable();
    while let Some(character) = pattern.next() {
        let deep = character == '*' && pattern.next_if_eq(&'*').is_some();
        let mut next = vec![false; ends.len()];
        // Whether some end stands before the next character, and it can be taken on.
        let mut open = false;
        for (at, end) in ends.iter().enumerate() {
            let taken = text.get(at).copied();
            let Some(here) = next.get_mut(at) else { continue };
            if character == '*' {
                open |= *end;
                *here = open;
                open &= deep || taken != Some(separator);
            } else if *end
                && taken.is_some_and(|taken| taken == character || (character == '?' && taken != separator))
                && let Some(after) = next.get_mut(at.saturating_add(1))
            {
                *after = true;
            }
        }
        ends = next;
    }
    ends.last().copied().unwrap_or(false)
}

/// `{a,b}c` → `ac`, `bc`.
fn unfold(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        let braces = next.find('{').and_then(|start| next.get(start..).and_then(|rest| rest.find('}')).map(|length| (start, start.saturating_add(length))));
        match braces {
            Some((start, end)) if done.len().saturating_add(open.len()) < MAX_ALTERNATIVES => {
                let (before, rest) = next.split_at(start);
                let inner = rest.get(1..end.saturating_sub(start)).unwrap_or_default();
                let after = next.get(end.saturating_add(1)..).unwrap_or_default();
                open.extend(inner.split(',').map(|alternative| format!("{before}{}{after}", alternative.trim())));
            }
            _ => done.push(next),
        }
    }
    done
}

/// The usual two-finger walk: on a mismatch, the last star takes one more character. Never exponential.
fn matches_one(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&character) = text.get(t) {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p = p.saturating_add(1);
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(pattern.get(p..).unwrap_or_default(), character),
            Some(&wanted) => (wanted == character).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(width), _) => {
                p = p.saturating_add(width);
                t = t.saturating_add(1);
            }
            (None, Some((star_p, star_t))) => {
                t = star_t.saturating_add(1);
                p = star_p.saturating_add(1);
                star = Some((star_p, t));
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|rest| *rest == '*')
}

/// How many characters the `[…]` at the start takes, if it allows `character`.
fn class(pattern: &[char], character: char) -> Option<usize> {
    let end = pattern.iter().position(|c| *c == ']')?;
    let inner = pattern.get(1..end)?;
    let (negated, inner) = match inner.split_first() {
        Some(('!' | '^', rest)) => (true, rest),
        _ => (false, inner),
    };
    let mut found = inner.contains(&character);
    for window in inner.windows(3) {
        if let [low, '-', high] = window {
            found |= (*low..=*high).contains(&character);
        }
    }
    (found != negated).then_some(end.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_argo_reads_them() {
        for (pattern, text, expected) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "deep/a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("{a,b*}.yaml", "bcd.yaml", true),
            ("{a,b*}.yaml", "c.yaml", false),
            ("env-[ab]/?.json", "env-b/x.json", true),
            ("env-[!a-c]*", "env-b", false),
            ("env-[!a-c]*", "env-d", true),
            ("", "", true),
            ("{", "{", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_star_between_slashes_ends_at_them() {
        for (pattern, text, expected) in [
            ("https://git.example/*", "https://git.example/shop", true),
            ("https://git.example/*", "https://git.example/team/shop", false),
            ("https://git.example/**", "https://git.example/team/shop", true),
            ("https://*/team/*", "https://git.example/team/shop", true),
            ("https://*/team/*", "https://git.example/other/shop", false),
            ("**/shop", "git.example/team/shop", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a*", "a", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches_between(pattern, text, '/'), expected, "{pattern} on {text}");
        }
        assert!(!matches_between(&format!("{}b", "*a".repeat(200)), &"a".repeat(2_000), '/'));
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = format!("{}b", "*a".repeat(200));
        assert!(!matches(&pattern, &"a".repeat(2_000)));
        assert!(!matches(&"{a,b}".repeat(40), "x"));
    }
}
