//! Small components that know nothing of any page, and charts on pure geometry.

pub mod charts;
pub mod cluster;
pub mod field;
pub mod format;
pub mod icon;
pub mod layout;
pub mod loaded;
pub mod share;
pub mod side;
pub mod status;
pub mod text;
