//! A generated file as a text.

use super::replay::{header, LEFT};
use super::step::Written;
use super::transition::Part;
use super::{GeneratedFile, Tenants};
use crate::schema::tenants;
use crate::sqlite::lex::{lex, same};

/// The file of this version and name.
pub(super) fn file(
    version: i64,
    name: &str,
    written: &Written,
    tenants: &Tenants,
) -> GeneratedFile {
    let mut rest = String::from("-- Read it, change it as you like, and commit it.\n");
    notes(&mut rest, &written.up);
    for left in &written.up.left {
        rest.push_str(&format!("{LEFT}{left}\n"));
    }
    let tables = of_tenants(written, tenants);
    if !tables.is_empty() {
        rest.push_str(&format!("{}{}\n", tenants::LINE, tables.join(", ")));
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

/// The tables of tenants that a file has to know; none where it changes none.
fn of_tenants(written: &Written, tenants: &Tenants) -> Vec<String> {
    let named =
        |tables: &[String]| concerns(&written.up, tables) || concerns(&written.down, tables);
    let mut all = Vec::new();
    for table in &tenants.former {
        let own = tenants.wanted.iter().chain(&all);
        if !own.into_iter().any(|other: &String| same(other, table)) && names(written, table) {
            all.push(table.clone());
        }
    }
    if !all.is_empty() || named(&tenants.wanted) {
        all.splice(0..0, tenants.wanted.iter().cloned());
    }
    all
}

fn names(written: &Written, table: &str) -> bool {
    let lines = written.up.lines.iter().chain(&written.down.lines);
    lines
        .flat_map(|line| lex(line))
        .any(|token| same(&token.text, table))
}

/// Whether a part changes a table that each tenant has.
fn concerns(part: &Part, tenants: &[String]) -> bool {
    let named = |word: &str| tenants.iter().any(|table| same(table, word));
    part.lines.iter().any(|line| {
        let tokens = lex(line);
        let drops = tokens.first().is_some_and(|token| token.is("drop"));
        drops && !tenants.is_empty() || tokens.iter().any(|token| named(&token.text))
    })
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
