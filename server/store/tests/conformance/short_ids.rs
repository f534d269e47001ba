//! The six characters that people know a run by lead to the run that they may see, and to no other.

use uuid::Uuid;
use windfirm_model::id::{RunId, ShortId};

use crate::{
    people::{access, ana, eli, everything, launched, launched_with, nobody, owner},
    world::{World, on_both},
};

on_both!(a_short_id_leads_to_its_run, what_is_not_visible_is_not_counted, a_short_id_of_several_runs_leads_to_none);

fn short(id: RunId) -> ShortId {
    id.short().parse().unwrap()
}

async fn a_short_id_leads_to_its_run(world: &World) {
    for tail in [0x0000_0001, 0x7bcd_ef01, 0xffff_fffe_u128] {
        let id = RunId(Uuid::from_u128(0x0193_5c7e_8b1a_7000_8000_1234_0000_0000 | tail));
        launched_with(world, &ana(), "/shop/pay/", "dev", |new| new.id = id).await;
        assert_eq!(world.store.run_by_short(&access(&ana()), short(id)).await.unwrap(), Some(id), "{tail:x}");
        assert_eq!(world.store.run_by_short(&access(&nobody()), short(id)).await.unwrap(), None, "{tail:x}");
    }
    assert_eq!(world.store.run_by_short(&everything(), "zzzzzz".parse().unwrap()).await.unwrap(), None);
}

/// The same tail, or the same but for the two bits that do not show.
fn twins(id: RunId) -> [RunId; 2] {
    [RunId(Uuid::from_u128(id.0.as_u128() + (1 << 80))), RunId(Uuid::from_u128(id.0.as_u128() | 1 << 31))]
}

async fn what_is_not_visible_is_not_counted(world: &World) {
    let mine = launched(world, &ana(), "/shop/pay/", "dev").await.id;
    for twin in twins(mine) {
        launched_with(world, &eli(), "/search/", "dev", |new| new.id = twin).await;
    }
    assert_eq!(world.store.run_by_short(&access(&ana()), short(mine)).await.unwrap(), Some(mine));
}

async fn a_short_id_of_several_runs_leads_to_none(world: &World) {
    for twin in [0, 1] {
        let first = launched(world, &owner(), "/shop/pay/", "dev").await.id;
        let other = twins(first)[twin];
        launched_with(world, &owner(), "/search/", "dev", |new| new.id = other).await;
        assert_eq!(first.short(), other.short());
        assert_eq!(world.store.run_by_short(&access(&owner()), short(first)).await.unwrap(), None);
        assert_eq!(world.store.run_by_short(&access(&eli()), short(first)).await.unwrap(), Some(other));
    }
}
