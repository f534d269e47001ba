//! The files of one commit, as the pure parts see them: names in order, and contents on demand.
//!
//! Paths are relative to the repository, with `/` between names, without a leading one. It knows nothing of Git.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::error::TreeError;

/// Files as they stood at one moment. The answers never change while somebody holds it.
pub trait Files {
    /// All regular files.
    fn paths(&self) -> &BTreeSet<String>;
    /// The content of one file, refused when it is larger than `limit_bytes`.
    fn read(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, TreeError>;
    /// What is wrong with them as a whole, in a sentence for those who look after the repository.
    fn trouble(&self) -> Option<String> {
        None
    }
}

impl<T: Files + ?Sized> Files for Arc<T> {
    fn paths(&self) -> &BTreeSet<String> {
        (**self).paths()
    }
    fn read(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, TreeError> {
        (**self).read(path, limit_bytes)
    }
    fn trouble(&self) -> Option<String> {
        (**self).trouble()
    }
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    paths: BTreeSet<String>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl MemoryFiles {
    pub fn insert(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        let path = path.into();
        self.paths.insert(path.clone());
        self.contents.insert(path, content.into());
    }
}

impl<P: Into<String>, C: Into<Vec<u8>>> FromIterator<(P, C)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (P, C)>>(entries: I) -> Self {
        let mut files = Self::default();
        for (path, content) in entries {
            files.insert(path, content);
        }
        files
    }
}

impl Files for MemoryFiles {
    fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }
    fn read(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, TreeError> {
        let content = self.contents.get(path).ok_or_else(|| TreeError::NoFile { path: path.to_owned() })?;
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if bytes > limit_bytes {
            return Err(TreeError::FileTooLarge { path: path.to_owned(), bytes, limit: limit_bytes });
        }
        Ok(content.clone())
    }
}

/// All files below a folder, however deep; the empty folder is the whole repository.
pub fn below<'a>(files: &'a dyn Files, folder: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    files.paths().range(prefix.clone()..).map(String::as_str).take_while(move |path| path.starts_with(&prefix))
}

/// The files directly in a folder.
pub fn directly_in<'a>(files: &'a dyn Files, folder: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let skip = if folder.is_empty() { 0 } else { folder.len().saturating_add(1) };
    below(files, folder).filter(move |path| path.get(skip..).is_some_and(|rest| !rest.contains('/')))
}

pub fn is_file(files: &dyn Files, path: &str) -> bool {
    files.paths().contains(path)
}

pub fn is_folder(files: &dyn Files, path: &str) -> bool {
    below(files, path).next().is_some()
}

/// The folder that a file stands in; empty for the top.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last name of a path.
#[must_use]
pub fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// `relative` as seen from `folder`, with `.` and `..` worked out. `None` when it leaves the repository or is no plain path.
/// A leading `/` stands for the top of the repository.
#[must_use]
pub fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.contains(['\0', '\\']) {
        return None;
    }
    let start = if relative.starts_with('/') { "" } else { folder };
    let mut names: Vec<&str> = Vec::new();
    for name in start.split('/').chain(relative.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_repository() {
        assert_eq!(join("apps/shop", "../cart/./k6"), Some("apps/cart/k6".into()));
        assert_eq!(join("apps/shop", "/k6/"), Some("k6".into()));
        assert_eq!(join("apps", ".."), Some(String::new()));
        assert_eq!(join("apps", "../.."), None);
        assert_eq!(join("", "a/../../etc/passwd"), None);
        assert_eq!(join("", "..\\..\\etc"), None);
        assert_eq!(join("", "/../etc/passwd"), None);
    }

    #[test]
    fn half_a_folder_name_is_no_folder() {
        let files: MemoryFiles = [("apps/a.yaml", ""), ("apps/deep/b.yaml", ""), ("apps-old/c.yaml", ""), ("d.yaml", "")].into_iter().collect();
        assert_eq!(below(&files, "apps").collect::<Vec<_>>(), ["apps/a.yaml", "apps/deep/b.yaml"]);
        assert_eq!(directly_in(&files, "apps").collect::<Vec<_>>(), ["apps/a.yaml"]);
        assert_eq!(directly_in(&files, "").collect::<Vec<_>>(), ["d.yaml"]);
    }
}
