//! The accounts of the policy in one namespace: who they are, what they may do, and that the portal may act as them.

use windfirm_cluster::{Impersonation, Kind, RUN_RIGHTS, Right, SECRET_RIGHT};

use windfirm_policy::AccountSecret;

use crate::{
    demand::{Namespace, Need},
    object::{self, Object, ROLE, ROLE_BINDING},
    portal::{Names, binding, bound, rule},
    settings::Settings,
    yaml::{Yaml, map, told_list},
};

/// The account, its role and its binding.
pub(crate) fn account(need: &Need, names: &Names) -> Vec<Object> {
    let (namespace, name) = (need.account.namespace(), need.account.name());
    let role = names.of_account(name);
    let told = |first: &str| object::told(first, &need.grants);
    let mut who = Object::new(
        Kind::SERVICE_ACCOUNT,
        Some(namespace),
        name,
        told("As whom the portal does what these grants allow, and as whom the pods of runs run. None of them gets its token."),
        map([("automountServiceAccountToken", Yaml::Flag(false))]),
    );
    who.annotations.extend(need.annotations.clone());
    let mut rules: Vec<_> = RUN_RIGHTS.iter().map(|right| (vec![capital(right)], rule(right.group, &right.resource_with_part(), &[], right.verb))).collect();
    if !need.secrets.is_empty() {
        let names: Vec<&str> = need.secrets.iter().map(|given| given.secret.as_str()).collect();
        rules.push((about_secrets(need), rule(SECRET_RIGHT.group, SECRET_RIGHT.resource, &names, SECRET_RIGHT.verb)));
    }
    vec![
        who,
        Object::new(ROLE, Some(namespace), &role, told("What a run needs, of the account that it is carried out as."), map([("rules", told_list(rules))])),
        Object::new(ROLE_BINDING, Some(namespace), &role, told("Gives that to the account."), binding(ROLE, &role, namespace, name)),
    ]
}

/// The portal's right to look whether these accounts exist, and to act as them.
pub(crate) fn acting(namespace: &Namespace, settings: &Settings, names: &Names) -> Vec<Object> {
    let accounts: Vec<&str> = namespace.accounts.iter().map(|need| need.account.name()).collect();
    let impersonation = settings.kubernetes.impersonation();
    let mut rules = vec![(
        vec!["To see that an account exists before it acts as it.".to_owned()],
        rule(Kind::SERVICE_ACCOUNT.group, Kind::SERVICE_ACCOUNT.plural, &accounts, "get"),
    )];
    let first = match impersonation {
        Impersonation::Constrained => {
            let become_one = rule("authentication.k8s.io", "serviceaccounts", &accounts, "impersonate:serviceaccount");
            rules.push((vec!["To act as these accounts and no others…".to_owned()], become_one));
            rules.extend(RUN_RIGHTS.iter().map(|right| {
                let verb = format!("impersonate-on:serviceaccount:{}", right.verb);
                (vec![format!("…{}.", right.needed_for)], rule(right.group, &right.resource_with_part(), &[], &verb))
            }));
            let secrets: Vec<&str> = namespace.secrets().into_iter().collect();
            if !secrets.is_empty() {
                let verb = format!("impersonate-on:serviceaccount:{}", SECRET_RIGHT.verb);
                rules.push((vec![format!("…{}.", SECRET_RIGHT.needed_for)], rule(SECRET_RIGHT.group, SECRET_RIGHT.resource, &secrets, &verb)));
            }
            "The portal may act as the accounts of this namespace, for these calls only (constrained impersonation, Kubernetes 1.36)."
        }
        Impersonation::Legacy => {
            let become_one = rule("", "serviceaccounts", &accounts, "impersonate");
            rules.push((vec!["To act as these accounts and no others. Here all that they may do is the portal's too.".to_owned()], become_one));
            "The portal may act as the accounts of this namespace (legacy impersonation, before Kubernetes 1.36)."
        }
    };
    let told = |first: &str| object::told(first, namespace.grants());
    vec![
        Object::new(ROLE, Some(&namespace.name), &names.portal, told(first), map([("rules", told_list(rules))])),
        bound(ROLE_BINDING, Some(&namespace.name), &names.portal, told("Gives that to the portal's account."), ROLE, settings),
    ]
}

/// What the right on the Secrets is for, which rules of the policy asked for it, and what it also is.
fn about_secrets(need: &Need) -> Vec<String> {
    let of = |given: &AccountSecret| {
        let rules = given.rules.iter().map(|rule| format!("“{rule}”")).collect::<Vec<_>>().join(", ");
        format!("{} is for the tests of {rules}.", given.secret)
    };
    let what = format!("{} The portal asks for the metadata alone.", capital(&SECRET_RIGHT));
    let beware = "Kubernetes has no right to that alone: whoever may act as this account can also read the values. Give nobody else its token.".to_owned();
    [what, beware].into_iter().chain(need.secrets.iter().map(of)).collect()
}

/// `To start a run.`
fn capital(right: &Right) -> String {
    let mut letters = right.needed_for.chars();
    letters.next().map(|first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str())).unwrap_or_default()
}
