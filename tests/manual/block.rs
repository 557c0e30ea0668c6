//! Fenced blocks of a document, and the commands in them.

/// A fenced block.
pub(super) struct Block {
    /// The word behind the fence.
    pub(super) language: String,
    /// What is fenced.
    pub(super) text: String,
    /// The line of its first line, from one.
    pub(super) line: usize,
    /// The name of the file to write, from a comment above.
    pub(super) file: Option<String>,
}

/// A command and what it is said to print.
pub(super) struct Step {
    pub(super) command: String,
    pub(super) line: usize,
    expected: Vec<String>,
}

/// The fenced blocks of `text`, in order.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut file = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            match open.take() {
                Some(block) => blocks.push(block),
                None => {
                    let language = fence.trim().to_owned();
                    open = Some(Block { language, text: String::new(), line: index + 2, file: file.take() });
                }
            }
        } else if let Some(block) = &mut open {
            block.text += line;
            block.text.push('\n');
        } else if let Some(name) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) {
            file = Some(name.to_owned());
        }
    }
    assert!(open.is_none(), "a fence is left open");
    blocks
}

impl Block {
    /// The commands of a `console` block.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), line: self.line + index, expected: Vec::new() });
                }
                (None, Some(step)) if step.command.ends_with('\\') => {
                    step.command.push('\n');
                    step.command += line.strip_prefix("> ").unwrap_or(line);
                }
                (None, Some(step)) => step.expected.push(line.to_owned()),
                (None, None) => panic!("line {}: output without a command", self.line + index),
            }
        }
        steps
    }
}

impl Step {
    /// The program that is run.
    pub(super) fn program(&self) -> &str {
        self.command.split_whitespace().next().unwrap_or_default()
    }

    /// Whether this is what the command printed. Nothing expected: whatever it prints.
    pub(super) fn agrees(&self, printed: &str) -> bool {
        let printed: Vec<_> = printed.lines().map(str::trim_end).collect();
        let expected: Vec<_> = self.expected.iter().map(String::as_str).collect();
        expected.is_empty() || lines_agree(&expected, &printed)
    }
}

fn lines_agree(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|skipped| lines_agree(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, others)| line_agrees(line, first) && lines_agree(rest, others))
        }
    }
}

/// `[..]` stands for anything.
fn line_agrees(expected: &str, printed: &str) -> bool {
    let expected = expected.trim_end();
    let Some((before, after)) = expected.split_once("[..]") else { return expected == printed };
    let Some(rest) = printed.strip_prefix(before) else { return false };
    let mut cuts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    cuts.any(|at| line_agrees(after, &rest[at..]))
}

#[test]
fn wildcards_stand_for_what_varies() {
    for (expected, printed, agrees) in [
        ("a", "a", true),
        ("a", "b", false),
        ("took [..] ms", "took 12 ms", true),
        ("took [..] ms", "took 12 s", false),
        ("[..]a[..]", "banana", true),
        ("[..]", "", true),
    ] {
        assert_eq!(line_agrees(expected, printed), agrees, "{expected} {printed}");
    }
    assert!(lines_agree(&["a", "...", "z"], &["a", "b", "c", "z"]));
    assert!(!lines_agree(&["a", "..."], &["b"]));
}

#[test]
fn blocks_keep_their_place_and_their_file() {
    let text = "# T\n\n<!-- file: a.toml -->\n```toml\nx = 1\n```\n\n```console\n$ one \\\n> two\nsaid\n$ three\n```\n";
    let blocks = blocks(text);
    assert_eq!(blocks[0].file.as_deref(), Some("a.toml"));
    assert_eq!((blocks[0].line, blocks[0].text.as_str()), (5, "x = 1\n"));
    let steps = blocks[1].steps();
    assert_eq!(steps[0].command, "one \\\ntwo");
    assert!(steps[0].agrees("said\n") && !steps[0].agrees("other\n"));
    assert_eq!(steps[1].line, 12);
}
