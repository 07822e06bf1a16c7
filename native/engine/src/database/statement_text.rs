//! The SQL of reads and writes, for logs.

use crate::error::Result;
use crate::journal;
use crate::journal::SAVE_CONSUMER;
use crate::query::compile::{self, InsertPlans};
use crate::query::ir::{Read, Write};

use super::Database;

/// Between the statements of one write.
const BETWEEN: &str = ";\n";

impl Database {
    /// The text that a read is run as, with placeholders for its values.
    ///
    /// # Errors
    /// Those of compiling it.
    pub fn read_text(&self, read: &Read) -> Result<String> {
        let catalog = self.0.shared.catalog().get();
        let read = match read {
            Read::AsOf(_, read) => read,
            read => read,
        };
        Ok(journal::compile_read(read, &catalog)?.sql)
    }

    /// The texts that a write is run as, each once.
    ///
    /// # Errors
    /// Those of compiling it.
    pub fn write_text(&self, write: &Write) -> Result<String> {
        let catalog = self.0.shared.catalog().get();
        let plans = InsertPlans::default();
        plans.keep_for(&catalog);
        let statements = match write {
            Write::Sql(write) => return Ok(write.sql.clone()),
            Write::InContext(_, write) => return self.write_text(write),
            Write::Consumer(_) => return Ok(SAVE_CONSUMER.to_owned()),
            Write::UpdateOrInsert(write) => {
                let mut all = Vec::new();
                for row in &write.each {
                    let compiled = compile::compile_update_or_insert(write, row, &catalog, &plans)?;
                    all.extend([compiled.update, compiled.insert]);
                }
                all
            }
            _ => compile::compile_write(write, &catalog, &plans)?,
        };
        let mut texts: Vec<&str> = Vec::new();
        for statement in &statements {
            if !texts.contains(&&*statement.sql) {
                texts.push(&statement.sql);
            }
        }
        Ok(texts.join(BETWEEN))
    }
}
