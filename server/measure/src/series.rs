//! What a series is: a metric, its kind, and its tags. And which series are kept when there are too many.
//!
//! Which ones are kept must not depend on who came first, or the same frames in another order would give other numbers. So each series
//! has a place by the hash of its tags, and those with the smallest hashes are kept; all others are added up under one overflow series.
//! A series that is kept at the end was therefore kept all the time.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::{
    mask, num,
    wire::{Label, MetricType},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Counter,
    Gauge,
    Rate,
    Trend,
}

impl Kind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Counter => 1,
            Self::Gauge => 2,
            Self::Rate => 3,
            Self::Trend => 4,
        }
    }
    pub(crate) fn parse(code: u8) -> Option<Self> {
        [Self::Counter, Self::Gauge, Self::Rate, Self::Trend].into_iter().find(|kind| kind.code() == code)
    }
    pub(crate) fn from_wire(kind: i32) -> Option<Self> {
        match MetricType::try_from(kind).ok()? {
            MetricType::Unspecified => None,
            MetricType::Counter => Some(Self::Counter),
            MetricType::Gauge => Some(Self::Gauge),
            MetricType::Rate => Some(Self::Rate),
            MetricType::Trend => Some(Self::Trend),
        }
    }
}

/// A metric of one kind. The same name under two kinds is two metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Family {
    pub name: String,
    pub kind: Kind,
}

/// Tags in ascending order of their names, each name once, masked and cut to their bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tags(Vec<(String, String)>);

/// The name of what is over a bound: the metric, and the `name` tag.
pub const OTHER: &str = "other";

/// The longest tag name or value in bytes.
pub const TAG_BYTES: usize = 300;

/// The most tags of one series.
pub const TAGS: usize = 40;

impl Tags {
    /// The tags of everything that is over the bound.
    #[must_use]
    pub fn other() -> Self {
        Self(vec![("name".to_owned(), OTHER.to_owned())])
    }

    /// From the wire; also how many texts were cut and how many tags were left out.
    pub(crate) fn from_labels(labels: &[Label]) -> (Self, u64, u64) {
        let mut cut = 0;
        let mut tags: Vec<_> = labels
            .iter()
            .map(|label| {
                let pair = (tidy(&label.name), tidy(&label.value));
                cut += u64::from(pair.0.1) + u64::from(pair.1.1);
                (pair.0.0, pair.1.0)
            })
            .collect();
        tags.sort_unstable();
        // k6 sends each name once; of two values the greater is kept, so that their order does not matter.
        tags.reverse();
        tags.dedup_by(|a, b| a.0 == b.0);
        tags.reverse();
        let left_out = num::count(tags.len().saturating_sub(TAGS));
        tags.truncate(TAGS);
        (Self(tags), cut, left_out)
    }

    pub(crate) fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
    pub(crate) fn hash(&self) -> u64 {
        let mut hash = Sha256::new();
        for (name, value) in self.iter() {
            for text in [name, value] {
                hash.update(num::count(text.len()).to_be_bytes());
                hash.update(text);
            }
        }
        first_bytes(&hash.finalize())
    }
}

impl Family {
    /// Metrics of k6 itself come first, so that no script can crowd them out.
    pub(crate) fn place(&self) -> (bool, u64) {
        let built_in = ["http_", "iteration", "dropped_iterations", "vus", "checks", "data_", "group_duration", "ws_", "grpc_", "browser_"];
        let own = !built_in.iter().any(|start| self.name.starts_with(start)) || self.name.len() > 40;
        (own, first_bytes(&Sha256::digest(&self.name)))
    }
    /// Whether it is one of the script's own.
    pub(crate) fn is_custom(&self) -> bool {
        self.place().0
    }
    pub(crate) fn other(kind: Kind) -> Self {
        Self { name: OTHER.to_owned(), kind }
    }
}

fn first_bytes(hash: &[u8]) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// A text as it is kept in a tag, and whether it was cut.
pub(crate) fn tidy(text: &str) -> (String, bool) {
    let (masked, _) = mask::mask_text(text);
    if masked.len() <= TAG_BYTES {
        return (masked.into_owned(), false);
    }
    let end = masked.floor_char_boundary(TAG_BYTES - '…'.len_utf8());
    (format!("{}…", masked.get(..end).unwrap_or_default()), true)
}

/// The `limit` smallest of all that were ever offered; fewer when some had to go for other reasons.
#[derive(Clone, Debug)]
pub(crate) struct Smallest<T> {
    limit: usize,
    kept: BTreeSet<T>,
    /// This and what is greater is refused.
    ceiling: Option<T>,
}

/// What became of an offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offer<T> {
    Kept,
    /// Kept, and this one had to go.
    Pushed(T),
    Refused,
}

impl<T: Ord + Clone> Smallest<T> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, kept: BTreeSet::new(), ceiling: None }
    }
    pub(crate) fn offer(&mut self, item: &T) -> Offer<T> {
        if self.ceiling.as_ref().is_some_and(|ceiling| item >= ceiling) {
            return Offer::Refused;
        }
        if self.kept.len() < self.limit {
            self.kept.insert(item.clone());
            return Offer::Kept;
        }
        if self.kept.last().is_none_or(|last| item >= last) {
            return Offer::Refused;
        }
        self.kept.insert(item.clone());
        self.kept.pop_last().map_or(Offer::Kept, Offer::Pushed)
    }
    /// Gives the greatest up, for good.
    pub(crate) fn shrink(&mut self) -> Option<T> {
        self.ceiling = Some(self.kept.pop_last()?);
        self.ceiling.clone()
    }
    /// Refuses `ceiling` and what is greater from now on; what of it was kept has to go.
    pub(crate) fn lower(&mut self, ceiling: T) -> BTreeSet<T> {
        let gone = self.kept.split_off(&ceiling);
        if self.ceiling.as_ref().is_none_or(|known| *known > ceiling) {
            self.ceiling = Some(ceiling);
        }
        gone
    }
}
