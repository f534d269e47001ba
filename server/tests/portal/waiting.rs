//! What happens while k6 is being asked: who waits for whom, what is kept, and which policy decides in the end.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use windfirm_model::view::launch::{Judgement, LaunchForm};

use crate::{
    gate::Gate,
    harness::{As, House},
    later_clock::LaterClock,
};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
const QUERY: &str = "request[path]=/search/query/&request[test]=services/query/k6/query.ts&request[profile]=smoke";

async fn judged(house: &House, who: As, fields: &str) -> Judgement {
    let answer = house.call(who, Method::POST, "judge", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{fields}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_asked_twice_at_once_is_asked_of_k6_once() {
    let Some((house, gate)) = Gate::closed().await else { return };
    let opened = async {
        gate.until_asked("cart.js").await;
        gate.open();
    };
    let (ana, ben, again, ()) = tokio::join!(judged(&house, As::Ana, CART), judged(&house, As::Ben, CART), judged(&house, As::Ana, CART), opened);
    assert!(ana.may_start && ben.may_start && again.may_start, "{ana:?} {ben:?} {again:?}");
    assert_eq!(gate.asked().len(), 1, "{:?}", gate.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_slow_questions_of_one_person_hold_up_nobody_else() {
    let Some((house, gate)) = Gate::closed().await else { return };
    let varied = ["1", "2", "3", "4"].map(|number| format!("{CART}&request[env]=ROUND%3D{number}"));
    let hers = futures::future::join_all(varied.iter().map(|fields| judged(&house, As::Ana, fields)));
    let his = async {
        gate.until_asked("ROUND").await;
        // Her others would be under way by now as well.
        let asking = judged(&house, As::Eli, QUERY);
        let opened = async {
            gate.until_asked("query.ts").await;
            assert_eq!(gate.asked().iter().filter(|order| order.contains("ROUND")).count(), 1, "one of hers at a time");
            gate.open();
        };
        tokio::join!(asking, opened).0
    };
    let (hers, his) = tokio::join!(hers, his);
    assert!(his.may_start && hers.iter().all(|judgement| judgement.may_start), "{his:?} {hers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_waited_for_is_kept() {
    let Some((house, gate)) = Gate::closed().await else { return };
    let asking = tokio::spawn({
        let house = Arc::clone(&house);
        async move { judged(&house, As::Ana, CART).await }
    });
    gate.until_asked("cart.js").await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.open();
    assert!(judged(&house, As::Ana, CART).await.may_start);
    assert_eq!(gate.asked().len(), 1, "k6 was asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_drawn_while_k6_is_still_being_asked_and_say_how_to_go_on() {
    let Some((house, gate)) = Gate::closed().await else { return };
    let address = "/launch?path=/shop/cart/&test=services/cart/k6/cart.js&profile=smoke&reason=before%20the%20sale";
    let page = house.page(As::Ana, address).await;
    assert_eq!(page.status, StatusCode::OK);
    for said in ["k6 is being asked", "k6 is still being asked what this script does", "check again in a moment", "Check again", "before the sale"] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    assert!(!page.body.contains("May not start like this") && !page.body.contains("No guardrail of the policy"), "{}", page.body);
    let app = house.page(As::Ben, "/apps/shop/cart/?tab=tests").await;
    assert!(app.status == StatusCode::OK && app.body.contains("k6 is still being asked"), "{}", app.body);

    gate.open();
    assert!(judged(&house, As::Ana, CART).await.may_start);
    let form = house.call(As::Ana, Method::GET, "launch_form", CART).await;
    let form: LaunchForm = serde_json::from_str(&form.body).unwrap();
    assert!(form.judgement.may_start && !form.judgement.pending, "{:?}", form.judgement);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_was_too_slow_once_is_asked_again_after_a_minute() {
    let clock = Arc::new(LaterClock::default());
    let Some((house, gate)) = Gate::closed_at(clock.clone()).await else { return };
    let slow = judged(&house, As::Ana, CART).await;
    assert!(!slow.may_start && slow.fields.iter().any(|(field, why)| field == "test" && why.contains("did not load within")), "{slow:?}");
    gate.open();
    assert_eq!(judged(&house, As::Ana, CART).await, slow, "it is believed for a while");
    clock.advance(61);
    assert!(judged(&house, As::Ana, CART).await.may_start, "a machine that was busy makes no script bad for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_moment_decides_a_launch_that_waited_for_k6() {
    let Some((house, gate)) = Gate::closed().await else { return };
    let file = house.portal.settings.policy_file.clone();
    let change = async {
        gate.until_asked("cart.js").await;
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("guardrails:\n", "guardrails:\n  - { name: short, on: [/shop/cart/], max_duration: 5s }\n")).unwrap();
        windfirm::worker::reload::round(Arc::clone(&house.portal)).await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(house.call(As::Ana, Method::POST, "launch", CART), change);
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    assert!(answer.body.contains("the limit here is 5 s"), "{}", answer.body);
    assert_eq!(house.portal.store.queue_counts().await.unwrap().queued, 0);
}
