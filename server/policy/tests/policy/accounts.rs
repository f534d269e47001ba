//! What service accounts are used for, and the hosts that are left when all lists hold.

use proptest::{prelude::*, sample::subsequence};
use windfirm_policy::{HostPort, Policy};

use crate::support::{compiled, place, policy};

fn places_of(policy: &Policy, account: &str) -> Vec<String> {
    let accounts = policy.accounts();
    let found = accounts.iter().find(|one| one.account == account).unwrap();
    found.launches.iter().map(|place| format!("{} {}", place.path, place.environment)).collect()
}

#[test]
fn accounts_are_those_of_the_grants_each_once_and_sorted() {
    let names: Vec<String> = policy().accounts().into_iter().map(|account| account.account).collect();
    assert_eq!(names, ["bank-dev/loadtest", "shop-dev/loadtest", "shop-prod/loadtest"]);
}

#[test]
fn an_account_is_used_where_runs_are_launched_as_it() {
    assert_eq!(places_of(&policy(), "shop-dev/loadtest"), ["/shop/ dev", "/shop/ staging"]);
    // Without `in`, all environments.
    assert_eq!(places_of(&policy(), "shop-prod/loadtest"), ["/shop/ dev", "/shop/ prod", "/shop/ staging"]);
}

/// Below the place of a grant, other limits can hold from where a guardrail begins, and nowhere else.
#[test]
fn the_places_of_an_account_have_all_limits_that_its_runs_can_be_under() {
    let text = policy().text().replace("on: [/shop/], target_hosts", "on: [/shop/, /shop/pay/eu/], target_hosts");
    let policy = compiled(&text);
    assert_eq!(places_of(&policy, "shop-dev/loadtest"), ["/shop/ dev", "/shop/ staging", "/shop/pay/eu/ dev", "/shop/pay/eu/ staging"]);
}

#[test]
fn who_only_stops_launches_nothing() {
    let text = policy().text().replace("can: [run.launch, run.stop.own]", "can: [run.stop.own]");
    assert!(places_of(&compiled(&text), "shop-dev/loadtest").is_empty());
}

#[test]
fn an_account_carries_what_its_environments_give() {
    let role = "arn:aws:iam::123456789012:role/loadtest";
    let with = |environment: &str| {
        let rule = format!("name: {environment}, service_account_annotations: {{ eks.amazonaws.com/role-arn: \"{role}\" }}, match");
        policy().text().replacen(&format!("name: {environment}, match"), &rule, 1)
    };
    let bank = |policy: &Policy| policy.accounts().into_iter().find(|one| one.account.starts_with("bank")).unwrap().annotations;
    let mixed = windfirm_policy::compile(&with("dev"), "policy.yaml").unwrap_err();
    assert!(mixed.iter().all(|error| error.to_string().contains("would both be")), "{mixed:?}");
    let alone = with("dev")
        .replace("in: [dev, staging]\n    as: shop-dev", "in: [staging]\n    as: shop-dev")
        .replace("    on: [/shop/]\n    as: shop-prod/loadtest", "    on: [/shop/]\n    in: [prod]\n    as: shop-prod/loadtest");
    let annotations = bank(&compiled(&alone));
    assert_eq!(annotations.get("eks.amazonaws.com/role-arn").map(String::as_str), Some(role));
    assert!(bank(&policy()).is_empty());
}

const PATTERNS: [&str; 8] = ["10.0.0.1:*", "10.0.0.1:80", "*.shop.svc:*", "*.shop.svc:80", "*.svc:80", "cart.shop.svc:*", "cart.shop.svc:81", "*.bank.svc:80"];
const HOSTS: [&str; 8] =
    ["10.0.0.1:80", "10.0.0.1:81", "cart.shop.svc:80", "cart.shop.svc:81", "pay.shop.svc:80", "vault.bank.svc:80", "shop.svc:80", "other:80"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The patterns that are left allow what all lists allow, and nothing else.
    #[test]
    fn the_hosts_of_limits_are_what_every_list_allows(lists in prop::collection::vec(subsequence(PATTERNS.to_vec(), 1..=4), 0..4)) {
        let mut text = policy().text().split("guardrails:").next().unwrap().to_owned();
        if !lists.is_empty() {
            text.push_str("guardrails:\n");
        }
        for (index, list) in lists.iter().enumerate() {
            let hosts: Vec<String> = list.iter().map(|host| format!("\"{host}\"")).collect();
            text.push_str(&format!("  - {{ name: g{index}, on: [/shop/], target_hosts: [{}] }}\n", hosts.join(", ")));
        }
        let limits = compiled(&text).limits(&place("/shop/cart/", "dev"));
        let hosts = limits.hosts();
        for target in HOSTS {
            let target: HostPort = target.parse().unwrap();
            prop_assert_eq!(hosts.iter().any(|pattern| pattern.matches(&target)), limits.allows_host(&target), "{} {:?}", target, hosts);
        }
        for (index, pattern) in hosts.iter().enumerate() {
            let others = hosts.iter().enumerate().filter(|(other, _)| *other != index);
            prop_assert!(others.into_iter().all(|(_, other)| other.and(pattern).as_ref() != Some(pattern)), "{:?}", hosts);
        }
    }
}
