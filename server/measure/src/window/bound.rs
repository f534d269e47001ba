//! The bounds of a merger, each with a name under which it counts.

/// How much one run may measure, and with it how much memory it may take.
///
/// What takes memory is cells, one for each series in each second: about 150 bytes for a count and 300 for a trend of a few values. A
/// request of one name has seven trends and two counts, so 2,000 addresses for ten minutes would be three gigabytes. With the bounds
/// below it is at most about a quarter of one for all of k6's metrics of requests together, and as much again for 100 custom metrics at
/// their bound. What is `other` has one cell for each metric and second, and does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Distinct tag sets of one metric; the rest is added up under `other`.
    pub series_per_metric: usize,
    /// Metrics; the rest is added up under `other`. k6's own are never among the rest.
    pub metrics: usize,
    /// Series times seconds of one metric of k6 itself; beyond it series go to `other`, whole, until the rest fits.
    pub cells_per_metric: usize,
    /// The same for one metric of the script's own.
    pub cells_per_custom_metric: usize,
    /// A value whose second lies further than this before (or after) its delivery is turned away.
    pub lateness_s: i64,
    /// A value later than this after the start is turned away.
    pub span_s: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series_per_metric: 2_000, metrics: 400, cells_per_metric: 100_000, cells_per_custom_metric: 10_000, lateness_s: 120, span_s: 24 * 3_600 }
    }
}

macro_rules! bounds {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $weight:ident, $name:literal;)+) => {
        /// What can be turned away, cut or put together. Codes stand in stored blobs: never renumbered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Bound {
            $($(#[$doc])* $variant,)+
        }
        impl Bound {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// For people, after a count: “12 values that came more than 120 s late”.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
            /// Whether numbers are missing because of it. Otherwise only names are.
            #[must_use]
            pub const fn loses(self) -> bool {
                match self { $(Self::$variant => Weight::$weight.loses(),)+ }
            }
            pub(crate) const fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

enum Weight {
    Loses,
    Keeps,
}

impl Weight {
    const fn loses(&self) -> bool {
        matches!(self, Self::Loses)
    }
}

bounds! {
    Late = 1, Loses, "values that came too late";
    Ahead = 2, Loses, "values from the future";
    OutsideSpan = 3, Loses, "values outside the time of the run";
    Malformed = 4, Loses, "values that do not hold together";
    UnknownKind = 5, Loses, "values of an unknown kind";
    Unreadable = 6, Loses, "deliveries that cannot be read";
    SeriesTogether = 7, Keeps, "values put together under “other”: too many series of one metric, or too many for the length of the run";
    TagsCut = 8, Keeps, "tags that were too long and were cut";
    TagsLeftOut = 9, Keeps, "tags left out: too many on one series";
}

impl Bound {
    pub(crate) fn parse(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|bound| bound.code() == code)
    }
}
