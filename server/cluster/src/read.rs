//! Reading objects of any kind, as whoever the cluster's source says: for commands that people run with a kubeconfig of their own.
//!
//! Only looks. The portal does not come here: its own account may not read what is asked for.

use http::Request;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::{
    account::{is_label, is_subdomain},
    call::{self, Call},
    cluster::Cluster,
    error::ClusterError,
    kind::Kind,
};

/// Objects per page of a list.
const PAGE: usize = 250;
/// Pages of a list before it is taken for endless.
const MAX_PAGES: usize = 200;

/// One object; `None` when it is not there, as of a kind that the cluster does not know nothing is. Without a namespace, of a kind that belongs to the cluster.
///
/// # Errors
/// All that can go wrong.
pub async fn read_one(cluster: &Cluster, kind: Kind, namespace: Option<&str>, name: &str) -> Result<Option<Value>, ClusterError> {
    if !is_subdomain(name) || !namespace.is_none_or(is_label) {
        return Err(ClusterError::Request(format!("“{name}” cannot name one of {kind}")));
    }
    match get(cluster, &format!("{}/{name}", kind.path(namespace))).await {
        Ok(object) => Ok(Some(object)),
        Err(ClusterError::NotThere { .. } | ClusterError::NoSuchKind { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All objects of a kind that carry these labels, in all namespaces; none of a kind that the cluster does not know.
///
/// # Errors
/// All that can go wrong; then nothing is given of what was read so far.
pub async fn read_labelled(cluster: &Cluster, kind: Kind, labels: &str) -> Result<Vec<Value>, ClusterError> {
    let mut objects = Vec::new();
    let mut next = String::new();
    for _ in 0..MAX_PAGES {
        let mut page = match get(cluster, &format!("{}?{}", kind.path(None), query(labels, &next))).await {
            Err(ClusterError::NoSuchKind { .. }) => return Ok(Vec::new()),
            read => read?,
        };
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            objects.extend(items);
        }
        next = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
        if next.is_empty() {
            return Ok(objects);
        }
    }
    Err(ClusterError::Unreadable { cluster: cluster.name().to_string(), why: format!("a list of {kind} has more than {} objects", PAGE * MAX_PAGES) })
}

fn query(labels: &str, next: &str) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &PAGE.to_string()).append_pair("labelSelector", labels);
    if !next.is_empty() {
        query.append_pair("continue", next);
    }
    query.finish()
}

async fn get(cluster: &Cluster, path: &str) -> Result<Value, ClusterError> {
    let request = Request::get(path).body(Vec::new()).map_err(|error| ClusterError::Request(error.to_string()))?;
    call::send(cluster, Call::of(request)).await?.read(cluster)
}
