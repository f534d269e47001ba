//! One `ApplicationSet`: what a list generator makes is worked out; everything else needs a cluster and is marked so.

use std::collections::BTreeMap;

use windfirm_model::view::app::Target;

use super::{Kind, Manifest, application::Reader};
use crate::yaml::{Data, Node};

/// More apps from one set are not worked out.
const MAX_GENERATED: usize = 20_000;

pub(super) fn application_set(reader: &mut Reader<'_>, node: &Node) -> Option<Manifest> {
    let head = reader.head(node, Kind::ApplicationSet)?;
    let spec = reader.need(node, "spec", "ApplicationSet")?;
    let template = reader.need(spec, "template", "ApplicationSet")?;
    let mut unresolved = Vec::new();
    let mut generated = Vec::new();
    if spec.get("templatePatch").is_some_and(|patch| !patch.is_null()) {
        unresolved.push("It patches its template, which only Argo CD can work out.".to_owned());
    } else {
        for generator in spec.get("generators").map(Node::list).unwrap_or_default() {
            match elements(generator) {
                Ok(elements) => generate(reader, template, &elements, head.namespace.as_deref(), &mut generated, &mut unresolved),
                Err(what) => unresolved.push(format!("What its {what} generator makes is known to Argo CD only.")),
            }
        }
    }
    let destination = template.get("spec").map(|spec| reader.destination(spec)).unwrap_or_default();
    unresolved.dedup();
    let templated = |text: &str| text.contains("{{");
    Some(Manifest {
        kind: Kind::ApplicationSet,
        name: head.name,
        namespace: head.namespace,
        wave: head.wave,
        project: template.get("spec").and_then(|spec| reader.text(spec, "project")).filter(|text| !templated(text)).unwrap_or_else(|| "default".into()),
        sources: Vec::new(),
        destination: super::Destination {
            cluster: if templated(&destination.cluster) { String::new() } else { destination.cluster },
            namespace: if templated(&destination.namespace) { String::new() } else { destination.namespace },
        },
        tests: head.tests,
        target: Target::Missing { why: "An ApplicationSet only makes other apps; test one of them.".into() },
        generated,
        unresolved,
        problems: Vec::new(),
        at: reader.at(node),
    })
}

/// The elements of a list generator that stand in the manifest itself, or the name of the generator.
fn elements(generator: &Node) -> Result<Vec<BTreeMap<String, String>>, String> {
    let kinds: Vec<&str> = generator.map().iter().map(|(kind, _)| kind.as_str()).filter(|kind| *kind != "selector").collect();
    let (["list"], false) = (kinds.as_slice(), generator.get("selector").is_some()) else {
        return Err(kinds.first().copied().unwrap_or("unnamed").to_owned());
    };
    let Some(list) = generator.get("list") else { return Err("list".into()) };
    if list.get("elementsYaml").is_some() || list.get("template").is_some() {
        return Err("list".into());
    }
    let mut elements = Vec::new();
    for element in list.get("elements").map(Node::list).unwrap_or_default().iter().take(MAX_GENERATED) {
        let mut values = BTreeMap::new();
        flatten("", element, &mut values);
        elements.push(values);
    }
    Ok(elements)
}

/// `{values: {a: b}}` is `values.a` in a template.
fn flatten(prefix: &str, node: &Node, values: &mut BTreeMap<String, String>) {
    for (key, value) in node.map() {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match &value.data {
            Data::Text { .. } => {
                values.insert(name, value.text().unwrap_or_default().to_owned());
            }
            Data::Map(_) => flatten(&name, value, values),
            Data::List(_) => {}
        }
    }
}

fn generate(
    reader: &mut Reader<'_>,
    template: &Node,
    elements: &[BTreeMap<String, String>],
    namespace: Option<&str>,
    generated: &mut Vec<Manifest>,
    unresolved: &mut Vec<String>,
) {
    for values in elements {
        match fill(template, values) {
            Ok(filled) => {
                let made = reader.application(&filled).map(|mut app| {
                    app.namespace = app.namespace.or_else(|| namespace.map(str::to_owned));
                    app
                });
                generated.extend(made);
            }
            Err(expression) => unresolved.push(format!("Its template uses {{{{{expression}}}}}, which only Argo CD can work out.")),
        }
    }
}

/// The template with each `{{name}}` or `{{.name}}` in place; the first expression that is more than a name is the error.
fn fill(node: &Node, values: &BTreeMap<String, String>) -> Result<Node, String> {
    let data = match &node.data {
        Data::Text { text, plain } => Data::Text { text: fill_text(text, values)?, plain: *plain },
        Data::List(nodes) => Data::List(nodes.iter().map(|node| fill(node, values)).collect::<Result<_, _>>()?),
        Data::Map(entries) => Data::Map(entries.iter().map(|(key, node)| Ok((fill_text(key, values)?, fill(node, values)?))).collect::<Result<_, String>>()?),
    };
    Ok(Node { at: node.at, key_at: node.key_at, data })
}

fn fill_text(text: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((expression, tail)) = after.split_once("}}") else { return Err(after.trim().to_owned()) };
        let name = expression.trim().trim_matches('-').trim();
        let value = values.get(name.strip_prefix('.').unwrap_or(name)).ok_or_else(|| name.chars().take(80).collect::<String>())?;
        filled.push_str(before);
        filled.push_str(value);
        rest = tail;
    }
    filled.push_str(rest);
    Ok(filled)
}
