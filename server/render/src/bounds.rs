//! How much of a namespace runs may take.
//!
//! A ResourceQuota and a LimitRange hold for every pod of a namespace, an app's own too: a quota that is made for runs would keep the app
//! from growing while it is under load, and a default limit would kill it. So in a namespace that runs share with others only TestRuns
//! are counted, and the size of each is bounded where TestRuns are admitted (`admission`). In a namespace that is dedicated to runs,
//! quota and limits hold for all that is there.

use crate::{
    demand::Namespace,
    object::{self, LIMIT_RANGE, Object, RESOURCE_QUOTA},
    portal::Names,
    settings::Sizes,
    yaml::{list, map, text},
};

/// Of the initializer, as the portal asks for it.
const INITIALIZER: (u64, u64) = (100, 64);
/// Of the starter, as k6-operator asks for it: its processor, its memory, and its memory's limit.
const STARTER: (u64, u64, u64) = (50, 2, 200);

pub(crate) fn bounds(namespace: &Namespace, sizes: Sizes, names: &Names) -> Vec<Object> {
    if !namespace.has_runs() {
        return Vec::new();
    }
    let told = |first: String| object::told(first, namespace.grants());
    let (runs, runners) = (u64::from(sizes.runs), u64::from(namespace.runners()));
    let (cpu, mib) = (u64::from(sizes.cpu_millis), u64::from(sizes.memory_mib));
    let mut hard = vec![("count/testruns.k6.io", runs.to_string())];
    if namespace.is_dedicated {
        hard.extend([
            ("limits.memory", memory(runs * (runners * mib + mib + STARTER.2))),
            ("pods", (runs * (runners + 2)).to_string()),
            ("requests.cpu", processor(runs * (runners * cpu + INITIALIZER.0 + STARTER.0))),
            ("requests.memory", memory(runs * (runners * mib + INITIALIZER.1 + STARTER.1))),
        ]);
    }
    let about = if namespace.is_dedicated {
        format!("Room for {runs} runs of {runners} runners at once; nothing but runs lives here.")
    } else {
        format!("At most {runs} TestRuns at once. Nothing else is counted, because apps may live here too.")
    };
    let hard = map(hard.into_iter().map(|(what, most)| (what, text(most))));
    let mut objects = vec![Object::new(RESOURCE_QUOTA, Some(&namespace.name), &names.runs, told(about), map([("spec", map([("hard", hard)]))]))];
    if namespace.is_dedicated {
        let runner = || map([("memory", text(memory(mib)))]);
        let small = map([("cpu", text(processor(STARTER.0))), ("memory", text(memory(INITIALIZER.1)))]);
        let limit = map([("type", text("Container")), ("default", runner()), ("defaultRequest", small), ("max", runner())]);
        let about = told(format!("No container is larger than a runner, {}.", memory(mib)));
        objects.push(Object::new(LIMIT_RANGE, Some(&namespace.name), &names.runs, about, map([("spec", map([("limits", list([limit]))]))])));
    }
    objects
}

/// As the API server writes it: the largest unit that leaves a whole number.
pub(crate) fn memory(mib: u64) -> String {
    let (mut number, mut units) = (mib, ["Mi", "Gi", "Ti", "Pi"].into_iter().peekable());
    while number > 0 && number.is_multiple_of(1024) && units.len() > 1 {
        number /= 1024;
        units.next();
    }
    format!("{number}{}", units.peek().copied().unwrap_or_default())
}

fn processor(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_the_api_server_writes_them() {
        for (mib, written) in [(0, "0Mi"), (512, "512Mi"), (1024, "1Gi"), (1536, "1536Mi"), (1 << 20, "1Ti")] {
            assert_eq!(memory(mib), written);
        }
        assert_eq!((processor(500), processor(2000)), ("500m".to_owned(), "2".to_owned()));
    }
}
