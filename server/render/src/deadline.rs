//! An end of runners that the cluster itself keeps.
//!
//! The portal ends a run that is late. When no portal is there, nobody would: k6-operator gives its pods no `activeDeadlineSeconds`, and a
//! TestRun has no field for it. So the API server puts it there when such a pod is made, as the portal wrote it on the pod. It is a net
//! behind the portal: a pod that cannot have it is made all the same.

use windfirm_cluster::operator::ACTIVE_DEADLINE;

use crate::{
    admission::EXECUTION,
    demand::Namespace,
    object::{self, MUTATING_BINDING, MUTATING_POLICY, Object},
    portal::Names,
    settings::Settings,
    yaml::{list, map, text, texts},
};

pub(crate) fn policy(namespaces: &[Namespace], settings: &Settings, names: &Names) -> Vec<Object> {
    let needs: Vec<_> = namespaces.iter().flat_map(|namespace| &namespace.accounts).collect();
    if needs.is_empty() || !settings.kubernetes.completes_pods() {
        return Vec::new();
    }
    let accounts: Vec<String> = needs.iter().map(|need| format!("'{}'", need.account)).collect();
    let condition = |name: &str, expression: String| map([("name", text(name)), ("expression", text(expression))]);
    let conditions = [
        condition(
            "of-an-account-of-the-policy",
            format!("request.namespace + '/' + object.spec.?serviceAccountName.orValue('') in [\n{}]", accounts.join(",\n")),
        ),
        condition("with-a-deadline", format!("object.metadata.?annotations[?'{ACTIVE_DEADLINE}'].orValue('').matches('^[1-9][0-9]{{0,8}}$')")),
        condition("without-an-earlier-one", "!has(object.spec.activeDeadlineSeconds)".to_owned()),
    ];
    let rule = map([("apiGroups", texts([""])), ("apiVersions", texts(["v1"])), ("operations", texts(["CREATE"])), ("resources", texts(["pods"]))]);
    let labelled = map([("key", text(EXECUTION)), ("operator", text("Exists"))]);
    let apply = format!("Object{{spec: Object.spec{{activeDeadlineSeconds: int(object.metadata.annotations['{ACTIVE_DEADLINE}'])}}}}");
    let mutation = map([("patchType", text("ApplyConfiguration")), ("applyConfiguration", map([("expression", text(apply))]))]);
    let spec = map([
        ("failurePolicy", text("Ignore")),
        ("reinvocationPolicy", text("Never")),
        ("matchConstraints", map([("objectSelector", map([("matchExpressions", list([labelled]))])), ("resourceRules", list([rule]))])),
        ("matchConditions", list(conditions)),
        ("mutations", list([mutation])),
    ]);
    let name = format!("{}-deadlines", names.portal);
    let told = |first: &str| object::told(first, needs.iter().flat_map(|need| &need.grants));
    let about = told("Ends runners by their activeDeadlineSeconds, long after the portal would, for when no portal is there.");
    vec![
        Object::new(MUTATING_POLICY, None, &name, about, map([("spec", spec)])),
        Object::new(MUTATING_BINDING, None, &name, told("Puts that in force."), map([("spec", map([("policyName", text(&name))]))])),
    ]
}
