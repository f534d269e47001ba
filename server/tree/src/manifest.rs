//! What the manifests in Git say: `Application` and `ApplicationSet`, one value each, and what is wrong with the rest.
//!
//! Pure parsing: no files, no graph. Other kinds are passed over in silence; they are Argo CD's business.

use std::fmt;

use windfirm_model::view::app::Target;

use crate::yaml::{self, Position};

mod application;
mod set;

pub(crate) use application::{target, web_address};

/// The annotation that says where an app's tests stand.
pub const TESTS_ANNOTATION: &str = "windfirm.dev/tests";
/// The annotation that says what an app's tests talk to.
pub const TARGET_ANNOTATION: &str = "windfirm.dev/target";
/// What Argo CD itself links to.
pub const LINK_ANNOTATION: &str = "link.argocd.argoproj.io/external-link";
pub(crate) const WAVE_ANNOTATION: &str = "argocd.argoproj.io/sync-wave";
/// The cluster that Argo CD itself runs in, whatever its address.
pub const IN_CLUSTER: &str = "in-cluster";

/// Larger files are not read as manifests.
pub const MAX_MANIFEST_BYTES: u64 = 2 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Application,
    ApplicationSet,
}

impl Kind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::ApplicationSet => "ApplicationSet",
        }
    }
}

/// A place in a file of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub file: String,
    pub position: Position,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}, column {}", self.file, self.position.line, self.position.column)
    }
}

/// Something in a manifest that cannot be taken as it stands. The sentence says what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub at: At,
    pub sentence: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.sentence)
    }
}

/// One manifest that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub kind: Kind,
    pub name: String,
    /// The namespace of the object itself, if it says so.
    pub namespace: Option<String>,
    /// Sync wave, 0 unless set.
    pub wave: i32,
    pub project: String,
    /// `sources` if there are, else the one `source`; none for an `ApplicationSet`.
    pub sources: Vec<Source>,
    pub destination: Destination,
    /// The text of [`TESTS_ANNOTATION`].
    pub tests: Option<String>,
    pub target: Target,
    /// What an `ApplicationSet` makes, as far as it can be told without a cluster.
    pub generated: Vec<Self>,
    /// What of an `ApplicationSet` cannot be told, a sentence each.
    pub unresolved: Vec<String>,
    /// What of it was passed over.
    pub problems: Vec<Problem>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub repository: String,
    /// Folder in the repository, as written; `None` for a chart, and for a source that only lends values.
    pub path: Option<String>,
    /// Branch, tag, commit or version, as written.
    pub revision: String,
    pub form: SourceForm,
}

/// How a source becomes manifests, as far as the manifest itself says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceForm {
    /// Nothing said: the files in the folder decide.
    Detect,
    Directory {
        recurse: bool,
        include: Option<String>,
        exclude: Option<String>,
    },
    Helm,
    Kustomize {
        name_prefix: String,
        name_suffix: String,
    },
    /// From a chart repository; nothing of it is in Git.
    Chart(String),
    Plugin,
    /// A `ref` source without a path: lends values, renders nothing.
    Values,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// Name or address; [`IN_CLUSTER`] for the cluster that Argo CD runs in.
    pub cluster: String,
    pub namespace: String,
}

/// All that one file says. A problem stands with its manifest, or here where the whole manifest was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    pub manifests: Vec<Manifest>,
    pub problems: Vec<Problem>,
}

/// Reads one file.
#[must_use]
pub fn parse(file: &str, content: &[u8]) -> Parsed {
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let good = content.get(..error.valid_up_to()).unwrap_or_default();
            let line = u32::try_from(good.split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
            let at = At { file: file.to_owned(), position: Position { line, column: 1 } };
            return Parsed { manifests: Vec::new(), problems: vec![Problem { at, sentence: "This is not UTF-8 text. Save the file as UTF-8.".into() }] };
        }
    };
    let (documents, bad) = yaml::documents(text);
    let mut parsed = Parsed::default();
    for error in bad {
        parsed.problems.push(Problem { at: At { file: file.to_owned(), position: error.at }, sentence: error.sentence });
    }
    for document in &documents {
        object(file, document, &mut parsed);
    }
    parsed.problems.sort_by(|a, b| a.at.cmp(&b.at));
    parsed
}

/// One object, or the objects of a `List`.
fn object(file: &str, node: &yaml::Node, parsed: &mut Parsed) {
    let text = |key: &str| node.get(key).and_then(yaml::Node::text).unwrap_or_default();
    match text("kind") {
        "List" => node.get("items").map(yaml::Node::list).unwrap_or_default().iter().for_each(|item| object(file, item, parsed)),
        kind @ ("Application" | "ApplicationSet") if text("apiVersion").starts_with("argoproj.io/") => {
            let mut reader = application::Reader::new(file);
            let manifest = if kind == "Application" { reader.application(node) } else { set::application_set(&mut reader, node) };
            match manifest {
                Some(manifest) => parsed.manifests.push(Manifest { problems: reader.problems, ..manifest }),
                None => parsed.problems.append(&mut reader.problems),
            }
        }
        _ => {}
    }
}

/// Whether Kubernetes takes this as the name of an object.
pub(crate) fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 253 && text.starts_with(outer) && text.ends_with(outer) && text.chars().all(inner)
}
