//! The crate from outside: real repositories, the graph, the pages.

mod git;
mod graph;
mod manifests;
mod pages;
mod properties;
mod support;
