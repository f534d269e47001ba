//! Why something does not move: what, why, and what to do, in words. From the status of pods and from events; the TestRun itself says
//! nothing of it.

use super::{
    seen::{ContainerStatus, Pod, Seen},
    settings::OperatorSettings,
};

/// What has a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Initializer,
    Runner(u32),
    Starter,
}

impl Part {
    pub(crate) fn words(self) -> String {
        match self {
            Self::Initializer => "the initializer".to_owned(),
            Self::Runner(number) => format!("runner {number}"),
            Self::Starter => "the starter".to_owned(),
        }
    }
}

/// Something that does not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// It may still go on by itself: a node may come, a quota may become free.
    Waits(String),
    /// It will not go on unless somebody changes something.
    Never(String),
    /// Secret or ConfigMap were not made: we died in between.
    HalfOrdered,
}

/// What may come right by itself is given this long before it counts as final, seconds. It is told meanwhile.
const PATIENCE_S: i64 = 20;
/// A Job has its pod, and a pod its container, long before that, seconds.
const SOON_S: i64 = 4;

/// Looks at one Job and its pod. `None`: all is well, or too early to tell.
pub(crate) fn of_part(seen: &Seen, part: Part, job: &str, settings: &OperatorSettings) -> Option<Stuck> {
    match seen.pod_of(job) {
        Some(pod) => of_pod(seen, part, pod, settings),
        None => of_job(seen, part, job),
    }
}

/// A Job without a pod: the job controller may not make one, and says why in an event.
fn of_job(seen: &Seen, part: Part, job: &str) -> Option<Stuck> {
    let found = seen.job(job)?;
    if found.status.failed > 0 || found.status.succeeded > 0 {
        return None;
    }
    let part = part.words();
    let Some(event) = seen.events_of("Job", job).find(|event| event.reason == "FailedCreate") else {
        let late = seen.age_of_s(&found.metadata) > SOON_S;
        return late.then(|| Stuck::Waits(format!("No pod has been made for {part} yet. Kubernetes' job controller says nothing about why; it may be busy.")));
    };
    let said = said(&event.message);
    if said.contains("exceeded quota") {
        return Some(Stuck::Waits(format!(
            "The quota of the namespace has no room for {part}: {said}. It goes on when other runs have ended; or ask for a larger quota."
        )));
    }
    if let Some(account) = between(&said, "serviceaccount \"", "\" not found") {
        return Some(Stuck::Never(format!(
            "The service account {account} was deleted, so {part} gets no pod: {said}. Somebody who administers the namespace can create it again; `windfirm policy render` writes it."
        )));
    }
    if said.contains("violates PodSecurity") {
        return Some(Stuck::Never(format!(
            "The namespace's pod security refuses {part}: {said}. Ask those who run the cluster; runners keep to the level “restricted”, so the image or the settings ask for more."
        )));
    }
    Some(Stuck::Never(format!("The cluster refuses the pod of {part}: {said}. Ask those who run the cluster about the rule that is named.")))
}

fn of_pod(seen: &Seen, part: Part, pod: &Pod, settings: &OperatorSettings) -> Option<Stuck> {
    let age_s = seen.age_of_s(&pod.metadata);
    let first = part == Part::Initializer;
    let part = part.words();
    if pod.has_started() {
        return None;
    }
    let unscheduled = pod.status.conditions.iter().find(|condition| condition.kind == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let said = said(&condition.message);
        return Some(Stuck::Waits(format!("No node takes {part}: {said}. It goes on when a node has room; or ask for less CPU or memory for runners.")));
    }
    if let Some(failed) = pod.failed_to_fetch() {
        let why = said(if failed.message.is_empty() { &failed.reason } else { &failed.message });
        return Some(Stuck::Never(format!("The files of the test did not come to the pod of {part}: {why}.")));
    }
    for container in pod.fetcher().into_iter().chain(pod.container()) {
        if let Some(waiting) = &container.state.waiting
            && let Some(stuck) = of_container(&part, seen, container, &waiting.reason, &waiting.message, age_s, settings)
        {
            return Some(stuck);
        }
    }
    if pod.fetcher().is_some_and(|fetcher| fetcher.state.running.is_some()) {
        return (age_s > SOON_S).then(|| Stuck::Waits(format!("The pod of {part} fetches the files of the test from the portal.")));
    }
    let events: Vec<_> = seen.events_of("Pod", &pod.metadata.name).collect();
    if let Some(event) = events.iter().rev().find(|event| event.reason == "FailedMount") {
        let said = said(&event.message);
        let ours = format!("configmap \"{}\" not found", seen.run.metadata.name);
        if first && said.contains(&ours) {
            return Some(Stuck::HalfOrdered);
        }
        let words = format!("A volume of {part} cannot be mounted: {said}. Ask those who run the cluster.");
        return Some(if age_s > PATIENCE_S { Stuck::Never(words) } else { Stuck::Waits(words) });
    }
    if let Some(event) = events.iter().rev().find(|event| event.reason == "FailedCreatePodSandBox") {
        let words = format!("The node cannot make the pod of {part}: {}. Ask those who run the cluster about that node.", said(&event.message));
        return Some(if age_s > PATIENCE_S { Stuck::Never(words) } else { Stuck::Waits(words) });
    }
    (age_s > SOON_S).then(|| {
        let pulling = events.iter().rev().find(|event| matches!(event.reason.as_str(), "Pulling" | "Pulled"));
        match pulling {
            Some(event) if event.reason == "Pulling" => Stuck::Waits(format!("A node pulls the image of {part}: {}.", said(&event.message))),
            _ => Stuck::Waits(format!("The node is preparing the pod of {part}.")),
        }
    })
}

fn of_container(part: &str, seen: &Seen, container: &ContainerStatus, reason: &str, message: &str, age_s: i64, settings: &OperatorSettings) -> Option<Stuck> {
    let said = said(message);
    let image = container.image.as_str();
    let patient = |words: String| Some(if age_s > PATIENCE_S { Stuck::Never(words) } else { Stuck::Waits(words) });
    match reason {
        "ErrImageNeverPull" => Some(Stuck::Never(format!(
            "The image {image} of {part} is not on the node, and nodes may not pull it (pull policy {}). Name an image that is there, or let nodes pull it, in the portal's configuration.",
            settings.pull_policy.word()
        ))),
        "InvalidImageName" => {
            Some(Stuck::Never(format!("“{image}” cannot be the name of an image, so {part} cannot start. Mend it in the portal's configuration.")))
        }
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => patient(format!(
            "The image {image} of {part} cannot be pulled: {said}. Check its name and digest in the portal's configuration, and that the node may read from the registry."
        )),
        "CreateContainerConfigError" if said.contains(&format!("secret \"{}\" not found", seen.run.metadata.name)) => {
            Some(Stuck::Never(format!("The Secret with the token of this run was deleted by somebody, so {part} cannot start: {said}. Run it again.")))
        }
        "CreateContainerConfigError" if said.starts_with("secret ") && said.contains(" not found") => Some(Stuck::Never(format!(
            "A Secret that the policy gives the tests of this app is not there, so {part} cannot start: {said}. Somebody who administers the namespace can make it; then run it again."
        ))),
        "CreateContainerConfigError" if said.starts_with("couldn't find key ") => Some(Stuck::Never(format!(
            "A Secret that the policy gives the tests of this app has not the key that it names, so {part} cannot start: {said}. Somebody who administers the namespace can put it in, or the policy can name another one; then run it again."
        ))),
        "CreateContainerConfigError" if said.contains("runAsNonRoot") || said.contains("run as root") => Some(Stuck::Never(format!(
            "The image {image} of {part} would run as root, which the portal forbids: {said}. Use an image with another user, or set the user in the portal's configuration."
        ))),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "StartError" => {
            patient(format!("The container of {part} cannot be started: {said}. Ask those who run the cluster, with the name of the image: {image}."))
        }
        _ => None,
    }
}

/// What the cluster said, as a part of a sentence, bounded.
pub(crate) fn said(message: &str) -> String {
    const MOST: usize = 500;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches(['.', ' ']);
    if line.is_empty() {
        return "the cluster gives no reason".to_owned();
    }
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
