//! A second as bytes: what the store keeps beside the frames, so that a restart need not read them all again.
//!
//! `WFS`, a version byte, then zstd over: the second, delivery keys, notes, metrics with their series in ascending order, and, where
//! series were put together under `other`, the least hash of those by metric.

use std::collections::BTreeMap;

use windfirm_model::clock::Timestamp;

use super::{
    Bound, Limits, Merger,
    merger::{Changes, Second},
};
use crate::{
    cell::Cell,
    codec::{Reader, Writer},
    num,
    series::{Family, Kind, Tags},
};

const MAGIC: &[u8] = b"WFS\x01";

/// Fast, and small enough: most of a blob is repeated tag text.
const LEVEL: i32 = 3;

/// No second unpacks to more than this.
const UNPACKED_BYTES: usize = 256 << 20;

/// A stored second cannot be read. The frames can still make it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    #[error("A stored second is not of a version that this portal reads; rebuild it from the frames.")]
    Version,
    #[error("A stored second cannot be unpacked ({0}); rebuild it from the frames.")]
    Packing(String),
    #[error("A stored second is damaged; rebuild it from the frames.")]
    Damaged,
}

impl Merger {
    /// One second, self-contained. A second in which nothing happened is a short blob too.
    #[must_use]
    pub fn encode_second(&self, second: i64) -> Vec<u8> {
        let mut out = Writer::default();
        let nothing = Second::default();
        let at = self.seconds.get(&second).unwrap_or(&nothing);
        out.i128(i128::from(second));
        out.u64(num::count(at.keys.len()));
        at.keys.iter().for_each(|key| out.bytes(&key.to_be_bytes()));
        out.u64(num::count(at.notes.len()));
        for (bound, count) in &at.notes {
            out.byte(bound.code());
            out.u64(*count);
        }
        // Ids depend on who came first; names do not.
        let mut families: BTreeMap<&Family, BTreeMap<&Tags, &Cell>> = BTreeMap::new();
        for (id, cell) in &at.cells {
            if let Some(series) = self.series(*id) {
                families.entry(&series.family).or_default().insert(&series.tags, cell);
            }
        }
        out.u64(num::count(families.len()));
        for (family, series) in families {
            out.text(&family.name);
            out.byte(family.kind.code());
            out.u64(num::count(series.len()));
            for (tags, cell) in series {
                out.u64(num::count(tags.iter().len()));
                for (name, value) in tags.iter() {
                    out.text(name);
                    out.text(value);
                }
                cell.write(&mut out);
            }
        }
        let folded = self.folded(at);
        if !folded.is_empty() {
            out.u64(num::count(folded.len()));
            for (family, hash) in folded {
                out.text(&family.name);
                out.byte(family.kind.code());
                out.u64(hash);
            }
        }
        let plain = out.into_bytes();
        // Packing into memory does not fail; were it to, an empty blob is refused by `restore`, and the frames still hold everything.
        let packed = zstd::bulk::compress(&plain, LEVEL).unwrap_or_default();
        [MAGIC, packed.as_slice()].concat()
    }

    /// A merger as it was, from the blobs of its seconds in any order.
    ///
    /// # Errors
    /// When a blob is of another version or damaged: then [`Merger::from_frames`].
    pub fn restore<B: AsRef<[u8]>>(origin: Timestamp, limits: Limits, blobs: impl IntoIterator<Item = B>) -> Result<Self, BlobError> {
        let mut merger = Self::new(origin, limits);
        let mut changes = Changes::default();
        for blob in blobs {
            let packed = blob.as_ref().strip_prefix(MAGIC).ok_or(BlobError::Version)?;
            let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
            let size = size.filter(|size| *size <= UNPACKED_BYTES).ok_or(BlobError::Damaged)?;
            let plain = zstd::bulk::decompress(packed, size).map_err(|error| BlobError::Packing(error.to_string()))?;
            merger.read_second(&mut Reader(&plain), &mut changes).ok_or(BlobError::Damaged)?;
        }
        merger.settle(changes);
        Ok(merger)
    }

    fn read_second(&mut self, from: &mut Reader<'_>, changes: &mut Changes) -> Option<()> {
        let second = from.i64()?;
        for _ in 0..from.u64()? {
            let key = u128::from_be_bytes(from.array()?);
            self.take_key_hash(key, second, changes);
        }
        for _ in 0..from.u64()? {
            let bound = Bound::parse(from.byte()?)?;
            let count = from.u64()?;
            self.note_at(second, bound, count, changes);
        }
        for _ in 0..from.u64()? {
            let family = family(from)?;
            for _ in 0..from.u64()? {
                let mut pairs = Vec::new();
                for _ in 0..from.u64()? {
                    pairs.push((from.text()?.to_owned(), from.text()?.to_owned()));
                }
                let cell = Cell::read(family.kind, from)?;
                let kept = self.series_id(&family, &Tags::from_pairs(pairs), changes);
                self.add(kept, second, &cell, changes);
            }
        }
        if from.is_empty() {
            return Some(());
        }
        for _ in 0..from.u64()? {
            let wanted = family(from)?;
            let hash = from.u64()?;
            // A metric that went to `other` itself has no series of its own to refuse.
            if self.family(&wanted, changes) == wanted {
                self.refuse_from(&wanted, hash, second, changes);
            }
        }
        from.is_empty().then_some(())
    }
}

fn family(from: &mut Reader<'_>) -> Option<Family> {
    Some(Family { name: from.text()?.to_owned(), kind: Kind::parse(from.byte()?)? })
}
