//! Tests that need a process of their own run their binary again: the child is an ignored
//! test of the same file, which environment variables give its work.

#![allow(dead_code)]

use std::io::Write;
use std::process::{Command, Stdio};

/// Where the child finds its database.
pub const PATH: &str = "ASH_RUSQLITE_TEST_PATH";

/// A command that runs one ignored test of this binary, behind `wrapper`, e.g. `sh -c …`.
pub fn command(test: &str, path: &std::path::Path, wrapper: &[&str]) -> Command {
    let binary = std::env::current_exe().unwrap();
    let arguments = ["--exact", test, "--ignored", "--nocapture"];
    let mut command = match wrapper {
        [] => Command::new(&binary),
        [program, more @ ..] => {
            let mut command = Command::new(program);
            command.args(more).arg(&binary);
            command
        }
    };
    command
        .args(arguments)
        .env(PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// The child's database; `None` when nobody started this process as a child.
pub fn path() -> Option<String> {
    std::env::var(PATH).ok()
}

/// Says a line to the parent at once, from whatever thread.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}
