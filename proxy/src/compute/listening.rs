//! On which TCP ports a process listens: said when it does not listen where it should.

use std::{collections::BTreeSet, fs, path::Path};

/// `TCP_LISTEN` of the kernel's `tcp_states.h`, as `/proc/net/tcp` writes it.
const LISTEN: &str = "0A";

/// The ports, ascending; empty as well when the process cannot be looked at.
pub(super) fn ports(pid: i32) -> Vec<u16> {
    let process = Path::new("/proc").join(pid.to_string());
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return Vec::new() };
    let sockets: BTreeSet<String> = descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables = ["net/tcp", "net/tcp6"].map(|table| fs::read_to_string(process.join(table)).unwrap_or_default());
    let listening = tables.iter().flat_map(|table| table.lines()).filter_map(listening_in);
    let ports: BTreeSet<u16> = listening.filter(|(_, inode)| sockets.contains(*inode)).map(|(port, _)| port).collect();
    ports.into_iter().collect()
}

/// Port and inode of a listening socket, from a line of `/proc/net/tcp` (proc_pid_net(5)).
fn listening_in(line: &str) -> Option<(u16, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    let (_, port) = local.rsplit_once(':')?;
    (state == LISTEN).then_some((u16::from_str_radix(port, 16).ok()?, inode))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_line_of_the_kernels_table_is_read() {
        let line =
            "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 19421 1 0 100";
        assert_eq!(listening_in(line), Some((3000, "19421")));
        assert_eq!(listening_in(&line.replace(" 0A ", " 01 ")), None);
        assert_eq!(listening_in("  sl  local_address rem_address   st tx_queue rx_queue"), None);
    }

    #[test]
    fn only_listening_sockets_of_the_process_count() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let found = ports(std::process::id().try_into().unwrap());
        assert!(found.contains(&port), "{found:?}");
        assert!(!found.contains(&connected.local_addr().unwrap().port()), "{found:?}");
        assert_eq!(ports(-1), Vec::<u16>::new());
    }
}
