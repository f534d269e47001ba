//! What was deployed of an app, from what is remembered and from what its cluster tells right now.

use windfirm_model::{
    fault::Fault,
    view::cluster::{DeploymentRow, LiveFacts},
};
use windfirm_store::deployments::Deployment;
use windfirm_tree::{Presence, graph::App};

use crate::context::Asker;

/// On the page of an app. A chart has twenty runs, and these stand between them.
const ROWS: u32 = 200;

impl Asker {
    /// Newest first. Nothing of an app whose cluster has it in a place that the asker may not see.
    pub(super) async fn deployment_rows(&self, app: &App, live: Option<&LiveFacts>) -> Result<Vec<DeploymentRow>, Fault> {
        if matches!(app.presence, Presence::Both | Presence::ClusterOnly) && app.live(&self.access).is_none() {
            return Ok(Vec::new());
        }
        let kept = self.portal.store.deployments(&self.access, &app.path, ROWS).await.map_err(|error| self.store_fault(&error))?;
        let told = live.and_then(|live| live.told.as_ref()).map(|told| told.deployments.clone()).unwrap_or_default();
        Ok(in_one(kept, told))
    }
}

/// What is kept, and what is told and may not be kept yet. One deployment that is in both, or is kept of a cluster under two names, is one.
fn in_one(kept: Vec<Deployment>, told: Vec<DeploymentRow>) -> Vec<DeploymentRow> {
    let kept = kept.into_iter().map(|one| DeploymentRow { at: Some(one.deployed), by: one.by, revisions: one.revisions });
    let mut rows: Vec<DeploymentRow> = told.into_iter().chain(kept).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    // Those of one moment stand side by side, what is told first.
    let mut found: Vec<DeploymentRow> = Vec::new();
    for row in rows {
        let same = |other: &&DeploymentRow| other.at == row.at && other.revisions == row.revisions;
        if row.at.is_none() || !found.iter().rev().take_while(|other| other.at == row.at).any(|other| same(&other)) {
            found.push(row);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use windfirm_model::clock::Timestamp;

    use super::*;

    fn kept(at: i64, revision: &str) -> Deployment {
        Deployment {
            cluster: "home".into(),
            namespace: "argocd".into(),
            name: "cart".into(),
            deployed: Timestamp(at),
            history: at,
            path: "/shop/cart/".parse().unwrap(),
            environment: "dev".into(),
            by: None,
            revisions: vec![revision.into()],
        }
    }

    #[test]
    fn what_is_kept_and_told_is_one_list_in_which_each_stands_once() {
        let told = |at: i64, revision: &str| DeploymentRow { at: Some(Timestamp(at)), by: None, revisions: vec![revision.into()] };
        let rows = in_one(vec![kept(3, "c"), kept(3, "x"), kept(1, "a"), kept(1, "a")], vec![told(4, "d"), told(3, "c")]);
        let rows: Vec<(i64, &str)> = rows.iter().map(|row| (row.at.unwrap().0, row.revisions[0].as_str())).collect();
        assert_eq!(rows, [(4, "d"), (3, "c"), (3, "x"), (1, "a")]);
    }
}
