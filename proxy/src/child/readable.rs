//! Waiting until one of two descriptors can be read, without a runtime.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

/// Which of the two can be read (or has ended).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readable {
    pub(super) first: bool,
    pub(super) second: bool,
}

/// Waits until `first` or `second` is readable or at its end, or `patience` is over; absent ones are not watched.
#[expect(unsafe_code, reason = "poll(2) has no safe form in the standard library")]
pub(super) fn wait(
    first: Option<BorrowedFd<'_>>,
    second: Option<BorrowedFd<'_>>,
    patience: Option<Duration>,
) -> io::Result<Readable> {
    // poll(2) skips entries with a negative descriptor.
    let watch = |fd: Option<BorrowedFd<'_>>| libc::pollfd {
        fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut watched = [watch(first), watch(second)];
    // One millisecond is added so that a rounded-down rest does not spin.
    let millis = patience.map_or(-1, |rest| libc::c_int::try_from(rest.as_millis() + 1).unwrap_or(libc::c_int::MAX));
    // SAFETY: the pointer and the count describe `watched`, which outlives the call; poll writes only `revents`.
    let found = unsafe { libc::poll(watched.as_mut_ptr(), 2, millis) };
    if found < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(Readable::default()) } else { Err(error) };
    }
    Ok(Readable { first: watched[0].revents != 0, second: watched[1].revents != 0 })
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::AsFd, os::unix::net::UnixStream};

    use super::*;

    #[test]
    fn data_and_an_end_are_readable_and_silence_is_not() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let (ended, gone) = UnixStream::pair().unwrap();
        let brief = Some(Duration::from_millis(1));
        assert_eq!(wait(Some(far.as_fd()), Some(ended.as_fd()), brief).unwrap(), Readable::default());
        drop(gone);
        let only_second = Readable { first: false, second: true };
        assert_eq!(wait(Some(far.as_fd()), Some(ended.as_fd()), None).unwrap(), only_second);
        near.write_all(b"x").unwrap();
        let only_first = Readable { first: true, second: false };
        assert_eq!(wait(Some(far.as_fd()), None, None).unwrap(), only_first);
    }
}
