//! Edgeplane: the data plane for Amplify Hosting deployment bundles.
//!
//! The modules, in reading order: the two types everything speaks, one directory per chapter of the specification,
//! what a request meets, and what connects it all to the network and the terminal.

pub mod answer;
pub mod access;
pub mod coding;
pub mod rewrite;
pub mod route;
pub mod assets;
pub mod headers;
pub mod compute;
pub mod child;
pub mod edge_cache;
pub mod image;
mod shelf;
pub mod site;
pub mod redirect;
pub mod decide;
mod origin;
pub mod app;
mod deploy;
mod service;
mod desk;
pub mod tls;
pub mod server;
pub mod telemetry;
mod control;
pub mod command;
