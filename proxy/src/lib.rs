//! Edgeplane: the data plane for Amplify Hosting deployment bundles.
//!
//! The modules, in reading order: the two types everything speaks, then one directory per chapter of the
//! specification, then what connects them to the network.

pub mod answer;
pub mod route;
pub mod assets;
pub mod compute;
pub mod child;
pub mod image;
pub mod telemetry;
pub mod service;
pub mod server;
pub mod command;
