//! Parameters of a query or a form, each at most once.

use url::form_urlencoded;

/// Names and values in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// None when a name comes twice (RFC 6749, section 3.1).
    pub(super) fn read(encoded: &str) -> Option<Self> {
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded.as_bytes()) {
            if given.iter().any(|(other, _)| *other == name) {
                return None;
            }
            given.push((name.into_owned(), value.into_owned()));
        }
        Some(Self(given))
    }
    /// A value; an empty one counts as left out.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
    /// One of the words between spaces.
    pub(super) fn has_word(&self, name: &str, word: &str) -> bool {
        self.get(name).is_some_and(|text| text.split(' ').any(|other| other == word))
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
