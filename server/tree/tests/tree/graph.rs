//! Which app makes which.

use std::path::Path;

use windfirm_model::view::tree::TreeRevision;
use windfirm_tree::{Kind, MemoryFiles, Tree, TreeOptions};

use crate::support::{App, app, environment_of, folder, options, path, paths, sentences, tree_of};

fn fixture(name: &str) -> MemoryFiles {
    folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

/// What real Argo CD controllers made of this repository is recorded beside it in the fixtures' origin.
#[test]
fn the_tree_is_the_one_that_argo_cd_makes() {
    let tree = tree_of(&fixture("argocd-3.5.1"));
    assert_eq!(
        paths(&tree),
        [
            "/shop/",
            "/shop/catalogue/",
            "/shop/cart/",
            "/shop/payments/",
            "/shop/payments/ledger/",
            "/shop/payments/gateway/",
            "/shop/search/",
            "/shop/storefront/",
            "/shop/recommendations/",
            "/shop/recommendations/recommendations-dev/",
            "/shop/recommendations/recommendations-prod/",
        ]
    );
    let shop = tree.find(&path("/shop/")).unwrap();
    assert!(shop.manages_itself);
    assert_eq!((shop.level, shop.end, shop.parent), (1, 11, None));
    assert_eq!(tree.find(&path("/shop/recommendations/")).unwrap().kind, Kind::ApplicationSet);
    let search = tree.find(&path("/shop/search/")).unwrap();
    assert_eq!(search.sources.iter().map(|source| source.kind).collect::<Vec<_>>(), ["helm", "values"]);
    let dev = tree.find(&path("/shop/recommendations/recommendations-dev/")).unwrap();
    assert_eq!((dev.environment.as_str(), dev.sources[0].kind), ("dev", "kustomize"));
    // The annotations of this repository point to tests that it does not hold; each app says so.
    assert!(sentences(&tree).iter().all(|sentence| sentence.contains("windfirm.dev/tests")), "{:#?}", sentences(&tree));
}

#[test]
fn the_demo_is_three_trees_without_a_problem() {
    let commits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/demo/commits");
    let mut names: Vec<_> = std::fs::read_dir(commits).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut files = MemoryFiles::default();
    for commit in names {
        for (path, content) in folder_entries(&commit.join("files")) {
            let text = String::from_utf8_lossy(&content).replace('@', "9");
            files.insert(path, text);
        }
    }
    let options = TreeOptions { repositories: vec!["https://git.demo.windfirm.dev/shop/deploy.git".into()], ..options() };
    let tree = Tree::build(&files, TreeRevision::default(), &options, &environment_of);
    assert!(sentences(&tree).iter().all(|sentence| !sentence.contains("revision")), "{:?}", sentences(&tree));
    for expected in ["/shop/", "/shop/payments/ledger/", "/shop-prod/payments/gateway/", "/search/"] {
        assert!(tree.find(&path(expected)).is_some(), "{expected} in {:?}", paths(&tree));
    }
    assert!(tree.apps().iter().any(|app| !app.tests.is_empty()));
}

fn folder_entries(root: &Path) -> Vec<(String, Vec<u8>)> {
    use windfirm_tree::Files as _;
    let files = folder(root);
    files.paths().iter().map(|path| (path.clone(), files.read(path, u64::MAX).unwrap())).collect()
}

#[test]
fn siblings_stand_by_wave_then_name() {
    let files: MemoryFiles = [
        ("root.yaml", app("shop", "apps").yaml()),
        ("apps/a.yaml", App { wave: 5, ..app("a", "x") }.yaml() + "---\n" + &App { wave: -10, ..app("z", "x") }.yaml()),
        ("apps/c.yaml", app("c", "x").yaml()),
        ("apps/b.json", app("b", "x").yaml()),
        ("apps/deep/d.yaml", app("d", "x").yaml()),
    ]
    .into_iter()
    .collect();
    // Without `recurse` a folder below does not count, so “d” is nobody's child.
    assert_eq!(paths(&tree_of(&files)), ["/d/", "/shop/", "/shop/z/", "/shop/b/", "/shop/c/", "/shop/a/"]);
}

#[test]
fn folders_are_read_as_the_source_says() {
    let files: MemoryFiles = [
        ("root.yaml", App { more: ", directory: {recurse: true, include: '*/{a,b}.yaml', exclude: 'two/*'}", ..app("shop", "apps") }.yaml()),
        ("apps/one/a.yaml", app("a", "x").yaml()),
        ("apps/two/b.yaml", app("b", "x").yaml()),
        ("apps/one/c.yaml", app("c", "x").yaml()),
    ]
    .into_iter()
    .collect();
    assert_eq!(paths(&tree_of(&files)), ["/b/", "/c/", "/shop/", "/shop/a/"]);
}

#[test]
fn a_loop_is_cut_and_said() {
    // a → b → c → a, and nobody above: the loop is opened at its first app.
    let files: MemoryFiles =
        [("fa/b.yaml", app("b", "fb").yaml()), ("fb/c.yaml", app("c", "fc").yaml()), ("fc/a.yaml", app("a", "fa").yaml())].into_iter().collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/a/", "/a/b/", "/a/b/c/"]);
    assert_eq!(tree.find(&path("/a/b/c/")).unwrap().cycles, [0]);
    assert_eq!(sentences(&tree), ["/a/b/c/ makes /a/ again, which stands above it. The loop is shown once and not followed."]);
}

#[test]
fn a_root_that_only_lies_in_its_own_folder_is_a_root() {
    let files: MemoryFiles = [("apps/root.yaml", app("shop", "apps").yaml()), ("apps/cart.yaml", app("cart", "svc").yaml())].into_iter().collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/shop/", "/shop/cart/"]);
    assert!(tree.apps()[0].manages_itself && tree.apps()[0].cycles.is_empty());
}

#[test]
fn of_two_parents_the_nearer_has_the_app() {
    let files: MemoryFiles = [
        ("roots/r.yaml", app("shop", "apps").yaml()),
        ("apps/team.yaml", app("team", "team").yaml()),
        ("apps/cart.yaml", app("cart", "svc").yaml()),
        ("team/cart.yaml", app("cart", "svc").yaml()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/shop/", "/shop/cart/", "/shop/team/"]);
    assert_eq!(sentences(&tree), ["/shop/team/ makes /shop/cart/ too, which stands elsewhere already. It is shown there; let only one app make it."]);
}

#[test]
fn one_name_in_several_namespaces_kinds_and_clusters() {
    let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: infra, namespace: argocd}\nspec: {generators: [], template: {metadata: {name: x}, spec: {}}}\n";
    let files: MemoryFiles = [
        ("root.yaml", app("shop", "apps").yaml()),
        ("apps/1.yaml", app("infra", "x").yaml() + "---\n" + &App { namespace: "team-b", ..app("infra", "x") }.yaml()),
        ("apps/2.yaml", set.to_owned()),
    ]
    .into_iter()
    .collect();
    assert_eq!(paths(&tree_of(&files)), ["/shop/", "/shop/infra/", "/shop/infra~argocd/", "/shop/infra~team-b/"]);

    // The same app made into two clusters by two parents is two apps.
    let elsewhere = app("east", "apps").yaml().replace("name: in-cluster", "name: east");
    let files: MemoryFiles =
        [("roots/w.yaml", app("west", "apps").yaml()), ("roots/e.yaml", elsewhere), ("apps/cart.yaml", app("cart", "svc").yaml())].into_iter().collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/east/", "/east/cart/", "/west/", "/west/cart/"]);
    assert_eq!((tree.apps()[1].cluster.as_str(), tree.apps()[3].cluster.as_str()), ("east", "in-cluster"));
    assert!(sentences(&tree).is_empty());
}

#[test]
fn the_same_app_twice_in_one_folder_is_said() {
    let files: MemoryFiles =
        [("root.yaml", app("shop", "apps").yaml()), ("apps/1.yaml", app("cart", "x").yaml()), ("apps/2.yaml", app("cart", "y").yaml())].into_iter().collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/shop/", "/shop/cart/"]);
    assert_eq!(sentences(&tree), ["cart stands twice: in apps/1.yaml, line 1, column 1 and in apps/2.yaml, line 1, column 1. The first is shown; delete one."]);
}

#[test]
fn kustomize_is_followed_through_bases() {
    let files: MemoryFiles = [
        ("roots/dev.yaml", app("dev", "overlays/dev").yaml()),
        (
            "overlays/dev/kustomization.yaml",
            "resources: [../../base, ../../gone.yaml, ../../../../etc, 'https://example.org/x']\nnamePrefix: dev-\nnamespace: tools\n".into(),
        ),
        ("base/kustomization.yaml", "resources: [cart.yaml, ../overlays/dev]\n".into()),
        ("base/cart.yaml", app("cart", "svc").yaml()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/dev/", "/dev/dev-cart/"], "the base is no root: the overlay takes it");
    assert_eq!(tree.apps()[1].namespace, "tools");
    assert_eq!(tree.apps()[0].unresolved.len(), 1);
    let all = sentences(&tree).join("\n");
    for part in ["There is no gone.yaml", "leads out of the repository", "leads back to itself"] {
        assert!(all.contains(part), "{part} in {all}");
    }
}

#[test]
fn a_chart_is_read_where_it_has_no_templating() {
    let files: MemoryFiles = [
        ("root.yaml", app("shop", "chart").yaml()),
        ("chart/Chart.yaml", "name: shop\n".into()),
        ("chart/templates/plain.yaml", app("cart", "svc").yaml()),
        ("chart/templates/each.yaml", format!("{{{{- range .Values.apps }}}}\n{}{{{{- end }}}}\n", app("x-{{ .name }}", "svc").yaml())),
        ("chart/templates/service.yaml", "{{ if }}\nkind: Service".into()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/shop/", "/shop/cart/"]);
    assert_eq!(tree.apps()[0].unresolved, ["chart/templates/each.yaml is a Helm template; which apps it makes is known to Argo CD only."]);
    assert_eq!(tree.apps()[0].sources[0].kind, "helm");
    assert!(sentences(&tree).is_empty(), "{:?}", sentences(&tree));
}

#[test]
fn hostile_paths_and_names_lead_nowhere() {
    let files: MemoryFiles = [
        ("a.yaml", app("up", "../../etc").yaml()),
        ("b.yaml", app("top", "/").yaml().replace("path: /", "path: '/../x'")),
        ("c.yaml", app("'..'", "x").yaml() + "---\n" + &app("'a/b'", "x").yaml() + "---\n" + &app("'%2e%2e'", "x").yaml()),
        ("d.yaml", App { namespace: "'../x'", ..app("ok", "x") }.yaml()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/top/", "/up/"]);
    assert!(tree.apps().iter().all(|app| app.sources.iter().all(|source| source.folder.is_none())));
    assert_eq!(sentences(&tree).len(), 4, "{:?}", sentences(&tree));
}

#[test]
fn names_too_long_for_a_path_are_left_out_and_said() {
    let long: Vec<String> = (0..6).map(|n| format!("{n}{}", "a".repeat(240))).collect();
    let mut files = MemoryFiles::default();
    files.insert("root.yaml", app(&long[0], "f0").yaml());
    for (n, name) in long.iter().enumerate().skip(1) {
        files.insert(format!("f{}/app.yaml", n - 1), app(name, &format!("f{n}")).yaml());
    }
    let tree = tree_of(&files);
    assert_eq!(tree.apps().len(), 4);
    assert!(sentences(&tree)[0].contains("no path can be made"), "{:?}", sentences(&tree));
}

#[test]
fn roots_and_repositories_can_be_narrowed() {
    let other = app("other", "svc").yaml().replace("https://git.example.org/shop.git", "https://git.example.org/other");
    let files: MemoryFiles = [
        ("roots/shop.yaml", app("shop", "apps").yaml()),
        ("attic/old.yaml", app("old", "apps").yaml()),
        ("apps/cart.yaml", app("cart", "svc").yaml()),
        ("apps/other.yaml", other),
        ("svc/k6/t.js", "export default 1".into()),
    ]
    .into_iter()
    .collect();
    let options = TreeOptions { roots: "/roots/".into(), repositories: vec!["git@git.example.org:shop".into()], ..options() };
    let tree = Tree::build(&files, TreeRevision::default(), &options, &environment_of);
    assert_eq!(paths(&tree), ["/shop/", "/shop/cart/", "/shop/other/"]);
    assert_eq!(tree.apps().iter().map(|app| app.tests.len()).collect::<Vec<_>>(), [0, 1, 0]);

    let options = TreeOptions { roots: "nowhere".into(), ..TreeOptions::default() };
    let tree = Tree::build(&files, TreeRevision::default(), &options, &environment_of);
    assert!(tree.apps().is_empty());
    assert!(sentences(&tree)[0].starts_with("There is no folder nowhere"));
}

/// Grants hold by path, so a folder of ours must never stand in for one of another repository.
#[test]
fn a_source_of_another_repository_makes_nothing_of_ours() {
    let elsewhere = |name: &str, source: &str| app(name, source).yaml().replace("git.example.org/shop.git", "git.example.org/other.git");
    let without_path = app("bare", "x").yaml().replace("git.example.org/shop.git", "git.example.org/other.git").replace(", path: x", "");
    let files: MemoryFiles = [
        ("roots/all.yaml", elsewhere("all", ".")),
        ("roots/bare.yaml", without_path),
        ("roots/same.yaml", elsewhere("same", "apps")),
        ("roots/none.yaml", app("none", "apps").yaml().replace("repoURL: \"https://git.example.org/shop.git\", ", "")),
        ("roots/shop.yaml", app("shop", "apps").yaml()),
        ("apps/cart.yaml", app("cart", "svc").yaml()),
        ("apps/mail.yaml", elsewhere("mail", "svc")),
        ("svc/k6/t.js", "export default 1".into()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/all/", "/bare/", "/none/", "/same/", "/shop/", "/shop/cart/", "/shop/mail/"]);
    let at = |name: &str| tree.find(&path(name)).unwrap();
    for name in ["/all/", "/bare/", "/same/", "/shop/mail/"] {
        let app = at(name);
        assert!(app.is_elsewhere() && app.sources[0].folder.is_none() && app.tests.is_empty(), "{name}");
        assert!(app.unresolved[0].contains("stand in another repository, `git.example.org/other`"), "{name}: {:?}", app.unresolved);
        assert_eq!(app.sources[0].kind, "unknown", "{name}");
    }
    assert!(at("/none/").unresolved[0].contains("names no repository"), "{:?}", at("/none/").unresolved);
    assert!(!at("/shop/").is_elsewhere() && at("/shop/cart/").tests.len() == 1);
    assert!(sentences(&tree).is_empty(), "{:?}", sentences(&tree));
}

#[test]
fn a_repository_that_no_manifest_names_is_said() {
    let files: MemoryFiles = [("roots/shop.yaml", app("shop", "apps").yaml()), ("apps/cart.yaml", app("cart", "svc").yaml())].into_iter().collect();
    let options = TreeOptions { roots: "roots".into(), repositories: vec!["git@mirror.example.org:shop.git".into()], ..options() };
    let tree = Tree::build(&files, TreeRevision::default(), &options, &environment_of);
    assert_eq!(paths(&tree), ["/shop/"]);
    assert_eq!(
        sentences(&tree),
        [
            "No manifest names this repository, known as `mirror.example.org/shop`; they name `git.example.org/shop`. If that is this repository too, add it to tree.repositories in the configuration."
        ]
    );
}

#[test]
fn a_source_that_asks_for_another_revision_says_so() {
    let at = |name: &str, revision: &str| App { more: &format!(", targetRevision: '{revision}'"), ..app(name, "svc") }.yaml();
    let other = at("other", "v1").replace("git.example.org/shop.git", "git.example.org/other.git");
    let files: MemoryFiles = [
        ("a.yaml", at("head", "HEAD")),
        ("b.yaml", at("branch", "main")),
        ("c.yaml", at("long", "refs/heads/main")),
        ("d.yaml", at("id", "5d1e7a4c9b0f2e6d8a7c5b3f1e9d7c5b3a190f2e")),
        ("e.yaml", at("short", "5D1E7A4")),
        ("f.yaml", at("tag", "v1.2")),
        ("g.yaml", at("few", "5d1e")),
        ("h.yaml", other),
        ("i.yaml", at("chart", "7.0.1").replace("path: svc", "chart: redis")),
        ("svc/deploy.yaml", String::new()),
    ]
    .into_iter()
    .collect();
    let options = TreeOptions { revisions: vec!["main".into(), "5d1e7a4c9b0f2e6d8a7c5b3f1e9d7c5b3a190f2e".into()], ..options() };
    let tree = Tree::build(&files, TreeRevision::default(), &options, &environment_of);
    let told: Vec<&str> = tree.apps().iter().filter(|app| !app.problems.is_empty()).map(|app| app.name.as_str()).collect();
    assert_eq!(told, ["few", "tag"]);
    let tag = tree.find(&path("/tag/")).unwrap();
    assert!(tag.problems[0].contains("`svc` asks for the revision `v1.2`"), "{:?}", tag.problems);
}

#[test]
fn an_unreadable_manifest_is_told_where_it_stands() {
    let files: MemoryFiles = [
        ("root.yaml", app("shop", "apps").yaml()),
        ("apps/bad.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a\n".to_owned() + "---\n" + &app("good", "x").yaml()),
        ("elsewhere/bad.yaml", "# argoproj.io/\na: [\n".into()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    assert_eq!(paths(&tree), ["/shop/", "/shop/good/"]);
    let below: Vec<(&str, &str)> =
        tree.problems().iter().map(|problem| (problem.below.as_ref().unwrap().as_str(), problem.sentence.split(':').next().unwrap())).collect();
    assert_eq!(below, [("/shop/", "apps/bad.yaml, line 4, column 1"), ("/", "elsewhere/bad.yaml, line 3, column 1")]);
}

#[test]
fn trouble_with_an_app_stands_with_the_app() {
    let files: MemoryFiles = [
        ("root.yaml", app("shop", "apps").yaml()),
        ("apps/cart.yaml", app("cart", "x").yaml().replace("sync-wave: \"0\"", "x: y, windfirm.dev/tests: ../../../x, windfirm.dev/target: cart")),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    let cart = tree.find(&path("/shop/cart/")).unwrap();
    assert_eq!(cart.problems.len(), 2, "{:?}", cart.problems);
    assert!(cart.problems[0].starts_with("apps/cart.yaml, line 6"), "{:?}", cart.problems);
    assert!(tree.problems().iter().all(|problem| problem.about == [1] && problem.below.is_none()), "{:?}", tree.problems());
}
