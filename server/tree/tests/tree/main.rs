//! The crate from outside: real repositories, the graph, the pages.

#[cfg(test)]
mod git;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod live;
#[cfg(test)]
mod live_events;
#[cfg(test)]
mod live_forest;
#[cfg(test)]
mod live_join;
#[cfg(test)]
mod live_pages;
#[cfg(test)]
mod live_projects;
#[cfg(test)]
mod live_support;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod support;
