//! What single manifests say, and what is said of bad ones.

use windfirm_model::view::app::Target;
use windfirm_tree::{
    Kind, SourceForm,
    manifest::{Manifest, Problem, parse},
};

fn one(text: &str) -> Manifest {
    let mut parsed = parse("a.yaml", text.as_bytes());
    assert_eq!(parsed.problems, [], "{text}");
    let manifest = parsed.manifests.remove(0);
    assert_eq!(manifest.problems, [], "{text}");
    manifest
}

fn head(name: &str, annotations: &str) -> String {
    format!("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\n")
}

#[test]
fn several_sources_of_every_form_are_read() {
    let app = one(&format!(
        "{}spec:\n  source: {{path: ignored}}\n  sources:\n  - {{repoURL: r, path: a, directory: {{recurse: true, include: '*.yaml', exclude: 'x/*'}}}}\n  - {{repoURL: r, path: b, kustomize: {{namePrefix: dev-}}}}\n  - {{repoURL: r, path: c, helm: {{valueFiles: [v.yaml]}}}}\n  - {{repoURL: r, chart: redis, targetRevision: 1.2.3}}\n  - {{repoURL: r, ref: values}}\n  - {{repoURL: r, path: d, plugin: {{name: p}}}}\n  - {{repoURL: r}}\n  destination: {{server: 'https://kubernetes.default.svc/', namespace: shop}}\n",
        head("search", "argocd.argoproj.io/sync-wave: '-5'")
    ));
    let forms: Vec<SourceForm> = app.sources.iter().map(|source| source.form.clone()).collect();
    assert_eq!(
        forms,
        [
            SourceForm::Directory { recurse: true, include: Some("*.yaml".into()), exclude: Some("x/*".into()) },
            SourceForm::Kustomize { name_prefix: "dev-".into(), name_suffix: String::new() },
            SourceForm::Helm,
            SourceForm::Chart("redis".into()),
            SourceForm::Values,
            SourceForm::Plugin,
            SourceForm::Detect,
        ]
    );
    let paths: Vec<Option<&str>> = app.sources.iter().map(|source| source.path.as_deref()).collect();
    assert_eq!(paths, [Some("a"), Some("b"), Some("c"), None, None, Some("d"), Some(".")]);
    assert_eq!((app.wave, app.destination.cluster.as_str(), app.destination.namespace.as_str()), (-5, "in-cluster", "shop"));
    assert_eq!(app.sources[3].revision, "1.2.3");
}

#[test]
fn the_target_comes_from_the_annotation_first() {
    let target = |annotations: &str, spec: &str| one(&format!("{}spec: {{source: {{repoURL: r, path: p}}{spec}}}\n", head("a", annotations))).target;
    let known = |url: &str, from: &str| Target::Known { url: url.into(), from: from.into() };
    let info = ", info: [{name: owner, value: shop}, {name: url, value: 'https://info.example'}]";
    let link = "link.argocd.argoproj.io/external-link: 'Shop|https://link.example'";
    assert_eq!(
        target(&format!("windfirm.dev/target: 'http://127.0.0.1:8080', {link}"), info),
        known("http://127.0.0.1:8080", "annotation windfirm.dev/target")
    );
    assert_eq!(target(link, info), known("https://link.example", "annotation link.argocd.argoproj.io/external-link"));
    assert_eq!(target("", info), known("https://info.example", "spec.info of the Application"));
    assert!(matches!(target("", ""), Target::Missing { .. }));

    for bad in ["ftp://x", "cart", "file:///etc/passwd", "javascript:alert(1)", "http://user:secret@x"] {
        let parsed = parse("a.yaml", format!("{}spec: {{source: {{path: p}}}}", head("a", &format!("windfirm.dev/target: '{bad}'"))).as_bytes());
        assert!(matches!(parsed.manifests[0].target, Target::Missing { .. }), "{bad}");
        let problem = &parsed.manifests[0].problems[0];
        assert_eq!(problem.at.position.line, 3, "{bad}");
        assert!(!problem.sentence.contains("secret"));
    }
}

#[test]
fn each_problem_has_its_place_and_the_rest_is_read() {
    let text = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: Bad_Name
spec: {source: {path: a}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: good
  annotations: {argocd.argoproj.io/sync-wave: soon}
spec:
  source:
    path: [not, text]
---
this: [is not
  yaml: }
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {namespace: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata: 7
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: last}
spec: {source: {path: x, directory: {recurse: maybe}}}
";
    let parsed = parse("apps/all.yaml", text.as_bytes());
    let names: Vec<&str> = parsed.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    assert_eq!(names, ["good", "last"]);
    let place = |problem: &Problem| (problem.at.position.line, problem.at.position.column);
    let own: Vec<Vec<(u32, u32)>> = parsed.manifests.iter().map(|manifest| manifest.problems.iter().map(place).collect()).collect();
    assert_eq!(own, [vec![(11, 47), (14, 11)], vec![(30, 47)]]);
    // What is left out altogether: a name that Kubernetes refuses, a document that is no YAML, an app without a name.
    let left_out: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
    assert_eq!(left_out.len(), 3, "{left_out:#?}");
    assert!(left_out[0].starts_with("apps/all.yaml, line 4, column 9: Kubernetes takes no name like this"), "{left_out:#?}");
    assert!(left_out[1].starts_with("apps/all.yaml, line 17, "), "{left_out:#?}");
    assert!(left_out[2].ends_with("This Application has no metadata.name. It is left out until it has."), "{left_out:#?}");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let parsed = parse("a.yaml", b"kind: x\n\xff\xfe");
    assert_eq!((parsed.problems[0].at.position.line, parsed.manifests.len()), (2, 0));
    let list = parse(
        "a.json",
        br#"{"kind":"List","items":[{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"a"},"spec":{"source":{"path":"p"}}}]}"#,
    );
    assert_eq!(list.manifests[0].name, "a");
}

fn set(spec: &str) -> Manifest {
    one(&format!("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: set, namespace: tools}}\nspec:\n{spec}"))
}

const TEMPLATE: &str =
    "  template: {metadata: {name: 'app-{{.env}}'}, spec: {source: {path: 'x/{{ .values.dir }}'}, destination: {namespace: 'shop-{{ env }}'}}}\n";

#[test]
fn a_list_generator_is_worked_out() {
    let set = set(&format!("  generators:\n  - list: {{elements: [{{env: dev, values: {{dir: one}}}}, {{env: prod, values: {{dir: two}}}}]}}\n{TEMPLATE}"));
    assert_eq!((set.kind, set.unresolved.len()), (Kind::ApplicationSet, 0));
    let made: Vec<(&str, &str, &str)> =
        set.generated.iter().map(|app| (app.name.as_str(), app.sources[0].path.as_deref().unwrap(), app.destination.namespace.as_str())).collect();
    assert_eq!(made, [("app-dev", "x/one", "shop-dev"), ("app-prod", "x/two", "shop-prod")]);
    assert_eq!(set.generated[0].namespace.as_deref(), Some("tools"));
}

#[test]
fn what_needs_a_cluster_is_marked() {
    for (generators, word) in [
        ("  - git: {directories: [{path: 'x/*'}]}", "git"),
        ("  - matrix: {generators: []}", "matrix"),
        ("  - list: {elementsYaml: '[]'}", "list"),
        ("  - list: {elements: [{env: dev}]}", ".values.dir"),
        ("  - list: {elements: [{env: '{{x}}'}]}\n  - clusters: {}", "clusters"),
    ] {
        let set = set(&format!("  generators:\n{generators}\n{TEMPLATE}"));
        assert!(set.generated.is_empty(), "{generators}");
        assert!(set.unresolved.iter().any(|sentence| sentence.contains(word)), "{generators}: {:?}", set.unresolved);
    }
}
