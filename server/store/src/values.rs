//! Small conversions between the words of the domain and columns.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::types::Json;
use windfirm_model::{clock::Timestamp, environment::Environment, path::AppPath};

use crate::error::StoreError;

/// A document column.
pub(crate) type Doc = Json<Value>;

/// Text as both databases can keep it: PostgreSQL has no NUL in text.
pub(crate) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// For “part of a name” filters: the same folding on both sides and on both databases.
pub(crate) fn folded(text: &str) -> String {
    plain(text).to_lowercase()
}

/// A document as both databases can keep it.
pub(crate) fn doc<T: Serialize>(table: &'static str, value: &T) -> Result<Doc, StoreError> {
    let mut value = serde_json::to_value(value).map_err(|error| StoreError::unreadable(table, error))?;
    without_nul(&mut value);
    Ok(Json(value))
}

pub(crate) fn undoc<T: DeserializeOwned>(table: &'static str, doc: Doc) -> Result<T, StoreError> {
    serde_json::from_value(doc.0).map_err(|error| StoreError::unreadable(table, error))
}

fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = plain(text),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(fields) => {
            if fields.keys().any(|name| name.contains('\0')) {
                *fields = std::mem::take(fields).into_iter().map(|(name, field)| (plain(&name), field)).collect();
            }
            fields.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

pub(crate) fn path(table: &'static str, text: &str) -> Result<AppPath, StoreError> {
    text.parse().map_err(|error| StoreError::unreadable(table, error))
}

pub(crate) const fn environment(text: String) -> Environment {
    Environment(text)
}

pub(crate) fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp)
}

/// A count for a column.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count from a column.
pub(crate) fn uncount(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A small count from a column.
pub(crate) fn small(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
