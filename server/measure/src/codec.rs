//! Numbers and texts as bytes, for the blobs of seconds: varints, so that small numbers are short.
//!
//! Reading never trusts a length: it takes memory only for what is really there.

use crate::num;

#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    pub(crate) fn u128(&mut self, mut value: u128) {
        loop {
            let low = u8::try_from(value & 0x7f).unwrap_or(0);
            value >>= 7;
            if value == 0 {
                return self.byte(low);
            }
            self.byte(low | 0x80);
        }
    }
    pub(crate) fn u64(&mut self, value: u64) {
        self.u128(u128::from(value));
    }
    /// Zigzag: small negative numbers are short too.
    pub(crate) fn i128(&mut self, value: i128) {
        self.u128((value << 1).cast_unsigned() ^ (value >> 127).cast_unsigned());
    }
    pub(crate) fn f64(&mut self, value: f64) {
        self.bytes(&value.to_bits().to_le_bytes());
    }
    pub(crate) fn text(&mut self, text: &str) {
        self.u64(num::count(text.len()));
        self.bytes(text.as_bytes());
    }
}

/// Every method is `None` when the bytes end too early or are not what was asked for.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        self.0.split_off(..length)
    }
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(crate) fn u128(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.u128()?.try_into().ok()
    }
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.u128()?.try_into().ok()
    }
    pub(crate) fn i128(&mut self) -> Option<i128> {
        let zigzag = self.u128()?;
        Some((zigzag >> 1).cast_signed() ^ (zigzag & 1).cast_signed().wrapping_neg())
    }
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.i128()?.try_into().ok()
    }
    pub(crate) fn f64(&mut self) -> Option<f64> {
        Some(f64::from_bits(u64::from_le_bytes(self.array()?)))
    }
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u64()?).ok()?;
        std::str::from_utf8(self.take(length)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(a: u128, b: i128, c: f64, d: String) {
            let mut writer = Writer::default();
            writer.u128(a);
            writer.i128(b);
            writer.f64(c);
            writer.text(&d);
            let bytes = writer.into_bytes();
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.u128(), Some(a));
            prop_assert_eq!(reader.i128(), Some(b));
            prop_assert_eq!(reader.f64().map(f64::to_bits), Some(c.to_bits()));
            prop_assert_eq!(reader.text(), Some(d.as_str()));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let mut reader = Reader(&bytes);
            while !reader.is_empty() && reader.text().is_some() {}
            let _ = (reader.u128(), reader.i128(), reader.f64(), reader.u32(), reader.i64());
        }
    }
}
