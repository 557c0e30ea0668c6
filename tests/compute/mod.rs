//! Compute against real Node processes.

mod app;
mod fleet;
mod keeper;
mod output;
mod preload;
mod trial;
