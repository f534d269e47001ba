//! Which Secrets the tests of an app get, and which of them runs as an account may read.

use windfirm_policy::Policy;

use crate::support::{compiled, place, policy};

const RULES: &str = "
secrets:
  - { name: test user, on: [/shop/pay/], in: [dev, staging], from: { name: pay-user, keys: { TEST_USER: username, TEST_PASSWORD: password } } }
  - { name: key of the shop, on: [/shop/], from: { name: shop-key, keys: { API_KEY: key } } }
  - { name: the bank, on: [/bank/], in: [dev], from: { name: bank-key, keys: { API_KEY: key } } }
";

fn with_secrets() -> Policy {
    compiled(&format!("{}{RULES}", policy().text()))
}

fn given(policy: &Policy, path: &str, environment: &str) -> Vec<String> {
    let all = policy.secrets_for(&place(path, environment));
    all.iter().map(|one| format!("{}={}/{}", one.variable, one.secret, one.key)).collect()
}

#[test]
fn a_test_gets_what_the_rules_of_its_place_and_the_places_above_say() {
    let policy = with_secrets();
    let pay = ["API_KEY=shop-key/key", "TEST_PASSWORD=pay-user/password", "TEST_USER=pay-user/username"];
    assert_eq!(given(&policy, "/shop/pay/eu/", "dev"), pay);
    assert_eq!(given(&policy, "/shop/pay/", "staging"), pay);
    assert_eq!(given(&policy, "/shop/pay/", "prod"), ["API_KEY=shop-key/key"]);
    assert_eq!(given(&policy, "/shop/", "dev"), ["API_KEY=shop-key/key"]);
    assert_eq!(given(&policy, "/shopping/", "dev"), Vec::<String>::new());
    assert_eq!(given(&policy, "/", "dev"), Vec::<String>::new());
    assert_eq!(given(&super::support::policy(), "/shop/pay/", "dev"), Vec::<String>::new());
    let names: Vec<&str> = policy.secret_rules(&place("/shop/pay/", "dev")).map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["test user", "key of the shop"]);
}

#[test]
fn an_account_may_read_what_its_runs_get_and_no_other() {
    let of = |policy: &Policy, account: &str| {
        let used = policy.accounts().into_iter().find(|one| one.account == account).unwrap();
        let row = |one: &windfirm_policy::AccountSecret| {
            format!("{}: {} ({})", one.secret, one.keys.iter().cloned().collect::<Vec<_>>().join(" "), one.rules.join(", "))
        };
        used.secrets.iter().map(row).collect::<Vec<_>>()
    };
    let policy = with_secrets();
    assert_eq!(of(&policy, "shop-dev/loadtest"), ["pay-user: password username (test user)", "shop-key: key (key of the shop)"]);
    assert_eq!(of(&policy, "bank-dev/loadtest"), ["bank-key: key (the bank)"]);
    // Who only stops runs needs none.
    let stopping = policy.text().replace("can: [run.launch, run.stop.own]", "can: [run.stop.own]");
    assert!(of(&compiled(&stopping), "shop-dev/loadtest").is_empty());
}
