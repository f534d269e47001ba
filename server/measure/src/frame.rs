//! A frame: one delivery as it is kept, masked and packed, under the key that k6 gave it.
//!
//! Frames are the truth; windows, percentiles and verdicts can be made again from them.

use sha2::{Digest as _, Sha256};
use windfirm_model::clock::Timestamp;

use crate::{
    mask,
    wire::{self, MetricSet},
};

/// The longest key that is taken, bytes, at the runner and at the portal alike: what one takes the other takes. k6's have 16 characters.
pub const MOST_KEY_BYTES: usize = 100;

/// One delivery, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// k6's `K6-Idempotency-Key`: the same delivery, tried again, has the same key.
    pub key: String,
    /// When it reached us, microseconds since the epoch.
    pub received_us: i64,
    /// As [`wire::encode`] packs it, after masking.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Masks a delivery and packs it for keeping. Also says how many values were masked.
    #[must_use]
    pub fn keep(key: &str, received: Timestamp, set: &mut MetricSet) -> (Self, u64) {
        let masked = mask::mask_set(set);
        (Self { key: key.to_owned(), received_us: received.0, payload: wire::encode(set) }, masked)
    }
    #[must_use]
    pub const fn received(&self) -> Timestamp {
        Timestamp(self.received_us)
    }
}

/// SHA-256 over frames, in hex: the `results_digest` of the manifest. The order in which they are given does not matter.
#[must_use]
pub fn digest<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> String {
    let mut digester = Digester::default();
    for frame in frames {
        digester.add(frame);
    }
    digester.finish()
}

/// [`digest`] for frames that come one by one. Keeps 32 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    frames: Vec<[u8; 32]>,
}

impl Digester {
    pub fn add(&mut self, frame: &Frame) {
        let mut hash = Sha256::new();
        hash.update(crate::num::count(frame.key.len()).to_be_bytes());
        hash.update(frame.key.as_bytes());
        hash.update(frame.received_us.to_be_bytes());
        hash.update(&frame.payload);
        self.frames.push(hash.finalize().into());
    }
    #[must_use]
    pub fn finish(mut self) -> String {
        self.frames.sort_unstable();
        let mut hash = Sha256::new();
        for frame in &self.frames {
            hash.update(frame);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: &str, payload: &[u8]) -> Frame {
        Frame { key: key.to_owned(), received_us: 5, payload: payload.to_vec() }
    }

    #[test]
    fn the_digest_knows_each_byte_but_no_order() {
        let (a, b) = (frame("a", b"1"), frame("b", b"2"));
        let whole = digest([&a, &b]);
        assert_eq!(whole.len(), 64);
        assert_eq!(whole, digest([&b, &a]));
        for other in [frame("b", b"3"), frame("c", b"2"), Frame { received_us: 6, ..b.clone() }] {
            assert_ne!(whole, digest([&a, &other]));
        }
        assert_ne!(whole, digest([&a]));
        // The border between key and payload counts.
        assert_ne!(digest([&frame("ab", b"c")]), digest([&frame("a", b"bc")]));
    }
}
