//! Secrets that the tests of an app get: names and ages, and the way to try them.

use windfirm_model::view::{
    app::AppPage,
    secret::{SecretRow, SecretTold, Since},
};

use crate::{CATALOGUE, app, data};

fn row(name: &str, told: SecretTold) -> SecretRow {
    let keys = vec![("TEST_PASSWORD".to_owned(), "password".to_owned()), ("TEST_USER".to_owned(), "username".to_owned())];
    SecretRow { name: name.to_owned(), keys, rules: vec!["test user of the catalogue".to_owned()], told, waiting: None }
}

fn known(since: Since) -> SecretTold {
    let (created, changed) = (data::NOW.plus_seconds(-86_400 * 90), data::NOW.plus_seconds(-3_600));
    SecretTold::Known { namespace: "shop-staging".to_owned(), created, changed, by: Some("external-secrets".to_owned()), copied: false, since }
}

fn with(secrets: Vec<SecretRow>) -> AppPage {
    AppPage { secrets, ..data::app() }
}

#[tokio::test]
async fn each_secret_says_how_old_it_is_and_whether_it_works_since() {
    let run = "01935c7e-8b1a-7000-8000-123456789001".parse().unwrap();
    let passed = Since::Passed { run, at: data::NOW.plus_seconds(-600) };
    let copied =
        SecretTold::Known { namespace: "shop-staging".to_owned(), created: data::NOW, changed: data::NOW, by: None, copied: true, since: Since::Hidden };
    let gone = SecretTold::Missing { why: "Cluster home has no such object: secrets \"gone\" not found.".to_owned() };
    let waiting: windfirm_model::id::RunId = "01935c7e-8b1a-7000-8000-123456789002".parse().unwrap();
    let awaited = SecretRow { waiting: Some(waiting), ..row("awaited", known(Since::NotYet)) };
    let rows = vec![row("pay-user", known(passed)), awaited, row("pay-key", known(Since::NotYet)), row("old-style", copied), row("gone", gone)];
    for address in [CATALOGUE, "/apps/shop/catalogue/?tab=tests"] {
        let page = app("app-secrets", address, with(rows.clone())).await;
        page.is_sound();
        page.says_before("Tests found", "Secrets of the tests");
        page.says(&["pay-user", "TEST_PASSWORD", "key password", "in namespace <code>shop-staging</code>", "policy: test user of the catalogue"]);
        page.says(&["1 h ago", "by <code>external-secrets</code>", "made ", "works", "passed, launched ", "10 min ago", &format!("href=\"/runs/{run}\"")]);
        page.says(&["not tried", "no run that had it has passed since", "as it was made", "runs of this app are not yours to see"]);
        page.says(&["Its values stand in its metadata too", "<code>--server-side</code>", "missing", "secrets \"gone\" not found"]);
        // No test is called smoke: the first one, made small.
        page.says(&["/launch?path=/shop/catalogue/&amp;test=apps/catalogue/k6/browse.js&amp;profile=smoke", ": browse.js with Secret pay-user"]);
        page.says(&["&amp;profile=smoke&amp;after=pay-user", "Try when it changes", &format!("href=\"/runs/{waiting}\""), "starts when it changes"]);
        page.never_says(&["after=awaited"]);
    }
}

#[tokio::test]
async fn who_may_not_launch_reads_names_alone() {
    let why = "It is looked at as the account that a launch of yours would act as, and there is none.".to_owned();
    let page = AppPage { launch: data::locked(), ..with(vec![row("pay-user", SecretTold::NotAsked { why })]) };
    let page = app("app-secrets-locked", CATALOGUE, page).await;
    page.is_sound();
    page.says(&["pay-user", "TEST_USER", "not asked", "as the account that a launch of yours would act as"]);
    page.never_says(&["/launch?", "Try it", "Try when"]);
}

#[tokio::test]
async fn where_there_are_none_nothing_is_said() {
    app("app-secrets-none", CATALOGUE, data::app()).await.never_says(&["Secrets of the tests"]);
}
