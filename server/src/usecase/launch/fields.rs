//! The fields of a launch as they were typed, read into what they mean. Every problem is told at once, by field.

use std::collections::BTreeMap;

use windfirm_executor::Load;
use windfirm_model::{
    run::Profile,
    view::launch::{LaunchRequest, MAX_ENV_CHARACTERS, MAX_REASON_CHARACTERS},
};

const SMOKE: Load = Load { vus: 1, duration_s: 10 };
const STEADY: Load = Load { vus: 10, duration_s: 60 };

/// What the executor in a cluster takes.
const MOST_RUNNERS: u32 = 200;
const MAX_PARAMETERS: usize = 50;
const MAX_VALUE_CHARACTERS: usize = 1_000;
const MAX_ONCE_CHARACTERS: usize = 100;

/// What the fields say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    pub profile: Profile,
    /// In place of the script's scenarios; `None`: the script's own.
    pub load: Option<Load>,
    /// `None`: one.
    pub runners: Option<u32>,
    pub parameters: Vec<(String, String)>,
    pub reason: String,
    /// Starts when this Secret changes; `None`: at once.
    pub after: Option<String>,
}

/// Reads them; problems go into `problems`, and what could not be read is as if it was left out.
pub fn read(request: &LaunchRequest, problems: &mut BTreeMap<String, String>) -> Fields {
    let mut problem = |field: &str, sentence: String| {
        problems.entry(field.to_owned()).or_insert(sentence);
    };
    let profile = match request.profile.as_str() {
        "" => Profile::default(),
        word => Profile::parse(word).unwrap_or_else(|| {
            problem("profile", "There is no such profile. Choose script, smoke or load.".to_owned());
            Profile::default()
        }),
    };
    let vus = whole(&request.vus).unwrap_or_else(|()| {
        problem("vus", "VUs are a whole number from 1 to 100,000, such as 20.".to_owned());
        None
    });
    let duration_s = duration(&request.duration).unwrap_or_else(|()| {
        problem("duration", "A duration is written like 90s, 6m or 1h30m, and is at most a day.".to_owned());
        None
    });
    let runners = whole(&request.runners).ok().filter(|runners| runners.is_none_or(|runners| runners <= MOST_RUNNERS)).unwrap_or_else(|| {
        problem("runners", format!("Runners are a whole number from 1 to {MOST_RUNNERS}, such as 3."));
        None
    });
    let load = match profile {
        Profile::Load => Some(Load { vus: vus.unwrap_or(STEADY.vus), duration_s: duration_s.unwrap_or(STEADY.duration_s) }),
        Profile::Smoke | Profile::Script => {
            for (field, given) in [("vus", vus.is_some()), ("duration", duration_s.is_some())] {
                if given {
                    problem(field, format!("The profile {} decides this itself. Leave it empty, or choose the profile load.", profile.word()));
                }
            }
            (profile == Profile::Smoke).then_some(SMOKE)
        }
    };
    let parameters = parameters(&request.env).unwrap_or_else(|sentence| {
        problem("env", sentence);
        Vec::new()
    });
    // A browser without script sends two characters for the end of a line.
    let reason = request.reason.trim().replace("\r\n", "\n");
    if reason.chars().count() > MAX_REASON_CHARACTERS {
        problem("reason", format!("A reason has at most {MAX_REASON_CHARACTERS} characters; this one has {}.", reason.chars().count()));
    }
    if request.once.chars().count() > MAX_ONCE_CHARACTERS {
        problem("", "The form is damaged. Load the page again; what you typed can be copied over.".to_owned());
    }
    let after = Some(request.after.trim().to_owned()).filter(|secret| !secret.is_empty());
    Fields { profile, load, runners, parameters, reason, after }
}

/// What somebody typed, short enough to stand in a sentence.
pub(in crate::usecase) fn short(text: &str) -> String {
    const MOST: usize = 60;
    let begin: String = text.chars().take(MOST).collect();
    if begin.len() < text.len() { format!("{begin}…") } else { begin }
}

fn whole(text: &str) -> Result<Option<u32>, ()> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().ok().filter(|number| (1..=100_000).contains(number)).map(Some).ok_or(()),
    }
}

/// `90s`, `6m`, `1h30m`; a bare number is seconds. Up to a day.
fn duration(text: &str) -> Result<Option<u32>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (mut total, mut digits) = (0_u32, String::new());
    for c in text.chars() {
        let unit_s = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return Err(()),
        };
        let number: u32 = digits.parse().map_err(|_| ())?;
        total = number.checked_mul(unit_s).and_then(|seconds| total.checked_add(seconds)).ok_or(())?;
        digits.clear();
    }
    if !digits.is_empty() {
        total = total.checked_add(digits.parse().map_err(|_| ())?).ok_or(())?;
    }
    if (1..=86_400).contains(&total) { Ok(Some(total)) } else { Err(()) }
}

/// `NAME=value` lines.
fn parameters(text: &str) -> Result<Vec<(String, String)>, String> {
    let characters = text.replace("\r\n", "\n").chars().count();
    if characters > MAX_ENV_CHARACTERS {
        return Err(format!("The variables have at most {MAX_ENV_CHARACTERS} characters together; these have {characters}."));
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("Line {}", number + 1);
        let (name, value) = line.split_once('=').ok_or_else(|| format!("{at} has no “=”. Write NAME=value, one per line."))?;
        let name = name.trim();
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins_well || name.len() > 100 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("{at}: “{}” is no name. Names are letters, digits and “_”, and do not begin with a digit.", short(name)));
        }
        if name == "TARGET" || name.starts_with("K6_") {
            return Err(format!("{at}: {name} is set by the portal. Take another name."));
        }
        if value.chars().count() > MAX_VALUE_CHARACTERS || value.chars().any(char::is_control) {
            return Err(format!("{at}: the value of {name} is longer than {MAX_VALUE_CHARACTERS} characters or holds control characters."));
        }
        if found.iter().any(|(other, _)| other == name) {
            return Err(format!("{at}: {name} is there twice."));
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    if found.len() > MAX_PARAMETERS {
        return Err(format!("There are {} variables; at most {MAX_PARAMETERS} are taken.", found.len()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(request: &LaunchRequest) -> BTreeMap<String, String> {
        let mut problems = BTreeMap::new();
        read(request, &mut problems);
        problems
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("6m", 360), ("1h30m", 5_400), ("45", 45), (" 2m 0s".trim(), 0)] {
            let expected = if seconds == 0 { Err(()) } else { Ok(Some(seconds)) };
            assert_eq!(duration(text), expected, "{text}");
        }
        for wrong in ["0s", "-1m", "99h", "m", "1x", "4294967296h", "1.5m"] {
            assert_eq!(duration(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let request = LaunchRequest {
            profile: "storm".into(),
            vus: "many".into(),
            runners: "201".into(),
            duration: "soon".into(),
            env: "no equals sign".into(),
            reason: "x".repeat(501),
            ..LaunchRequest::default()
        };
        let found = problems(&request);
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["duration", "env", "profile", "reason", "runners", "vus"]);
    }

    #[test]
    fn what_the_portal_sets_cannot_be_set() {
        for line in ["TARGET=http://evil", "K6_BLACKLIST_IPS=", "1A=b", "A=1\nA=2", "A=\u{7}"] {
            let request = LaunchRequest { env: line.into(), ..LaunchRequest::default() };
            assert!(problems(&request).contains_key("env"), "{line:?}");
        }
    }

    #[test]
    fn a_profile_that_decides_itself_takes_no_vus() {
        let request = LaunchRequest { profile: "smoke".into(), vus: "5".into(), ..LaunchRequest::default() };
        assert!(problems(&request)["vus"].contains("smoke"));
        let load = LaunchRequest { profile: "load".into(), vus: "5".into(), duration: "2m".into(), ..LaunchRequest::default() };
        let mut none = BTreeMap::new();
        assert_eq!(read(&load, &mut none).load, Some(Load { vus: 5, duration_s: 120 }));
        assert!(none.is_empty());
    }
}
