//! One YAML file becomes a [`Policy`], or all of its errors at once.
//!
//! The form, in which all lists of names are closed and nothing has wildcards but environment patterns and host patterns:
//! - `environments`: in order, `{ name, match: { cluster, namespace, app, path }, service_account_annotations }`; `*` in a pattern is any
//!   text; `namespace` is the one that the app is deployed to. The last rule matches everything. Several rules may give the same
//!   environment. `service_account_annotations` is what `windfirm policy render` puts on the accounts of that environment, see
//!   `compile/identities.rs`.
//! - `roles`: by name, `{ can: [actions], includes: [roles] }`.
//! - `grants`: in order, `{ name, to: [{ group } or { user: "issuer|subject" }], role, on: [paths], in: [environments], as: namespace/name }`;
//!   without `in`, all environments; `as` is needed when the role reaches a cluster.
//! - `guardrails`: `{ name, on, in, max_vus, max_duration, target_hosts }`, see [`crate::guardrail`].
//! - `secrets`: `{ name, on, in, from: { name: Secret, keys: { VARIABLE: key } } }`: which keys of which Secrets of the account's namespace the
//!   tests there get, see [`crate::secret`].
//!
//! Knows the form of the file (`windfirm.dev/v1`). Reads no files: the text comes in, with a name for the messages. Nothing in a
//! text can make it recurse or grow beyond the text's own size.

mod environments;
mod grants;
mod guardrails;
pub(crate) mod identities;
mod node;
mod reader;
mod roles;
mod secrets;

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::{
    error::{PolicyError, Position, Problem},
    policy::{Policy, Subject},
};
use reader::{At, Reader};

/// The largest policy in bytes (1 MiB).
pub const MAX_BYTES: usize = 1 << 20;
const API_VERSION: &str = "windfirm.dev/v1";
const KIND: &str = "Policy";
/// The most entries of one kind; bounds the work of the checks that compare them.
const MAX_ENTRIES: usize = 1_000;
const MAX_GRANTS: usize = 10_000;

/// Reads a policy. `file_name` is only for the messages.
///
/// # Errors
/// All errors of the file, in the order of their places; never an empty list.
pub fn compile(text: &str, file_name: &str) -> Result<Policy, Vec<PolicyError>> {
    let mut reader = Reader::new(file_name.to_owned());
    let policy = read(text, file_name, &mut reader);
    let mut errors = reader.errors;
    match policy {
        Some(policy) if errors.is_empty() => Ok(policy),
        _ => {
            errors.sort_by_key(|error| (matches!(error.problem, Problem::MoreErrors { .. }), error.at));
            Err(errors)
        }
    }
}

fn read(text: &str, file_name: &str, reader: &mut Reader) -> Option<Policy> {
    if text.len() > MAX_BYTES {
        reader.report(Position { line: 1, column: 1 }, "", Problem::TooLarge { bytes: text.len(), limit: MAX_BYTES });
        return None;
    }
    let root = node::load(text, |at, field, problem| reader.report(at, field, problem))?;
    let top = reader.fields(At::root(&root), &["apiVersion", "kind", "environments", "roles", "grants", "guardrails", "secrets"])?;
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        if let Some(at) = top.require(reader, key)
            && let Some(found) = reader.text(&at)
            && found != expected
        {
            reader.problem(&at, Problem::WrongHeader { expected, found: found.to_owned() });
        }
    }
    let environments = top.require(reader, "environments").map(|at| environments::read(reader, &at)).unwrap_or_default();
    let roles = top.require(reader, "roles").map(|at| roles::read(reader, &at)).unwrap_or_default();
    let grants = top.require(reader, "grants").map(|at| grants::read(reader, &at, &environments, &roles)).unwrap_or_default();
    let guardrails = top.get("guardrails").map(|at| guardrails::read(reader, &at, &environments)).unwrap_or_default();
    let secrets = top.get("secrets").map(|at| secrets::read(reader, &at, &environments)).unwrap_or_default();

    let mut by_subject: HashMap<Subject, Vec<usize>> = HashMap::new();
    for (position, grant) in grants.iter().enumerate() {
        for subject in &grant.to {
            by_subject.entry(subject.clone()).or_default().push(position);
        }
    }
    Some(Policy {
        digest: Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
        file: file_name.to_owned(),
        text: text.to_owned(),
        environments: environments.rules,
        roles: roles.into_iter().map(|known| known.role).collect(),
        grants,
        guardrails,
        secrets,
        by_subject,
    })
}

/// For “Known: …”.
fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
