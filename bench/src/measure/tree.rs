//! A server's processes: the one that was started, and its descendants.

use std::{collections::BTreeMap, fs};

/// Not counted: what a bundle's server costs is the same behind whoever passes requests to it.
const NOT_OURS: &str = "node";

/// Known by the process at its root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    root: u32,
}

impl Tree {
    pub(crate) const fn of(root: u32) -> Self {
        Self { root }
    }

    /// The processes that live now, Node and its children left out.
    pub(crate) fn members(self) -> Vec<u32> {
        self.below(|child| name(child).as_deref() != Some(NOT_OURS))
    }

    /// All of them, Node too.
    pub(super) fn everybody(self) -> Vec<u32> {
        self.below(|_| true)
    }

    fn below(self, counts: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (process, parent) in processes() {
            children.entry(parent).or_default().push(process);
        }
        let mut members = vec![self.root];
        let mut index = 0;
        while let Some(process) = members.get(index) {
            let below = children.get(process).cloned().unwrap_or_default();
            members.extend(below.into_iter().filter(|child| counts(*child)));
            index += 1;
        }
        members
    }
}

/// Every process of the machine and its parent.
fn processes() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter_map(|process| Some((process, parent(process)?))).collect()
}

fn name(process: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{process}/comm")).ok().map(|name| name.trim().to_owned())
}

/// The second field of `/proc/PID/stat` after the name, which may hold anything.
fn parent(process: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_tree_is_a_process_and_its_descendants() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let members = Tree::of(std::process::id()).members();
        assert_eq!(members.first(), Some(&std::process::id()));
        assert!(members.contains(&child.id()), "{members:?}");
        assert_eq!(Tree::of(child.id()).members(), [child.id()]);
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
