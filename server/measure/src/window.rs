//! Windows: everything that was measured in one run, merged by series and second.
//!
//! Merging is commutative and associative: the same deliveries in any order give the same bytes. Every bound counts what it turned away
//! under its own name, in the second in which that was received. One [`Merger`] belongs to one execution.

mod blob;
mod bound;
mod merger;

pub use self::{
    blob::BlobError,
    bound::{Bound, Limits},
    merger::{Merged, Merger},
};

#[cfg(test)]
mod tests;
