//! The indexes of a table against the wanted ones.

use rusqlite::{Connection, OptionalExtension};

use super::{prefix, Differences};
use crate::error::Result;
use crate::schema::ddl;
use crate::schema::difference::DifferenceKind;
use crate::schema::existing::{owner_of_name, Existing, ExistingIndex};
use crate::schema::spec::{same, IndexSpec};
use crate::schema::table::quoted;
use crate::schema::tokens::{bare, parenthesis, tokens};
use crate::sqlite_error;

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
            // One of another name serves as well.
            if there.iter().any(|found| self.is(index, found)) {
                continue;
            }
            let named = there.iter().find(|found| same(&found.name, &index.name));
            if let Some(found) = there
                .iter()
                .find(|found| self.is_but_for_case(index, found))
            {
                self.case_told(conn, index, found, named.is_some())?;
            } else if let Some(found) = named {
                let found = found.sql.clone().unwrap_or_else(|| found.name.clone());
                self.taken(index, found);
            } else if let Some(owner) = owner_of_name(conn, &index.name)? {
                // Names of indexes are the file's, not the table's.
                let other = format!("{}@{}", index.name, self.spec.table);
                match free(conn, index, other)? {
                    Some(index) => self.missing(&index, None),
                    None => self.taken(index, format!("something of {owner}")),
                }
            } else {
                self.missing(index, None);
            }
        }
        Ok(())
    }

    fn missing(&mut self, index: &IndexSpec, because: Option<&str>) {
        let statement = ddl::create_index(self.spec, index);
        let (table, name) = (quoted(&self.spec.table), quoted(&index.name));
        let because = because.map_or_else(String::new, |because| format!(": {because}"));
        let message = format!("table {table} has no index {name}{because}");
        let difference = self
            .difference(DifferenceKind::MissingIndex, message)
            .mended_by(Some(statement.clone()));
        self.all
            .push(difference.of_index(&index.name).expected(statement));
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
        if owner_of_name(conn, &index.name)?.is_none() {
            self.missing(index, Some(&because));
            return Ok(());
        }
        let other = format!("{}@{}", index.name, self.spec.table);
        match free(conn, index, other)? {
            Some(index) => self.missing(&index, Some(&because)),
            None => self.taken(index, "another one".to_owned()),
        }
        Ok(())
    }

    fn taken(&mut self, index: &IndexSpec, found: String) {
        let (name, statement) = (quoted(&index.name), ddl::create_index(self.spec, index));
        let message = format!("the index {name} is {found}, not {statement}");
        let difference = self
            .difference(DifferenceKind::WrongIndex, message)
            .found(found);
        self.all
            .push(difference.of_index(&index.name).expected(statement));
    }

    /// There is one that takes two spellings for two values. One that ignores case may stand beside
    /// it, where no two rows keep it from being made.
    fn case_told(
        &mut self,
        conn: &Connection,
        index: &IndexSpec,
        found: &ExistingIndex,
        named: bool,
    ) -> Result<()> {
        let sql = found.sql.clone().unwrap_or_else(|| found.name.clone());
        let other = if named || owner_of_name(conn, &index.name)?.is_some() {
            format!("{}_nocase", index.name)
        } else {
            index.name.clone()
        };
        let Some(wanted) = free(conn, index, other)? else {
            self.taken(index, sql);
            return Ok(());
        };
        let tells = format!("{} tells upper case from lower case", quoted(&found.name));
        if !(index.unique && self.rows_collide(conn, index)?) {
            self.missing(&wanted, Some(&tells));
            return Ok(());
        }
        let statement = ddl::create_index(self.spec, &wanted);
        let message = format!(
            "the index {tells}, and there are rows that differ in nothing but case; change them first"
        );
        let difference = self
            .difference(DifferenceKind::WrongIndex, message)
            .mended_by(Some(statement.clone()));
        let difference = difference.of_index(&index.name).expected(statement);
        self.all.push(difference.found(sql));
        Ok(())
    }

    /// Whether there are two rows that a unique index would not let in.
    fn rows_collide(&self, conn: &Connection, index: &IndexSpec) -> Result<bool> {
        let sql = ddl::rows_equal(self.spec, index);
        conn.query_row(&sql, [], |_| Ok(()))
            .optional()
            .map(|row| row.is_some())
            .map_err(sqlite_error::map)
    }

    /// Whether an index is the wanted one, whatever its name.
    fn is(&self, index: &IndexSpec, found: &ExistingIndex) -> bool {
        let tells_case = |column: &String| {
            let ignores = index.ignore_case.iter().any(|other| same(other, column));
            ignores && found.tells_case(column)
        };
        self.is_but_for_case(index, found) && !index.columns.iter().any(tells_case)
    }

    fn is_but_for_case(&self, index: &IndexSpec, found: &ExistingIndex) -> bool {
        if index.unique != found.unique {
            return false;
        }
        let found_tokens = tokens(found.sql.as_deref().unwrap_or_default());
        let (found_keys, behind) = parenthesis(&found_tokens);
        let filter = behind
            .split_first()
            .filter(|(word, _)| word.as_str() == "where")
            .map(|(_, filter)| bare(filter).to_vec());
        let wanted = index.filter.as_deref().map(tokens);
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
