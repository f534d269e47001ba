//! What the portal knows of its clusters and accounts, as pages show it.
//!
//! The one seam between the watches and the preflight on one side and the pages on the other. A portal that reads no cluster knows
//! nothing here, and its pages show nothing of it.

use windfirm_model::view::cluster::{AccountFindings, ClusterState};
use windfirm_tree::graph::App;

use crate::context::Asker;

impl Asker {
    /// How well each cluster is heard that the live side of the tree comes from.
    pub(super) fn cluster_states(&self) -> Vec<ClusterState> {
        Vec::new()
    }

    /// What the last preflight found of the account that a launch of the asker's on this app would act as.
    pub(super) fn findings_for(&self, _app: &App) -> Option<AccountFindings> {
        None
    }

    /// What the last preflight found of the accounts that the asker's own grants name, or of all accounts for those who may explain
    /// access everywhere.
    pub(super) fn all_findings(&self) -> Vec<AccountFindings> {
        Vec::new()
    }
}
