//! The section `grants`: who gets which role, where, as which service account.

use std::collections::HashMap;

use windfirm_model::{
    action::{Action, Reach},
    actor::PersonKey,
};

use crate::{
    access::bit,
    compile::{
        MAX_ENTRIES, MAX_GRANTS,
        environments::{self, Environments},
        identities::OneIdentity,
        reader::{At, Reader},
        roles::{KnownRole, refuse_role},
    },
    error::Problem,
    policy::{Grant, Subject},
};

pub(super) fn read(reader: &mut Reader, at: &At<'_>, rules: &Environments, roles: &[KnownRole]) -> Vec<Grant> {
    let items = reader.full_list(at, "grants", MAX_GRANTS, "Without a grant nobody could see anything.").unwrap_or_default();
    let mut grants = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut identity = OneIdentity::new(rules);
    let by_name: HashMap<&str, &KnownRole> = roles.iter().map(|known| (known.role.name.as_str(), known)).collect();
    for item in items {
        let Some(fields) = reader.fields(item, &["name", "to", "role", "on", "in", "as"]) else { continue };
        let name = fields.require(reader, "name").and_then(|at| unique_name(reader, &at, "grant", &mut lines));
        let to = fields.require(reader, "to").map(|at| subjects(reader, &at)).unwrap_or_default();
        let role = fields.require(reader, "role").and_then(|at| role(reader, &at, &by_name, roles));
        let on = fields.require(reader, "on").map(|at| reader.paths(&at)).unwrap_or_default();
        let environments = environments::named(reader, fields.get("in"), rules);
        let account_field = fields.get("as");
        let service_account = account_field.as_ref().and_then(|at| account(reader, at));
        let Some(role) = role else { continue };
        // What a broken role can do is not known, so nothing is said about the account that it may need.
        if role.whole
            && account_field.is_none()
            && let Some(action) = Action::ALL.iter().find(|action| action.reach() == Reach::Cluster && role.role.actions & bit(**action) != 0)
        {
            reader.problem(fields.at(), Problem::NeedsAccount { role: role.role.name.clone(), action: action.code() });
        }
        if let (Some(at), Some(account)) = (&account_field, &service_account)
            && role.role.actions & bit(Action::LaunchRun) != 0
        {
            identity.refuse_second(reader, at, account, environments.as_deref());
        }
        let Some(name) = name else { continue };
        grants.push(Grant {
            name,
            to,
            role: role.role.name.clone(),
            actions: role.role.actions,
            on: on.into_iter().map(|(_, path, _)| path).collect(),
            environments,
            service_account,
        });
    }
    grants
}

/// A name that no other entry of the section has.
pub(super) fn unique_name(reader: &mut Reader, at: &At<'_>, what: &'static str, lines: &mut HashMap<String, usize>) -> Option<String> {
    let name = reader.name(at)?;
    if let Some(first_line) = lines.get(name).copied() {
        reader.problem(at, Problem::DuplicateName { what, name: name.to_owned(), first_line });
        return None;
    }
    lines.insert(name.to_owned(), at.node.at.line);
    Some(name.to_owned())
}

fn role<'r>(reader: &mut Reader, at: &At<'_>, by_name: &HashMap<&str, &'r KnownRole>, roles: &'r [KnownRole]) -> Option<&'r KnownRole> {
    let text = reader.text(at)?;
    let found = by_name.get(text).copied();
    if found.is_none() {
        refuse_role(reader, at, text, roles.iter().map(|known| known.role.name.as_str()));
    }
    found
}

fn subjects(reader: &mut Reader, at: &At<'_>) -> Vec<Subject> {
    let items = reader.full_list(at, "subjects", MAX_ENTRIES, "Name at least one group or user.").unwrap_or_default();
    let mut subjects: Vec<Subject> = Vec::new();
    for item in items {
        let Some(fields) = reader.fields(item.clone(), &["group", "user"]) else { continue };
        let subject = match (fields.get("group"), fields.get("user")) {
            (Some(group), None) => subject_text(reader, &group).map(|name| Subject::Group(name.to_owned())),
            (None, Some(user)) => user_key(reader, &user).map(Subject::User),
            _ => {
                reader.problem(&item, Problem::BadSubject);
                None
            }
        };
        match subject {
            Some(subject) if subjects.contains(&subject) => reader.problem(&item, Problem::Repeated { value: subject.to_string() }),
            Some(subject) => subjects.push(subject),
            None => {}
        }
    }
    subjects
}

fn user_key(reader: &mut Reader, at: &At<'_>) -> Option<PersonKey> {
    let text = subject_text(reader, at)?;
    // Only the first “|” parts the two: an issuer is a URL and has none, a subject may.
    let key = text
        .split_once('|')
        .filter(|(issuer, subject)| (issuer.starts_with("https://") || issuer.starts_with("http://")) && !subject.is_empty())
        .map(|(issuer, subject)| PersonKey { issuer: issuer.to_owned(), subject: subject.to_owned() });
    if key.is_none() {
        reader.problem(at, Problem::BadUser(text.to_owned()));
    }
    key
}

/// Groups and users are named one by one.
fn subject_text<'a>(reader: &mut Reader, at: &At<'a>) -> Option<&'a str> {
    let text = reader.text(at)?;
    if text.contains('*') {
        reader.problem(at, Problem::Wildcard { text: text.to_owned(), what: "groups and users", hint: "Grant to a group that holds them all" });
        return None;
    }
    if text.trim().is_empty() || text.trim() != text || text.chars().any(char::is_control) {
        let why = "it is empty, or has a space at an end, or a control character";
        reader.problem(at, Problem::BadName { name: text.to_owned(), why });
        return None;
    }
    Some(text)
}

/// `namespace/name` as Kubernetes writes them: a DNS label and a DNS subdomain.
fn account(reader: &mut Reader, at: &At<'_>) -> Option<String> {
    let text = reader.text(at)?;
    let good = text.split_once('/').is_some_and(|(namespace, name)| is_label(namespace) && is_subdomain(name));
    if !good {
        reader.problem(at, Problem::BadAccount(text.to_owned()));
    }
    good.then(|| text.to_owned())
}

/// A DNS subdomain, as Kubernetes takes names.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}
