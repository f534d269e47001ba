//! `service_account_annotations` of environments: which identity in a cloud the runs of an environment have.
//!
//! A closed list of keys: each names an identity, and none can do anything else to a service account. A service account has one set of
//! annotations, so an account by which runs are launched in two environments must find the same in both; otherwise runs of one
//! environment would have what was meant for the other.

use std::collections::{BTreeMap, HashMap};

use windfirm_model::environment::Environment;

use crate::{
    compile::{
        environments::Environments,
        reader::{At, Reader},
    },
    error::Problem,
    policy::EnvironmentRule,
};

/// A key, what its value is, the form of that in words, and whether a text has it.
struct Known {
    key: &'static str,
    what: &'static str,
    form: &'static str,
    fits: fn(&str) -> bool,
}

const KNOWN: [Known; 4] = [
    Known { key: "eks.amazonaws.com/role-arn", what: "role of AWS", form: "it has the form arn:aws:iam::123456789012:role/name", fits: is_role },
    Known {
        key: "iam.gke.io/gcp-service-account",
        what: "service account of Google Cloud",
        form: "it has the form name@project.iam.gserviceaccount.com",
        fits: is_google_account,
    },
    Known { key: "azure.workload.identity/client-id", what: "client id of Azure", form: "it has the form of a UUID", fits: is_uuid },
    Known { key: "azure.workload.identity/tenant-id", what: "tenant id of Azure", form: "it has the form of a UUID", fits: is_uuid },
];

/// `None`: broken, and told. Without the field there are no annotations.
pub(super) fn read(reader: &mut Reader, at: Option<At<'_>>) -> Option<BTreeMap<String, String>> {
    let Some(at) = at else { return Some(BTreeMap::new()) };
    let fields = reader.fields(at, &KNOWN.map(|known| known.key))?;
    let mut annotations = BTreeMap::new();
    let mut whole = true;
    for known in &KNOWN {
        let Some(at) = fields.get(known.key) else { continue };
        match reader.text(&at) {
            Some(text) if (known.fits)(text) => {
                annotations.insert(known.key.to_owned(), text.to_owned());
            }
            Some(text) => {
                reader.problem(&at, Problem::BadIdentity { text: text.to_owned(), what: known.what, form: known.form });
                whole = false;
            }
            None => whole = false,
        }
    }
    whole.then_some(annotations)
}

/// Several rules may give the same environment; together they say each key once.
pub(super) fn refuse_contradiction(reader: &mut Reader, item: &At<'_>, earlier: &[EnvironmentRule], rule: &EnvironmentRule) {
    for (key, value) in &rule.annotations {
        let first = earlier.iter().filter(|other| other.name == rule.name).find_map(|other| other.annotations.get(key));
        if let Some(first) = first.filter(|first| *first != value) {
            reader.problem(item, Problem::OtherIdentity { environment: rule.name.to_string(), key: key.clone(), first: first.clone() });
        }
    }
}

/// What the rules of an environment give together.
pub(crate) fn of_environment(rules: &[EnvironmentRule], environment: &Environment) -> BTreeMap<String, String> {
    let annotations = rules.iter().filter(|rule| rule.name == *environment).flat_map(|rule| &rule.annotations);
    annotations.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Remembers as whom each account runs, from one grant to the next.
#[derive(Debug)]
pub(super) struct OneIdentity<'a> {
    rules: &'a Environments,
    /// In the order of the file, each once.
    environments: Vec<(Environment, BTreeMap<String, String>)>,
    first: HashMap<String, usize>,
}

impl<'a> OneIdentity<'a> {
    pub(super) fn new(rules: &'a Environments) -> Self {
        let mut environments: Vec<(Environment, BTreeMap<String, String>)> = Vec::new();
        for rule in &rules.rules {
            if !environments.iter().any(|(name, _)| *name == rule.name) {
                environments.push((rule.name.clone(), of_environment(&rules.rules, &rule.name)));
            }
        }
        Self { rules, environments, first: HashMap::new() }
    }
    /// `within` as in a grant; `None`: all environments. One error for a grant is enough.
    pub(super) fn refuse_second(&mut self, reader: &mut Reader, at: &At<'_>, account: &str, within: Option<&[Environment]>) {
        // What a broken rule would give is not known.
        if !self.rules.whole {
            return;
        }
        let mine = self.environments.iter().enumerate().filter(|(_, (name, _))| within.is_none_or(|names| names.contains(name)));
        for (position, (name, annotations)) in mine {
            let first = *self.first.entry(account.to_owned()).or_insert(position);
            let Some((one, expected)) = self.environments.get(first) else { continue };
            if annotations != expected {
                let (account, one, other) = (account.to_owned(), one.to_string(), name.to_string());
                return reader.problem(at, Problem::MixedIdentities { account, one, other });
            }
        }
    }
}

fn is_role(text: &str) -> bool {
    let Some(rest) = ["arn:aws:iam::", "arn:aws-cn:iam::", "arn:aws-us-gov:iam::"].iter().find_map(|start| text.strip_prefix(start)) else { return false };
    let Some((account, name)) = rest.split_once(":role/") else { return false };
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=512).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte))
}

fn is_google_account(text: &str) -> bool {
    let Some((name, project)) = text.strip_suffix(".iam.gserviceaccount.com").and_then(|rest| rest.split_once('@')) else { return false };
    let plain =
        |part: &str| !part.is_empty() && part.len() <= 63 && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    // A project of a domain: example.com:project comes as project.example.com.
    plain(name) && project.split('.').all(plain)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_have_their_forms() {
        for (text, good) in [
            ("arn:aws:iam::123456789012:role/loadtest", true),
            ("arn:aws-cn:iam::123456789012:role/path/to/load_test", true),
            ("arn:aws:iam::12345678901:role/loadtest", false),
            ("arn:aws:iam::123456789012:user/loadtest", false),
            ("arn:aws:iam::123456789012:role/", false),
            ("arn:aws:iam::123456789012:role/a b", false),
        ] {
            assert_eq!(is_role(text), good, "{text}");
        }
        for (text, good) in [
            ("loadtest@shop-1.iam.gserviceaccount.com", true),
            ("loadtest@shop.example.com.iam.gserviceaccount.com", true),
            ("loadtest@shop", false),
            ("@shop.iam.gserviceaccount.com", false),
            ("a@b@c.iam.gserviceaccount.com", false),
        ] {
            assert_eq!(is_google_account(text), good, "{text}");
        }
        assert!(is_uuid("00000000-1111-2222-3333-44444444aBcd"));
        for text in ["", "0000000011112222333344444444abcd", "00000000-1111-2222-3333-44444444abcg", "00000000-1111-2222-3333"] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
