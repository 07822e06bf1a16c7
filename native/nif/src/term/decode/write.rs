//! Writes, and the steps of a transaction.

use ash_rusqlite_engine::query::ir::{
    Assignment, Change, Conflict, ConflictSet, Delete, Insert, Returning, SqlWrite, Update,
    UpdateEach, UpdateOrInsert, UpdateOrInsertRow, Write, WriteContext,
};
use ash_rusqlite_engine::{Name, TransactionOp, Value};
use rustler::Term;

use crate::atoms;
use crate::term::encode::rows::Shape;

use super::kinds::kinds;
use super::options::wrong;
use super::{describe, get_tuple, invalid, is_nil, name, Decode, Decoded, Query};

kinds! {
    /// The writes, with the number of their parts.
    WRITES, fn write_of("write") -> Write {
        "insert" [table, rows, conflict, returning] => insert;
        "update" [table, condition, set, returning] => update;
        "update_or_insert" [table, rows, returning] => update_or_insert;
        "update_each" [table, changes, returning] => update_each;
        "delete" [table, condition, returning] => delete;
        "execute" [sql, params] => execute;
        "consumer" [name] => forget_consumer;
        "consumer" [name, seq, journal, from] => consumer;
    }
}

/// A step of a transaction, and the form that its caller wants the rows in.
pub struct Step {
    /// The step.
    pub operation: TransactionOp,
    /// The form.
    pub shape: Shape,
}

/// The form of what a write gives back.
fn shape(write: &Write) -> Shape {
    match (write.parts().0, write.about().returning) {
        (Write::Sql(_), _) => Shape::Table,
        // Whatever else comes back, each row says what was done to it.
        (Write::UpdateOrInsert(_), _) => Shape::Rows,
        (_, None | Some(Returning::Nothing)) => Shape::Nothing,
        (_, Some(Returning::All | Returning::Columns(_))) => Shape::Rows,
    }
}

impl Decode {
    /// A step of a transaction.
    pub fn step(&mut self, term: Term<'_>) -> Decoded<Step> {
        let plain = |operation| {
            Ok(Step {
                operation,
                shape: Shape::Nothing,
            })
        };
        match name(term).as_deref() {
            Some("savepoint") => return plain(TransactionOp::Savepoint),
            Some("release_savepoint") => return plain(TransactionOp::ReleaseSavepoint),
            Some("rollback_to_savepoint") => return plain(TransactionOp::RollbackToSavepoint),
            _ => {}
        }
        match get_tuple(term).as_deref() {
            Ok([tag, read]) if name(*tag).as_deref() == Some("read") => {
                let Query { read, shape } = self.read(*read)?;
                Ok(Step {
                    operation: TransactionOp::Read(read),
                    shape,
                })
            }
            Ok([tag, table]) if name(*tag).as_deref() == Some("ensure_table") => {
                plain(TransactionOp::EnsureTable(Box::new(self.table(*table)?)))
            }
            Ok([tag, table]) if name(*tag).as_deref() == Some("differences") => {
                plain(TransactionOp::Differences(Box::new(self.table(*table)?)))
            }
            _ => {
                let (write, shape) = self.shaped_write(term)?;
                Ok(Step {
                    operation: TransactionOp::Write(write),
                    shape,
                })
            }
        }
    }

    /// A write, and the form of what it gives back: `{:marked, write}` marks values that cannot be
    /// read.
    pub fn shaped_write(&mut self, term: Term<'_>) -> Decoded<(Write, Shape)> {
        if let Ok([tag, context, write]) = get_tuple(term).as_deref() {
            if name(*tag).as_deref() == Some("in_context") {
                let context = Box::new(self.write_context(*context)?);
                let (write, shape) = self.shaped_write(*write)?;
                return Ok((Write::InContext(context, Box::new(write)), shape));
            }
        }
        let (write, marked) = match get_tuple(term).as_deref() {
            Ok([tag, write]) if name(*tag).as_deref() == Some("marked") => (*write, true),
            _ => (term, false),
        };
        let write = self.write(write)?;
        match shape(&write) {
            Shape::Rows if marked => Ok((write, Shape::Marked)),
            shape => Ok((write, shape)),
        }
    }

    /// Who makes a write and why: `{actor, action, metadata, [{source, position}]}`.
    fn write_context(&mut self, term: Term<'_>) -> Decoded<WriteContext> {
        let parts = get_tuple(term).unwrap_or_default();
        let [actor, action, metadata, expect] = parts.as_slice() else {
            let shown = describe(term);
            return Err(invalid(format!(
                "a context is {{actor, action, metadata, positions}}, not {shown}"
            )));
        };
        let mut context = WriteContext {
            actor: self.optional_text(*actor, "actor")?,
            action: self.optional_text(*action, "action")?,
            metadata: self.metadata(*metadata)?,
            expect: Vec::new(),
        };
        self.each(*expect, "the positions of expect:", |decode, item| {
            let position = match get_tuple(item).as_deref() {
                Ok([source, position]) => decode.text(*source)?.zip(position.decode().ok()),
                _ => None,
            };
            let shown = || {
                let shown = describe(item);
                invalid(format!("expect: takes {{source, position}}, not {shown}"))
            };
            context.expect.push(position.ok_or_else(shown)?);
            Ok(())
        })?;
        Ok(context)
    }

    /// A JSON text, or a map that becomes one as in a column of JSON_TEXT.
    fn metadata(&mut self, term: Term<'_>) -> Decoded<Option<String>> {
        if is_nil(term) || !term.is_map() {
            return self.optional_text(term, "metadata");
        }
        match self.value(term)? {
            Value::Json(text) => Ok(Some(text)),
            _ => Err(wrong("metadata", "a map of what JSON can hold", term)),
        }
    }

    fn optional_text(&mut self, term: Term<'_>, option: &'static str) -> Decoded<Option<String>> {
        if is_nil(term) {
            return Ok(None);
        }
        let text = self.text(term)?;
        text.map(Some)
            .ok_or_else(|| wrong(option, "a string or nil", term))
    }

    /// A write.
    fn write(&mut self, term: Term<'_>) -> Decoded<Write> {
        let parts = get_tuple(term).unwrap_or_default();
        let [tag, rest @ ..] = parts.as_slice() else {
            return Err(invalid(format!("there is no write {}", describe(term))));
        };
        write_of(self, &name(*tag).unwrap_or_default(), rest)
    }

    fn insert(
        &mut self,
        table: Term<'_>,
        rows: Term<'_>,
        conflict: Term<'_>,
        returning: Term<'_>,
    ) -> Decoded<Write> {
        Ok(Write::Insert(Insert {
            table: self.name(table, "a table")?,
            rows: self.rows(rows)?,
            conflict: self.conflict(conflict)?,
            returning: self.returning(returning)?,
        }))
    }

    fn update(
        &mut self,
        table: Term<'_>,
        filter: Term<'_>,
        set: Term<'_>,
        returning: Term<'_>,
    ) -> Decoded<Write> {
        Ok(Write::Update(Update {
            table: self.name(table, "a table")?,
            filter: self.optional_condition(filter)?,
            set: self.assignments(set)?,
            returning: self.returning(returning)?,
        }))
    }

    fn update_or_insert(
        &mut self,
        table: Term<'_>,
        rows: Term<'_>,
        returning: Term<'_>,
    ) -> Decoded<Write> {
        Ok(Write::UpdateOrInsert(UpdateOrInsert {
            table: self.name(table, "a table")?,
            each: self.update_or_insert_rows(rows)?,
            returning: self.returning(returning)?,
        }))
    }

    fn update_each(
        &mut self,
        table: Term<'_>,
        changes: Term<'_>,
        returning: Term<'_>,
    ) -> Decoded<Write> {
        Ok(Write::UpdateEach(UpdateEach {
            table: self.name(table, "a table")?,
            changes: self.changes(changes)?,
            returning: self.returning(returning)?,
        }))
    }

    fn delete(&mut self, table: Term<'_>, filter: Term<'_>, returning: Term<'_>) -> Decoded<Write> {
        Ok(Write::Delete(Delete {
            table: self.name(table, "a table")?,
            filter: self.optional_condition(filter)?,
            returning: self.returning(returning)?,
        }))
    }

    fn execute(&mut self, sql: Term<'_>, params: Term<'_>) -> Decoded<Write> {
        let (sql, params) = self.statement(sql, params)?;
        Ok(Write::Sql(SqlWrite { sql, params }))
    }

    fn changes(&mut self, term: Term<'_>) -> Decoded<Vec<Change>> {
        let mut changes = Vec::new();
        self.each(term, "the changes of update_each", |decode, item| {
            match get_tuple(item).as_deref() {
                Ok([filter, set]) => changes.push(Change {
                    filter: decode.condition(*filter)?,
                    set: decode.assignments(*set)?,
                }),
                _ => {
                    let shown = describe(item);
                    return Err(invalid(format!(
                        "a change is {{condition, assignments}}, not {shown}"
                    )));
                }
            }
            Ok(())
        })?;
        Ok(changes)
    }

    fn update_or_insert_rows(&mut self, term: Term<'_>) -> Decoded<Vec<UpdateOrInsertRow>> {
        let mut rows = Vec::new();
        self.each(term, "the rows of update_or_insert", |decode, item| {
            match get_tuple(item).as_deref() {
                Ok([keys, only_if, set, row]) => rows.push(UpdateOrInsertRow {
                    keys: decode.condition(*keys)?,
                    only_if: decode.optional_condition(*only_if)?,
                    set: decode.assignments(*set)?,
                    row: decode.fields(*row, "a row")?,
                }),
                _ => {
                    let shown = describe(item);
                    return Err(invalid(format!(
                        "a row is {{keys, only_if, assignments, fields}}, not {shown}"
                    )));
                }
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn rows(&mut self, term: Term<'_>) -> Decoded<Vec<Vec<(Name, Value)>>> {
        let mut rows = Vec::new();
        self.each(term, "the rows of an insert", |decode, row| {
            rows.push(decode.fields(row, "a row")?);
            Ok(())
        })?;
        Ok(rows)
    }

    fn conflict(&mut self, term: Term<'_>) -> Decoded<Conflict> {
        match name(term).as_deref() {
            Some("raise") => return Ok(Conflict::Raise),
            Some("nothing") => return Ok(Conflict::Nothing { target: Vec::new() }),
            _ => {}
        }
        let parts = get_tuple(term).unwrap_or_default();
        let [tag, rest @ ..] = parts.as_slice() else {
            return Err(no_conflict(term));
        };
        let (target, set) = match (name(*tag).unwrap_or_default().as_str(), rest) {
            ("nothing", [target]) => {
                return Ok(Conflict::Nothing {
                    target: self.names(*target)?,
                })
            }
            ("replace_all", [target]) => (target, ConflictSet::All),
            ("replace_all_except", [columns, target]) => {
                (target, ConflictSet::AllExcept(self.names(*columns)?))
            }
            ("replace", [columns, target]) => (target, ConflictSet::Columns(self.names(*columns)?)),
            _ => return Err(no_conflict(term)),
        };
        Ok(Conflict::Update {
            target: self.names(*target)?,
            set,
        })
    }

    fn returning(&mut self, term: Term<'_>) -> Decoded<Returning> {
        if atoms::false_() == term {
            Ok(Returning::Nothing)
        } else if atoms::true_() == term {
            Ok(Returning::All)
        } else if term.is_list() {
            match self.names(term)? {
                none if none.is_empty() => Ok(Returning::Nothing),
                columns => Ok(Returning::Columns(columns)),
            }
        } else {
            Err(invalid(format!(
                "returning: takes true, false or a list of columns, not {}",
                describe(term)
            )))
        }
    }

    fn assignments(&mut self, term: Term<'_>) -> Decoded<Vec<Assignment>> {
        let mut all = Vec::new();
        self.each(term, "the assignments of an update", |decode, item| {
            all.push(decode.assignment(item)?);
            Ok(())
        })?;
        Ok(all)
    }

    fn assignment(&mut self, term: Term<'_>) -> Decoded<Assignment> {
        match get_tuple(term).as_deref() {
            Ok([how, column, value]) => {
                let column = self.name(*column, "a column")?;
                match name(*how).as_deref() {
                    Some("set") => Ok(Assignment::Set(column, self.value(*value)?)),
                    Some("inc") => Ok(Assignment::Increment(column, self.value(*value)?)),
                    Some("compute") => Ok(Assignment::Compute(column, self.scalar(*value)?)),
                    _ => Err(no_assignment(term)),
                }
            }
            _ => Err(no_assignment(term)),
        }
    }
}

fn no_assignment(term: Term<'_>) -> super::Stop {
    let shown = describe(term);
    invalid(format!(
        "an assignment is {{:set, column, value}}, {{:inc, column, number}} or \
         {{:compute, column, scalar}}, not {shown}"
    ))
}

fn no_conflict(term: Term<'_>) -> super::Stop {
    invalid(format!(
        "on_conflict: takes :raise, :nothing, :replace_all, {{:replace, columns}} or \
         {{:replace_all_except, columns}}, not {}",
        describe(term)
    ))
}
