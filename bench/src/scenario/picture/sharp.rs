//! sharp in a Node process of its own: a line of JSON asks, a line of JSON answers.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::{failure::Failure, measure::Tree, site::write, stage::Stage};

pub(super) const NAME: &str = "sharp";
/// The answering program.
const PROGRAM: &str = include_str!("../../../sharp.mjs");

/// One process with one thread for pixels.
#[derive(Debug)]
pub(super) struct Sharp {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What a picture cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) cpu_ms: f64,
    pub(super) wall_ms: f64,
    pub(super) bytes: f64,
}

impl Sharp {
    /// Starts it; `None` where it is not installed.
    pub(super) fn start(stage: &Stage) -> Result<Option<Self>, Failure> {
        let tools = &stage.programs.tools;
        if !tools.join("node_modules/sharp/package.json").is_file() {
            return Ok(None);
        }
        let program = stage.folder(NAME)?.join("sharp.mjs");
        write(&program, PROGRAM.as_bytes())?;
        let mut command = Command::new("node");
        command.arg(&program).arg(tools).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|source| Failure::Run { program: "node".into(), source })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::void("node has no standard streams"));
        };
        Ok(Some(Self { child, input, output: BufReader::new(output) }))
    }

    /// Its process.
    pub(super) fn tree(&self) -> Tree {
        Tree::of(self.child.id())
    }

    /// One question, one answer.
    pub(super) fn ask(&mut self, question: &Value) -> Result<Value, Failure> {
        let asked = |source| Failure::Run { program: format!("{NAME} {question}"), source };
        writeln!(self.input, "{question}").map_err(asked)?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(asked)?;
        let answer: Value = line.parse().unwrap_or(Value::Null);
        match answer.get("error") {
            None if answer.is_object() => Ok(answer),
            Some(said) => Err(Failure::void(format!("{NAME} {question}: {said}"))),
            None => Err(Failure::void(format!("{NAME} {question}: no answer"))),
        }
    }

    /// A picture as Next.js has it made.
    pub(super) fn make(&mut self, question: &Value) -> Result<Cost, Failure> {
        let answer = self.ask(question)?;
        let number = |key: &str| answer.get(key).and_then(Value::as_f64);
        match (number("cpu"), number("wall"), number("bytes")) {
            (Some(cpu_ms), Some(wall_ms), Some(bytes)) => Ok(Cost { cpu_ms, wall_ms, bytes }),
            _ => Err(Failure::void(format!("{NAME}: {answer}"))),
        }
    }
}

impl Drop for Sharp {
    fn drop(&mut self) {
        // It may have ended by itself; waiting takes it off the process table.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
