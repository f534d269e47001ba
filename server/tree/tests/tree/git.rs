//! Reading a repository.

use gix::object::tree::EntryKind;
use windfirm_model::{clock::Timestamp, view::tree::TreeRevision};
use windfirm_tree::{Files as _, GitSource, Tree, TreeError};

use crate::support::{NOW, Repository, environment_of, options, sentences};

#[test]
fn a_commit_is_read_and_the_working_tree_is_not() {
    let mut repository = Repository::with_work_tree();
    let first = repository.commit("Lay the shop\n\nWhy: it is the shop.", &[("apps/cart.yaml", b"one"), ("read.me", b"x")]);
    std::fs::write(repository.path().join("not-committed.yaml"), "x").unwrap();

    let source = GitSource::open(repository.path(), None).unwrap();
    let snapshot = source.read(NOW).unwrap();
    assert_eq!(snapshot.paths().iter().map(String::as_str).collect::<Vec<_>>(), ["apps/cart.yaml", "read.me"]);
    assert_eq!(snapshot.list("apps"), ["apps/cart.yaml"]);
    assert_eq!(snapshot.blob("apps/cart.yaml", 10).unwrap(), b"one");
    let revision = snapshot.revision();
    assert_eq!((revision.commit.as_str(), revision.subject.as_str(), revision.author.as_str()), (first.as_str(), "Lay the shop", "Ana Ruiz"));
    assert_eq!((revision.committed, revision.read), (Timestamp::from_seconds(1_700_000_060), NOW));

    // The next commit is noticed; what was read before does not change.
    let second = repository.commit("Mend the cart", &[("apps/cart.yaml", b"two")]);
    assert_eq!(source.head().unwrap(), second);
    assert_eq!(snapshot.blob("apps/cart.yaml", 10).unwrap(), b"one");
    let newest = source.read(NOW).unwrap();
    assert_eq!(newest.blob("apps/cart.yaml", 10).unwrap(), b"two");
    // What runs may be another commit of the same repository.
    let older = newest.at(&first).unwrap().unwrap();
    assert_eq!((older.blob("apps/cart.yaml", 10).unwrap(), older.revision().commit.as_str()), (b"one".to_vec(), first.as_str()));
    for none in ["", "main", &"0".repeat(40), &first[..7]] {
        assert!(newest.at(none).unwrap().is_none(), "{none}");
    }
}

#[test]
fn a_branch_a_tag_and_a_commit_are_revisions() {
    let mut repository = Repository::bare();
    let first = repository.commit("First", &[("a", b"1")]);
    repository.commit_entries("refs/heads/release/1.0", "Branch", &[("a", EntryKind::Blob, b"2")]);
    std::fs::create_dir_all(repository.git_dir().join("refs/tags")).unwrap();
    std::fs::write(repository.git_dir().join("refs/tags/v1"), format!("{first}\n")).unwrap();
    repository.commit("Third", &[("a", b"3")]);

    for (revision, content) in [(None, b"3"), (Some("main"), b"3"), (Some("release/1.0"), b"2"), (Some("v1"), b"1"), (Some(first.as_str()), b"1")] {
        let snapshot = GitSource::open(repository.path(), revision).unwrap().read(NOW).unwrap();
        assert_eq!(snapshot.blob("a", 10).unwrap(), content, "{revision:?}");
    }
}

#[test]
fn a_repository_knows_its_addresses_and_how_its_branch_is_called() {
    let mut repository = Repository::bare();
    let id = repository.commit("First", &[("a", b"1")]);
    let source = GitSource::open(repository.path(), None).unwrap();
    assert_eq!(source.addresses(), Vec::<String>::new());
    assert_eq!(source.revisions().unwrap(), [id.as_str(), "HEAD", "main"]);

    let remotes = "[remote \"origin\"]\n\turl = https://git.example.org/shop.git\n\turl = git@git.example.org:shop.git\n[remote \"mirror\"]\n\turl = https://mirror.example.org/shop\n[remote \"odd\"]\n\tfetch = x\n";
    let config = repository.git_dir().join("config");
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + remotes).unwrap();
    repository.commit_entries("refs/remotes/origin/release", "Fetched", &[("a", EntryKind::Blob, b"2")]);
    let source = GitSource::open(repository.path(), Some("origin/release")).unwrap();
    assert_eq!(source.addresses(), ["https://git.example.org/shop.git", "git@git.example.org:shop.git", "https://mirror.example.org/shop"]);
    assert_eq!(source.revisions().unwrap()[1..], ["origin/release", "release"]);
}

#[test]
fn what_is_missing_is_said_plainly() {
    let nothing = tempfile::tempdir().unwrap();
    let error = GitSource::open(nothing.path(), None).unwrap_err();
    assert!(matches!(error, TreeError::NoRepository { .. }), "{error}");
    assert!(matches!(GitSource::open(&nothing.path().join("gone"), None), Err(TreeError::NoRepository { .. })));

    let mut repository = Repository::bare();
    assert!(matches!(GitSource::open(repository.path(), None), Err(TreeError::Empty { .. })));
    assert!(matches!(GitSource::open(repository.path(), Some("main")), Err(TreeError::Empty { .. })));

    repository.commit("First", &[("a/b", b"1")]);
    for wrong in ["mian", "", "HEAD:a", "deadbeef", "--all", "main..main"] {
        let error = GitSource::open(repository.path(), Some(wrong)).unwrap_err();
        assert!(matches!(error, TreeError::NoRevision { .. }), "{wrong}: {error}");
    }
    let snapshot = GitSource::open(repository.path(), None).unwrap().read(NOW).unwrap();
    assert_eq!(snapshot.blob("a", 10), Err(TreeError::NoFile { path: "a".into() }));
    assert_eq!(snapshot.blob("../a/b", 10), Err(TreeError::NoFile { path: "../a/b".into() }));
}

#[test]
fn links_submodules_and_large_files_are_not_followed() {
    let mut repository = Repository::bare();
    repository.commit("First", &[("big", &[b'x'; 2_000])]);
    repository.commit_entries("refs/heads/main", "Links", &[("link", EntryKind::Link, b"/etc/passwd"), ("deep/module", EntryKind::Commit, b"")]);
    let snapshot = GitSource::open(repository.path(), None).unwrap().read(NOW).unwrap();
    assert_eq!(snapshot.paths().iter().collect::<Vec<_>>(), ["big"]);
    assert_eq!(snapshot.skipped(), ["deep/module is passed over: it is a submodule.", "link is passed over: it is a symbolic link."]);
    assert_eq!(snapshot.blob("big", 1_999), Err(TreeError::FileTooLarge { path: "big".into(), bytes: 2_000, limit: 1_999 }));
    assert_eq!(snapshot.blob("big", 2_000).unwrap().len(), 2_000);
}

/// Folders in folders, each with ten names for the one below it; the innermost holds `innermost` ten times.
fn bomb(repository: &Repository, levels: usize, kind: EntryKind, innermost: gix::ObjectId) -> gix::ObjectId {
    let ten = |kind: EntryKind, id: gix::ObjectId| repository.tree(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].map(|name| (name, kind, id)));
    (1..levels).fold(ten(kind, innermost), |below, _| ten(EntryKind::Tree, below))
}

#[test]
fn a_few_objects_that_unfold_to_millions_of_paths_are_refused_at_once() {
    let mut repository = Repository::bare();
    let blob = repository.blob(b"x");
    let nothing = repository.tree(&[]);
    let deep = (0..100).fold(nothing, |below, _| repository.tree(&[("d", EntryKind::Tree, below)]));
    let name = "n".repeat(100_000);
    let long = (0..60).fold(repository.tree(&[("f", EntryKind::Blob, blob)]), |below, _| repository.tree(&[(name.as_str(), EntryKind::Tree, below)]));
    let refused = [
        ("files", bomb(&repository, 7, EntryKind::Blob, blob), "more than 200000 files"),
        ("more than any number has", bomb(&repository, 60, EntryKind::Blob, blob), "more than 200000 files"),
        ("no file at all", bomb(&repository, 7, EntryKind::Tree, nothing), "more than 400000 files, folders, links"),
        ("links", bomb(&repository, 7, EntryKind::Link, blob), "more than 400000 files, folders, links"),
        ("submodules", bomb(&repository, 7, EntryKind::Commit, blob), "more than 400000 files, folders, links"),
        ("deep", deep, "64 levels deep"),
        ("names", long, "longer than 64 MiB"),
    ];
    for (what, tree, why) in refused {
        repository.commit_tree("refs/heads/main", what, tree);
        let source = GitSource::open(repository.path(), None).unwrap();
        let began = std::time::Instant::now();
        let error = source.read(NOW).unwrap_err().to_string();
        assert!(error.contains(why), "{what}: {error}");
        assert!(began.elapsed() < std::time::Duration::from_millis(900), "{what}: {:?}", began.elapsed());
    }
    // What shares folders and is small is read as ever.
    let shared = bomb(&repository, 3, EntryKind::Blob, blob);
    repository.commit_tree("refs/heads/main", "Small", shared);
    assert_eq!(GitSource::open(repository.path(), None).unwrap().read(NOW).unwrap().paths().len(), 1_000);
}

#[test]
fn very_many_links_are_counted_and_told_once() {
    let mut repository = Repository::bare();
    let blob = repository.blob(b"x");
    let links = bomb(&repository, 4, EntryKind::Link, blob);
    repository.commit_tree("refs/heads/main", "Links", links);
    let snapshot = GitSource::open(repository.path(), None).unwrap().read(NOW).unwrap();
    assert_eq!(snapshot.skipped().len(), 100);
    let tree = Tree::build(&snapshot, TreeRevision::default(), &options(), &environment_of);
    let told = sentences(&tree);
    assert!(matches!(told.as_slice(), [one] if one.contains("10000 symbolic links")), "{told:?}");
}

#[test]
fn the_last_commit_of_a_path_is_found() {
    let mut repository = Repository::bare();
    let lay = repository.commit("Lay", &[("svc/cart/deploy.yaml", b"1"), ("svc/pay/deploy.yaml", b"1")]);
    let cart = repository.commit("Cart", &[("svc/cart/deploy.yaml", b"2")]);
    repository.commit("Else", &[("read.me", b"2")]);
    let snapshot = GitSource::open(repository.path(), None).unwrap().read(NOW).unwrap();
    let last = |path: &str| snapshot.last_commit(path).unwrap().map(|commit| (commit.id, commit.subject));
    assert_eq!(last("svc/cart"), Some((cart.clone(), "Cart".into())));
    assert_eq!(last("svc/pay/deploy.yaml"), Some((lay, "Lay".into())));
    assert_eq!(last("svc"), Some((cart, "Cart".into())));
    assert_eq!(last("nowhere"), None);
}
