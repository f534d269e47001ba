//! What a TestRun may be when an account of the policy creates it.
//!
//! k6-operator makes pods from a TestRun by rights of its own. So whoever may create TestRuns could start a pod as any account of the
//! namespace, with any Secret of it, unless the API server looks at the TestRun first. The rules hold for the accounts of the policy
//! only: what other people do with k6-operator in the same namespaces stays theirs, and so does the operator's own work.

use windfirm_cluster::operator::{FETCH, FRONT};

use crate::{
    bounds::memory,
    demand::{Namespace, Need},
    object::{self, ADMISSION_BINDING, ADMISSION_POLICY, Object},
    portal::Names,
    settings::Settings,
    yaml::{Yaml, list, map, text, texts},
};

/// The label by which the NetworkPolicies find the pods of runs: the portal gives it to each.
pub(crate) const EXECUTION: &str = "windfirm.dev/execution";

/// What the pods of a TestRun may read: expressions with their messages. `given`: the policy gives tests keys of Secrets. Then a runner also
/// finds the token of its run as a file. With an image that fetches, the pods of k6 do so too, but for the container of k6 itself: that the
/// portal sees to, and it is the token of this very run.
fn reading(given: bool, image: Option<&str>) -> Vec<(String, String)> {
    const INITIALIZER: &str = "variables.pods[0]";
    const STARTER: &str = "variables.pods[1]";
    const RUNNER: &str = "variables.pods[2]";
    let mut rules = Vec::new();
    match (given, image) {
        (false, None) => rules.push((
            nothing_else("variables.pods", NO_SECRET, None, None),
            "The pods of a TestRun read no Secret but the one that is named as the TestRun, and mount nothing but empty folders.",
        )),
        (false, Some(_)) => {
            rules.push((
                nothing_else(&format!("[{STARTER}]"), NO_SECRET, None, None),
                "The starter of a TestRun reads no Secret but the one that is named as the TestRun, and mounts nothing but empty folders.",
            ));
            rules.push((
                nothing_else(&format!("[{INITIALIZER}, {RUNNER}]"), NO_SECRET, Some(OWN_SECRET), image),
                "The initializer and the runners of a TestRun read no Secret but the one that is named as the TestRun, and mount nothing but it and empty folders. \
                 Before k6 nothing runs but the runner image of the portal's configuration, to fetch the files.",
            ));
        }
        (true, image) => {
            let others = if image.is_some() { format!("[{STARTER}]") } else { format!("[{INITIALIZER}, {STARTER}]") };
            let which = if image.is_some() { OTHERS_BUT_INITIALIZER } else { OTHERS };
            rules.push((nothing_else(&others, NO_SECRET, None, None), which));
            if image.is_some() {
                rules.push((
                    nothing_else(&format!("[{INITIALIZER}]"), NO_SECRET, Some(OWN_SECRET), image),
                    "The initializer of a TestRun reads no Secret but the one that is named as the TestRun, and mounts nothing but it and empty folders. \
                     Before k6 nothing runs but the runner image of the portal's configuration, to fetch the files.",
                ));
            }
            rules.push((
                nothing_else(&format!("[{RUNNER}]"), GIVEN, Some(OWN_SECRET), image),
                "The runners of a TestRun read no Secret but the one that is named as the TestRun and the keys that the policy gives the tests of this account, \
                 and mount nothing but empty folders and the Secret that is named as the TestRun.",
            ));
        }
    }
    rules.into_iter().map(|(expression, message)| (expression, message.to_owned())).collect()
}

const OTHERS: &str =
    "The initializer and the starter of a TestRun read no Secret but the one that is named as the TestRun, and mount nothing but empty folders.";
const OTHERS_BUT_INITIALIZER: &str = "The starter of a TestRun reads no Secret but the one that is named as the TestRun, and mounts nothing but empty folders.";
/// Variables by reference.
const NO_SECRET: &str = "one.?valueFrom.?secretKeyRef.?name.orValue(object.metadata.name) == object.metadata.name";
/// A name of a Secret has no slash, nor has a key, so that both together say which one is meant.
const GIVEN: &str = "one.?valueFrom.?secretKeyRef.?name.orValue(object.metadata.name) == object.metadata.name ||\n\
                     one.valueFrom.secretKeyRef.name + '/' + one.valueFrom.secretKeyRef.?key.orValue('') in variables.given";
/// A volume beside empty folders.
const OWN_SECRET: &str = "one.?secret.?secretName.orValue('') == object.metadata.name";

/// One expression about some of the pods: which variables, which volumes beside empty folders, and what may come before k6.
fn nothing_else(pods: &str, variables: &str, volumes: Option<&str>, image: Option<&str>) -> String {
    let before = image.map_or_else(
        || "size(pod.?initContainers.orValue([])) == 0".to_owned(),
        |image| {
            // As the portal writes it, and without variables: it needs none.
            format!(
                "size(pod.?initContainers.orValue([])) <= 1 && pod.?initContainers.orValue([]).all(one,\n\
                 one.?image.orValue('') == '{image}' && one.?command.orValue([]) == ['{FRONT}', '{FETCH}'] &&\n\
                 size(one.?env.orValue([])) == 0 && size(one.?envFrom.orValue([])) == 0 && one.?restartPolicy.orValue('') == '')"
            )
        },
    );
    let volumes = volumes.map_or_else(|| "has(one.emptyDir)".to_owned(), |more| format!("has(one.emptyDir) || {more}"));
    format!(
        "{pods}.all(pod,\nsize(pod.?envFrom.orValue([])) == 0 && {before} &&\n\
         pod.?env.orValue([]).all(one, {variables}) &&\n\
         pod.?volumes.orValue([]).all(one, {volumes}))"
    )
}

/// `'user': ['secret/key', …]`.
fn given(need: &Need) -> String {
    let pairs = need.secrets.iter().flat_map(|given| given.keys.iter().map(move |key| format!("'{}/{key}'", given.secret)));
    format!("'{}': [{}]", need.account.user(), pairs.collect::<Vec<_>>().join(", "))
}

pub(crate) fn policy(namespaces: &[Namespace], settings: &Settings, names: &Names) -> Vec<Object> {
    let needs: Vec<_> = namespaces.iter().flat_map(|namespace| &namespace.accounts).collect();
    if needs.is_empty() {
        return Vec::new();
    }
    let users: Vec<String> = needs.iter().map(|need| format!("'{}'", need.account.user())).collect();
    let most: Vec<String> = needs.iter().map(|need| format!("'{}': {}", need.account.user(), need.runners.unwrap_or_default())).collect();
    let limit = memory(u64::from(settings.sizes.memory_mib));
    let mut variables = vec![
        variable("pods", "[dyn(object.spec).?initializer.orValue({}),\ndyn(object.spec).?starter.orValue({}),\ndyn(object.spec).?runner.orValue({})]"),
        variable("runners", &format!("{{{}}}[?request.userInfo.username].orValue(0)", most.join(",\n"))),
    ];
    let given: Vec<String> = needs.iter().filter(|need| !need.secrets.is_empty()).map(|need| given(need)).collect();
    if !given.is_empty() {
        variables.push(variable("given", &format!("{{{}}}[?request.userInfo.username].orValue([])", given.join(",\n"))));
    }
    let mut validations = vec![
        validation(
            "object.metadata.name.matches('^windfirm-[0-9a-f]{32}$')",
            "A TestRun is called windfirm- and the 32 digits of its execution, so that it cannot have the name of a Secret that was there before, and read it as its own.",
        ),
        validation(
            "variables.pods.all(pod,\n'system:serviceaccount:' + request.namespace + ':' + pod.?serviceAccountName.orValue('default') == request.userInfo.username)",
            "The initializer, starter and runner pods of a TestRun run as the account that creates it, and as no other. Name it as serviceAccountName of all three.",
        ),
        validation(
            &format!("variables.pods.all(pod, '{EXECUTION}' in pod.?metadata.?labels.orValue({{}}))"),
            "The pods of a TestRun carry the label windfirm.dev/execution, by which NetworkPolicies find them. Put it in metadata.labels of initializer, starter and runner.",
        ),
    ];
    let reading = reading(!given.is_empty(), settings.runner_image.as_deref());
    validations.extend(reading.into_iter().map(|(expression, message)| validation(&expression, &message)));
    validations.extend([
        validation("object.spec.parallelism <= variables.runners", "A TestRun has more runners than the guardrails of the policy leave for this account."),
        validation(
            &format!("quantity(string(dyn(object.spec).?runner.?resources.?limits[?'memory'].orValue('1Ei'))).compareTo(quantity('{limit}')) <= 0"),
            &format!("A runner has a memory limit, of at most {limit}."),
        ),
    ]);
    let rule = map([
        ("apiGroups", texts(["k6.io"])),
        ("apiVersions", texts(["v1alpha1"])),
        ("operations", texts(["CREATE", "UPDATE"])),
        ("resources", texts(["testruns"])),
    ]);
    let spec = map([
        ("failurePolicy", text("Fail")),
        ("matchConstraints", map([("resourceRules", list([rule]))])),
        (
            "matchConditions",
            list([map([
                ("name", text("by-an-account-of-the-policy")),
                ("expression", text(format!("request.userInfo.username in [\n{}]", users.join(",\n")))),
            ])]),
        ),
        ("variables", list(variables)),
        ("validations", list(validations)),
    ]);
    let name = format!("{}-testruns", names.portal);
    let told = |first: &str| object::told(first, needs.iter().flat_map(|need| &need.grants));
    let about = told("Keeps the pods of a TestRun on the account that creates it. Without it, who may create TestRuns could run a pod as any account.");
    let bound = map([("policyName", text(&name)), ("validationActions", texts(["Deny"]))]);
    vec![
        Object::new(ADMISSION_POLICY, None, &name, about, map([("spec", spec)])),
        Object::new(ADMISSION_BINDING, None, &name, told("Puts that in force."), map([("spec", bound)])),
    ]
}

fn variable(name: &str, expression: &str) -> Yaml {
    map([("name", text(name)), ("expression", text(expression))])
}

fn validation(expression: &str, message: &str) -> Yaml {
    map([("expression", text(expression)), ("message", text(message)), ("reason", text("Forbidden"))])
}
