//! A short wait between two looks at something that has a deadline.

use std::time::Duration;

/// Lets `time` pass.
pub(crate) fn pause(time: Duration) {
    // A park that nobody ends early; should one end early all the same, the caller only looks sooner.
    std::thread::park_timeout(time);
}
