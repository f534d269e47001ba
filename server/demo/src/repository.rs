//! Makes the demo's Git repository from `deploy/demo/commits`: one folder a commit, each laid over the one before.
//!
//! Names, dates and texts are fixed, so that the same build makes the same commits.

use std::{collections::BTreeMap, path::Path};

use gix::{actor::Signature, date::Time, object::tree::EntryKind};
use rust_embed::RustEmbed;

use crate::shop::Place;

#[derive(RustEmbed)]
#[folder = "../../deploy/demo/commits"]
struct Commits;

/// What the demo's manifests call their own repository. Nobody answers there.
pub const ADDRESS: &str = "https://git.demo.windfirm.dev/shop/deploy.git";

/// The demo's policy, as it stands in `deploy/demo/policy.yaml`.
#[must_use]
pub fn policy() -> String {
    include_str!("../../../deploy/demo/policy.yaml").to_owned()
}

/// Why the repository could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    #[error("the demo's repository could not be written: {0}")]
    Git(Box<dyn std::error::Error + Send + Sync>),
    #[error("the demo's commit “{0}” has no good message file")]
    Message(String),
}

struct Entry<'a> {
    author: Signature,
    text: String,
    files: Vec<(&'a str, Vec<u8>)>,
}

/// Makes a bare repository at `path` with all commits on `main`, as if it were a mirror of [`ADDRESS`]. The ports of `places` take the place of `@PORT_…@`.
pub fn create(path: &Path, places: &[Place]) -> Result<(), RepositoryError> {
    let git = |error: Box<dyn std::error::Error + Send + Sync>| RepositoryError::Git(error);
    let repository = gix::init_bare(path).map_err(|error| git(error.into()))?;
    let names: Vec<_> = Commits::iter().collect();
    let mut parent: Option<gix::ObjectId> = None;
    for (folder, entry) in entries(&names, places)? {
        let base = match parent {
            Some(id) => repository.find_commit(id).and_then(|commit| commit.tree_id()).map_err(|error| git(error.into()))?.detach(),
            None => gix::ObjectId::empty_tree(gix::hash::Kind::Sha1),
        };
        let mut editor = repository.edit_tree(base).map_err(|error| git(error.into()))?;
        for (name, content) in entry.files {
            let blob = repository.write_blob(content).map_err(|error| git(error.into()))?;
            editor.upsert(name, EntryKind::Blob, blob).map_err(|error| git(error.into()))?;
        }
        let tree = editor.write().map_err(|error| git(error.into()))?;
        let mut buffer = gix::date::parse::TimeBuf::default();
        let author = entry.author.to_ref(&mut buffer);
        let commit = repository.commit_as(author, author, "refs/heads/main", &entry.text, tree, parent).map_err(|error| git(error.into()))?;
        tracing::debug!(folder, commit = %commit, "demo commit written");
        parent = Some(commit.detach());
    }
    let config = std::fs::read_to_string(path.join("config")).map_err(|error| git(error.into()))?;
    std::fs::write(path.join("config"), format!("{config}[remote \"origin\"]\n\turl = {ADDRESS}\n")).map_err(|error| git(error.into()))?;
    std::fs::write(path.join("HEAD"), "ref: refs/heads/main\n").map_err(|error| git(error.into()))
}

fn entries<'a>(names: &'a [std::borrow::Cow<'static, str>], places: &[Place]) -> Result<BTreeMap<&'a str, Entry<'a>>, RepositoryError> {
    let mut entries = BTreeMap::new();
    for folder in names.iter().filter_map(|name| name.strip_suffix("/message")) {
        let (author, text) = message(folder)?;
        let prefix = format!("{folder}/files/");
        let files = names.iter().filter_map(|name| Some((name.strip_prefix(&prefix)?, with_ports(&Commits::get(name)?.data, places)))).collect();
        entries.insert(folder, Entry { author, text, files });
    }
    Ok(entries)
}

/// `Name <address>`, seconds since the epoch, then the text.
fn message(folder: &str) -> Result<(Signature, String), RepositoryError> {
    let bad = || RepositoryError::Message(folder.to_owned());
    let file = Commits::get(&format!("{folder}/message")).ok_or_else(bad)?;
    let whole = String::from_utf8_lossy(&file.data).into_owned();
    let mut lines = whole.splitn(3, '\n');
    let (name, email) = lines.next().and_then(|line| line.strip_suffix('>')?.split_once(" <")).ok_or_else(bad)?;
    let seconds = lines.next().and_then(|line| line.parse().ok()).ok_or_else(bad)?;
    let text = lines.next().ok_or_else(bad)?.to_owned();
    Ok((Signature { name: name.into(), email: email.into(), time: Time::new(seconds, 0) }, text))
}

fn with_ports(content: &[u8], places: &[Place]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(content) else { return content.to_vec() };
    if !text.contains("@PORT_") {
        return content.to_vec();
    }
    places.iter().fold(text.to_owned(), |text, place| text.replace(&format!("@PORT_{}@", place.key()), &place.port.to_string())).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::places;

    #[test]
    fn the_same_build_makes_the_same_commits() {
        let heads: Vec<_> = (0..2)
            .map(|_| {
                let folder = tempfile::tempdir().unwrap();
                create(folder.path(), &places(7_710)).unwrap();
                gix::open(folder.path()).unwrap().head_id().unwrap().to_string()
            })
            .collect();
        assert_eq!(heads[0], heads[1]);
    }

    #[test]
    fn every_port_is_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path(), &places(7_710)).unwrap();
        let repository = gix::open(folder.path()).unwrap();
        let commits = repository.head_id().unwrap().ancestors().all().unwrap().count();
        assert_eq!(commits, 5);
        let tree = repository.head_commit().unwrap().tree().unwrap();
        let manifest = tree.lookup_entry_by_path("apps/shop-prod/cart.yaml").unwrap().unwrap().object().unwrap();
        let text = String::from_utf8(manifest.data.clone()).unwrap();
        assert!(text.contains("windfirm.dev/target: http://127.0.0.1:77"), "{text}");
        assert!(!text.contains("@PORT"), "{text}");
    }
}
