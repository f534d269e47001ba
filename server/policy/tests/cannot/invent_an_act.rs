//! The list of acts is closed: nobody adds one that a grant for something else would allow.
use windfirm_model::action::Action;
use windfirm_policy::act::{Act, PlainAct};

enum Mine {}
impl Act for Mine {
    const ACTION: Action = Action::LaunchRun;
}
impl PlainAct for Mine {}

fn main() {}
