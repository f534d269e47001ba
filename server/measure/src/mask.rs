//! Takes secrets out of tag values and log text, before anything of them is kept.
//!
//! Masked are: user info and every value of a query or fragment in URLs (keys stay), what looks like a JSON web token, what follows
//! `Bearer` or `Basic`, and what follows a telling key such as `password=`. It masks rather too much than too little, and masking twice
//! changes nothing. It cannot know a secret that looks like a plain word.

mod token;
mod url;

use std::borrow::Cow;

use crate::wire::MetricSet;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Far more than any text needs: the second round finds nothing but in texts made for it.
const ROUNDS: u32 = 16;

/// Masks one line or a whole log; the number is how many values were masked.
#[must_use]
pub fn mask_text(text: &str) -> (Cow<'_, str>, u64) {
    let passes: [fn(&str, &mut u64) -> Option<String>; 4] = [url::user_info, url::queries, token::spoken, token::web_tokens];
    let mut masked = Cow::Borrowed(text);
    let mut count = 0;
    // A mask can bring to light what looks like a secret only now, so it goes on until nothing changes. Only masked text goes round again.
    for _ in 0..ROUNDS {
        let before = count;
        for pass in passes {
            if let Some(changed) = pass(&masked, &mut count) {
                masked = Cow::Owned(changed);
            }
        }
        if count == before {
            break;
        }
    }
    (masked, count)
}

/// Masks every label of a delivery in place, names too; the number is how many values were masked.
pub fn mask_set(set: &mut MetricSet) -> u64 {
    let mut total = 0;
    for series in set.metrics.iter_mut().flat_map(|metric| &mut metric.time_series) {
        for label in &mut series.labels {
            for text in [&mut label.name, &mut label.value] {
                if let (Cow::Owned(masked), count) = mask_text(text) {
                    *text = masked;
                    total += count;
                }
            }
        }
    }
    total
}

/// Rebuilds a text piece by piece: what is kept, and masks in between. Nothing is copied until the first mask.
struct Rewrite<'a> {
    text: &'a str,
    done: usize,
    out: String,
    masks: u64,
}

impl<'a> Rewrite<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, done: 0, out: String::new(), masks: 0 }
    }
    /// Puts a mask in the place of `from..to`, unless there is nothing or one already stands there.
    fn mask(&mut self, from: usize, to: usize) {
        let Some(secret) = self.text.get(from..to) else { return };
        if from < self.done || secret.chars().all(|c| c == '*' || c == ':') {
            return;
        }
        self.out.push_str(self.text.get(self.done..from).unwrap_or_default());
        self.out.push_str(MASK);
        self.done = to;
        self.masks += 1;
    }
    fn finish(mut self, count: &mut u64) -> Option<String> {
        if self.masks == 0 {
            return None;
        }
        self.out.push_str(self.text.get(self.done..).unwrap_or_default());
        *count += self.masks;
        Some(self.out)
    }
}

/// The end of the stretch from `from` in which every character passes, as a byte index.
fn run_end(text: &str, from: usize, mut passes: impl FnMut(char) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.find(|c| !passes(c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

    #[test]
    fn the_corpus_is_masked_as_written_here() {
        let jwt_in_text = format!("got {JWT}, went on");
        let jwt_in_path = format!("http://h/a/{JWT}/b");
        for (text, masked, count) in [
            ("http://h/a?token=abc&x=1#top", "http://h/a?token=***&x=***#top", 2),
            ("http://h/a?token=abc#access_token=def&n=1", "http://h/a?token=***#access_token=***&n=***", 3),
            ("/checkout?id=17;page=2", "/checkout?id=***;page=***", 2),
            ("http://ben:pa55@h:80/a", "http://***@h:80/a", 1),
            ("http://ben:p@ss@h:80/a", "http://***@h:80/a", 1),
            ("https://tok3n@h/", "https://***@h/", 1),
            ("http://****:****@h/a?x=y", "http://****:****@h/a?x=***", 1),
            ("http://h/a?empty=&flag&x=", "http://h/a?empty=&flag&x=", 0),
            ("Get \"http://h/a?k=v\": dial tcp: refused", "Get \"http://h/a?k=***\": dial tcp: refused", 1),
            ("{\\\"url\\\":\\\"http://h/?k=v\\\"}", "{\\\"url\\\":\\\"http://h/?k=***\\\"}", 1),
            ("http://h/a?k=a)b]c,d}e", "http://h/a?k=***", 1),
            ("http://h/a?k=a=b=c&l=ü%20ü", "http://h/a?k=***&l=***", 2),
            ("http://h/a?filter[name]=x", "http://h/a?filter[name]=***", 1),
            ("http://h/a?next=http://i/?t=1", "http://h/a?next=***", 1),
            ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***", 1),
            ("authorization: bearer  ABC.def-123_~+/==", "authorization: bearer  ***", 1),
            ("Authorization: Basic YmVuOnBhNTU=", "Authorization: Basic ***", 1),
            ("authorization=Token 0123456789", "authorization=Token ***", 1),
            ("password=hunter2 and more", "password=*** and more", 1),
            ("{\"password\":\"hunter2\",\"user\":\"ben\"}", "{\"password\":\"***\",\"user\":\"ben\"}", 1),
            ("client_secret: s3cr3t, api-key: 'abc'", "client_secret: ***, api-key: '***'", 2),
            ("X-Api-Key: 12345", "X-Api-Key: ***", 1),
            ("is it 3? yes", "is it 3? yes", 0),
            ("a=b and c=d", "a=b and c=d", 0),
            ("the bearer of news", "the bearer of news", 0),
            ("tokens: 3 of 5 used", "tokens: 3 of 5 used", 0),
            ("mail ben@example.com or see http://h/@scope/pkg", "mail ben@example.com or see http://h/@scope/pkg", 0),
            ("", "", 0),
            ("?", "?", 0),
            (jwt_in_text.as_str(), "got ***, went on", 1),
            (jwt_in_path.as_str(), "http://h/a/***/b", 1),
            ("eyJhbGci is no token", "eyJhbGci is no token", 0),
        ] {
            let (out, masks) = mask_text(text);
            assert_eq!(out, masked, "{text}");
            assert_eq!(masks, count, "{text}");
        }
    }

    #[test]
    fn a_delivery_is_masked_in_every_label() {
        use crate::wire::{Label, Metric, TimeSeries};
        let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        let mut set = MetricSet {
            metrics: vec![Metric {
                time_series: vec![TimeSeries {
                    labels: vec![label("url", "http://h/?token=abc"), label("error", "Get \"http://u:p@h/\": EOF"), label("method", "GET")],
                    samples: None,
                }],
                ..Metric::default()
            }],
            ..MetricSet::default()
        };
        assert_eq!(mask_set(&mut set), 2);
        let values: Vec<_> = set.metrics[0].time_series[0].labels.iter().map(|label| label.value.as_str()).collect();
        assert_eq!(values, ["http://h/?token=***", "Get \"http://***@h/\": EOF", "GET"]);
        assert_eq!(mask_set(&mut set), 0);
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing(text in "([ -~ü€]|https?://|\\?|=|&|@|:|eyJ|\\.|[Bb]earer |password=|\"|\\*\\*\\*){0,40}") {
            let (once, _) = mask_text(&text);
            let (twice, count) = mask_text(&once);
            prop_assert_eq!(&once, &twice);
            prop_assert_eq!(count, 0);
        }

        #[test]
        fn no_query_value_survives(value in "[A-Z]{6}[0-9]{6}", key in "[a-z]{1,8}", path in "[a-z/]{0,10}") {
            let text = format!("level=info msg=\"http://host/{path}?a=1&{key}={value}\"");
            prop_assert!(!mask_text(&text).0.contains(&value));
        }
    }
}
