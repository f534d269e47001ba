//! A place in the tree of apps, such as `/shop/payments/`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A path in the tree: starts and ends with `/`, so that `/shop/pay/` is never a prefix of `/shop/payments/`.
/// The root of the forest is `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppPath(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("a path starts with “/”; “{0}” does not")]
    NoLeadingSlash(String),
    #[error("a path ends with “/”, so that a prefix never matches half a name; write “{0}/”")]
    NoTrailingSlash(String),
    #[error("“{0}” has an empty name between two slashes")]
    EmptyName(String),
    #[error("“{0}” holds a character that no app name has; names are letters, digits, “-”, “.”, “_” and “~”")]
    BadCharacter(String),
    #[error("a path has at most 1,000 characters; this one has {0}")]
    TooLong(usize),
}

impl AppPath {
    /// The longest path in bytes.
    pub const MAX_BYTES: usize = 1_000;

    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether `other` is this place or lies below it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
    /// The smallest text greater than every path below this one: `path >= p and path < p.end()` is the subtree.
    #[must_use]
    pub fn end(&self) -> String {
        // “0” is the character after “/”.
        let mut text = self.0.clone();
        text.pop();
        text.push('0');
        text
    }
    /// One name below this place.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        format!("{}{name}/", self.0).parse()
    }
    /// The place above, or `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let inner = self.0.strip_suffix('/')?;
        let cut = inner.rfind('/')?;
        inner.get(..=cut).map(|text| Self(text.to_owned()))
    }
    /// The names from the root down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }
    /// The last name; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names().last().unwrap_or("")
    }
    /// How many names deep; 0 for the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.names().count()
    }
}

impl FromStr for AppPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::MAX_BYTES {
            return Err(PathError::TooLong(text.len()));
        }
        if !text.starts_with('/') {
            return Err(PathError::NoLeadingSlash(text.to_owned()));
        }
        if !text.ends_with('/') {
            return Err(PathError::NoTrailingSlash(text.to_owned()));
        }
        if text.contains("//") {
            return Err(PathError::EmptyName(text.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '/');
        if !text.chars().all(allowed) {
            return Err(PathError::BadCharacter(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}
impl TryFrom<String> for AppPath {
    type Error = PathError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
impl From<AppPath> for String {
    fn from(path: AppPath) -> Self {
        path.0
    }
}
impl fmt::Display for AppPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AppPath {
        text.parse().unwrap()
    }

    #[test]
    fn half_a_name_is_no_prefix() {
        assert!(path("/shop/").covers(&path("/shop/payments/")));
        assert!(path("/").covers(&path("/shop/")));
        assert!(!path("/shop/pay/").covers(&path("/shop/payments/")));
        assert!("/shop".parse::<AppPath>().is_err());
        assert!("shop/".parse::<AppPath>().is_err());
        assert!("/shop//x/".parse::<AppPath>().is_err());
        assert!("/shop/ä/".parse::<AppPath>().is_err());
    }

    #[test]
    fn the_range_of_a_path_is_its_subtree() {
        let shop = path("/shop/");
        for (text, inside) in [("/shop/", true), ("/shop/a/", true), ("/shop-x/", false), ("/shop0/", false), ("/shoe/", false)] {
            let other = path(text);
            assert_eq!(other.as_str() >= shop.as_str() && other.as_str() < shop.end().as_str(), inside, "{text}");
            assert_eq!(shop.covers(&other), inside, "{text}");
        }
    }

    #[test]
    fn parents_lead_to_the_root() {
        assert_eq!(path("/shop/payments/").parent(), Some(path("/shop/")));
        assert_eq!(path("/shop/").parent(), Some(AppPath::root()));
        assert_eq!(AppPath::root().parent(), None);
        assert_eq!(path("/shop/payments/").name(), "payments");
    }
}
