//! What the machine says of itself.

use std::{fs, process::Command, thread};

use crate::outcome::Machine;

/// Read from `/proc` and `uname`.
pub(crate) fn machine() -> Machine {
    let said = |program: &str, words: &[&str]| {
        let printed = Command::new(program).args(words).output().ok();
        printed.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = value(&memory, "MemTotal:").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    Machine {
        architecture: std::env::consts::ARCH.into(),
        processor: processor(&said("lscpu", &[])),
        cores: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: kibibytes.unwrap_or(0) * 1024,
        kernel: said("uname", &["-sr"]),
        system: value(&system, "PRETTY_NAME=").map_or_else(String::new, |name| name.trim_matches('"').to_owned()),
        day: said("date", &["-u", "+%Y-%m-%d"]),
    }
}

/// The model; on Arm, where the kernel does not say it, `lscpu` knows.
fn processor(lscpu: &str) -> String {
    value(lscpu, "Model name:").unwrap_or("unknown").to_owned()
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_behind_their_names() {
        assert_eq!(processor("Architecture:   aarch64\nModel name:     Neoverse-V2\n"), "Neoverse-V2");
        assert_eq!(value("MemTotal:       16 kB\n", "MemTotal:"), Some("16 kB"));
        assert_eq!(processor(""), "unknown");
    }
}
