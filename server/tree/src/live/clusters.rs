//! The clusters that are read, and how the objects in them name each other's clusters.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::IN_CLUSTER;

/// The clusters of the configuration, by their names there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    home: String,
    names: BTreeSet<String>,
    by_spelling: BTreeMap<String, String>,
}

impl Clusters {
    /// One cluster: the one whose Argo CD reads the repository of the tree.
    #[must_use]
    pub fn new(home: &str) -> Self {
        Self { home: home.to_owned(), names: BTreeSet::from([home.to_owned()]), by_spelling: BTreeMap::new() }.with(home, &[])
    }

    /// Another cluster, or more spellings of one: the names and the addresses of the API server by which destinations mean it. Its
    /// own name is always one of them. The first cluster that takes a spelling has it.
    #[must_use]
    pub fn with(mut self, name: &str, spellings: &[&str]) -> Self {
        self.names.insert(name.to_owned());
        for spelling in std::iter::once(&name).chain(spellings) {
            self.by_spelling.entry(plain(spelling)).or_insert_with(|| name.to_owned());
        }
        self
    }

    /// The same clusters, of which only these are read: what the others hold is not known.
    #[must_use]
    pub fn only_read(mut self, is_read: impl Fn(&str) -> bool) -> Self {
        self.names.retain(|name| is_read(name));
        self
    }

    /// The cluster whose Argo CD reads the repository of the tree.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// Whether the cluster of this name is read.
    #[must_use]
    pub fn is_read(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The cluster that a destination means to an object in `from`: its name in the configuration, or as it is spelled where no
    /// configured cluster is meant.
    #[must_use]
    pub fn meant(&self, from: &str, spelling: &str) -> String {
        let spelling = plain(spelling);
        match spelling.as_str() {
            "" | IN_CLUSTER | "https://kubernetes.default.svc" => from.to_owned(),
            _ => self.by_spelling.get(&spelling).cloned().unwrap_or(spelling),
        }
    }

    /// The spellings that were given for the cluster of this name, its name among them.
    pub(super) fn known_as(&self, name: &str) -> impl Iterator<Item = &str> {
        self.by_spelling.iter().filter(move |(_, meant)| *meant == name).map(|(spelling, _)| spelling.as_str())
    }

    /// How a tree from Git spells this cluster.
    pub(crate) fn in_git<'n>(&self, name: &'n str) -> &'n str {
        if name == self.home { IN_CLUSTER } else { name }
    }
}

fn plain(spelling: &str) -> String {
    spelling.trim().trim_end_matches('/').to_owned()
}
