//! The runner image, which `deploy/cluster/runner-image.sh` builds from this clone and puts into the cluster.

use std::path::Path;

use crate::cluster::skipped;

/// Its name with its digest; `None` after saying so.
pub(crate) fn runner_image(cluster: &Path) -> Option<String> {
    if let Ok(name) = std::fs::read_to_string(cluster.join("runner-image")) {
        return Some(name.trim().to_owned());
    }
    let why = "the cluster has no runner image: run deploy/cluster/runner-image.sh";
    let is_borrowed = cluster.join("context").exists();
    assert!(is_borrowed || std::env::var("WINDFIRM_REQUIRE_CLUSTER").as_deref() != Ok("1"), "{why}");
    skipped(why);
    None
}
