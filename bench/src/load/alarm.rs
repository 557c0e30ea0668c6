//! A timer of the kernel: Tokio's own counts milliseconds, and requests are microseconds apart.

use std::{os::fd::AsFd as _, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
};
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

use crate::failure::Failure;

/// A timer that can be waited for.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: TimerFd,
    /// The same timer, for Tokio: like a pipe, it becomes readable, and reading resets it.
    fired: Receiver,
}

impl Alarm {
    pub(super) fn new() -> Result<Self, Failure> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).map_err(refused)?;
        let same = timer.as_fd().try_clone_to_owned().map_err(Failure::system("set a timer"))?;
        let fired = Receiver::from_owned_fd_unchecked(same).map_err(Failure::system("set a timer"))?;
        Ok(Self { timer, fired })
    }

    /// Lets `time` pass, which is not zero.
    pub(super) async fn pass(&mut self, time: Duration) -> Result<(), Failure> {
        let expiration = Expiration::OneShot(TimeSpec::from_duration(time));
        self.timer.set(expiration, TimerSetTimeFlags::empty()).map_err(refused)?;
        let mut expirations = [0; 8];
        self.fired.read_exact(&mut expirations).await.map(drop).map_err(Failure::system("wait for a timer"))
    }
}

fn refused(errno: Errno) -> Failure {
    Failure::System { act: "set a timer", source: errno.into() }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn it_waits_for_less_than_a_millisecond() {
        let mut alarm = Alarm::new().unwrap();
        let mut shortest = Duration::MAX;
        for _ in 0..50 {
            let began = Instant::now();
            alarm.pass(Duration::from_micros(100)).await.unwrap();
            assert!(began.elapsed() >= Duration::from_micros(100));
            shortest = shortest.min(began.elapsed());
        }
        assert!(shortest < Duration::from_millis(1), "{shortest:?}");
    }
}
