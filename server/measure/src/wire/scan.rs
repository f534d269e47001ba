//! Counts what a delivery holds before anything is made of it.
//!
//! Two bytes on the wire can become a hundred in memory, so a body within its size limit could still fill the machine. This walk
//! over the fields takes no memory and stops at the first bound that is passed.

use prost::{
    bytes::Buf as _,
    encoding::{WireType, decode_key, decode_varint},
};

use super::{Bounds, WireError};

struct Count {
    metrics: usize,
    series: usize,
    labels: usize,
    values: usize,
    buckets: usize,
}

/// Whether everything that `plain` holds is within bounds.
pub(super) fn check(plain: &[u8], bounds: &Bounds) -> Result<(), WireError> {
    let mut count = Count { metrics: 0, series: 0, labels: 0, values: 0, buckets: 0 };
    each(plain, |field, set| {
        if field != 3 {
            return Ok(());
        }
        step(&mut count.metrics, 1, bounds.metrics, "metrics")?;
        each(set, |field, metric| if field == 3 { series(metric, bounds, &mut count) } else { Ok(()) })
    })
}

fn series(plain: &[u8], bounds: &Bounds, count: &mut Count) -> Result<(), WireError> {
    step(&mut count.series, 1, bounds.series, "time series")?;
    each(plain, |field, inside| match field {
        1 => step(&mut count.labels, 1, bounds.labels, "labels"),
        2..=5 => each(inside, |field, value| {
            if field != 1 {
                return Ok(());
            }
            step(&mut count.values, 1, bounds.values, "values")?;
            // Only histograms go deeper; in the other kinds these fields are numbers and are passed over.
            each(value, |field, list| match field {
                2 => step(&mut count.buckets, list.len(), bounds.buckets, "histogram buckets"),
                3 => step(&mut count.buckets, 1, bounds.buckets, "histogram buckets"),
                _ => Ok(()),
            })
        }),
        _ => Ok(()),
    })
}

fn step(count: &mut usize, by: usize, limit: usize, what: &'static str) -> Result<(), WireError> {
    *count = count.saturating_add(by);
    if *count > limit { Err(WireError::TooMany { what, limit }) } else { Ok(()) }
}

/// Calls `found` for each field of a message that has a length: messages, texts, packed lists.
fn each(mut rest: &[u8], mut found: impl FnMut(u32, &[u8]) -> Result<(), WireError>) -> Result<(), WireError> {
    while rest.has_remaining() {
        let (field, wire_type) = decode_key(&mut rest).map_err(|error| WireError::NotMetrics(error.to_string()))?;
        let skip = match wire_type {
            WireType::Varint => {
                decode_varint(&mut rest).map_err(|error| WireError::NotMetrics(error.to_string()))?;
                0
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => {
                let length = decode_varint(&mut rest).map_err(|error| WireError::NotMetrics(error.to_string()))?;
                let inside = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
                let Some((inside, after)) = inside else {
                    return Err(WireError::NotMetrics("a field ends after the end of the delivery".to_owned()));
                };
                found(field, inside)?;
                rest = after;
                0
            }
            WireType::StartGroup | WireType::EndGroup => {
                return Err(WireError::NotMetrics("it uses groups, which k6 never does".to_owned()));
            }
        };
        let Some((_, after)) = rest.split_at_checked(skip) else {
            return Err(WireError::NotMetrics("a number ends after the end of the delivery".to_owned()));
        };
        rest = after;
    }
    Ok(())
}
