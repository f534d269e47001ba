//! From the JSON of the API server to what is kept of it.
//!
//! Every field may be missing or `null`. Long lists are read entry by entry, so that an object of megabytes needs little more
//! memory than what is kept of it.

use std::fmt;
use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windfirm_model::clock::Timestamp;

use super::Text;

pub(super) mod meta;
pub(super) mod source;
pub(super) mod status;

/// Messages are cut after this many bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 300;

/// `null` is the same as nothing.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What a long list is made to, entry by entry.
pub(super) trait Gather<'de>: Default {
    type Entry: Deserialize<'de>;
    fn take(&mut self, entry: Self::Entry);
}

/// Reads a list into something smaller.
pub(super) fn gathered<'de, D: Deserializer<'de>, G: Gather<'de>>(deserializer: D) -> Result<G, D::Error> {
    struct Entries<G>(PhantomData<G>);
    impl<'de, G: Gather<'de>> Visitor<'de> for Entries<G> {
        type Value = G;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<G, A::Error> {
            let mut gathered = G::default();
            while let Some(entry) = entries.next_element::<Option<G::Entry>>()? {
                if let Some(entry) = entry {
                    gathered.take(entry);
                }
            }
            Ok(gathered)
        }
        fn visit_unit<E>(self) -> Result<G, E> {
            Ok(G::default())
        }
        fn visit_none<E>(self) -> Result<G, E> {
            Ok(G::default())
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<G, D::Error> {
            deserializer.deserialize_seq(self)
        }
    }
    deserializer.deserialize_option(Entries(PhantomData))
}

/// The first so many of a list of texts.
pub(super) struct Few<const MOST: usize>(pub(super) Vec<Text>);

impl<const MOST: usize> Default for Few<MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
impl<const MOST: usize> Gather<'_> for Few<MOST> {
    type Entry = Text;
    fn take(&mut self, entry: Text) {
        if self.0.len() < MOST {
            self.0.push(entry);
        }
    }
}

pub(super) fn some(text: Option<String>) -> Option<Text> {
    text.filter(|text| !text.is_empty()).map(String::into_boxed_str)
}

/// A message, cut between two characters.
pub(super) fn message(text: Option<String>) -> Option<Text> {
    let mut text = text.filter(|text| !text.is_empty())?;
    if text.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    Some(text.into_boxed_str())
}

/// RFC 3339 as Kubernetes writes it.
pub(super) fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text?, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000).ok().map(Timestamp)
}
