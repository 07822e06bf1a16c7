//! The indexes of a table against the wanted ones.

use rusqlite::types::ValueRef;
use rusqlite::Connection;

use super::{prefix, Differences};
use crate::catalog::{owner_of_name, quoted, shortened, Existing, ExistingIndex};
use crate::error::Result;
use crate::schema::condition::literal;
use crate::schema::ddl;
use crate::schema::difference::DifferenceKind;
use crate::schema::spec::IndexSpec;
use crate::sqlite::lex::same;
use crate::sqlite::tokens::{bare, parenthesis, tokens};

impl Differences<'_> {
    pub(super) fn indexes(&mut self, conn: &Connection, existing: Option<&Existing>) -> Result<()> {
        let there = existing.map_or(&[][..], |existing| &existing.indexes);
        for index in &self.spec.indexes {
            if index.prefix {
                if !self.has_prefix(index, existing) {
                    self.missing_prefix(conn, index)?;
                }
                continue;
            }
            let filter = match index.filter_sql(self.spec) {
                Ok(filter) => filter,
                Err(why) => {
                    self.without_sql(index, &why);
                    continue;
                }
            };
            let wanted = Wanted {
                index,
                filter: filter.as_deref(),
                rows: existing.is_some(),
            };
            self.index(conn, there, &wanted)?;
        }
        Ok(())
    }

    fn index(
        &mut self,
        conn: &Connection,
        there: &[ExistingIndex],
        wanted: &Wanted<'_>,
    ) -> Result<()> {
        let index = wanted.index;
        // One of another name serves as well.
        if there.iter().any(|found| self.is(wanted, found)) {
            return Ok(());
        }
        let named = there.iter().find(|found| same(&found.name, &index.name));
        let by_case = there
            .iter()
            .find(|found| self.is_but_for_case(wanted, found));
        if let Some(found) = by_case {
            self.case_distinguished(conn, wanted, found, named.is_some())?;
        } else if let Some(found) = named {
            let found = found.sql.clone().unwrap_or_else(|| found.name.clone());
            self.taken(wanted, found);
        } else if let Some(owner) = owner_of_name(conn, &index.name)? {
            // Names of indexes are the file's, not the table's.
            let other = format!("{}@{}", index.name, self.spec.table);
            match free(conn, index, other)? {
                Some(index) => self.missing(conn, &wanted.of(&index), None),
                None => self.taken(wanted, format!("something of {owner}")),
            }
        } else {
            self.missing(conn, wanted, None);
        }
        Ok(())
    }

    /// Whether there is an index, or will be one, that begins as a wanted one does.
    fn has_prefix(&self, wanted: &IndexSpec, existing: Option<&Existing>) -> bool {
        let specified = prefix::of_spec(self.spec, wanted);
        let there = existing.into_iter().flat_map(prefix::of_table);
        let mut all = specified.chain(there);
        all.any(|columns| prefix::serves(&columns, &wanted.columns))
    }

    fn missing_prefix(&mut self, conn: &Connection, index: &IndexSpec) -> Result<()> {
        let (table, column) = (quoted(&self.spec.table), quoted(&index.columns.join(", ")));
        let because = format!("none of {table} begins with {column}");
        let wanted = Wanted {
            index,
            filter: None,
            rows: false,
        };
        if owner_of_name(conn, &index.name)?.is_none() {
            self.missing(conn, &wanted, Some(&because));
            return Ok(());
        }
        let other = format!("{}@{}", index.name, self.spec.table);
        match free(conn, index, other)? {
            Some(index) => self.missing(conn, &wanted.of(&index), Some(&because)),
            None => self.taken(&wanted, "another one".to_owned()),
        }
        Ok(())
    }

    fn without_sql(&mut self, index: &IndexSpec, why: &str) {
        let (table, name) = (quoted(&self.spec.table), quoted(&index.name));
        let message =
            format!("table {table} has no index {name}, and none can be made: its condition {why}");
        let difference = self.difference(DifferenceKind::MissingIndex, message);
        self.all.push(difference.of_index(&index.name));
    }

    fn missing(&mut self, conn: &Connection, wanted: &Wanted<'_>, because: Option<&str>) {
        let statement = ddl::create_index(self.spec, wanted.index, wanted.filter);
        let (table, name) = (quoted(&self.spec.table), quoted(&wanted.index.name));
        let because = because.map_or_else(String::new, |because| format!(": {because}"));
        let message = format!("table {table} has no index {name}{because}");
        let difference = match self.equal_rows(conn, wanted) {
            None => self.difference(DifferenceKind::MissingIndex, message),
            Some(rows) => {
                let message = format!("{message}, because {rows}; change or delete them");
                self.difference(DifferenceKind::BlockedIndex, message)
                    .found(rows)
            }
        };
        let difference = difference.fixed_by(Some(statement.clone()));
        self.all
            .push(difference.of_index(&wanted.index.name).expected(statement));
    }

    fn taken(&mut self, wanted: &Wanted<'_>, found: String) {
        let name = quoted(&wanted.index.name);
        let statement = ddl::create_index(self.spec, wanted.index, wanted.filter);
        let message = format!("the index {name} is {found}, not {statement}");
        let difference = self
            .difference(DifferenceKind::WrongIndex, message)
            .found(found);
        self.all
            .push(difference.of_index(&wanted.index.name).expected(statement));
    }

    /// There is one that takes two spellings for two values. One that ignores case may stand beside
    /// it, where no two rows keep it from being made.
    fn case_distinguished(
        &mut self,
        conn: &Connection,
        wanted: &Wanted<'_>,
        found: &ExistingIndex,
        named: bool,
    ) -> Result<()> {
        let index = wanted.index;
        let sql = found.sql.clone().unwrap_or_else(|| found.name.clone());
        let other = if named || owner_of_name(conn, &index.name)?.is_some() {
            format!("{}_nocase", index.name)
        } else {
            index.name.clone()
        };
        let Some(other) = free(conn, index, other)? else {
            self.taken(wanted, sql);
            return Ok(());
        };
        let other = wanted.of(&other);
        let differs = format!(
            "{} distinguishes upper case from lower case",
            quoted(&found.name)
        );
        let Some(rows) = self.equal_rows(conn, &other) else {
            self.missing(conn, &other, Some(&differs));
            return Ok(());
        };
        let statement = ddl::create_index(self.spec, other.index, other.filter);
        let message = format!(
            "the index {differs}, and there are rows that differ in nothing but case ({rows}); change them first"
        );
        let difference = self
            .difference(DifferenceKind::WrongIndex, message)
            .fixed_by(Some(statement.clone()));
        let difference = difference.of_index(&index.name).expected(statement);
        self.all.push(difference.found(sql));
        Ok(())
    }

    /// The rows that a unique index would not let in, in words. Where that cannot be asked, because
    /// a column is not there yet or the SQL of the index is wrong, creating it reports that.
    fn equal_rows(&self, conn: &Connection, wanted: &Wanted<'_>) -> Option<String> {
        if !wanted.index.unique || !wanted.rows {
            return None;
        }
        let sql = ddl::rows_equal(self.spec, wanted.index, wanted.filter);
        let mut statement = conn.prepare(&sql).ok()?;
        let parts = self.spec.primary_key.len().max(1);
        let rows = statement.query_map([], |row| {
            let key = (1..=parts).map(|at| row.get_ref(at).map(shown));
            let key = key.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((row.get::<_, i64>(0)?, key.join("/")))
        });
        let rows = rows.ok()?.collect::<rusqlite::Result<Vec<_>>>().ok()?;
        let (count, _) = rows.first()?;
        let more = if i64::try_from(rows.len()).is_ok_and(|shown| shown < *count) {
            ", …"
        } else {
            ""
        };
        let keys: Vec<&str> = rows.iter().map(|(_, key)| key.as_str()).collect();
        Some(format!(
            "{count} rows are equal to others in it, those with the keys {}{more}",
            keys.join(", ")
        ))
    }

    /// Whether an index is the wanted one, whatever its name.
    fn is(&self, wanted: &Wanted<'_>, found: &ExistingIndex) -> bool {
        let index = wanted.index;
        let distinguishes = |column: &String| {
            let ignores = index.ignore_case.iter().any(|other| same(other, column));
            ignores && found.distinguishes_case(column)
        };
        self.is_but_for_case(wanted, found) && !index.columns.iter().any(distinguishes)
    }

    fn is_but_for_case(&self, wanted: &Wanted<'_>, found: &ExistingIndex) -> bool {
        let index = wanted.index;
        if index.unique != found.unique {
            return false;
        }
        let found_tokens = tokens(found.sql.as_deref().unwrap_or_default());
        let (found_keys, behind) = parenthesis(&found_tokens);
        let filter = behind
            .split_first()
            .filter(|(word, _)| word.as_str() == "where")
            .map(|(_, filter)| bare(filter).to_vec());
        let wanted = wanted.filter.map(tokens);
        if filter != wanted.as_deref().map(|wanted| bare(wanted).to_vec()) {
            return false;
        }
        let equal_nulls = |column: &String| ddl::equal_nulls(self.spec, index, column);
        if !index.expressions.is_empty() || index.columns.iter().any(equal_nulls) {
            return tokens(&ddl::index_keys(self.spec, index)) == found_keys;
        }
        index.columns.len() == found.columns.len()
            && index
                .columns
                .iter()
                .zip(&found.columns)
                .all(|(left, right)| right.as_deref().is_some_and(|right| same(left, right)))
    }
}

/// An index with the SQL of its rows.
struct Wanted<'a> {
    index: &'a IndexSpec,
    filter: Option<&'a str>,
    /// Whether there is a table, which may have rows.
    rows: bool,
}

impl<'a> Wanted<'a> {
    /// The same of an index that has another name.
    fn of<'b>(&self, index: &'b IndexSpec) -> Wanted<'b>
    where
        'a: 'b,
    {
        Wanted { index, ..*self }
    }
}

/// A stored value of a key, for a message.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(bytes) => shortened(&String::from_utf8_lossy(bytes)),
        other => literal(other).unwrap_or_default(),
    }
}

/// The index by another name, if nothing has it.
fn free(conn: &Connection, index: &IndexSpec, name: String) -> Result<Option<IndexSpec>> {
    if owner_of_name(conn, &name)?.is_some() {
        return Ok(None);
    }
    Ok(Some(IndexSpec {
        name,
        ..index.clone()
    }))
}
