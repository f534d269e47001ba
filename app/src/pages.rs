//! Pages by noun. Each asks one server function and shows its answer in every state: empty, loading, partial, error, locked.

pub mod access;
pub mod app;
pub mod audit;
pub mod door;
pub mod home;
pub mod launch;
pub mod policy;
pub mod run;
pub mod run_log;
pub mod runs;
pub mod sessions;
pub mod status;
pub mod system;
pub mod tree;
