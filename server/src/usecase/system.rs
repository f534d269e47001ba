//! The state of the portal itself.

use windfirm_model::{
    fault::Fault,
    view::system::{PartRow, SystemPage},
};

use crate::{context::Asker, state::Portal};

/// Every part, and whether it works. Told to platform engineers and to `/health/ready`; nothing of anybody's tree stands in it.
pub async fn parts(portal: &Portal) -> Vec<PartRow> {
    let part = |name: &str, healthy: bool, sentence: String| PartRow { name: name.to_owned(), healthy, sentence };
    let mut parts = Vec::new();
    parts.push(match portal.store.ping().await {
        Ok(()) => part("store", true, "Answers and can be written to.".to_owned()),
        Err(error) => part("store", false, error.to_string()),
    });
    let tree = portal.tree();
    parts.push(match &tree.revision.stale {
        None => part("tree", true, format!("{} apps at commit {}.", tree.tree.apps().len(), tree.revision.commit.get(..8).unwrap_or_default())),
        Some(why) => part("tree", !tree.revision.commit.is_empty(), format!("Shows an older commit: {why}")),
    });
    let policy = portal.policy();
    parts.push(match policy.refused.len() {
        0 => part("policy", true, format!("Version {}.", policy.policy.digest().get(..8).unwrap_or_default())),
        count => part("policy", true, format!("A newer file was refused ({count} problems); the older version stays in force.")),
    });
    let k6 = portal.local.k6();
    parts.push(match k6.path.is_file() {
        true => part("k6", true, format!("{} at {}.", k6.version, k6.path.display())),
        false => part("k6", false, format!("{} is gone. Put it back, or start the portal with another one.", k6.path.display())),
    });
    let confinement = &portal.settings.confinement;
    parts.push(part("confinement", confinement.full, confinement.measures.join("; ")));
    for choice in portal.identity.choices() {
        parts.push(part(&format!("identity {}", choice.name), true, format!("{} at {}.", choice.label, choice.host)));
    }
    parts
}

impl Asker {
    pub(super) async fn system_page(&self) -> Result<SystemPage, Fault> {
        let counts = self.portal.store.queue_counts().await.map_err(|error| self.store_fault(&error))?;
        Ok(SystemPage {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            parts: parts(&self.portal).await,
            tree: self.tree.revision.clone(),
            policy: self.policy.version(),
            queue_length: counts.queued,
            running: counts.running,
            slots: self.portal.settings.slots,
            now: self.portal.clock.now(),
        })
    }
}
