//! The state of the portal itself.

use std::collections::HashMap;

use windfirm_app::ui::format::{ago, date_time};
use windfirm_cluster::Reach;
use windfirm_model::{
    actor::SystemTask,
    clock::Timestamp,
    fault::Fault,
    view::{
        cluster::ClusterAway,
        system::{AskedCluster, PartRow, SystemPage},
    },
};
use windfirm_policy::Access;

use crate::{
    context::Asker,
    places,
    secrets::{Held, Standing, Trouble},
    sites::Site,
    state::Portal,
};

/// One part of the portal, and whether it works.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    pub healthy: bool,
    /// For anybody who asks: no place on the disk, no address, no number that tells of anybody's tree.
    pub open: &'static str,
    /// For those who look after the portal: where, how many, why.
    pub sentence: String,
}

fn part(name: &str, healthy: bool, open: &'static str, sentence: String) -> Part {
    Part { name: name.to_owned(), healthy, open, sentence }
}

/// Every part. Platform engineers are told the whole sentences, `/health/ready` the open ones.
pub async fn parts(portal: &Portal) -> Vec<Part> {
    let mut parts = Vec::new();
    parts.push(match portal.store.ping().await {
        Ok(()) => part("store", true, "Answers and can be written to.", "Answers and can be written to.".to_owned()),
        Err(error) => part("store", false, "Does not answer.", error.to_string()),
    });
    parts.push(tree(portal));
    let policy = portal.policy();
    parts.push(match policy.refused.len() {
        0 => part("policy", true, "In force.", format!("Version {}.", policy.policy.digest().get(..8).unwrap_or_default())),
        count => part(
            "policy",
            true,
            "A newer file was refused; an older version stays in force.",
            format!("A newer file was refused ({count} {}); the older version stays in force.", if count == 1 { "problem" } else { "problems" }),
        ),
    });
    let k6 = portal.local.k6();
    parts.push(match k6.path.is_file() {
        true => part("k6", true, "Is there.", format!("{} at {}.", k6.version, k6.path.display())),
        false => part("k6", false, "Is gone.", format!("{} is gone. Put it back, or start the portal with another one.", k6.path.display())),
    });
    let confinement = &portal.settings.confinement;
    let open = if confinement.full { "Tests are kept in by all means of this kernel." } else { "Tests are not kept in by all means; the kernel lacks some." };
    parts.push(part("confinement", confinement.full, open, confinement.measures.join(" ")));
    for choice in portal.identity.choices() {
        parts.push(part(&format!("identity {}", choice.name), true, "Is configured.", format!("{} at {}.", choice.label, choice.host)));
    }
    parts.extend(portal.secrets.iter().map(|held| secret(held, portal.clock.now())));
    parts
}

/// Which, from where, how old, when it was seen there last. Never the value.
fn secret(held: &Held, now: Timestamp) -> Part {
    let name = format!("secret {}", held.used);
    let Standing { since, read, trouble } = held.standing();
    let from = format!("In force since {}, from {}", date_time(since), held.from);
    match trouble {
        _ if !held.is_watched() => part(&name, true, "In force.", format!("{from}; another value is taken at the next start.")),
        None => part(&name, true, "In force.", format!("{from}; seen there {}.", ago(read, now))),
        Some(Trouble::Away(why)) => {
            let sentence = format!("{from}; seen there last {}. Whether another value stands there now cannot be known. {why}", ago(read, now));
            part(&name, true, "In force; whether there is a newer one cannot be known.", sentence)
        }
        Some(Trouble::Refused(why)) => {
            let sentence = format!("{from}; seen there last {}. It stays in force, because what stands there now cannot be taken. {why}", ago(read, now));
            part(&name, false, "An older one is in force; the newest cannot be taken.", sentence)
        }
    }
}

fn tree(portal: &Portal) -> Part {
    let tree = portal.tree();
    let commit = tree.revision.commit.get(..8).unwrap_or_default();
    match &tree.revision.stale {
        None => part("tree", true, "Is read.", format!("{} apps at commit {commit}.", tree.tree.apps().len())),
        Some(why) if tree.revision.is_unread() => part("tree", false, "No commit could be read yet.", format!("No commit could be read yet: {why}")),
        Some(why) => part("tree", true, "An older commit is shown; the newest cannot be read.", format!("Shows the older commit {commit}: {why}")),
    }
}

fn asked_cluster(site: &Site, taken: &HashMap<Option<&str>, u32>) -> AskedCluster {
    let last = site.preflight();
    let count = |accounts: usize| u32::try_from(accounts).unwrap_or(u32::MAX);
    let (lacking, unknown) = last.as_ref().map(|last| last.lacking_and_unknown()).unwrap_or_default();
    AskedCluster {
        name: site.name().to_owned(),
        away: match site.cluster.reach() {
            Reach::Away { since, why, .. } => Some(ClusterAway { since, why }),
            Reach::Untried | Reach::Reached { .. } => None,
        },
        running: taken.get(&Some(site.name())).copied().unwrap_or_default(),
        slots: site.runs.as_ref().map_or(0, |runs| runs.slots),
        asked: last.as_ref().map(|last| last.asked),
        took_ms: last.as_ref().map_or(0, |last| last.took_ms),
        questions: last.as_ref().map_or(0, |last| u64::try_from(last.reviews).unwrap_or(u64::MAX)),
        accounts: last.as_ref().map_or(0, |last| count(last.accounts.len())),
        unknown,
        lacking,
    }
}

impl Asker {
    pub(super) async fn system_page(&self) -> Result<SystemPage, Fault> {
        let live = self.portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await.map_err(|error| self.store_fault(&error))?;
        let taken = places::taken(&live, self.portal.store.portal());
        let row = |part: Part| PartRow { name: part.name, healthy: part.healthy, sentence: part.sentence };
        Ok(SystemPage {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            parts: parts(&self.portal).await.into_iter().map(row).collect(),
            tree: self.tree.revision.clone(),
            policy: self.policy.version(),
            queue_length: places::wanted(&live).values().sum(),
            running: taken.get(&None).copied().unwrap_or_default(),
            slots: self.portal.slots(None),
            clusters: self.portal.sites.iter().filter(|site| site.runs.is_some()).map(|site| asked_cluster(site, &taken)).collect(),
            now: self.portal.clock.now(),
        })
    }
}
