//! A generated file as a text.

use super::plan::Part;
use super::replay::{header, LEFT};
use super::{GeneratedFile, Written};

/// The file of this version and name.
pub(super) fn file(version: i64, name: &str, written: &Written) -> GeneratedFile {
    let mut rest = String::from("-- Read it, change it as you like, and commit it.\n");
    notes(&mut rest, &written.up);
    for left in &written.up.left {
        rest.push_str(&format!("{LEFT}{left}\n"));
    }
    rest.push_str("\n-- up\n");
    part(&mut rest, &written.up);
    rest.push_str("\n-- down\n");
    if !written.down.notes.is_empty() {
        rest.push('\n');
    }
    notes(&mut rest, &written.down);
    part(&mut rest, &written.down);
    GeneratedFile {
        name: format!("{version}_{name}.sql"),
        version,
        text: format!("{}\n{rest}", header(&rest)),
    }
}

fn notes(text: &mut String, part: &Part) {
    for note in &part.notes {
        text.push_str(&format!("-- Note: {note}.\n"));
    }
}

fn part(text: &mut String, part: &Part) {
    text.push('\n');
    for line in &part.lines {
        text.push_str(line);
        text.push('\n');
    }
}
