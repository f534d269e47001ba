//! Everything that one test needs, frozen: the script, what it imports, its data, and a digest over all of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sha2::{Digest as _, Sha256};

use super::{MAX_SCRIPT_BYTES, TestScript, is_script, script};
use crate::{
    error::TreeError,
    files::{Files, below, folder_of, is_file, join},
};

/// All files of a bundle together.
pub const MAX_BUNDLE_BYTES: u64 = 20 * 1024 * 1024;
/// How many files a bundle may hold.
pub const MAX_BUNDLE_FILES: usize = 2_000;

/// What k6 is given. Paths are those of the repository, so that relative imports hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The script to run: a key of `files`.
    pub entry: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// SHA-256 in hex over the entry and, in order, each path and its content; independent of any archive format.
    pub digest: String,
    /// Modules that are neither here nor a plain part of k6: `https://…`, `k6/x/…`, `k6/browser`.
    pub modules: BTreeSet<String>,
    /// What the text names and the repository does not hold. k6 will say the same, later.
    pub unresolved: Vec<Unresolved>,
}

/// A name that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    pub file: String,
    pub name: String,
    /// It would have led out of the repository.
    pub outside: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("There is no script {path} at this commit. It may have been moved; look at the app's tests again.")]
    NoScript { path: String },
    #[error("The test and its data have more than {limit_bytes} bytes. Keep large data out of the repository, or split the folder.")]
    TooLarge { limit_bytes: u64 },
    #[error("The test and its data are more than {limit} files. Move what the test does not need to another folder.")]
    TooManyFiles { limit: usize },
    #[error(transparent)]
    Unreadable(#[from] TreeError),
}

/// Collects a test: all that lies below its folder except the other tests, and whatever it names elsewhere in the repository.
///
/// # Errors
/// The script is not there, or there is too much.
pub fn bundle(files: &dyn Files, test: &TestScript) -> Result<Bundle, BundleError> {
    if !is_file(files, &test.path) {
        return Err(BundleError::NoScript { path: test.path.clone() });
    }
    let mut collector = Collector { files, taken: BTreeMap::new(), bytes: 0, modules: BTreeSet::new(), unresolved: BTreeSet::new() };
    collector.follow(&test.path)?;
    if let Some(folder) = &test.folder {
        // A file whose name is computed at run time can only be found because everything goes along. Other tests stay behind,
        // so that this test's digest does not change with them.
        for path in below(files, folder).filter(|path| folder_of(path) != folder || !is_script(path)) {
            collector.take(path)?;
        }
    }
    let digest = digest(&test.path, &collector.taken);
    Ok(Bundle { entry: test.path.clone(), files: collector.taken, digest, modules: collector.modules, unresolved: collector.unresolved.into_iter().collect() })
}

struct Collector<'a> {
    files: &'a dyn Files,
    taken: BTreeMap<String, Vec<u8>>,
    bytes: u64,
    modules: BTreeSet<String>,
    unresolved: BTreeSet<Unresolved>,
}

impl Collector<'_> {
    fn take(&mut self, path: &str) -> Result<(), BundleError> {
        if self.taken.contains_key(path) {
            return Ok(());
        }
        let too_large = BundleError::TooLarge { limit_bytes: MAX_BUNDLE_BYTES };
        let content = match self.files.read(path, MAX_BUNDLE_BYTES.saturating_sub(self.bytes)) {
            Ok(content) => content,
            Err(TreeError::FileTooLarge { .. }) => return Err(too_large),
            Err(error) => return Err(error.into()),
        };
        self.bytes = self.bytes.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
        self.taken.insert(path.to_owned(), content);
        if self.taken.len() > MAX_BUNDLE_FILES {
            return Err(BundleError::TooManyFiles { limit: MAX_BUNDLE_FILES });
        }
        Ok(())
    }

    /// The script and, in turn, every script that it imports.
    fn follow(&mut self, entry: &str) -> Result<(), BundleError> {
        let mut queue = VecDeque::from([entry.to_owned()]);
        let mut seen = BTreeSet::from([entry.to_owned()]);
        while let Some(path) = queue.pop_front() {
            self.take(&path)?;
            let content = self.taken.get(&path).map(Vec::as_slice).unwrap_or_default();
            if u64::try_from(content.len()).unwrap_or(u64::MAX) > MAX_SCRIPT_BYTES {
                continue;
            }
            let uses = script::uses(&String::from_utf8_lossy(content));
            for name in &uses.imports {
                if let Some(imported) = self.import(&path, name)
                    && seen.insert(imported.clone())
                {
                    queue.push_back(imported);
                }
            }
            for name in &uses.opens {
                self.open(entry, &path, name)?;
            }
        }
        Ok(())
    }

    /// A module by its name: a file of the repository, or something that is noted.
    fn import(&mut self, from: &str, name: &str) -> Option<String> {
        if name == "k6" || name.starts_with("k6/") {
            if name.starts_with("k6/x/") || is_browser(name) {
                self.modules.insert(name.to_owned());
            }
            return None;
        }
        if !name.starts_with('.') && !name.starts_with('/') {
            self.modules.insert(name.to_owned());
            return None;
        }
        self.resolve(&[folder_of(from)], from, name)
    }

    /// A data file. k6 versions differ in what a relative name counts from, so both are tried.
    fn open(&mut self, entry: &str, from: &str, name: &str) -> Result<(), BundleError> {
        match self.resolve(&[folder_of(from), folder_of(entry)], from, name) {
            Some(path) => self.take(&path),
            None => Ok(()),
        }
    }

    fn resolve(&mut self, folders: &[&str], from: &str, name: &str) -> Option<String> {
        // On the machine of k6 a leading “/” is the file system's, never the repository's.
        let places: Vec<String> = folders.iter().filter(|_| !name.starts_with('/')).filter_map(|folder| join(folder, name)).collect();
        let found = places.iter().find(|path| is_file(self.files, path)).cloned();
        if found.is_none() {
            self.unresolved.insert(Unresolved { file: from.to_owned(), name: name.to_owned(), outside: places.is_empty() });
        }
        found
    }
}

/// `k6/browser`, its old name, and whatever lies below them, such as `k6/browser/async`: all that the guardrails refuse.
fn is_browser(name: &str) -> bool {
    let within = name.strip_prefix("k6/experimental/").or_else(|| name.strip_prefix("k6/")).unwrap_or_default();
    within.split('/').next() == Some("browser")
}

/// Lengths stand before contents, so that no two different bundles hash the same text.
fn digest(entry: &str, files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    add(b"windfirm bundle 1");
    add(entry.as_bytes());
    for (path, content) in files {
        add(path.as_bytes());
        add(content);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;

    fn test(path: &str, folder: Option<&str>) -> TestScript {
        TestScript { path: path.into(), name: crate::files::name_of(path).into(), folder: folder.map(Into::into) }
    }

    fn shop() -> MemoryFiles {
        [
            ("svc/k6/load.js", "import './lib/a.js'; import x from '../../shared/b.js'; import 'k6/http'; import 'k6/x/sql'; import 'https://jslib.k6.io/u.js'; open('./data/u.json'); open(`./data/${n}.csv`);"),
            ("svc/k6/other.js", "export default () => 1"),
            ("svc/k6/lib/a.js", "import '../../../shared/c.js'; open('/etc/passwd'); import '../../../../../x.js'"),
            ("svc/k6/data/u.json", "[]"),
            ("svc/k6/data/2.csv", "x"),
            ("shared/b.js", "import './c.js'"),
            ("shared/c.js", "import './b.js'; import './gone.js'"),
            ("shared/unused.js", ""),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_bundle_holds_what_the_test_needs_and_not_its_neighbours() {
        let bundle = bundle(&shop(), &test("svc/k6/load.js", Some("svc/k6"))).unwrap();
        let paths: Vec<&str> = bundle.files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["shared/b.js", "shared/c.js", "svc/k6/data/2.csv", "svc/k6/data/u.json", "svc/k6/lib/a.js", "svc/k6/load.js"]);
        assert_eq!(bundle.modules.iter().map(String::as_str).collect::<Vec<_>>(), ["https://jslib.k6.io/u.js", "k6/x/sql"]);
        let unresolved: Vec<(&str, bool)> = bundle.unresolved.iter().map(|one| (one.name.as_str(), one.outside)).collect();
        assert_eq!(unresolved, [("./gone.js", false), ("../../../../../x.js", true), ("/etc/passwd", true)]);
    }

    #[test]
    fn the_browser_is_noted_by_all_its_names() {
        let script = "import a from 'k6/browser'; import b from 'k6/browser/async'; import c from 'k6/experimental/browser'; \
                      import d from 'k6/experimental/browser/x'; import e from 'k6/browserless'; import f from 'k6/experimental/fs'";
        let files: MemoryFiles = [("t.js", script)].into_iter().collect();
        let noted = bundle(&files, &test("t.js", None)).unwrap().modules;
        let expected = ["k6/browser", "k6/browser/async", "k6/experimental/browser", "k6/experimental/browser/x"];
        assert_eq!(noted.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_digest_names_the_content() {
        let load = test("svc/k6/load.js", Some("svc/k6"));
        let before = bundle(&shop(), &load).unwrap().digest;
        assert_eq!(before, bundle(&shop(), &load).unwrap().digest);

        let mut files = shop();
        files.insert("svc/k6/other.js", "changed");
        files.insert("shared/unused.js", "changed");
        assert_eq!(before, bundle(&files, &load).unwrap().digest, "a neighbour is no part of it");
        files.insert("shared/c.js", "changed");
        assert_ne!(before, bundle(&files, &load).unwrap().digest, "an import of an import is");
        let moved: MemoryFiles = [("a", "bc")].into_iter().collect();
        let other: MemoryFiles = [("ab", "c")].into_iter().collect();
        assert_ne!(bundle(&moved, &test("a", None)).unwrap().digest, bundle(&other, &test("ab", None)).unwrap().digest);
    }

    #[test]
    fn too_much_is_refused_by_name() {
        let mut files = shop();
        files.insert("svc/k6/data/big.bin", vec![0_u8; 21 * 1024 * 1024]);
        let load = test("svc/k6/load.js", Some("svc/k6"));
        assert!(matches!(bundle(&files, &load), Err(BundleError::TooLarge { .. })));
        let mut files = shop();
        for n in 0..=MAX_BUNDLE_FILES {
            files.insert(format!("svc/k6/data/many/{n}"), "");
        }
        assert!(matches!(bundle(&files, &load), Err(BundleError::TooManyFiles { .. })));
        assert!(matches!(bundle(&files, &test("svc/k6/none.js", None)), Err(BundleError::NoScript { .. })));
    }
}
