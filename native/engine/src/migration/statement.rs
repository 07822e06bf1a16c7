//! The statements of a script with their places in it, and what those do that tables are made by.
//! SQLite reads them, too, and refuses what is wrong, so nothing here does.

use crate::sqlite::lex::{lex, name_of, quoted_name, same, Token};

/// What a statement does, as far as it matters here. Names are as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CreateTable {
        name: String,
    },
    CreateIndex {
        name: String,
    },
    /// A view or a trigger.
    CreateOther {
        name: String,
    },
    AddColumn {
        table: String,
        column: String,
    },
    RenameColumn {
        table: String,
        from: String,
        to: String,
    },
    RenameTable {
        from: String,
        to: String,
    },
    DropTable {
        name: String,
    },
    DropIndex {
        name: String,
    },
    Insert {
        table: String,
    },
    Other,
}

/// A statement of a script.
#[derive(Clone, Debug)]
pub(super) struct ScriptStatement {
    /// Where it begins in the script.
    pub(super) start: usize,
    /// Where it ends, its semicolon included.
    pub(super) end: usize,
    /// Its tokens, with their places in the script.
    pub(super) tokens: Vec<Token>,
    pub(super) kind: Kind,
}

impl ScriptStatement {
    /// Its text in the script.
    pub(super) fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether these are its first words.
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        let first = self.tokens.get(..words.len()).unwrap_or_default();
        !first.is_empty() && first.iter().zip(words).all(|(token, word)| token.is(word))
    }
}

/// The statements of a text, as `sqlite3_complete` finds their ends.
pub(super) fn split(sql: &str) -> Vec<ScriptStatement> {
    let mut statements = Vec::new();
    let mut open: Vec<Token> = Vec::new();
    for token in lex(sql) {
        let ends = token.is(";") && (!is_trigger(&open) || trigger_ends(&open));
        if !(ends && open.is_empty()) {
            open.push(token);
        }
        if ends {
            statements.extend(statement(sql, std::mem::take(&mut open)));
        }
    }
    statements.extend(statement(sql, open));
    statements
}

fn statement(sql: &str, tokens: Vec<Token>) -> Option<ScriptStatement> {
    Some(ScriptStatement {
        start: tokens.first()?.start,
        end: tokens.last()?.end,
        kind: kind(sql, &tokens).unwrap_or(Kind::Other),
        tokens,
    })
}

fn is_trigger(tokens: &[Token]) -> bool {
    let mut words = tokens
        .iter()
        .filter(|token| !token.is("temp") && !token.is("temporary"));
    words.next().is_some_and(|token| token.is("create"))
        && words.next().is_some_and(|token| token.is("trigger"))
}

fn trigger_ends(tokens: &[Token]) -> bool {
    let mut last = tokens.iter().rev();
    last.next().is_some_and(|token| token.is("end"))
        && last.next().is_some_and(|token| token.is(";"))
}

struct Cursor<'a> {
    sql: &'a str,
    rest: std::slice::Iter<'a, Token>,
}

impl Cursor<'_> {
    fn eat(&mut self, word: &str) -> bool {
        let found = self
            .rest
            .as_slice()
            .first()
            .is_some_and(|token| token.is(word));
        if found {
            self.rest.next();
        }
        found
    }

    fn all(&mut self, words: &[&str]) -> bool {
        words.iter().all(|word| self.eat(word))
    }

    /// A name, of the schema `main` or without one.
    fn name(&mut self) -> Option<String> {
        let token = self.rest.next()?;
        if self.eat(".") {
            return self.name().filter(|_| token.text == "main");
        }
        Some(name_of(self.sql, token))
    }
}

fn kind(sql: &str, tokens: &[Token]) -> Option<Kind> {
    let mut at = Cursor {
        sql,
        rest: tokens.iter(),
    };
    if at.eat("create") {
        let table = at.eat("table");
        let index = !table && (at.eat("index") || at.all(&["unique", "index"]));
        if !(table || index || at.eat("view") || at.eat("trigger")) {
            return None;
        }
        let _ = at.all(&["if", "not", "exists"]);
        let name = at.name()?;
        return Some(match (table, index) {
            (true, _) => Kind::CreateTable { name },
            (_, true) => Kind::CreateIndex { name },
            _ => Kind::CreateOther { name },
        });
    }
    if at.all(&["drop"]) {
        let table = at.eat("table");
        if !table && !at.eat("index") {
            return None;
        }
        let _ = at.all(&["if", "exists"]);
        let name = at.name()?;
        return Some(match table {
            true => Kind::DropTable { name },
            false => Kind::DropIndex { name },
        });
    }
    if at.eat("insert") {
        let table = at.eat("into").then(|| at.name())??;
        return Some(Kind::Insert { table });
    }
    if at.all(&["alter", "table"]) {
        let table = at.name()?;
        if at.eat("add") {
            let _ = at.eat("column");
            let column = at.name()?;
            return Some(Kind::AddColumn { table, column });
        }
        if !at.eat("rename") {
            return None;
        }
        if at.eat("to") {
            let to = at.name()?;
            return Some(Kind::RenameTable { from: table, to });
        }
        let _ = at.eat("column");
        let from = at.name()?;
        let to = at.eat("to").then(|| at.name())??;
        return Some(Kind::RenameColumn { table, from, to });
    }
    None
}

/// A table that is rebuilt, by the places of the statements that do it
/// (<https://sqlite.org/lang_altertable.html#otheralter>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rebuild {
    pub(super) table: String,
    /// The name of the new one until it takes the table's.
    pub(super) new: String,
    pub(super) create: usize,
    pub(super) insert: usize,
    pub(super) drop: usize,
    pub(super) rename: usize,
}

/// The tables that a script rebuilds.
pub(super) fn rebuilds(statements: &[ScriptStatement]) -> Vec<Rebuild> {
    let mut found = Vec::new();
    for (rename, statement) in statements.iter().enumerate() {
        let Kind::RenameTable {
            from: new,
            to: table,
        } = &statement.kind
        else {
            continue;
        };
        let before = |end: usize, wanted: &dyn Fn(&Kind) -> bool| {
            let mut before = statements.iter().take(end);
            before.rposition(|statement| wanted(&statement.kind))
        };
        let rebuild = || {
            let drop = before(
                rename,
                &|kind| matches!(kind, Kind::DropTable { name } if same(name, table)),
            )?;
            let insert = before(
                drop,
                &|kind| matches!(kind, Kind::Insert { table } if same(table, new)),
            )?;
            let create = before(
                insert,
                &|kind| matches!(kind, Kind::CreateTable { name } if same(name, new)),
            )?;
            Some(Rebuild {
                table: table.clone(),
                new: new.clone(),
                create,
                insert,
                drop,
                rename,
            })
        };
        found.extend(rebuild());
    }
    found
}

/// A copy of rows into a new table: `INSERT INTO new (columns) SELECT values FROM table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// The columns in lower case.
    pub(super) columns: Vec<String>,
    /// The expression of each.
    pub(super) values: Vec<String>,
    /// Of `INSERT` up to the parenthesis, included.
    head: String,
    /// Of `FROM` to the end.
    tail: String,
}

impl Copy {
    /// Reads a copy; `None` for one that names no columns or is written in another way.
    pub(super) fn read(sql: &str, statement: &ScriptStatement) -> Option<Copy> {
        let tokens = &statement.tokens;
        let text = |from: usize, to: usize| sql.get(from..to).map(|text| text.trim().to_owned());
        let open = tokens.iter().position(|token| token.is("("))?;
        let close = tokens.iter().position(|token| token.is(")"))?;
        let names = tokens.get(open + 1..close)?;
        let columns = names.iter().filter(|token| !token.is(","));
        let columns: Vec<String> = columns.map(|token| token.text.clone()).collect();
        let select = close + 1;
        if !tokens.get(select)?.is("select") {
            return None;
        }
        let (mut depth, mut values) = (0_usize, Vec::new());
        let mut from = tokens.get(select)?.end;
        for (at, token) in tokens.iter().enumerate().skip(select + 1) {
            match token.text.as_str() {
                _ if token.quoted => {}
                "(" | "case" => depth += 1,
                ")" | "end" => depth = depth.checked_sub(1)?,
                "," if depth == 0 => {
                    values.push(text(from, token.start)?);
                    from = token.end;
                }
                "from" if depth == 0 => {
                    values.push(text(from, token.start)?);
                    let open_end = tokens.get(open)?.end;
                    let copy = Copy {
                        head: text(statement.start, open_end)?,
                        tail: text(token.start, statement.end)?,
                        columns,
                        values,
                    };
                    let one_table = tokens.len() <= at + 3;
                    let each = copy.columns.len() == copy.values.len();
                    let named = !copy.values.iter().any(|value| value.ends_with('*'));
                    return (one_table && each && named).then_some(copy);
                }
                _ => {}
            }
        }
        None
    }

    /// The statement.
    pub(super) fn sql(&self) -> String {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|column| quoted_name(column))
            .collect();
        format!(
            "{}{}) SELECT {} {}",
            self.head,
            names.join(", "),
            self.values.join(", "),
            self.tail
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_sqlite_ends_them() {
        let sql = ";; CREATE TABLE a (b TEXT DEFAULT ';'); -- ; c\nCREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END; SELECT [;] /* ; */";
        let texts: Vec<&str> = split(sql).iter().map(|s| &sql[s.start..s.end]).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[1].starts_with("CREATE TEMP TRIGGER") && texts[1].ends_with("END;"));
        assert_eq!(texts[2], "SELECT [;]");
    }

    #[test]
    fn what_makes_tables_is_known() {
        let kinds = |sql| split(sql).into_iter().map(|s| s.kind).collect::<Vec<_>>();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            kinds("create table if not exists main.\"A b\" (x); CREATE UNIQUE INDEX i ON a (x); CREATE VIEW v AS SELECT 1; alter table a add y; ALTER TABLE [a] RENAME \"x\" TO z; ALTER TABLE a RENAME TO b; DROP TABLE IF EXISTS a; drop index i; INSERT INTO a VALUES (1); CREATE TEMP TABLE t (a); CREATE TABLE temp.t (a)"),
            [
                Kind::CreateTable { name: text("A b") },
                Kind::CreateIndex { name: text("i") },
                Kind::CreateOther { name: text("v") },
                Kind::AddColumn { table: text("a"), column: text("y") },
                Kind::RenameColumn { table: text("a"), from: text("x"), to: text("z") },
                Kind::RenameTable { from: text("a"), to: text("b") },
                Kind::DropTable { name: text("a") },
                Kind::DropIndex { name: text("i") },
                Kind::Insert { table: text("a") },
                Kind::Other,
                Kind::Other,
            ]
        );
    }

    #[test]
    fn a_rebuild_is_recognized_by_its_four_statements() {
        let sql = "DROP VIEW v; CREATE TABLE new_a (x); INSERT INTO new_a (x) SELECT x FROM a; \
                   DROP TABLE a; ALTER TABLE new_a RENAME TO A; CREATE VIEW v AS SELECT 1; \
                   CREATE TABLE c (x); ALTER TABLE c RENAME TO d";
        let found = rebuilds(&split(sql));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (
                found[0].create,
                found[0].insert,
                found[0].drop,
                found[0].rename
            ),
            (1, 2, 3, 4)
        );
    }

    #[test]
    fn a_copy_is_taken_apart_and_put_together() {
        let sql = "INSERT INTO new_a (x, \"Y\")\nSELECT ifnull(x, 'a, from'), CASE WHEN 1 THEN y END\nFROM a;";
        let mut copy = Copy::read(sql, &split(sql)[0]).unwrap();
        assert_eq!(copy.columns, ["x", "y"]);
        assert_eq!(
            copy.values,
            ["ifnull(x, 'a, from')", "CASE WHEN 1 THEN y END"]
        );
        copy.columns.push("z".to_owned());
        copy.values.push("1".to_owned());
        assert_eq!(
            copy.sql(),
            "INSERT INTO new_a (\"x\", \"y\", \"z\") SELECT ifnull(x, 'a, from'), CASE WHEN 1 THEN y END, 1 FROM a;"
        );
        for other in [
            "INSERT INTO new_a SELECT * FROM a",
            "INSERT INTO new_a (x) SELECT * FROM a JOIN b",
            "INSERT INTO new_a (x) VALUES (1)",
        ] {
            assert_eq!(Copy::read(other, &split(other)[0]), None, "{other}");
        }
    }
}
