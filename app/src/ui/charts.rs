//! Charts: own SVG on pure geometry, drawn on the server, so that they stand in the first HTML.
//!
//! x runs in per cent and y in px, so plots stretch and text does not. Each is `role="img"` with a sentence and has a table twin;
//! the small ones in tables are hidden from readers. No inline style anywhere: the content security policy forbids it.

pub mod band;
pub mod draw;
pub mod geometry;
pub mod heat;
pub mod heatmap;
pub mod mini;
pub mod series;
pub mod small;

pub use mini::{mini_band, sparkline};
