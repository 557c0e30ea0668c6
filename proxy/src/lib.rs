//! Edgeplane: the data plane for Amplify Hosting deployment bundles.
//!
//! The modules, in reading order: the two types everything speaks, then one directory per chapter of the
//! specification, then what connects them to the network.

pub mod answer;
pub mod assets;
pub mod child;
pub mod command;
pub mod compute;
pub mod image;
pub mod route;
pub mod server;
pub mod service;
pub mod telemetry;
