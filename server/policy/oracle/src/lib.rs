//! Nothing but the test beside it: Cedar as an independent oracle of the policy's decisions.
