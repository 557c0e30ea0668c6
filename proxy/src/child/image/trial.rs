//! `edgeplane __child image 0 --trial`: a confined process tries what it must not be able to do, and says how it went.
//!
//! Each act is tried before and after. A line per act: `refused`, `DONE`, or `impossible` where it failed before, too, so
//! that its failing proves nothing; the exit code is 0 where nothing was done. It is how the tests look into the sandbox,
//! and how an operator may, on the machine and in the container where it counts.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{IntoRawFd as _, RawFd},
        unix::net::UnixStream,
    },
    process::{Command, ExitCode, Stdio},
    sync::OnceLock,
};

use nix::{
    sys::{mman, signal},
    unistd,
};

use super::confine;

/// Whether an act succeeded.
type Act = fn() -> bool;

const ACTS: [(&str, Act); 15] = [
    ("read what was left open", may_read_on),
    ("list the root folder", || fs::read_dir("/").is_ok()),
    ("read a file", || fs::read("/etc/passwd").is_ok()),
    ("read about this process", || fs::read("/proc/self/environ").is_ok()),
    ("read about its owner", || fs::read(format!("/proc/{}/maps", unistd::getppid())).is_ok()),
    ("write a file", may_write),
    ("ask for a file's state", || fs::metadata("/").is_ok()),
    ("see the environment", || std::env::vars_os().next().is_some()),
    ("listen on a port", || TcpListener::bind("127.0.0.1:0").is_ok()),
    ("connect to a port", || TcpStream::connect("127.0.0.1:9").is_err_and(|error| !is_refused(&error))),
    ("send a datagram", || UdpSocket::bind("127.0.0.1:0").is_ok()),
    ("open a socket of this machine", || UnixStream::pair().is_ok()),
    ("start a program", || Command::new("/proc/self/exe").arg("--version").stdout(Stdio::null()).status().is_ok()),
    ("signal its owner", || signal::kill(unistd::getppid(), None).is_ok()),
    ("run what it wrote", may_execute),
];

/// Confines this process and tries everything.
pub(super) fn run(niceness: i32) -> ExitCode {
    let before = ACTS.map(|(_, act)| act());
    let closed = confine::close_all_but_standard();
    let confinement = confine::confine(niceness, closed);
    let mut report = format!("landlock {}\nseccomp {}\n", confinement.files, confinement.calls);
    let mut held = confinement.is_whole();
    for ((name, act), possible) in ACTS.into_iter().zip(before) {
        let outcome = match (act(), possible) {
            (true, _) => "DONE",
            (false, true) => "refused",
            (false, false) => "impossible",
        };
        held &= outcome != "DONE";
        // Writing to a String cannot fail.
        let _ = writeln!(report, "{name}: {outcome}");
    }
    let told = io::stdout().write_all(report.as_bytes()).is_ok();
    if held && told { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reads on in a file that it opened the first time and never closed.
#[expect(unsafe_code, reason = "a descriptor that somebody else may have closed is what it is about")]
fn may_read_on() -> bool {
    static LEFT_OPEN: OnceLock<RawFd> = OnceLock::new();
    let open = || fs::File::open("/proc/self/exe").map_or(-1, |file| file.into_raw_fd());
    let descriptor = *LEFT_OPEN.get_or_init(open);
    let mut byte = 0_u8;
    // SAFETY: the pointer is to a local of one byte; a descriptor that is closed only makes the call fail.
    unsafe { libc::read(descriptor, (&raw mut byte).cast(), 1) == 1 }
}

fn may_write() -> bool {
    let path = std::env::temp_dir().join(format!("edgeplane-trial-{}", std::process::id()));
    let written = fs::write(&path, "x").is_ok();
    let _ = fs::remove_file(path);
    written
}

/// The kernel and nobody on the network said no.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

#[expect(unsafe_code, reason = "mapping memory is what is tried")]
fn may_execute() -> bool {
    let page = std::num::NonZeroUsize::MIN.saturating_add(4095);
    let rights = mman::ProtFlags::PROT_READ | mman::ProtFlags::PROT_EXEC;
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that exists.
    unsafe { mman::mmap_anonymous(None, page, rights, mman::MapFlags::MAP_PRIVATE) }.is_ok()
}
