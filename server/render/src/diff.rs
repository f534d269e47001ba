//! What would change in a cluster if the manifests were applied, and what is left there that the policy no longer asks for.
//!
//! The API server fills in defaults, so an object is as it should be when all that is rendered stands in it. Lists are compared as
//! wholes: one rule more in a role is one right too many.

use std::fmt;

use serde_json::Value;
use windfirm_cluster::Kind;

use crate::{
    Rendered,
    object::{MANAGED_BY, NAMESPACE, Object, POLICY, PORTAL},
};

/// An object that a cluster has.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub kind: Kind,
    pub object: Value,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `Role shop-dev/windfirm-portal`.
    pub what: String,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It is not there.
    Missing,
    /// Fields that are otherwise: where, what is there, what should be. Both as JSON.
    Differs(Vec<(String, String, String)>),
    /// It is there from an earlier render, and no grant asks for it any more.
    LeftOver,
}

/// All differences, in the order of the manifests; what is left over comes last. `found` is everything of [`crate::KINDS`] that carries
/// our label, and whatever else has the name of something that is rendered.
#[must_use]
pub fn diff(rendered: &Rendered, found: &[Found]) -> Vec<Change> {
    let mut changes = Vec::new();
    for object in &rendered.objects {
        let there = found.iter().find(|found| found.is_at(object));
        let what = named(object.kind, object.namespace(), object.name());
        match there {
            None => changes.push(Change { what, how: How::Missing }),
            Some(there) => {
                let mut fields = Vec::new();
                let mut wanted = object.value(&rendered.stamp);
                // What comes in a list does not say itself what it is.
                if let Some(fields) = wanted.as_object_mut() {
                    fields.retain(|field, _| field != "apiVersion" && field != "kind");
                }
                // Another version of the policy that asks for the same is no difference.
                if let Some(annotations) = wanted.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
                    annotations.remove(POLICY);
                }
                compare(&mut fields, "", &wanted, &there.object);
                if !fields.is_empty() {
                    changes.push(Change { what, how: How::Differs(fields) });
                }
            }
        }
    }
    for left in found.iter().filter(|found| is_of_this_portal(found, &rendered.stamp.portal)) {
        let (namespace, name) = place(left);
        if !rendered.objects.iter().any(|object| left.is_at(object)) {
            changes.push(Change { what: named(left.kind, namespace, name), how: How::LeftOver });
        }
    }
    changes
}

impl Found {
    /// Whether it stands where `object` is to be.
    #[must_use]
    pub fn is_at(&self, object: &Object) -> bool {
        is_named(self, object.kind, object.namespace(), object.name())
    }
}

fn place(found: &Found) -> (Option<&str>, &str) {
    let text = |field: &str| found.object.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
    (text("namespace"), text("name").unwrap_or_default())
}

fn is_named(found: &Found, kind: Kind, namespace: Option<&str>, name: &str) -> bool {
    found.kind == kind && place(found) == (namespace, name)
}

/// A namespace is never left over: whoever made it, others live in it.
fn is_of_this_portal(found: &Found, portal: &str) -> bool {
    let metadata = found.object.get("metadata").and_then(Value::as_object);
    let text = |map: &str, key: &str| metadata.and_then(|metadata| metadata.get(map)?.get(key)?.as_str());
    found.kind != NAMESPACE && text("labels", "app.kubernetes.io/managed-by") == Some(MANAGED_BY) && text("annotations", PORTAL) == Some(portal)
}

fn named(kind: Kind, namespace: Option<&str>, name: &str) -> String {
    let namespace = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {namespace}{name}", kind.kind)
}

/// In place of an item that is not there, or should not be.
const NOTHING: &str = "nothing";

/// Where `live` is not as `wanted`. As deep as what is rendered, and no deeper.
fn compare(fields: &mut Vec<(String, String, String)>, at: &str, wanted: &Value, live: &Value) {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            for (key, value) in wanted {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                compare(fields, &at, value, live.get(key).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(wanted), Value::Array(live)) if wanted.len() == live.len() => {
            for (index, (value, live)) in wanted.iter().zip(live).enumerate() {
                compare(fields, &format!("{at}[{index}]"), value, live);
            }
        }
        // Items that are there only, or should be: a port among many is told as that port.
        (Value::Array(wanted), Value::Array(live)) => {
            let fits = |value: &Value, live: &Value| {
                let mut differing = Vec::new();
                compare(&mut differing, "", value, live);
                differing.is_empty()
            };
            let lacking = wanted.iter().filter(|value| !live.iter().any(|live| fits(value, live)));
            let extra = live.iter().filter(|live| !wanted.iter().any(|value| fits(value, live)));
            let before = fields.len();
            fields.extend(extra.map(|live| (at.to_owned(), live.to_string(), NOTHING.to_owned())));
            fields.extend(lacking.map(|value| (at.to_owned(), NOTHING.to_owned(), value.to_string())));
            if fields.len() == before {
                // The same items, some of them more than once.
                fields.push((at.to_owned(), format!("{} items", live.len()), format!("{} items", wanted.len())));
            }
        }
        // An empty map that nobody stored.
        (Value::Object(wanted), Value::Null) if wanted.is_empty() => {}
        (wanted, live) if wanted != live => fields.push((at.to_owned(), live.to_string(), wanted.to_string())),
        _ => {}
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Missing => write!(f, "{} is not there.", self.what),
            How::LeftOver => write!(f, "{} is left over: no grant asks for it any more.", self.what),
            How::Differs(fields) => {
                write!(f, "{} is otherwise.", self.what)?;
                for (at, live, wanted) in fields {
                    write!(f, "\n  {at}: there {live}, should be {wanted}")?;
                }
                Ok(())
            }
        }
    }
}
