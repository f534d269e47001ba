//! Repositories of all kinds, read by a whole portal: whose manifests are whose, at which revision, and what is said where it
//! cannot be told. Grants hold by path, so where an app stands decides who may see it.

use std::path::Path;

use axum::http::{Method, StatusCode};
use gix::{actor::Signature, date::Time, object::tree::EntryKind};
use windfirm_model::view::{
    app::AppPage,
    tree::{TreePage, TreeRow},
};

use crate::harness::{As, House};

const OURS: &str = "https://git.example.org/shop.git";
const OTHER: &str = "https://git.example.org/other.git";

/// An `Application` that is deployed to staging.
fn app(name: &str, repository: &str, source: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{ name: {name}, namespace: argocd }}\nspec:\n  source: {{ repoURL: '{repository}', {source} }}\n  destination: {{ name: in-cluster, namespace: shop-staging }}\n"
    )
}

/// Commits these files, and nothing else, as the newest of `main`. `remote` becomes the repository's origin.
fn commit(path: &Path, remote: Option<&str>, files: &[(&str, String)]) {
    let repository = gix::open(path).or_else(|_| gix::init_bare(path)).unwrap();
    std::fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    if let Some(remote) = remote {
        let config = std::fs::read_to_string(path.join("config")).unwrap();
        std::fs::write(path.join("config"), format!("{config}[remote \"origin\"]\n\turl = {remote}\n")).unwrap();
    }
    let mut editor = repository.edit_tree(gix::ObjectId::empty_tree(gix::hash::Kind::Sha1)).unwrap();
    for (name, content) in files {
        editor.upsert(*name, EntryKind::Blob, repository.write_blob(content).unwrap()).unwrap();
    }
    let tree = editor.write().unwrap();
    let parent = repository.rev_parse_single("refs/heads/main").ok().map(gix::Id::detach);
    let author = Signature { name: "Eli Tanaka".into(), email: "eli@shop.example".into(), time: Time::new(1_700_000_000, 0) };
    let mut buffer = gix::date::parse::TimeBuf::default();
    let author = author.to_ref(&mut buffer);
    repository.commit_as(author, author, "refs/heads/main", "Lay the secret plans of search", tree, parent).unwrap();
}

async fn round(house: &House) {
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
}

async fn tree(house: &House, who: As) -> TreePage {
    let answer = house.call(who, Method::GET, "tree", "query[open]=all").await;
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.body))
}

fn paths(page: &TreePage) -> Vec<String> {
    page.rows.iter().filter_map(|row| if let TreeRow::App(row) = row { Some(row.path.to_string()) } else { None }).collect()
}

async fn app_page(house: &House, who: As, path: &str) -> AppPage {
    let answer = house.call(who, Method::GET, "app", &format!("path={path}")).await;
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.body))
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_another_repository_move_nobodys_apps() {
    let opened = House::open_with(|folder, config| {
        let repository = folder.join("own.git");
        let files = [
            ("roots/shop.yaml", app("shop", OURS, "path: apps, targetRevision: main")),
            // Read from our files, these would take the shop for their child, and Ana's grant on /shop/ would hold no more.
            ("roots/aaa.yaml", app("aaa", OTHER, "path: ., directory: { recurse: true }")),
            ("roots/bbb.yaml", app("bbb", OTHER, "directory: { recurse: true }")),
            ("apps/cart.yaml", app("cart", "git@git.example.org:shop.git", "path: services/cart")),
            ("apps/mail.yaml", app("mail", OTHER, "path: services/cart")),
            ("services/cart/k6/cart.js", "export default function () {}".to_owned()),
        ];
        commit(&repository, Some("ssh://git@git.example.org/shop"), &files);
        config.tree.repository = repository;
    });
    let Some(house) = opened.await else { return };
    assert_eq!(paths(&tree(&house, As::Ana).await), ["/shop/", "/shop/cart/", "/shop/mail/"]);
    assert_eq!(paths(&tree(&house, As::Chris).await), ["/aaa/", "/bbb/", "/shop/", "/shop/cart/", "/shop/mail/"]);
    assert!(house.page(As::Ana, "/tree").await.body.contains("manifests stand in another repository"));

    let mail = app_page(&house, As::Ana, "/shop/mail/").await;
    assert!(mail.unresolved[0].contains("another repository, `git.example.org/other`"), "{:?}", mail.unresolved);
    assert!(mail.tests.is_empty() && mail.sources[0].last_commit.is_none(), "{mail:?}");
    assert!(house.page(As::Ana, "/apps/shop/mail/").await.body.contains("stand in another repository"));
    let cart = app_page(&house, As::Ana, "/shop/cart/").await;
    assert!(cart.unresolved.is_empty() && cart.tests.len() == 1, "{cart:?}");
}

/// The app's own last commit follows the rule of the tree's: it touches the app's folder, and may speak of anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_commit_says_is_for_those_who_see_every_app() {
    let opened = House::open_with(|folder, config| {
        config.tree.repository = folder.join("own.git");
        let files = [
            ("roots/shop.yaml", app("shop", OURS, "path: services/cart")),
            ("roots/search.yaml", app("search", OURS, "path: services/search")),
            ("services/cart/deploy.yaml", String::new()),
        ];
        commit(&config.tree.repository, Some(OURS), &files);
    });
    let Some(house) = opened.await else { return };
    for (who, sees) in [(As::Ana, false), (As::Ben, false), (As::Chris, true), (As::Dora, true)] {
        let page = app_page(&house, who, "/shop/").await;
        let last = page.sources[0].last_commit.as_ref().unwrap();
        assert_eq!(last.id, page.revision.commit, "{who:?}");
        assert_eq!((last.subject.is_empty(), last.author.is_empty()), (!sees, !sees), "{who:?}: {last:?}");
        for address in ["/apps/shop/", "/apps/shop/?tab=sources", "/tree", "/"] {
            let body = house.page(who, address).await.body;
            assert!(sees || !(body.contains("secret plans") || body.contains("Eli Tanaka")), "{who:?} at {address}: {body}");
        }
    }
    assert!(house.page(As::Chris, "/apps/shop/?tab=sources").await.body.contains("secret plans"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_names_the_repository_where_its_remotes_do_not() {
    let files = [("roots/shop.yaml", app("shop", OURS, "path: apps")), ("apps/cart.yaml", app("cart", OURS, "path: services/cart"))];
    let opened = House::open_with(|folder, config| {
        config.tree.repository = folder.join("own.git");
        commit(&config.tree.repository, Some("git@mirror.example.org:shop.git"), &files);
    });
    let Some(house) = opened.await else { return };
    let page = tree(&house, As::Chris).await;
    assert_eq!(paths(&page), ["/shop/"]);
    assert!(page.problems[0].contains("`git.example.org/shop`") && page.problems[0].contains("tree.repositories"), "{:?}", page.problems);

    let named = house.start_again(|config| config.tree.repositories = vec![OURS.to_owned()]).await;
    let page = tree(&named, As::Chris).await;
    assert_eq!((paths(&page), page.problems), (vec!["/shop/".to_owned(), "/shop/cart/".to_owned()], Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_nothing_gives_an_address_is_not_guessed_at() {
    let files = [("roots/shop.yaml", app("shop", OURS, "path: apps")), ("apps/cart.yaml", app("cart", OURS, "path: services/cart"))];
    let opened = House::open_with(|folder, config| {
        config.tree.repository = folder.join("own.git");
        commit(&config.tree.repository, None, &files);
    });
    let Some(house) = opened.await else { return };
    let page = tree(&house, As::Chris).await;
    assert!(page.rows.is_empty() && page.hidden_apps == 0, "{page:?}");
    assert!(page.revision.stale.as_ref().unwrap().contains("tree.repositories"), "{:?}", page.revision);

    // As soon as a remote says it, it is read.
    commit(&house.config.tree.repository, Some(OURS), &files);
    round(&house).await;
    assert_eq!(paths(&tree(&house, As::Chris).await), ["/shop/", "/shop/cart/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_at_another_revision_is_told_on_the_page_of_its_app() {
    let opened = House::open_with(|folder, config| {
        config.tree.repository = folder.join("own.git");
        let files = [
            ("roots/shop.yaml", app("shop", OURS, "path: apps, targetRevision: HEAD")),
            ("apps/cart.yaml", app("cart", OURS, "path: services/cart, targetRevision: main")),
            ("apps/mail.yaml", app("mail", OURS, "path: services/cart, targetRevision: v1.2")),
            ("services/cart/deploy.yaml", String::new()),
        ];
        commit(&config.tree.repository, Some(OURS), &files);
    });
    let Some(house) = opened.await else { return };
    let told = |page: &AppPage| page.problems.iter().filter(|problem| problem.contains("revision")).count();
    for (path, expected) in [("/shop/", 0), ("/shop/cart/", 0), ("/shop/mail/", 1)] {
        let page = app_page(&house, As::Ana, path).await;
        assert_eq!(told(&page), expected, "{path}: {:?}", page.problems);
    }
    let page = house.page(As::Ana, "/apps/shop/mail/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("v1.2"), "{}", page.body);
}
