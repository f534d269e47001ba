//! Pages and server functions, compiled for the server and for the browser.
#![recursion_limit = "256"]

pub mod portal;
