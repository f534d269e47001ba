//! What a TestRun may be when an account of the policy creates it.
//!
//! k6-operator makes pods from a TestRun by rights of its own. So whoever may create TestRuns could start a pod as any account of the
//! namespace, with any Secret of it, unless the API server looks at the TestRun first. The rules hold for the accounts of the policy
//! only: what other people do with k6-operator in the same namespaces stays theirs, and so does the operator's own work.

use windfirm_model::view::access::GrantRow;

use crate::{
    bounds::memory,
    demand::{Namespace, Need},
    object::{ADMISSION_BINDING, ADMISSION_POLICY, Object, asked_for},
    portal::Names,
    settings::Settings,
    yaml::{Yaml, list, map, text, texts},
};

/// The label by which the NetworkPolicies find the pods of runs: the portal gives it to each.
pub(crate) const EXECUTION: &str = "windfirm.dev/execution";

/// What the pods of a TestRun may read: expression and message.
const OWN_SECRET_ONLY: [(&str, &str); 1] = [(
    "variables.pods.all(pod,\nsize(pod.?envFrom.orValue([])) == 0 && size(pod.?initContainers.orValue([])) == 0 &&\n\
     pod.?env.orValue([]).all(one, one.?valueFrom.?secretKeyRef.?name.orValue(object.metadata.name) == object.metadata.name) &&\n\
     pod.?volumes.orValue([]).all(one, has(one.emptyDir)))",
    "The pods of a TestRun read no Secret but the one that is named as the TestRun, and mount nothing but empty folders.",
)];
/// The same where the policy gives tests something. Then a runner also finds the token of its run as a file. A name of a Secret has no
/// slash, nor has a key, so that both together say which one is meant.
const GIVEN_SECRETS: [(&str, &str); 2] = [
    (
        "[variables.pods[0], variables.pods[1]].all(pod,\nsize(pod.?envFrom.orValue([])) == 0 && size(pod.?initContainers.orValue([])) == 0 &&\n\
         pod.?env.orValue([]).all(one, one.?valueFrom.?secretKeyRef.?name.orValue(object.metadata.name) == object.metadata.name) &&\n\
         pod.?volumes.orValue([]).all(one, has(one.emptyDir)))",
        "The initializer and the starter of a TestRun read no Secret but the one that is named as the TestRun, and mount nothing but empty folders.",
    ),
    (
        "[variables.pods[2]].all(pod,\nsize(pod.?envFrom.orValue([])) == 0 && size(pod.?initContainers.orValue([])) == 0 &&\n\
         pod.?env.orValue([]).all(one, one.?valueFrom.?secretKeyRef.?name.orValue(object.metadata.name) == object.metadata.name ||\n\
         one.valueFrom.secretKeyRef.name + '/' + one.valueFrom.secretKeyRef.?key.orValue('') in variables.given) &&\n\
         pod.?volumes.orValue([]).all(one, has(one.emptyDir) || one.?secret.?secretName.orValue('') == object.metadata.name))",
        "The runners of a TestRun read no Secret but the one that is named as the TestRun and the keys that the policy gives the tests of this account, \
         and mount nothing but empty folders and the Secret that is named as the TestRun.",
    ),
];

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
    let reading = if given.is_empty() {
        OWN_SECRET_ONLY.to_vec()
    } else {
        variables.push(variable("given", &format!("{{{}}}[?request.userInfo.username].orValue([])", given.join(",\n"))));
        GIVEN_SECRETS.to_vec()
    };
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
    validations.extend(reading.into_iter().map(|(expression, message)| validation(expression, message)));
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
    let grants: Vec<&GrantRow> = needs.iter().flat_map(|need| &need.grants).collect();
    let told = |first: &str| std::iter::once(first.to_owned()).chain(asked_for(grants.iter().copied())).collect::<Vec<_>>();
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
