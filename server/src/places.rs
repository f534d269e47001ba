//! Places for runs: the portal's own machine and each cluster have some, and who finds none free waits.

use std::collections::HashMap;

use windfirm_model::{
    id::PortalId,
    run::{RunState, RunStateKind},
};
use windfirm_store::runs::RunRecord;

/// The cluster that carries a run out; `None`: a portal's own machine.
#[must_use]
pub fn cluster_of(run: &RunRecord) -> Option<&str> {
    run.manifest.placement.as_ref().map(|placement| placement.cluster.as_str())
}

/// Runs that have a place, by where it is. On portals' own machines each has its own places: those of portal `own` are counted.
#[must_use]
pub fn taken(runs: &[RunRecord], own: Option<PortalId>) -> HashMap<Option<&str>, u32> {
    count(runs.iter().filter(|run| !run.state.kind().is_before_start() && (run.owner == own || cluster_of(run).is_some())))
}

/// Runs that wait for a place, by where it will be.
#[must_use]
pub fn wanted(runs: &[RunRecord]) -> HashMap<Option<&str>, u32> {
    count(runs.iter().filter(|run| is_queued(run)))
}

/// How many stand in the queue, or wait for a Secret: each has its bound.
#[must_use]
pub fn standing_beside(runs: &[RunRecord], waits_for_secret: bool) -> u32 {
    let wanted = if waits_for_secret { RunStateKind::Waiting } else { RunStateKind::Queued };
    u32::try_from(runs.iter().filter(|run| run.state.kind() == wanted).count()).unwrap_or(u32::MAX)
}

#[must_use]
pub const fn is_queued(run: &RunRecord) -> bool {
    matches!(run.state, RunState::Queued)
}

fn count<'r>(runs: impl Iterator<Item = &'r RunRecord>) -> HashMap<Option<&'r str>, u32> {
    let mut counted: HashMap<Option<&str>, u32> = HashMap::new();
    for run in runs {
        let number = counted.entry(cluster_of(run)).or_default();
        *number = number.saturating_add(1);
    }
    counted
}
