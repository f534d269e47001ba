//! In and out through a real identity provider: what stands on the record, and what the browser is told to keep.

use axum::http::StatusCode;
use windfirm::config::Config;
use windfirm_model::audit::EventOutcome::{Denied, Done};

use crate::visitor::{Visitor, house_with_provider};

const LOOPBACK: &str = "http://127.0.0.1:7700/";
const COMPANY: &str = "https://windfirm.example/";

fn rows(expected: &[(&str, windfirm_model::audit::EventOutcome, &str)]) -> Vec<(String, windfirm_model::audit::EventOutcome, String)> {
    expected.iter().map(|(code, outcome, who)| ((*code).to_owned(), *outcome, (*who).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_who_is_refused_and_who_goes_stands_on_the_record() {
    let Some(house) = house_with_provider(LOOPBACK).await else { return };
    let mut ana = Visitor::new(&house);
    let landed = ana.log_in("ana").await;
    assert_eq!((landed.status, landed.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/tree"), "{}", landed.body);
    assert_eq!(house.at_the_door().await, rows(&[("session.login", Done, "Ana Ruiz")]));

    // Who chooses nobody at the provider is refused, and so is who comes with a link of somebody else.
    let mut stranger = Visitor::new(&house);
    assert_eq!(stranger.log_in("-").await.status, StatusCode::FORBIDDEN);
    let stolen = ana.to_the_provider_and_back("ana").await;
    assert_eq!(stranger.get(&stolen).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(stranger.get("/tree").await.status, StatusCode::SEE_OTHER, "still nobody");

    assert_eq!(ana.get("/tree").await.status, StatusCode::OK);
    assert_eq!(ana.post("/logout", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(ana.get("/tree").await.status, StatusCode::SEE_OTHER, "nobody again");
    let refused = ("session.login_refused", Denied, "somebody unknown");
    let all = rows(&[("session.login", Done, "Ana Ruiz"), refused, refused, ("session.logout", Done, "Ana Ruiz")]);
    assert_eq!(house.at_the_door().await, all);
}
