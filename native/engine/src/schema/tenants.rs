//! Tables of tenants: `rooms@acme` is the table `rooms` of the tenant `acme`.
//!
//! A file that says `-- tenants: rooms, messages` above its line `-- up` is one for all tenants: each of
//! its statements that names such a table is run for the table itself and once more for each
//! tenant that the database has, with its tables in their place.

use std::collections::BTreeSet;

use rusqlite::{Connection, Params};

use crate::catalog::{is_journal_trigger, JournalSpec};
use crate::error::Result;
use crate::journal;
use crate::sqlite::lex::{lex, name, string, Token};
use crate::sqlite::sqlite_error;

/// What the line of a file begins with that names the tables which each tenant has.
pub(crate) const LINE: &str = "-- tenants: ";

/// The tables that each tenant has, and the tenants that are there.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    /// In lower case.
    tables: BTreeSet<String>,
    tenants: Vec<String>,
}

impl Tenants {
    /// The tenants of a database that have one of the tables.
    pub(crate) fn find(conn: &Connection, tables: &[String]) -> Result<Tenants> {
        let tables: BTreeSet<String> = tables.iter().map(|t| t.to_ascii_lowercase()).collect();
        let mut tenants = BTreeSet::new();
        if !tables.is_empty() {
            let tables_there = "SELECT name FROM sqlite_schema WHERE type = 'table'";
            for name in texts(conn, tables_there, [])? {
                if let Some((table, tenant)) = table_and_tenant(&name) {
                    if tables.contains(&table.to_ascii_lowercase()) {
                        tenants.insert(tenant.to_owned());
                    }
                }
            }
        }
        Ok(Tenants {
            tables,
            tenants: tenants.into_iter().collect(),
        })
    }

    /// Makes the missing tables of a tenant like those without a tenant: tenants get their tables at
    /// the first use of each, and a file changes all of them.
    pub(crate) fn complete(&self, conn: &Connection) -> Result<()> {
        for tenant in &self.tenants {
            for table in &self.tables {
                if !exists(conn, "table", &of_tenant(table, tenant))?
                    && exists(conn, "table", table)?
                {
                    self.copy(conn, table, tenant)?;
                }
            }
        }
        Ok(())
    }

    /// Makes a table of a tenant like the one without a tenant, with its indexes and triggers. Returns
    /// the statements that ran: none where the table without a tenant does not exist.
    ///
    /// `tables` are those that tenants have, as far as the table refers to them.
    pub(crate) fn copy_table(
        conn: &Connection,
        tables: &[String],
        table: &str,
        tenant: &str,
    ) -> Result<Vec<String>> {
        let tenants = Tenants {
            tables: tables.iter().map(|t| t.to_ascii_lowercase()).collect(),
            tenants: Vec::new(),
        };
        tenants.copy(conn, table, tenant)
    }

    fn copy(&self, conn: &Connection, table: &str, tenant: &str) -> Result<Vec<String>> {
        let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL \
                   AND lower(tbl_name) = ?1 AND type IN ('table', 'index', 'trigger') \
                   ORDER BY type = 'trigger', rowid";
        let all = texts(conn, sql, [table.to_ascii_lowercase()])?;
        let mut done = Vec::new();
        for sql in all {
            if let Some(sql) = self.for_tenant(conn, &sql, tenant)? {
                conn.execute_batch(&sql).map_err(sqlite_error::map)?;
                done.push(sql);
            }
        }
        if done.iter().any(|sql| is_journal_trigger(sql).is_some()) {
            journal::follow(conn)?;
        }
        Ok(done)
    }

    /// A statement for each tenant, with its name; none where it names no table that tenants have. To
    /// be called before it is run.
    pub(crate) fn statements(&self, conn: &Connection, sql: &str) -> Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        for tenant in &self.tenants {
            let own = self.for_tenant(conn, sql, tenant)?;
            all.extend(own.map(|sql| (tenant.clone(), sql)));
        }
        Ok(all)
    }

    /// The trigger of a journal for a tenant's table, in place of the one for the table without a
    /// tenant.
    fn journal_for_tenant(
        &self,
        conn: &Connection,
        sql: &str,
        spec: &JournalSpec,
        tenant: &str,
    ) -> Result<Option<String>> {
        let tokens = lex(sql);
        let named = named_object(&tokens).and_then(|at| tokens.get(at));
        let on = tokens.iter().position(|token| token.is("on"));
        let table = on.and_then(|at| tokens.get(at + 1));
        let Some((named, table)) = named.zip(table) else {
            return Ok(None);
        };
        if !self.has(&table.text) {
            return Ok(None);
        }
        let own = of_tenant(&table.text, tenant);
        let Some(wanted) = journal::name_for(&named.text, &table.text, &own) else {
            return Ok(None);
        };
        let triggers = journal::triggers(conn, &own, spec)?;
        let found = triggers.into_iter().find(|(name, _)| *name == wanted);
        Ok(found.map(|(_, sql)| sql))
    }

    fn for_tenant(&self, conn: &Connection, sql: &str, tenant: &str) -> Result<Option<String>> {
        if let Some(spec) = is_journal_trigger(sql) {
            return self.journal_for_tenant(conn, sql, &spec, tenant);
        }
        let tokens = lex(sql);
        let object = named_object(&tokens);
        let counts = tokens.iter().any(|token| token.text == "sqlite_sequence");
        let mut places: Vec<(usize, usize, String)> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let behind_point = at
                .checked_sub(1)
                .and_then(|before| tokens.get(before))
                .is_some_and(|before| before.is("."));
            let text = token.text.trim_matches('\'').to_ascii_lowercase();
            let is_string = token.text.starts_with('\'') && !token.quoted;
            if Some(at) == object || behind_point || (is_string && !counts) || !self.has(&text) {
                continue;
            }
            let table = of_tenant(&text, tenant);
            let written = if is_string {
                string(&table)
            } else {
                name(&table)
            };
            places.push((token.start, token.end, written));
        }
        if let Some(token) = object.and_then(|at| tokens.get(at)) {
            if !places.is_empty() || self.owns(conn, &token.text)? {
                let of_table = |table: &String| {
                    journal::name_for(&token.text, table, &of_tenant(table, tenant))
                };
                let of_journal = self.tables.iter().find_map(of_table);
                let written = of_journal.unwrap_or_else(|| of_tenant(&token.text, tenant));
                let written = name(&written);
                places.push((token.start, token.end, written));
            }
        }
        if places.is_empty() {
            return Ok(None);
        }
        let drops = tokens.first().is_some_and(|token| token.is("drop"));
        if drops && tokens.get(1).is_some_and(|token| token.is("index")) {
            if let [(_, _, written)] = places.as_mut_slice() {
                let Some(index) = self.index_of_tenant(conn, &tokens, object, tenant)? else {
                    return Ok(None);
                };
                *written = name(&index);
            }
        }
        places.sort();
        let mut text = String::new();
        let mut from = 0;
        for (start, end, written) in places {
            text.push_str(sql.get(from..start).unwrap_or_default());
            text.push_str(&written);
            from = end;
        }
        text.push_str(sql.get(from..).unwrap_or_default());
        Ok(Some(text))
    }

    /// The index of a tenant that equals one without a tenant under another name: a table that followed
    /// its resource has its own, `rooms@acme_title_index`.
    fn index_of_tenant(
        &self,
        conn: &Connection,
        tokens: &[Token],
        object: Option<usize>,
        tenant: &str,
    ) -> Result<Option<String>> {
        let Some(index) = object.and_then(|at| tokens.get(at)) else {
            return Ok(None);
        };
        let mut candidates = vec![of_tenant(&index.text, tenant)];
        for table in &self.tables {
            if let Some(rest) = index.text.strip_prefix(table.as_str()) {
                candidates.push(format!("{}{rest}", of_tenant(table, tenant)));
            }
        }
        for candidate in candidates {
            if exists(conn, "index", &candidate)? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// Whether it is a table that each tenant has, or a new one that is to take its place.
    fn has(&self, table: &str) -> bool {
        let mut table = table;
        loop {
            if self.tables.contains(table) {
                return true;
            }
            match table.strip_prefix("new_") {
                Some(rest) => table = rest,
                None => return false,
            }
        }
    }

    /// Whether an index or trigger is of such a table.
    fn owns(&self, conn: &Connection, object: &str) -> Result<bool> {
        let sql = "SELECT lower(tbl_name) FROM sqlite_schema WHERE lower(name) = ?1";
        Ok(texts(conn, sql, [object])?
            .iter()
            .any(|table| self.has(table)))
    }
}

/// The place of the name of the index, trigger or view that a statement makes or drops.
fn named_object(tokens: &[Token]) -> Option<usize> {
    let is = |at: usize, words: &[&str]| {
        tokens
            .get(at)
            .is_some_and(|token| words.iter().any(|word| token.is(word)))
    };
    if !is(0, &["create", "drop"]) {
        return None;
    }
    let mut at = 1 + usize::from(is(1, &["unique"]));
    if !is(at, &["index", "trigger", "view"]) {
        return None;
    }
    at += 1;
    while is(at, &["if", "not", "exists"]) {
        at += 1;
    }
    Some(at)
}

/// The name of a table of a tenant.
pub(crate) fn of_tenant(table: &str, tenant: &str) -> String {
    format!("{table}@{tenant}")
}

/// The table and the tenant that a name is of, if it is one of a tenant.
pub(super) fn table_and_tenant(name: &str) -> Option<(&str, &str)> {
    name.split_once('@')
}

fn exists(conn: &Connection, kind: &str, name: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = ?1 AND lower(name) = lower(?2)";
    conn.query_row(sql, [kind, name], |row| row.get::<_, i64>(0))
        .map(|count| count > 0)
        .map_err(sqlite_error::map)
}

fn texts(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<String>> {
    let mut statement = conn.prepare(sql).map_err(sqlite_error::map)?;
    let all = statement.query_map(params, |row| row.get(0));
    all.and_then(Iterator::collect).map_err(sqlite_error::map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sql: &str) -> Option<String> {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE rooms (title); CREATE TABLE users (a); CREATE TABLE \"rooms@a b\" (title);
             CREATE INDEX by_title ON rooms (title); CREATE INDEX by_a ON users (a);
             CREATE INDEX \"by_title@a b\" ON \"rooms@a b\" (title);",
        )
        .unwrap();
        let tenants = Tenants::find(&conn, &["Rooms".to_owned()]).unwrap();
        tenants
            .statements(&conn, sql)
            .unwrap()
            .pop()
            .map(|(_, sql)| sql)
    }

    #[test]
    fn what_names_a_table_of_tenants_is_written_for_each() {
        for (sql, wanted) in [
            ("ALTER TABLE rooms ADD COLUMN n", "ALTER TABLE \"rooms@a b\" ADD COLUMN n"),
            ("DROP INDEX by_title", "DROP INDEX \"by_title@a b\""),
            (
                "CREATE UNIQUE INDEX u ON \"Rooms\" (title) WHERE title <> 'rooms'",
                "CREATE UNIQUE INDEX \"u@a b\" ON \"rooms@a b\" (title) WHERE title <> 'rooms'",
            ),
            (
                "INSERT INTO new_rooms (a) SELECT rooms.a, x.rooms FROM rooms",
                "INSERT INTO \"new_rooms@a b\" (a) SELECT \"rooms@a b\".a, x.rooms FROM \"rooms@a b\"",
            ),
            (
                "DELETE FROM sqlite_sequence WHERE name = 'rooms'",
                "DELETE FROM sqlite_sequence WHERE name = 'rooms@a b'",
            ),
        ] {
            assert_eq!(written(sql).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_names_none_is_run_once() {
        for sql in [
            "DROP INDEX by_a",
            "ALTER TABLE users ADD COLUMN n",
            "SELECT 'rooms'",
        ] {
            assert_eq!(written(sql), None, "{sql}");
        }
    }
}
