//! The section `guardrails`: limits on runs. A guardrail within the reach of another may only tighten it.

use std::collections::HashMap;

use windfirm_model::{environment::Environment, path::AppPath};

use crate::{
    compile::{
        environments::{self, Environments},
        grants::unique_name,
        reader::{At, Reader},
    },
    error::{Position, Problem},
    guardrail::{Guardrail, LostRunners, duration_text, hosts_text},
    host::HostPattern,
};

const MAX_VUS: u32 = 1_000_000;
/// Every guardrail is compared with every other, so their number is bounded lower than that of grants.
const MAX_GUARDRAILS: usize = 500;
const MAX_HOSTS: usize = 50;

/// A guardrail with the places of what may have to be told about.
struct Draft {
    guardrail: Guardrail,
    vus: Option<(Position, String)>,
    duration: Option<(Position, String)>,
    hosts: Option<(Position, String)>,
    lost: Option<(Position, String)>,
}

pub(super) fn read(reader: &mut Reader, at: &At<'_>, rules: &Environments) -> Vec<Guardrail> {
    let items = reader.list(at, "guardrails", MAX_GUARDRAILS).unwrap_or_default();
    let mut drafts = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for item in items {
        let Some(fields) = reader.fields(item, &["name", "on", "in", "max_vus", "max_duration", "target_hosts", "lost_runners"]) else { continue };
        let name = fields.require(reader, "name").and_then(|at| unique_name(reader, &at, "guardrail", &mut lines));
        let on = fields.require(reader, "on").map(|at| reader.paths(&at)).unwrap_or_default();
        let environments = environments::named(reader, fields.get("in"), rules);
        let (vus, duration, hosts) = (fields.get("max_vus"), fields.get("max_duration"), fields.get("target_hosts"));
        let lost = fields.get("lost_runners");
        let Some(name) = name else { continue };
        if [&vus, &duration, &hosts, &lost].iter().all(|at| at.is_none()) {
            reader.problem(fields.at(), Problem::NoLimit { name: name.clone() });
        }
        let place = |at: &Option<At<'_>>| at.as_ref().map(|at| (at.node.at, at.field.clone()));
        drafts.push(Draft {
            vus: place(&vus),
            duration: place(&duration),
            hosts: place(&hosts),
            lost: place(&lost),
            guardrail: Guardrail {
                name,
                on: on.into_iter().map(|(_, path, _)| path).collect(),
                environments,
                max_vus: vus.and_then(|at| reader.whole_number(&at, 1, MAX_VUS)),
                max_duration_s: duration.and_then(|at| reader.duration(&at)),
                target_hosts: hosts.map(|at| host_patterns(reader, &at)),
                lost_runners: lost.and_then(|at| lost_runners(reader, &at)),
            },
        });
    }
    refuse_looser(reader, &drafts);
    drafts.into_iter().map(|draft| draft.guardrail).collect()
}

fn host_patterns(reader: &mut Reader, at: &At<'_>) -> Vec<HostPattern> {
    let items = reader.full_list(at, "hosts", MAX_HOSTS, "Name at least one host and port, such as 127.0.0.1:*.").unwrap_or_default();
    let mut patterns: Vec<HostPattern> = Vec::new();
    for item in items {
        let Some(text) = reader.text(&item) else { continue };
        match text.parse::<HostPattern>() {
            Ok(pattern) if patterns.contains(&pattern) => reader.problem(&item, Problem::Repeated { value: text.to_owned() }),
            Ok(pattern) => patterns.push(pattern),
            Err(error) => reader.problem(&item, Problem::BadHost { text: text.to_owned(), why: error.why() }),
        }
    }
    patterns
}

fn lost_runners(reader: &mut Reader, at: &At<'_>) -> Option<LostRunners> {
    let text = reader.text(at)?;
    let found = LostRunners::ALL.into_iter().find(|choice| choice.word() == text);
    if found.is_none() {
        let known = LostRunners::ALL.map(LostRunners::word).join(" or ");
        reader.problem(at, Problem::UnknownChoice { text: text.to_owned(), known });
    }
    found
}

/// A limit that is wider than one that holds everywhere it holds would do nothing, though it looks as if it did.
fn refuse_looser(reader: &mut Reader, drafts: &[Draft]) {
    let mut on: HashMap<&AppPath, Vec<&Guardrail>> = HashMap::new();
    for guardrail in drafts.iter().map(|draft| &draft.guardrail) {
        for path in &guardrail.on {
            on.entry(path).or_default().push(guardrail);
        }
    }
    for draft in drafts {
        let Some(path) = draft.guardrail.on.first() else { continue };
        let mut above = Some(path.clone());
        let mut told = Told::default();
        while let Some(path) = above {
            for other in on.get(&path).into_iter().flatten().filter(|other| holds_wherever(other, &draft.guardrail)) {
                compare(reader, draft, other, &path, &mut told);
            }
            above = path.parent();
        }
    }
}

/// One message for each limit is enough.
#[derive(Default)]
struct Told {
    vus: bool,
    duration: bool,
    hosts: bool,
    lost: bool,
}

fn compare(reader: &mut Reader, draft: &Draft, other: &Guardrail, path: &AppPath, told: &mut Told) {
    let loosens = |wider: String, tighter: String| Problem::Loosens { wider, tighter, by: other.name.clone(), path: path.to_string() };
    if let (Some(wide), Some(tight), Some((at, field))) = (draft.guardrail.max_vus, other.max_vus, &draft.vus)
        && wide > tight
        && !std::mem::replace(&mut told.vus, true)
    {
        reader.report(*at, field, loosens(format!("{wide} VUs"), format!("{tight} VUs")));
    }
    if let (Some(wide), Some(tight), Some((at, field))) = (draft.guardrail.max_duration_s, other.max_duration_s, &draft.duration)
        && wide > tight
        && !std::mem::replace(&mut told.duration, true)
    {
        reader.report(*at, field, loosens(duration_text(wide), duration_text(tight)));
    }
    if let (Some(wide), Some(tight), Some((at, field))) = (&draft.guardrail.target_hosts, &other.target_hosts, &draft.hosts) {
        let outside: Vec<HostPattern> = wide.iter().filter(|pattern| !tight.iter().any(|allowed| allowed.includes(pattern))).cloned().collect();
        if !outside.is_empty() && !std::mem::replace(&mut told.hosts, true) {
            reader.report(*at, field, loosens(hosts_text(&outside), hosts_text(tight)));
        }
    }
    if let (Some(wide), Some(tight), Some((at, field))) = (draft.guardrail.lost_runners, other.lost_runners, &draft.lost)
        && wide > tight
        && !std::mem::replace(&mut told.lost, true)
    {
        reader.report(*at, field, loosens(wide.word().to_owned(), tight.word().to_owned()));
    }
}

/// Whether `other` holds wherever `guardrail` does, and is not of the very same reach: then neither is the child of the other.
fn holds_wherever(other: &Guardrail, guardrail: &Guardrail) -> bool {
    let paths = guardrail.on.iter().all(|path| other.on.iter().any(|wide| wide.covers(path)));
    let environments = includes_all(other.environments.as_deref(), guardrail.environments.as_deref());
    let same = paths
        && environments
        && other.on.iter().all(|path| guardrail.on.iter().any(|wide| wide.covers(path)))
        && includes_all(guardrail.environments.as_deref(), other.environments.as_deref());
    paths && environments && !same
}

fn includes_all(wide: Option<&[Environment]>, narrow: Option<&[Environment]>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|name| wide.contains(name)),
    }
}
