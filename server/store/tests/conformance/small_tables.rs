//! Inspections and policies.

use serde_json::json;
use windfirm_model::clock::Clock as _;
use windfirm_policy::{Permit, Resource, act::Reload};
use windfirm_store::inspection::InspectionKey;

use crate::{
    people::{access, ana, chris},
    world::{START, World, on_both},
};

on_both!(an_inspection_is_kept_by_content_script_and_version, policies_are_kept_for_those_who_may_read_them);

fn reload(world: &World) -> Permit<Reload> {
    Permit::system(world.operation(), Resource::default())
}

async fn an_inspection_is_kept_by_content_script_and_version(world: &World) {
    let key = InspectionKey { bundle_digest: "sha256:aa".into(), entry: "browse.js".into(), k6_version: "2.2.0".into() };
    assert_eq!(world.store.inspection(&key).await.unwrap(), None);
    world.store.keep_inspection(&reload(world), &key, &json!({ "maxVUs": 1 })).await.unwrap();
    world.store.keep_inspection(&reload(world), &key, &json!({ "maxVUs": 2 })).await.unwrap();
    assert_eq!(world.store.inspection(&key).await.unwrap(), Some(json!({ "maxVUs": 2 })));
    for other in [
        InspectionKey { bundle_digest: "sha256:bb".into(), ..key.clone() },
        InspectionKey { entry: "other.js".into(), ..key.clone() },
        InspectionKey { k6_version: "2.3.0".into(), ..key.clone() },
    ] {
        assert_eq!(world.store.inspection(&other).await.unwrap(), None);
    }
}

async fn policies_are_kept_for_those_who_may_read_them(world: &World) {
    world.store.keep_policy(&reload(world), "d-1", "grants: []").await.unwrap();
    world.clock.advance(60);
    world.store.keep_policy(&reload(world), "d-1", "grants: []").await.unwrap();
    let kept = world.store.policy_version(&access(&chris()), "d-1").await.unwrap().unwrap();
    assert_eq!((kept.text.as_str(), kept.first_loaded, kept.last_loaded), ("grants: []", START, world.clock.now()));
    assert_eq!(world.store.policy_version(&access(&chris()), "d-2").await.unwrap(), None);
    assert_eq!(world.store.policy_version(&access(&ana()), "d-1").await.unwrap(), None);
}
