//! What is wrong with the form of a configuration: syntax, fields that are not there, values of another kind. All of it at once,
//! with line and column.
//!
//! Asked only when the file could not be taken, so that the types in [`super`] alone decide what is good. It never repeats the value
//! of a secret.

use std::net::SocketAddr;

use ipnet::IpNet;
use url::Url;
use windfirm_tree::yaml::{self, Data, Node, Position};

/// What stands in a field.
enum Kind {
    Text,
    Texts,
    Networks,
    Whole,
    YesNo,
    /// One of these words.
    Word(&'static [&'static str]),
    Listen,
    Address,
    Secret,
    Map(&'static [Field]),
    Maps(&'static [Field]),
}

struct Field {
    name: &'static str,
    kind: Kind,
    needed: bool,
}

const fn needed(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, needed: true }
}
const fn free(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, needed: false }
}

const TOP: &[Field] = &[
    free("listen", Kind::Listen),
    needed("public_url", Kind::Address),
    free("trusted_proxies", Kind::Networks),
    needed("state", Kind::Text),
    free("database", Kind::Secret),
    needed("policy", Kind::Text),
    needed("tree", Kind::Map(TREE)),
    needed("identity", Kind::Maps(IDENTITY)),
    free("runner", Kind::Map(RUNNER)),
    free("clusters", Kind::Maps(CLUSTER)),
];
const TREE: &[Field] = &[needed("repository", Kind::Text), free("revision", Kind::Text), free("roots", Kind::Text), free("repositories", Kind::Texts)];
const IDENTITY: &[Field] = &[
    needed("name", Kind::Text),
    free("label", Kind::Text),
    needed("issuer", Kind::Text),
    needed("client_id", Kind::Text),
    free("client_secret", Kind::Secret),
    free("scopes", Kind::Texts),
    free("groups_claim", Kind::Text),
    free("name_claim", Kind::Text),
    free("ca_file", Kind::Text),
];
const RUNNER: &[Field] = &[free("k6", Kind::Text), free("slots", Kind::Whole), free("queue", Kind::Whole), free("per_person", Kind::Whole)];
const CLUSTER: &[Field] = &[
    needed("name", Kind::Text),
    free("in_cluster", Kind::YesNo),
    free("kubeconfig", Kind::Map(KUBECONFIG)),
    free("known_as", Kind::Texts),
    free("impersonation", Kind::Word(&["constrained", "legacy"])),
    free("argocd", Kind::Map(ARGOCD)),
    free("runs", Kind::Map(RUNS)),
];
const KUBECONFIG: &[Field] = &[needed("file", Kind::Text), free("context", Kind::Text)];
const ARGOCD: &[Field] =
    &[free("namespace", Kind::Text), free("applications_in", Kind::Texts), free("instance_label", Kind::Text), free("installation_id", Kind::Text)];
const RUNS: &[Field] = &[
    needed("portal", Kind::Address),
    needed("k6_image", Kind::Text),
    free("runner_image", Kind::Text),
    needed("starter_image", Kind::Text),
    free("pull_policy", Kind::Word(&["IfNotPresent", "Always", "Never"])),
    free("cpu", Kind::Text),
    free("memory_mib", Kind::Whole),
    free("run_as", Kind::Whole),
    free("start_limit_s", Kind::Whole),
    free("slots", Kind::Whole),
];
const SECRET: &[&str] = &["env", "file", "value"];
const SECRET_REF: &[Field] = &[needed("cluster", Kind::Text), needed("namespace", Kind::Text), needed("name", Kind::Text), needed("key", Kind::Text)];

/// Everything that can be found, in the order of the file; what is missing comes last.
pub(super) fn problems(text: &str) -> Vec<String> {
    let (documents, bad) = yaml::documents(text);
    let mut found = Found::default();
    for bad in bad {
        found.tell(bad.at, bad.sentence);
    }
    match documents.as_slice() {
        [] if found.wrong.is_empty() => found.tell(Position { line: 1, column: 1 }, "There is nothing in this file.".to_owned()),
        [] => {}
        [document] => found.map("", document, TOP),
        [_, second, ..] => found.tell(second.at, "A second document begins here. Write one configuration, without “---” in between.".to_owned()),
    }
    found.wrong.sort_by_key(|(at, _)| *at);
    found.missing.sort_by_key(|(at, _)| *at);
    found.wrong.into_iter().chain(found.missing).map(|(at, sentence)| format!("line {}, column {}: {sentence}", at.line, at.column)).collect()
}

#[derive(Default)]
struct Found {
    wrong: Vec<(Position, String)>,
    missing: Vec<(Position, String)>,
}

impl Found {
    fn tell(&mut self, at: Position, sentence: String) {
        self.wrong.push((at, sentence));
    }

    fn map(&mut self, place: &str, node: &Node, fields: &[Field]) {
        let Data::Map(entries) = &node.data else {
            let what = if place.is_empty() { "The configuration" } else { place };
            return self.tell(node.at, format!("{what} must be a map of fields: {}.", names(fields)));
        };
        for (index, (name, value)) in entries.iter().enumerate() {
            let at = joined(place, name);
            if entries.iter().take(index).any(|(earlier, _)| earlier == name) {
                self.tell(value.key_at, format!("{at} is there twice. Keep one."));
            }
            match fields.iter().find(|field| field.name == name) {
                Some(field) => self.value(&at, value, field),
                None => self.tell(value.key_at, format!("There is no field {at}. Here may stand: {}.", names(fields))),
            }
        }
        for field in fields.iter().filter(|field| field.needed && !entries.iter().any(|(name, _)| name == field.name)) {
            self.missing.push((node.at, format!("The field {} is missing.", joined(place, field.name))));
        }
    }

    fn value(&mut self, place: &str, node: &Node, field: &Field) {
        if node.is_null() {
            if field.needed {
                self.tell(node.key_at, format!("{place} is empty, and it is needed."));
            }
            return;
        }
        match &field.kind {
            Kind::Text => {
                self.text(place, node, "text");
            }
            Kind::Whole => {
                if let Some(text) = self.text(place, node, "a whole number")
                    && text.parse::<u32>().is_err()
                {
                    self.tell(node.at, format!("{place} must be a whole number, and “{text}” is none."));
                }
            }
            Kind::YesNo => {
                if let Some(text) = self.text(place, node, "true or false")
                    && !matches!(text, "true" | "false")
                {
                    self.tell(node.at, format!("{place} must be true or false, and “{text}” is neither."));
                }
            }
            Kind::Word(words) => {
                if let Some(text) = self.text(place, node, "a word")
                    && !words.contains(&text)
                {
                    self.tell(node.at, format!("{place} must be one of {}, and “{text}” is none of them.", words.join(", ")));
                }
            }
            Kind::Listen => {
                if let Some(text) = self.text(place, node, "an address with a port")
                    && text.parse::<SocketAddr>().is_err()
                {
                    self.tell(node.at, format!("{place} must be an address with a port, such as 127.0.0.1:7700, and “{text}” is none."));
                }
            }
            Kind::Address => {
                if let Some(text) = self.text(place, node, "an address")
                    && let Err(error) = Url::parse(text)
                {
                    self.tell(node.at, format!("{place} must be an address such as https://windfirm.example/: {error}."));
                }
            }
            Kind::Texts => match &node.data {
                Data::List(items) => {
                    for item in items {
                        self.text(place, item, "a list of texts");
                    }
                }
                _ => self.tell(node.at, format!("{place} must be a list, such as [one, two].")),
            },
            Kind::Networks => match &node.data {
                Data::List(items) => {
                    for item in items {
                        if let Some(text) = self.text(place, item, "a list of networks")
                            && text.parse::<IpNet>().is_err()
                        {
                            self.tell(item.at, format!("{place} must name networks, such as 10.0.0.0/8 or 192.0.2.7/32, and “{text}” is none."));
                        }
                    }
                }
                _ => self.tell(node.at, format!("{place} must be a list of networks, such as [10.0.0.0/8].")),
            },
            Kind::Secret => self.secret(place, node),
            Kind::Map(fields) => self.map(place, node, fields),
            Kind::Maps(fields) => match &node.data {
                Data::List(items) => items.iter().enumerate().for_each(|(index, item)| self.map(&format!("{place}[{index}]"), item, fields)),
                _ => self.tell(node.at, format!("{place} must be a list. Begin each entry with “-”.")),
            },
        }
    }

    fn text<'n>(&mut self, place: &str, node: &'n Node, wanted: &str) -> Option<&'n str> {
        let text = node.text();
        if text.is_none() {
            self.tell(node.at, format!("{place} must be {wanted}, and here it is not."));
        }
        text
    }

    fn secret(&mut self, place: &str, node: &Node) {
        if let [(kind, value)] = node.map()
            && kind == "secretRef"
        {
            return self.map(&joined(place, kind), value, SECRET_REF);
        }
        let good = matches!(node.map(), [(kind, value)] if SECRET.contains(&kind.as_str()) && value.text().is_some());
        if !good {
            self.tell(node.at, format!(
                "{place} must be {{ env: NAME }}, {{ file: PATH }} or {{ secretRef: {{ cluster, namespace, name, key }} }}, or {{ value: … }} for what is no secret on this machine."
            ));
        }
    }
}

fn joined(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Config, tests::GOOD},
        *,
    };

    #[test]
    fn everything_is_told_at_once_in_the_order_of_the_file() {
        let text = "\
listen: everywhere
public_url: windfirm
stat: /var/lib/windfirm
database: hunter2
policy: [a.yaml]
tree:
  repository: /srv/deploy.git
  brnach: main
  repositories: /srv
identity:
  - { name: company, issuer: 'https://login.example', client_secret: { env: A, file: B } }
runner: { slots: two, slots: 3 }
";
        let problems = Config::parse(text).unwrap_err();
        let places: Vec<&str> = problems.iter().filter_map(|problem| problem.split(": ").next()).collect();
        assert_eq!(
            places,
            [
                "line 1, column 9",
                "line 2, column 13",
                "line 3, column 1",
                "line 4, column 11",
                "line 5, column 9",
                "line 8, column 3",
                "line 9, column 17",
                "line 11, column 70",
                "line 12, column 18",
                "line 12, column 23",
                "line 1, column 1",
                "line 11, column 5"
            ],
            "{problems:#?}"
        );
        let all = problems.join("\n");
        for part in [
            "The field state is missing",
            "There is no field stat.",
            "tree.brnach",
            "identity[0].client_id is missing",
            "“two” is none",
            "slots is there twice",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(!all.contains("hunter2"), "{all}");
    }

    #[test]
    fn a_reference_to_a_secret_is_checked_field_by_field() {
        let told = |reference: &str| Config::parse(&GOOD.replace("{ env: OIDC_SECRET }", reference)).unwrap_err();
        let problems = told("{ secretRef: { cluster: home, nmaespace: windfirm, name: [a], key: secret } }");
        let expected = [
            "line 7, column 121: There is no field identity[0].client_secret.secretRef.nmaespace. Here may stand: cluster, namespace, name, key.",
            "line 7, column 148: identity[0].client_secret.secretRef.name must be text, and here it is not.",
            "line 7, column 104: The field identity[0].client_secret.secretRef.namespace is missing.",
        ];
        assert_eq!(problems, expected);
        let problems = told("{ secretRef: hunter2 }");
        assert!(problems.len() == 1 && problems[0].contains("secretRef must be a map of fields") && !problems[0].contains("hunter2"), "{problems:?}");
        assert!(told("{ secretref: {} }")[0].contains("{ secretRef: { cluster, namespace, name, key } }"));
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let problems = Config::parse(&GOOD.replace("tree: {", "tree: [")).unwrap_err();
        assert!(problems[0].starts_with("line 6, column 1: This is not YAML"), "{problems:?}");
        assert!(Config::parse("").unwrap_err()[0].contains("nothing in this file"));
        assert!(Config::parse("windfirm").unwrap_err()[0].contains("must be a map of fields"));
        assert!(Config::parse(&format!("{GOOD}---\n{GOOD}")).unwrap_err()[0].starts_with("line 10, "));
    }

    /// The lists above say the same as the types: what is good for these must never be bad for those.
    #[test]
    fn the_examples_have_the_form_that_is_described() {
        for example in [include_str!("../../../deploy/example/windfirm.yaml"), include_str!("../../../deploy/example/cluster.yaml"), GOOD] {
            assert_eq!(problems(example), Vec::<String>::new());
            Config::parse(example).unwrap();
        }
    }

    /// The chart takes every field, but those whose value it knows itself.
    #[test]
    fn the_schema_of_the_chart_has_the_same_fields() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../../../deploy/chart/values.schema.json")).unwrap();
        let config = schema.pointer("/properties/config").unwrap();
        let lists = [
            ("", TOP, &["state", "database", "policy"][..]),
            ("/properties/tree", TREE, &["repository"]),
            ("/properties/identity/items", IDENTITY, &[]),
            ("/properties/clusters/items", CLUSTER, &[]),
            ("/properties/clusters/items/properties/argocd", ARGOCD, &[]),
            ("/properties/clusters/items/properties/runs", RUNS, &[]),
            ("/properties/runner", RUNNER, &[]),
        ];
        for (place, fields, known) in lists {
            let properties = config.pointer(&format!("{place}/properties")).unwrap().as_object().unwrap();
            let mut taken: Vec<&str> = properties.keys().map(String::as_str).chain(known.iter().copied()).collect();
            let mut fields: Vec<&str> = fields.iter().map(|field| field.name).collect();
            taken.sort_unstable();
            fields.sort_unstable();
            assert_eq!(taken, fields, "deploy/chart/values.schema.json, /properties/config{place}");
        }
    }
}
