//! The compute primitive: Node processes of ours, or upstreams of somebody else, behind one way of picking.
//!
//! ```text
//! Plan ── Fleet::start ── one Supervisor per instance ── Process ── keeper ── Node
//!                              │ readiness, back-off, restart
//!                              ▼
//!                           Roster ◄── pick, wait (hot) ── the request
//! ```
//!
//! A fleet may rest: its processes end when nobody has use for them, and whoever waits for one starts them again.
//! Two fleets can live side by side: everything an instance owns (its address, its files, its name) is its own.

mod backoff;
mod balance;
mod copy;
mod demand;
pub mod diagnosis;
pub mod environment;
pub mod exchange;
pub mod fields;
mod fleet;
pub mod forwarded;
mod hops;
mod kept;
mod listening;
mod output;
mod plan;
mod preload;
mod process;
mod program;
mod readiness;
mod reservation;
mod resolve;
mod roster;
mod state;
mod supervisor;
pub mod trial;

pub use demand::Use;
pub use diagnosis::{Cause, StartFailure};
pub use fleet::{Fleet, StartError};
pub use kept::Kept;
pub use plan::Plan;
pub use process::{Exit, SpawnError};
pub use program::ProgramError;
pub use reservation::{ReservationError, Transport};
pub use resolve::{Endpoint, Names};
pub use roster::Pick;
pub use state::{InstanceId, InstanceState, Phase};
