//! The section `roles`: sets of actions that include each other without circles.

use windfirm_model::action::Action;

use crate::{
    access::bit,
    compile::{
        MAX_ENTRIES, known,
        reader::{At, Reader},
    },
    error::Problem,
    policy::Role,
};

/// A role, and whether everything about it could be read.
#[derive(Debug)]
pub(super) struct KnownRole {
    pub(super) role: Role,
    pub(super) whole: bool,
}

struct Draft<'a> {
    name: &'a str,
    own: u32,
    includes: Vec<(At<'a>, usize)>,
    whole: bool,
}

/// How far the walk through the includes has come with a role.
#[derive(Clone, Copy, PartialEq)]
enum Walk {
    New,
    Open,
    Done(u32),
}

pub(super) fn read(reader: &mut Reader, at: &At<'_>) -> Vec<KnownRole> {
    let entries = reader.named(at, "roles", MAX_ENTRIES);
    let names: Vec<&str> = entries.iter().map(|(_, name, _)| *name).collect();
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for (position, name, value) in &entries {
        let good_name = reader.check_name(*position, &value.field, name);
        let mut draft = draft(reader, name, value, &names);
        draft.whole &= good_name;
        drafts.push(draft);
    }
    let mut walks = vec![Walk::New; drafts.len()];
    (0..drafts.len()).for_each(|index| {
        walk(reader, &drafts, &mut walks, &mut Vec::new(), index);
    });
    let broken = broken(&drafts);
    let roles = drafts.iter().zip(walks).zip(broken).map(|((draft, walk), broken)| KnownRole {
        role: Role { name: draft.name.to_owned(), actions: if let Walk::Done(actions) = walk { actions } else { draft.own } },
        whole: !broken,
    });
    roles.collect()
}

fn draft<'a>(reader: &mut Reader, name: &'a str, value: &At<'a>, names: &[&str]) -> Draft<'a> {
    let mut draft = Draft { name, own: 0, includes: Vec::new(), whole: true };
    let Some(fields) = reader.fields(value.clone(), &["can", "includes"]) else {
        draft.whole = false;
        return draft;
    };
    let can = fields.get("can").map(|at| reader.list(&at, "actions", MAX_ENTRIES));
    let includes = fields.get("includes").map(|at| reader.list(&at, "roles", MAX_ENTRIES));
    let says_nothing = |list: &Option<Option<Vec<At<'_>>>>| list.as_ref().is_none_or(|items| items.as_ref().is_some_and(Vec::is_empty));
    if says_nothing(&can) && says_nothing(&includes) {
        reader.problem(value, Problem::EmptyRole { name: name.to_owned() });
        draft.whole = false;
    }
    draft.whole &= !matches!(can, Some(None)) && !matches!(includes, Some(None));
    for item in can.flatten().unwrap_or_default() {
        match action(reader, &item) {
            Some(action) if draft.own & bit(action) != 0 => reader.problem(&item, Problem::Repeated { value: action.code().to_owned() }),
            Some(action) => draft.own |= bit(action),
            None => draft.whole = false,
        }
    }
    for item in includes.flatten().unwrap_or_default() {
        let Some(text) = reader.text(&item) else {
            draft.whole = false;
            continue;
        };
        match names.iter().position(|known| *known == text) {
            Some(index) if draft.includes.iter().any(|(_, seen)| *seen == index) => reader.problem(&item, Problem::Repeated { value: text.to_owned() }),
            Some(index) => draft.includes.push((item, index)),
            None => {
                refuse_role(reader, &item, text, names.iter().copied());
                draft.whole = false;
            }
        }
    }
    draft
}

fn action(reader: &mut Reader, item: &At<'_>) -> Option<Action> {
    let text = reader.text(item)?;
    let action = Action::parse(text);
    if action.is_none() {
        let problem = if text.contains('*') {
            Problem::Wildcard { text: text.to_owned(), what: "actions", hint: "Write each action that is meant" }
        } else {
            Problem::UnknownAction { name: text.to_owned(), known: known(Action::ALL.iter().map(|action| action.code())) }
        };
        reader.problem(item, problem);
    }
    action
}

/// A name that no role has.
pub(super) fn refuse_role<'a>(reader: &mut Reader, item: &At<'_>, text: &str, names: impl Iterator<Item = &'a str>) {
    let problem = if text.contains('*') {
        Problem::Wildcard { text: text.to_owned(), what: "roles", hint: "Write one role" }
    } else {
        Problem::UnknownRole { name: text.to_owned(), known: known(names) }
    };
    reader.problem(item, problem);
}

/// Adds up what a role includes; as deep as there are roles at most, and each is walked once. A circle is reported where it closes.
fn walk(reader: &mut Reader, drafts: &[Draft<'_>], walks: &mut [Walk], chain: &mut Vec<usize>, index: usize) -> u32 {
    let Some(draft) = drafts.get(index) else { return 0 };
    match walks.get_mut(index) {
        Some(Walk::Done(actions)) => return *actions,
        Some(state) => *state = Walk::Open,
        None => return 0,
    }
    chain.push(index);
    let mut actions = draft.own;
    for (item, included) in &draft.includes {
        if walks.get(*included) == Some(&Walk::Open) {
            let circle = chain.iter().skip_while(|seen| *seen != included).chain([included]);
            let names: Vec<&str> = circle.filter_map(|seen| drafts.get(*seen)).map(|draft| draft.name).collect();
            reader.problem(item, Problem::RoleCycle { chain: names.join(" → ") });
        } else {
            actions |= walk(reader, drafts, walks, chain, *included);
        }
    }
    chain.pop();
    if let Some(state) = walks.get_mut(index) {
        *state = Walk::Done(actions);
    }
    actions
}

/// A role is broken when anything that it includes is: what it can do is then not known.
fn broken(drafts: &[Draft<'_>]) -> Vec<bool> {
    let mut broken: Vec<bool> = drafts.iter().map(|draft| !draft.whole).collect();
    loop {
        let spread: Vec<bool> = drafts
            .iter()
            .zip(&broken)
            .map(|(draft, already)| *already || draft.includes.iter().any(|(_, included)| broken.get(*included) == Some(&true)))
            .collect();
        if spread == broken {
            return broken;
        }
        broken = spread;
    }
}
