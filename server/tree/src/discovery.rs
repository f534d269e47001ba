//! The tests that belong to an app, and all that one of them needs to run.
//!
//! Pure: it reads text, never runs it. k6 says later whether a script is any good.

use std::collections::BTreeSet;

use crate::files::{Files, directly_in, folder_of, is_file, is_folder, join, name_of};

mod bundle;
mod script;

pub use bundle::{Bundle, BundleError, MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES, Unresolved, bundle};

/// Scripts larger than this are not looked into.
pub const MAX_SCRIPT_BYTES: u64 = 2 * 1024 * 1024;
/// More tests of one app are not listed.
const MAX_TESTS: usize = 200;

/// One script that k6 can run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TestScript {
    /// Path in the repository.
    pub path: String,
    /// `browse.js`.
    pub name: String,
    /// The folder of tests it was found in; `None` when the annotation names the file itself.
    pub folder: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub tests: Vec<TestScript>,
    /// Where tests were looked for.
    pub searched: Vec<String>,
    pub problems: Vec<String>,
}

/// The tests of an app: where its annotation points, else in `k6/` of each source folder.
#[must_use]
pub fn tests(files: &dyn Files, annotation: Option<&str>, source_folders: &[&str]) -> Found {
    let mut found = Found::default();
    match annotation {
        Some(text) => annotated(files, text.trim(), source_folders, &mut found),
        None => {
            for folder in source_folders {
                let folder = join(folder, "k6").unwrap_or_default();
                scripts_in(files, &folder, &mut found);
                found.searched.push(format!("{folder}/"));
            }
        }
    }
    found.searched.dedup();
    found.tests.sort();
    found.tests.dedup();
    if found.tests.len() > MAX_TESTS {
        found.problems.push(format!("There are {} tests; only the first {MAX_TESTS} are listed. Use several folders.", found.tests.len()));
        found.tests.truncate(MAX_TESTS);
    }
    found
}

/// The annotation counts from the top of the repository, else from one of the app's own folders; with `./` the other way round.
fn annotated(files: &dyn Files, text: &str, source_folders: &[&str], found: &mut Found) {
    let own = source_folders.iter().map(|folder| join(folder, text)).filter(|_| !text.starts_with('/'));
    let places: Vec<Option<String>> =
        if text.starts_with("./") { own.chain([join("", text)]).collect() } else { [join("", text)].into_iter().chain(own).collect() };
    let inside: Vec<String> = places.into_iter().flatten().collect();
    if inside.is_empty() {
        found.problems.push("The annotation windfirm.dev/tests leads out of the repository, and is not followed. Name a folder or a script inside.".into());
        return;
    }
    for place in &inside {
        if is_file(files, place) {
            found.searched.push(place.clone());
            if is_script(place) {
                found.tests.push(TestScript { path: place.clone(), name: name_of(place).to_owned(), folder: None });
            } else {
                found.problems.push(format!("The annotation windfirm.dev/tests names {place}, which is no script. Name a .js or .ts file, or a folder."));
            }
            return;
        }
        if is_folder(files, place) {
            found.searched.push(format!("{place}/"));
            scripts_in(files, place, found);
            return;
        }
    }
    found
        .problems
        .push(format!("The annotation windfirm.dev/tests names {text}, which is not in the repository at this commit. Correct it, or commit the tests."));
    found.searched.extend(inside);
    found.searched.dedup();
}

/// Scripts directly in a folder. One that others import and that has no default function is a part, not a test.
fn scripts_in(files: &dyn Files, folder: &str, found: &mut Found) {
    let scripts: Vec<&str> = directly_in(files, folder).filter(|path| is_script(path)).collect();
    let parts = if scripts.len() > 1 { parts(files, &scripts) } else { BTreeSet::new() };
    let tests = scripts.into_iter().filter(|path| !parts.contains(*path));
    found.tests.extend(tests.map(|path| TestScript { path: path.to_owned(), name: name_of(path).to_owned(), folder: Some(folder.to_owned()) }));
}

fn parts(files: &dyn Files, scripts: &[&str]) -> BTreeSet<String> {
    let (mut imported, mut without_default) = (BTreeSet::new(), BTreeSet::new());
    for path in scripts {
        let Ok(content) = files.read(path, MAX_SCRIPT_BYTES) else { continue };
        let text = String::from_utf8_lossy(&content);
        let uses = script::uses(&text);
        imported.extend(uses.imports.iter().filter_map(|specifier| join(folder_of(path), specifier)));
        if !uses.has_default {
            without_default.insert((*path).to_owned());
        }
    }
    imported.intersection(&without_default).cloned().collect()
}

fn is_script(path: &str) -> bool {
    let name = name_of(path);
    (name.ends_with(".js") || name.ends_with(".ts")) && !name.ends_with(".d.ts") && !name.starts_with(['.', '_'])
}

#[cfg(test)]
mod tests_of_tests {
    use super::*;
    use crate::files::MemoryFiles;

    const SCRIPT: &str = "export default function () {}";

    fn names(found: &Found) -> Vec<&str> {
        found.tests.iter().map(|test| test.path.as_str()).collect()
    }

    #[test]
    fn tests_stand_beside_the_app() {
        let files: MemoryFiles = [
            ("svc/cart/k6/load.js", "import { x } from './common.js'; export default () => x;"),
            ("svc/cart/k6/common.js", "export const x = 1;"),
            ("svc/cart/k6/soak.ts", SCRIPT),
            ("svc/cart/k6/broken.js", "export defau"),
            ("svc/cart/k6/types.d.ts", ""),
            ("svc/cart/k6/lib/deep.js", SCRIPT),
            ("svc/cart/deploy.yaml", ""),
        ]
        .into_iter()
        .collect();
        let found = tests(&files, None, &["svc/cart"]);
        // A script that does not load is a test too: k6's message is shown with it.
        assert_eq!(names(&found), ["svc/cart/k6/broken.js", "svc/cart/k6/load.js", "svc/cart/k6/soak.ts"]);
        assert_eq!(found.searched, ["svc/cart/k6/"]);
    }

    #[test]
    fn an_annotation_points_into_the_repository_and_nowhere_else() {
        let files: MemoryFiles = [("tests/a.js", SCRIPT), ("svc/tests/b.js", SCRIPT), ("svc/one.js", SCRIPT), ("svc/read.me", "")].into_iter().collect();
        assert_eq!(names(&tests(&files, Some("tests"), &["svc"])), ["tests/a.js"]);
        assert_eq!(names(&tests(&files, Some("./tests/"), &["svc"])), ["svc/tests/b.js"]);
        assert_eq!(names(&tests(&files, Some("one.js"), &["svc"])), ["svc/one.js"]);
        assert_eq!(names(&tests(&files, Some("../tests"), &["svc"])), ["tests/a.js"]);
        for hostile in ["../..", "../../etc/passwd", "/../../etc", "..\\..", "a/../../../b"] {
            let found = tests(&files, Some(hostile), &["svc"]);
            assert!(found.tests.is_empty() && found.problems.len() == 1, "{hostile}: {found:?}");
        }
        assert!(tests(&files, Some("nowhere"), &["svc"]).problems[0].contains("not in the repository"));
        assert!(tests(&files, Some("svc/read.me"), &[]).problems[0].contains("no script"));
    }
}
