//! What Argo CD deployed, and when. It keeps the last few entries of an Application's history; trends look further back.

use windfirm_model::{action::Action, clock::Timestamp, environment::Environment, path::AppPath};
use windfirm_policy::{Access, Permit, act::KeepDeployments};

use crate::{
    db::Store,
    error::StoreError,
    values::{self, Doc},
};

const TABLE: &str = "deployments";

/// An entry of the history of one Application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The cluster that the Application was read from, by its name in the configuration.
    pub cluster: String,
    pub namespace: String,
    pub name: String,
    /// When it was deployed, as Argo CD says.
    pub deployed: Timestamp,
    /// Counts up over the life of the object; it begins anew when the object is made again.
    pub history: i64,
    /// Where the app stood in the tree when this was first seen, and the environment that it was deployed to.
    pub path: AppPath,
    pub environment: Environment,
    /// Who asked for it; `None` for Argo CD itself.
    pub by: Option<String>,
    /// One for each source.
    pub revisions: Vec<String>,
}

const ADD: &str = "
insert into deployments (cluster, namespace, name, deployed_us, history, path, environment, by_name, revisions, seen_us)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing";

// The row to stand behind is the last one that stays; where there are fewer, there is none, and nothing goes.
const TRIM: &str = "
delete from deployments where path = $1 and (deployed_us, history, cluster, namespace, name) < (
    select deployed_us, history, cluster, namespace, name from deployments where path = $1
    order by deployed_us desc, history desc, cluster desc, namespace desc, name desc limit 1 offset $2)";

const OF_APP: &str = concat!(
    "select d.cluster, d.namespace, d.name, d.deployed_us, d.history, d.path, d.environment, d.by_name, d.revisions from deployments d where ",
    in_scope!("d"),
    " and d.path = $2 order by d.deployed_us desc, d.history desc, d.cluster, d.namespace, d.name limit $3"
);

row! {
    struct DeploymentRow {
        cluster: String,
        namespace: String,
        name: String,
        deployed_us: i64,
        history: i64,
        path: String,
        environment: String,
        by_name: Option<String>,
        revisions: Doc,
    }
}

impl DeploymentRow {
    fn read(self) -> Result<Deployment, StoreError> {
        Ok(Deployment {
            cluster: self.cluster,
            namespace: self.namespace,
            name: self.name,
            deployed: Timestamp(self.deployed_us),
            history: self.history,
            path: values::path(TABLE, &self.path)?,
            environment: values::environment(self.environment),
            by: self.by_name,
            revisions: values::undoc(TABLE, self.revisions)?,
        })
    }
}

impl Store {
    /// Keeps those that are not kept yet, all or none; of each app no more than the newest `most`, which is at least one. Returns how many
    /// were new. What is known already stays as it was first seen, also if the app stands elsewhere now.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_deployments(&self, _permit: &Permit<KeepDeployments>, deployments: &[Deployment], most: u32) -> Result<u64, StoreError> {
        let now = self.now();
        let mut tx = self.begin().await?;
        let mut new = 0_u64;
        let mut grown: Vec<&AppPath> = Vec::new();
        for one in deployments {
            let (cluster, namespace, name) = (values::plain(&one.cluster), values::plain(&one.namespace), values::plain(&one.name));
            let by = one.by.as_deref().map(values::plain);
            let revisions = values::doc(TABLE, &one.revisions)?;
            let (path, environment) = (one.path.as_str(), one.environment.as_str());
            let added = execute!(&mut tx, ADD, &cluster, &namespace, &name, one.deployed.0, one.history, path, environment, &by, &revisions, now.0)?;
            new = new.saturating_add(added);
            if added > 0 && grown.last() != Some(&&one.path) {
                grown.push(&one.path);
            }
        }
        for path in grown {
            execute!(&mut tx, TRIM, path.as_str(), i64::from(most.saturating_sub(1)))?;
        }
        tx.commit().await?;
        Ok(new)
    }

    /// The newest deployments of exactly this app into environments that the asker may see there, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn deployments(&self, access: &Access, path: &AppPath, limit: u32) -> Result<Vec<Deployment>, StoreError> {
        let scope = self.scope(access, Action::ViewApp).await?;
        let rows = fetch_all!(self, DeploymentRow, OF_APP, &scope, path.as_str(), i64::from(limit))?;
        rows.into_iter().map(DeploymentRow::read).collect()
    }
}
