//! One `Application`: its fields, with a position for each that is wrong.

use url::Url;
use windfirm_model::view::app::Target;

use super::{
    At, Destination, IN_CLUSTER, Kind, LINK_ANNOTATION, Manifest, Problem, Source, SourceForm, TARGET_ANNOTATION, TESTS_ANNOTATION, WAVE_ANNOTATION, is_name,
};
use crate::yaml::{Data, Node};

/// Reads the objects of one file and collects what is wrong.
pub(super) struct Reader<'a> {
    file: &'a str,
    pub(super) problems: Vec<Problem>,
}

/// What every object says of itself.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) wave: i32,
    pub(super) tests: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(file: &'a str) -> Self {
        Self { file, problems: Vec::new() }
    }
    pub(super) fn at(&self, node: &Node) -> At {
        At { file: self.file.to_owned(), position: node.at }
    }
    pub(super) fn problem(&mut self, node: &Node, sentence: impl Into<String>) {
        let at = self.at(node);
        self.problems.push(Problem { at, sentence: sentence.into() });
    }
    /// The text of a field. A list or a map in its place is a problem.
    pub(super) fn text(&mut self, parent: &Node, field: &str) -> Option<String> {
        let node = parent.get(field)?;
        match &node.data {
            Data::Text { .. } => node.text().map(str::to_owned),
            Data::List(_) | Data::Map(_) => {
                self.problem(node, format!("{field} must be text, and here it is not. Write one value."));
                None
            }
        }
    }
    fn flag(&mut self, parent: &Node, field: &str) -> bool {
        match self.text(parent, field).as_deref() {
            Some("true" | "True" | "TRUE") => true,
            None | Some("false" | "False" | "FALSE") => false,
            Some(_) => {
                if let Some(node) = parent.get(field) {
                    self.problem(node, format!("{field} must be true or false."));
                }
                false
            }
        }
    }
    /// A map that must be there.
    pub(super) fn need<'n>(&mut self, parent: &'n Node, field: &str, whose: &str) -> Option<&'n Node> {
        match parent.get(field) {
            Some(node) if matches!(node.data, Data::Map(_)) => Some(node),
            Some(node) => {
                self.problem(node, format!("{field} of this {whose} must be a map of fields. The {whose} is left out until it is."));
                None
            }
            None => {
                self.problem(parent, format!("This {whose} has no {field}. It is left out until it has."));
                None
            }
        }
    }

    pub(super) fn head(&mut self, node: &Node, kind: Kind) -> Option<Head> {
        let whose = kind.word();
        let metadata = self.need(node, "metadata", whose)?;
        let Some(name) = self.text(metadata, "name") else {
            self.problem(metadata, format!("This {whose} has no metadata.name. It is left out until it has."));
            return None;
        };
        let namespace = self.text(metadata, "namespace");
        for (field, text) in [("name", Some(&name)), ("namespace", namespace.as_ref())] {
            if text.is_some_and(|text| !is_name(text)) {
                let node = metadata.get(field).unwrap_or(metadata);
                self.problem(
                    node,
                    format!("Kubernetes takes no {field} like this: only small letters, digits, “-” and “.”. The {whose} is left out until it is renamed."),
                );
                return None;
            }
        }
        let annotations = metadata.get("annotations").filter(|node| matches!(node.data, Data::Map(_)));
        let wave = annotations.map_or(0, |annotations| self.wave(annotations));
        let tests = annotations.and_then(|annotations| self.text(annotations, TESTS_ANNOTATION)).filter(|text| !text.trim().is_empty());
        Some(Head { name, namespace, wave, tests })
    }

    /// Argo CD passes over a wave that is no whole number; so do we, but say so.
    fn wave(&mut self, annotations: &Node) -> i32 {
        let Some(text) = self.text(annotations, WAVE_ANNOTATION) else { return 0 };
        text.trim().parse().unwrap_or_else(|_| {
            if let Some(node) = annotations.get(WAVE_ANNOTATION) {
                self.problem(node, "The sync wave must be a whole number; Argo CD takes this as 0.");
            }
            0
        })
    }

    pub(super) fn application(&mut self, node: &Node) -> Option<Manifest> {
        let head = self.head(node, Kind::Application)?;
        let spec = self.need(node, "spec", "Application")?;
        let sources = self.sources(spec);
        let destination = self.destination(spec);
        let target = self.target(node, spec);
        Some(Manifest {
            kind: Kind::Application,
            name: head.name,
            namespace: head.namespace,
            wave: head.wave,
            project: self.text(spec, "project").unwrap_or_else(|| "default".into()),
            sources,
            destination,
            tests: head.tests,
            target,
            generated: Vec::new(),
            unresolved: Vec::new(),
            problems: Vec::new(),
            at: self.at(node),
        })
    }

    /// `sources` wins over `source`, as in Argo CD.
    fn sources(&mut self, spec: &Node) -> Vec<Source> {
        let several = spec.get("sources").filter(|node| !node.list().is_empty());
        let nodes: Vec<&Node> = several.map_or_else(|| spec.get("source").into_iter().collect(), |node| node.list().iter().collect());
        if nodes.is_empty() {
            match spec.get("sources").or_else(|| spec.get("sourceHydrator")) {
                Some(node) if !node.is_null() && node.list().is_empty() && node.get("drySource").is_some() => {
                    return node.get("drySource").map(|dry| self.source(dry)).into_iter().collect();
                }
                Some(node) if !node.is_null() && !matches!(node.data, Data::List(_)) => {
                    self.problem(node, "sources must be a list. The app is shown without sources.")
                }
                _ => self.problem(spec, "This Application has neither source nor sources. It is shown, but nothing can stand below it."),
            }
        }
        nodes.into_iter().map(|node| self.source(node)).collect()
    }

    fn source(&mut self, node: &Node) -> Source {
        let path = self.text(node, "path");
        let chart = self.text(node, "chart");
        let form = if let Some(chart) = chart {
            SourceForm::Chart(chart)
        } else if let Some(directory) = present(node, "directory") {
            SourceForm::Directory {
                recurse: self.flag(directory, "recurse"),
                include: self.text(directory, "include"),
                exclude: self.text(directory, "exclude"),
            }
        } else if present(node, "helm").is_some() {
            SourceForm::Helm
        } else if let Some(kustomize) = present(node, "kustomize") {
            SourceForm::Kustomize {
                name_prefix: self.text(kustomize, "namePrefix").unwrap_or_default(),
                name_suffix: self.text(kustomize, "nameSuffix").unwrap_or_default(),
            }
        } else if present(node, "plugin").is_some() {
            SourceForm::Plugin
        } else if path.is_none() && present(node, "ref").is_some() {
            SourceForm::Values
        } else {
            SourceForm::Detect
        };
        Source {
            repository: self.text(node, "repoURL").unwrap_or_default(),
            // Without a path, Argo CD renders the top folder; a chart and a values source have none.
            path: path.or_else(|| (!matches!(form, SourceForm::Chart(_) | SourceForm::Values)).then(|| ".".to_owned())),
            revision: self.text(node, "targetRevision").unwrap_or_else(|| "HEAD".into()),
            form,
        }
    }

    pub(super) fn destination(&mut self, spec: &Node) -> Destination {
        let Some(node) = spec.get("destination") else { return Destination { cluster: IN_CLUSTER.into(), namespace: String::new() } };
        let cluster = self.text(node, "name").or_else(|| self.text(node, "server"));
        let cluster = cluster.map(|text| text.trim_end_matches('/').to_owned()).filter(|text| text != "https://kubernetes.default.svc");
        Destination { cluster: cluster.unwrap_or_else(|| IN_CLUSTER.into()), namespace: self.text(node, "namespace").unwrap_or_default() }
    }

    fn target(&mut self, node: &Node, spec: &Node) -> Target {
        let annotations = node.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let annotated = annotations.and_then(|annotations| annotations.get(TARGET_ANNOTATION)).filter(|node| node.text().is_some());
        let link = annotations.and_then(|annotations| annotations.get(LINK_ANNOTATION)).and_then(Node::text);
        let info = spec.get("info").map(Node::list).unwrap_or_default();
        let target = target(annotated.and_then(Node::text), link, info.iter().filter_map(|entry| entry.get("value").and_then(Node::text)));
        if let (Some(node), Target::Missing { why }) = (annotated, &target) {
            self.problem(node, why.clone());
        }
        target
    }
}

/// The annotation, else Argo CD's external link, else the first address under `spec.info`.
pub(crate) fn target<'t>(annotation: Option<&str>, link: Option<&str>, mut info: impl Iterator<Item = &'t str>) -> Target {
    if let Some(text) = annotation {
        return match web_address(text) {
            Some(url) => Target::Known { url, from: format!("annotation {TARGET_ANNOTATION}") },
            None => Target::Missing { why: format!("The annotation {TARGET_ANNOTATION} must be an http or https address. Correct it in Git.") },
        };
    }
    // `title|address` is Argo CD's way to name a link.
    if let Some(url) = link.and_then(|text| web_address(text.rsplit('|').next().unwrap_or(text))) {
        return Target::Known { url, from: format!("annotation {LINK_ANNOTATION}") };
    }
    if let Some(url) = info.find_map(web_address) {
        return Target::Known { url, from: "spec.info of the Application".into() };
    }
    Target::Missing { why: format!("The Application names no address. Add the annotation {TARGET_ANNOTATION} in Git.") }
}

fn present<'n>(node: &'n Node, field: &str) -> Option<&'n Node> {
    node.get(field).filter(|node| !node.is_null())
}

/// The address as it was written, if it is one that a load test can talk to.
pub(crate) fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none()).then(|| text.to_owned())
}
