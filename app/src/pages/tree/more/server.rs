//! The server's half: there is nothing to scroll.

pub(super) const fn drawn() {}
