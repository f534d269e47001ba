//! The whole output, for people to read in a review.

use std::collections::BTreeSet;

use windfirm_render::{BadSetting, Namespaces, RenderError, Version, render};

use crate::support::{ACCESS, DEMO, EVERYTHING, EXAMPLE, all_settings, documents, objects, policy, rendered, settings};

#[test]
fn the_policy_of_the_demo() {
    insta::assert_snapshot!(rendered(DEMO, &settings()).stream());
}

/// The cluster of `make cluster` has what is rendered and nothing else; only the address of this machine is put in there.
#[test]
fn the_cluster_of_the_tests() {
    let mut settings = settings();
    settings.ingest = vec!["192.0.2.1/32:7700".parse().unwrap(), "windfirm:8080".parse().unwrap()];
    let now = rendered(EXAMPLE, &settings).stream();
    assert!(
        now == ACCESS,
        "deploy/cluster/manifests/access.yaml is of an earlier day. Write it anew, look at the difference, commit it:\n\
         target/debug/windfirm policy render --policy deploy/example/cluster-policy.yaml --portal-ingest 192.0.2.1/32:7700 \\\n  \
         --portal-ingest windfirm:8080 >deploy/cluster/manifests/access.yaml"
    );
}

#[test]
fn a_policy_with_everything() {
    let rendered = rendered(EVERYTHING, &all_settings());
    insta::assert_snapshot!(rendered.stream());
    insta::assert_snapshot!("warnings", rendered.warnings.join("\n"));
}

#[test]
fn for_a_cluster_that_knows_no_constrained_impersonation() {
    let mut settings = settings();
    settings.kubernetes = "1.30".parse().unwrap();
    let text = "apiVersion: windfirm.dev/v1\nkind: Policy\nenvironments: [{ name: dev, match: {} }]\nroles: { tester: { can: [run.launch] } }\n\
                grants: [{ name: testers, to: [{ group: a }], role: tester, on: [/], as: shop/loadtest }]\n";
    insta::assert_snapshot!(rendered(text, &settings).stream());
}

#[test]
fn a_folder_has_the_same_objects_as_the_stream() {
    let rendered = rendered(EVERYTHING, &all_settings());
    let folder = rendered.folder();
    let names: Vec<&str> = folder.keys().map(String::as_str).collect();
    insta::assert_snapshot!(folder["kustomization.yaml"]);
    let listed = documents(&folder["kustomization.yaml"]);
    let resources: BTreeSet<&str> = listed[0]["resources"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(resources, names.iter().copied().filter(|name| *name != "kustomization.yaml").collect());
    let mut in_folder: Vec<String> = resources.iter().flat_map(|name| documents(&folder[*name])).map(|object| object.to_string()).collect();
    let mut in_stream: Vec<String> = objects(&rendered).iter().map(ToString::to_string).collect();
    in_folder.sort();
    in_stream.sort();
    assert_eq!(in_folder, in_stream);
    assert!(folder.values().all(|text| windfirm_render::Rendered::is_own_file(text)));
}

#[test]
fn namespaces_of_others_are_left_out() {
    let mut settings = settings();
    settings.namespaces = Namespaces::Expected;
    let objects = objects(&rendered(DEMO, &settings));
    assert!(objects.iter().all(|object| object["kind"] != "Namespace"));
}

#[test]
fn what_contradicts_itself_is_refused_in_words() {
    let portal = DEMO.replace("as: search-staging/loadtest", "as: windfirm/portal");
    let error = render(&policy(&portal), &settings()).unwrap_err();
    assert!(matches!(&error, RenderError::PortalIsAccount { .. }) && error.to_string().contains("“search developers”"), "{error}");
    let mut dedicated = settings();
    dedicated.dedicated.insert("shop".to_owned());
    let error = render(&policy(DEMO), &dedicated).unwrap_err();
    assert!(error.to_string().contains("search-staging, shop-prod, shop-staging"), "{error}");
    assert!(matches!("1.29".parse::<Version>(), Err(BadSetting::TooOld(_))));
}

/// A grant's name is anybody's text.
#[test]
fn a_name_cannot_become_a_manifest() {
    let text = DEMO.replace("name: search developers", "name: \"search\u{2028}---\u{2029}kind: ClusterRoleBinding # \\\" ' : x\"");
    let before = objects(&rendered(DEMO, &settings()));
    let after = objects(&rendered(&text, &settings()));
    assert_eq!(before.len(), after.len());
    assert!(!rendered(&text, &settings()).stream().contains('\u{2028}'));
}
