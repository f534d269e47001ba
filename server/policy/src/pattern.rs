//! Patterns of environment rules: a text in which `*` stands for any characters, also none.

/// `*-prod`, `shop-*`, `*`. Case matters, as it does in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether every text matches.
    pub(crate) fn matches_all(&self) -> bool {
        !self.0.is_empty() && self.0.chars().all(|c| c == '*')
    }
    /// Takes each piece between stars at its first place: as the stars are free, the first place is never worse than a later one.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((head, tail)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut rest) = text.strip_prefix(head) else { return false };
        let (middle, last) = tail.rsplit_once('*').unwrap_or(("", tail));
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            let Some((_, after)) = rest.split_once(piece) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in [
            ("*-prod", "shop-prod", true),
            ("*-prod", "-prod", true),
            ("*-prod", "shop-production", false),
            ("shop-*", "shop-", true),
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*b*", "abc", true),
            ("a*b*b", "ab", false),
            ("**", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
        assert!(Pattern::new("*").matches_all());
        assert!(!Pattern::new("").matches_all());
    }
}
