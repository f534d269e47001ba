//! Reading a repository.

use gix::object::tree::EntryKind;
use windfirm_model::clock::Timestamp;
use windfirm_tree::{Files as _, GitSource, TreeError};

use crate::support::{NOW, Repository};

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
    assert_eq!(source.read(NOW).unwrap().blob("apps/cart.yaml", 10).unwrap(), b"two");
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
