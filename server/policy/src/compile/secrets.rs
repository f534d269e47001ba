//! The section `secrets`: which keys of which Secrets the tests of an app get, as which variables.

use std::collections::{BTreeMap, HashMap};

use crate::{
    compile::{
        environments::{self, Environments},
        grants::{is_subdomain, unique_name},
        reader::{At, Reader},
    },
    error::{Position, Problem},
    secret::SecretRule,
};

/// Every rule is compared with every other.
const MAX_RULES: usize = 200;
const MAX_KEYS: usize = 20;
const MAX_NAME: usize = 100;

/// Variables that mean something to k6, to its pod or to the portal, whatever their case.
const RESERVED: [&str; 21] = [
    "ALL_PROXY",
    "GODEBUG",
    "GOGC",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "GOTRACEBACK",
    "HOME",
    "HOSTNAME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_COLOR",
    "NO_PROXY",
    "PATH",
    "PWD",
    "SSLKEYLOGFILE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TARGET",
    "TERM",
    "TMPDIR",
    "TZ",
];
const RESERVED_BEGINNINGS: [&str; 7] = ["K6_", "KUBERNETES_", "LD_", "GRPC_", "OTEL_", "WINDFIRM_", "XDG_"];

/// A rule, and where each of its variables stands.
struct Draft {
    rule: SecretRule,
    places: BTreeMap<String, (Position, String)>,
}

pub(super) fn read(reader: &mut Reader, at: &At<'_>, rules: &Environments) -> Vec<SecretRule> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for item in reader.list(at, "secrets", MAX_RULES).unwrap_or_default() {
        let Some(fields) = reader.fields(item, &["name", "on", "in", "from"]) else { continue };
        let name = fields.require(reader, "name").and_then(|at| unique_name(reader, &at, "secret rule", &mut lines));
        let on = fields.require(reader, "on").map(|at| reader.paths(&at)).unwrap_or_default();
        let environments = environments::named(reader, fields.get("in"), rules);
        let from = fields.require(reader, "from").and_then(|at| reader.fields(at, &["name", "keys"]));
        let Some(from) = from else { continue };
        let secret = from.require(reader, "name").and_then(|at| secret_name(reader, &at));
        let keys = from.require(reader, "keys").map(|at| keys(reader, &at)).unwrap_or_default();
        let (Some(name), Some(secret)) = (name, secret) else { continue };
        let (keys, places) = keys.into_iter().map(|(variable, key, place)| ((variable.clone(), key), (variable, place))).unzip();
        let on = on.into_iter().map(|(_, path, _)| path).collect();
        drafts.push(Draft { rule: SecretRule { name, on, environments, secret, keys }, places });
    }
    refuse_twice(reader, &drafts);
    drafts.into_iter().map(|draft| draft.rule).collect()
}

fn secret_name(reader: &mut Reader, at: &At<'_>) -> Option<String> {
    let text = reader.text(at)?;
    if text.contains('*') {
        reader.problem(at, Problem::Wildcard { text: text.to_owned(), what: "Secrets", hint: "Write a rule for each Secret" });
        return None;
    }
    let good = is_subdomain(text);
    if !good {
        reader.problem(at, Problem::BadSecret(text.to_owned()));
    }
    good.then(|| text.to_owned())
}

/// Variable, key, and where the variable stands.
type Key = (String, String, (Position, String));

fn keys(reader: &mut Reader, at: &At<'_>) -> Vec<Key> {
    let named = reader.named(at, "variables", MAX_KEYS);
    if named.is_empty() && reader.is_empty_map(at) {
        reader.problem(at, Problem::EmptyList { hint: "Write at least one VARIABLE: key." });
    }
    let mut found = Vec::new();
    for (place, variable, key) in named {
        if let Some(why) = wrong_variable(variable) {
            reader.report(place, &key.field, Problem::BadVariable { name: variable.to_owned(), why });
            continue;
        }
        let Some(text) = reader.text(&key) else { continue };
        if is_key(text) {
            found.push((variable.to_owned(), text.to_owned(), (place, key.field.clone())));
        } else {
            reader.problem(&key, Problem::BadSecretKey(text.to_owned()));
        }
    }
    found
}

/// Why a test cannot have a variable of this name.
fn wrong_variable(name: &str) -> Option<&'static str> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || name.len() > MAX_NAME || !plain {
        return Some("it is not 1 to 100 letters, digits and “_”, of which the first is no digit");
    }
    let upper = name.to_ascii_uppercase();
    if upper == "TARGET" {
        return Some("the portal gives it the address that is tested");
    }
    let reserved = RESERVED.contains(&upper.as_str()) || RESERVED_BEGINNINGS.iter().any(|begin| upper.starts_with(begin));
    reserved.then_some("k6 or its pod takes it as a setting of its own, so a Secret could change how runs are carried out")
}

/// As Kubernetes takes keys of Secrets.
fn is_key(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) && text != "." && !text.starts_with("..")
}

/// An app gets each variable once. One message for a variable of a rule is enough.
fn refuse_twice(reader: &mut Reader, drafts: &[Draft]) {
    for (position, draft) in drafts.iter().enumerate() {
        let before = drafts.iter().take(position);
        let meeting: Vec<&Draft> = before.filter(|other| other.rule.meets(&draft.rule.on, draft.rule.environments.as_deref())).collect();
        for (variable, (at, field)) in &draft.places {
            let first = meeting.iter().find_map(|other| other.places.get(variable).map(|(place, _)| (&other.rule.name, place.line)));
            if let Some((by, line)) = first {
                reader.report(*at, field, Problem::VariableTwice { name: variable.clone(), by: by.clone(), line });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_sets_nothing_but_itself() {
        for good in ["TEST_USER", "password", "_a1", "K7_X", "GOAL", "HOMEPAGE"] {
            assert_eq!(wrong_variable(good), None, "{good}");
        }
        for wrong in ["", "1A", "A-B", "A B", "Ä", "K6_OUT", "k6_config", "TARGET", "http_proxy", "GODEBUG", "LD_PRELOAD", "OTEL_X", "$(A)"] {
            assert!(wrong_variable(wrong).is_some(), "{wrong}");
        }
        assert!(wrong_variable(&"A".repeat(101)).is_some());
    }

    #[test]
    fn keys_are_those_of_kubernetes() {
        for (text, good) in
            [("username", true), ("tls.crt", true), ("A_b-1", true), (".hidden", true), ("", false), (".", false), ("..a", false), ("a/b", false)]
        {
            assert_eq!(is_key(text), good, "{text}");
        }
    }
}
