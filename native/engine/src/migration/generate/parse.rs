//! The parts of a `CREATE TABLE` statement that SQLite keeps
//! (<https://sqlite.org/lang_createtable.html>). SQLite has read it already, so that this parser
//! may trust it.

use super::model::{Check, Column, ForeignKey, Key, Table};
use crate::sqlite::lex::{closing, lex, name_of, Token};
use crate::sqlite::tokens::{bare, tokens};

/// Words that end the type of a column.
const CONSTRAINTS: &[&str] = &[
    "constraint",
    "primary",
    "not",
    "null",
    "unique",
    "check",
    "default",
    "collate",
    "references",
    "generated",
    "as",
];

/// Words that begin a constraint of the table.
const OF_TABLE: &[&str] = &["constraint", "primary", "unique", "check", "foreign"];

/// The table that a statement makes, named `name`.
pub(super) fn table(name: &str, sql: &str) -> Table {
    let tokens = lex(sql);
    let open = tokens
        .iter()
        .position(|token| token.is("("))
        .unwrap_or(tokens.len());
    let close = closing(&tokens, open);
    let mut parser = Parser {
        sql,
        tokens: &tokens,
        at: open + 1,
        end: close.saturating_sub(1),
        label: None,
        table: Table::new(name, sql),
    };
    parser.body();
    let end = parser.end;
    let mut table = parser.table;
    table.body_end = tokens.get(end).map_or(sql.len(), |token| token.start);
    let options = tokens.get(close..).unwrap_or_default();
    table.strict = options.iter().any(|token| token.is("strict"));
    table.without_rowid = options.iter().any(|token| token.is("rowid"));
    table
}

/// The definition of a column in the statement that makes its table.
pub(in crate::migration) fn column_definition(sql: &str, column: &str) -> Option<String> {
    let table = table("", sql);
    table.column(column).map(|column| column.text.clone())
}

struct Parser<'a> {
    sql: &'a str,
    tokens: &'a [Token],
    at: usize,
    end: usize,
    /// The name of the constraint that follows.
    label: Option<String>,
    table: Table,
}

impl Parser<'_> {
    fn body(&mut self) {
        while self.at < self.end {
            let before = self.at;
            if OF_TABLE.iter().any(|word| self.is(word)) {
                self.table_constraint();
            } else if !self.skip(",") {
                self.column();
            }
            // Nothing is read for ever, whatever the text is.
            self.at = self.at.max(before + 1);
        }
    }

    fn column(&mut self) {
        let Some(first) = self.token() else { return };
        let (start, name) = (first.start, name_of(self.sql, first));
        self.at += 1;
        let declared = self.declared();
        let mut column = Column::new(&name, declared);
        self.label = None;
        while self.at < self.end && !self.is(",") {
            let before = self.at;
            // A comma may be left out before a constraint of the table.
            if self.is("foreign") {
                break;
            }
            self.column_constraint(&mut column);
            self.at = self.at.max(before + 1);
        }
        let end = self.before();
        column.text = self.sql.get(start..end).unwrap_or_default().to_owned();
        if let Some((from, to)) = column.not_null_at {
            column.not_null_at = Some((from.saturating_sub(start), to.saturating_sub(start)));
        }
        self.table.columns_end = end;
        self.table.columns.push(column);
    }

    /// The words of a type, in upper case.
    fn declared(&mut self) -> String {
        let mut words = String::new();
        while let Some(token) = self.token() {
            let ends = token.is(",") || CONSTRAINTS.iter().any(|word| token.is(word));
            if ends || (token.is("foreign") && !words.is_empty()) {
                break;
            }
            if token.is("(") {
                let close = closing(self.tokens, self.at);
                let end = close.checked_sub(1).and_then(|at| self.tokens.get(at));
                let text = self
                    .sql
                    .get(token.start..end.map_or(token.end, |end| end.end));
                words.push_str(text.unwrap_or_default());
                self.at = close;
                continue;
            }
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(&name_of(self.sql, token));
            self.at += 1;
        }
        words
    }

    fn column_constraint(&mut self, column: &mut Column) {
        let start = self.at;
        if self.skip("constraint") {
            self.label = self.name();
            return;
        }
        let only = vec![column.name.clone()];
        if self.skip("primary") {
            self.skip("key");
            let descending = self.skip("desc");
            self.skip("asc");
            let conflict = self.conflict();
            self.table.autoincrement = self.skip("autoincrement");
            let order = if descending { " desc" } else { "" };
            let text = format!("{}{order}{conflict}", column.name.to_ascii_lowercase());
            let columns = only;
            self.table.primary_key = Some(Key { columns, text });
        } else if self.skip("not") {
            self.skip("null");
            column.not_null = true;
            column.conflict = self.conflict();
            // What an earlier one says is said by this one, too.
            let from = self.tokens.get(start).map_or(0, |token| token.start);
            column.not_null_at = Some((from, self.before()));
        } else if self.skip("null") {
            self.conflict();
        } else if self.skip("unique") {
            let text = format!("{}{}", column.name.to_ascii_lowercase(), self.conflict());
            let columns = only;
            self.table.uniques.push(Key { columns, text });
        } else if self.is("check") {
            self.check(Some(&column.name));
        } else if self.skip("default") {
            column.default = Some(self.default());
        } else if self.skip("collate") {
            column.collation = self.name().map(|name| name.to_ascii_lowercase());
        } else if self.skip("references") {
            let mut key = self.references(only);
            key.inline = true;
            self.table.foreign_keys.push(key);
        } else if self.skip("generated") {
            self.skip("always");
            return;
        } else if self.skip("as") {
            let expression = self.parenthesis();
            let stored = self.skip("stored");
            self.skip("virtual");
            let kind = if stored { "stored" } else { "virtual" };
            column.generated = Some(format!("{} {kind}", compared(&expression)));
        }
        self.label = None;
    }

    fn table_constraint(&mut self) {
        if self.skip("constraint") {
            self.label = self.name();
        }
        if self.skip("primary") {
            self.skip("key");
            let (columns, mut text) = self.keys();
            text.push_str(&self.conflict());
            self.table.primary_key = Some(Key { columns, text });
        } else if self.skip("unique") {
            let (columns, mut text) = self.keys();
            text.push_str(&self.conflict());
            self.table.uniques.push(Key { columns, text });
        } else if self.is("check") {
            self.check(None);
        } else if self.skip("foreign") {
            self.skip("key");
            let (columns, _) = self.keys();
            self.skip("references");
            let key = self.references(columns);
            self.table.foreign_keys.push(key);
        }
        self.label = None;
    }

    fn check(&mut self, column: Option<&str>) {
        self.skip("check");
        let text = self.parenthesis();
        self.conflict();
        self.table.checks.push(Check {
            name: self.label.take(),
            column: column.map(str::to_owned),
            compared: compared(&text),
            text,
        });
    }

    /// The columns between parentheses, and all that is said of them for comparisons.
    fn keys(&mut self) -> (Vec<String>, String) {
        let close = closing(self.tokens, self.at);
        let mut columns = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut first = true;
        for at in self.at + 1..close.saturating_sub(1) {
            let Some(token) = self.tokens.get(at) else {
                break;
            };
            if token.is(",") {
                first = true;
                words.push(",".to_owned());
                continue;
            }
            if token.is("autoincrement") {
                self.table.autoincrement = true;
            } else if !token.is("asc") {
                words.push(token.text.clone());
            }
            if first {
                columns.push(name_of(self.sql, token));
                first = false;
            }
        }
        self.at = close;
        (columns, words.join(" "))
    }

    fn references(&mut self, columns: Vec<String>) -> ForeignKey {
        let table = self.name().unwrap_or_default();
        let on = if self.is("(") {
            self.keys().0
        } else {
            Vec::new()
        };
        let mut key = ForeignKey {
            name: self.label.take(),
            inline: false,
            columns,
            table,
            on,
            on_delete: "no action".to_owned(),
            on_update: "no action".to_owned(),
            deferred: false,
        };
        loop {
            if self.skip("on") {
                let delete = self.skip("delete");
                self.skip("update");
                let action = self.action();
                if delete {
                    key.on_delete = action;
                } else {
                    key.on_update = action;
                }
            } else if self.skip("match") {
                self.at += 1;
            } else if self.is("not") && self.peek(1).is_some_and(|token| token.is("deferrable")) {
                self.at += 2;
                self.initially();
            } else if self.skip("deferrable") {
                key.deferred = self.initially();
            } else {
                return key;
            }
        }
    }

    fn initially(&mut self) -> bool {
        if !self.skip("initially") {
            return false;
        }
        let deferred = self.skip("deferred");
        self.skip("immediate");
        deferred
    }

    fn action(&mut self) -> String {
        for (first, second) in [("set", "null"), ("set", "default"), ("no", "action")] {
            if self.is(first) && self.peek(1).is_some_and(|token| token.is(second)) {
                self.at += 2;
                return format!("{first} {second}");
            }
        }
        self.name().unwrap_or_default().to_ascii_lowercase()
    }

    fn conflict(&mut self) -> String {
        if self.is("on") && self.peek(1).is_some_and(|token| token.is("conflict")) {
            self.at += 2;
            let how = self.name().unwrap_or_default().to_ascii_lowercase();
            return format!(" on conflict {how}");
        }
        String::new()
    }

    fn default(&mut self) -> String {
        if self.is("(") {
            return format!("({})", self.parenthesis());
        }
        let start = self.token().map_or(0, |token| token.start);
        let sign = self.is("-") || self.is("+");
        self.at += 1 + usize::from(sign);
        // A number with a point or an exponent with a sign is of several tokens.
        while let (Some(last), Some(token)) = (
            self.at.checked_sub(1).and_then(|at| self.tokens.get(at)),
            self.token(),
        ) {
            if token.start != last.end || token.is(",") || token.is("(") || token.is(")") {
                break;
            }
            self.at += 1;
        }
        self.sql
            .get(start..self.before())
            .unwrap_or_default()
            .to_owned()
    }

    /// What is between parentheses.
    fn parenthesis(&mut self) -> String {
        let close = closing(self.tokens, self.at);
        let from = self.token().map_or(0, |token| token.end);
        let last = close.checked_sub(1).and_then(|at| self.tokens.get(at));
        let to = last.map_or(self.sql.len(), |token| token.start);
        self.at = close;
        self.sql.get(from..to).unwrap_or_default().trim().to_owned()
    }

    /// The end of what was read last.
    fn before(&self) -> usize {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |token| token.end)
    }

    fn token(&self) -> Option<&Token> {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> Option<&Token> {
        let at = self.at + ahead;
        self.tokens.get(at).filter(|_| at < self.end)
    }

    fn is(&self, word: &str) -> bool {
        self.token().is_some_and(|token| token.is(word))
    }

    fn skip(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Option<String> {
        let name = self.token().map(|token| name_of(self.sql, token));
        self.at += 1;
        name
    }
}

/// An expression for comparisons: its tokens, without parentheses around the whole.
pub(super) fn compared(sql: &str) -> String {
    bare(&tokens(sql)).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_statement_is_found() {
        let sql = "CREATE TABLE \"Rooms\" (
            id UUID_TEXT CONSTRAINT pk PRIMARY KEY NOT NULL, -- the key, as a uuid
            \"order\" DECIMAL(10, 2) DEFAULT -1.5e-3 COLLATE nocase UNIQUE,
            n INT NOT NULL ON CONFLICT IGNORE DEFAULT (1 + 1) CONSTRAINT pos CHECK (n > 0),
            room_id TEXT CONSTRAINT fk REFERENCES rooms (id) ON DELETE SET NULL ON UPDATE CASCADE
                DEFERRABLE INITIALLY DEFERRED,
            both TEXT GENERATED ALWAYS AS (id || ',') STORED,
            untyped,
            CHECK (id <> ')') CONSTRAINT u UNIQUE (n DESC, room_id),
            FOREIGN KEY (n, room_id) REFERENCES other
        ) STRICT, WITHOUT ROWID";
        let table = table("Rooms", sql);
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.declared.as_str()))
            .collect();
        assert_eq!(
            columns,
            [
                ("id", "UUID_TEXT"),
                ("order", "DECIMAL(10, 2)"),
                ("n", "INT"),
                ("room_id", "TEXT"),
                ("both", "TEXT"),
                ("untyped", "")
            ]
        );
        let defaults: Vec<_> = table
            .columns
            .iter()
            .map(|column| column.default.as_deref())
            .collect();
        assert_eq!(
            defaults,
            [None, Some("-1.5e-3"), Some("(1 + 1)"), None, None, None]
        );
        assert_eq!(table.primary_key.as_ref().unwrap().columns, ["id"]);
        assert!(table.columns[0].not_null && table.columns[2].not_null);
        assert_eq!(table.columns[2].conflict, " on conflict ignore");
        assert_eq!(table.columns[1].collation.as_deref(), Some("nocase"));
        let uniques: Vec<_> = table.uniques.iter().map(|key| key.text.as_str()).collect();
        assert_eq!(uniques, ["order", "n desc , room_id"]);
        let checks: Vec<_> = table
            .checks
            .iter()
            .map(|check| (check.name.as_deref(), check.text.as_str()))
            .collect();
        assert_eq!(checks, [(Some("pos"), "n > 0"), (None, "id <> ')'")]);
        let [first, second] = table.foreign_keys.as_slice() else {
            panic!("{:?}", table.foreign_keys)
        };
        assert_eq!((first.name.as_deref(), first.deferred), (Some("fk"), true));
        assert_eq!(
            (first.on_delete.as_str(), first.on_update.as_str()),
            ("set null", "cascade")
        );
        assert_eq!(second.columns, ["n", "room_id"]);
        assert_eq!((second.table.as_str(), second.on.len()), ("other", 0));
        assert_eq!(
            table.columns[4].generated.as_deref(),
            Some("id | | ',' stored")
        );
        assert!(table.strict && table.without_rowid);
        assert!(sql[table.body_end..].starts_with(") STRICT"));
        assert!(sql[..table.columns_end].ends_with("untyped"));
    }

    #[test]
    fn a_column_without_its_not_null_can_be_written() {
        let table = table(
            "t",
            "CREATE TABLE t (a INT, b TEXT  NOT NULL DEFAULT 'x' UNIQUE)",
        );
        assert_eq!(
            table.columns[1].nullable_text(),
            "b TEXT DEFAULT 'x' UNIQUE"
        );
        assert_eq!(table.columns[0].nullable_text(), "a INT");
    }
}
