//! Work that reads the whole database beside the writer: backups, checks, the ledger.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::connection;
use crate::error::{Code, Error, Result};
use crate::request::reply::Reply;
use crate::request::{Maintenance, Outcome};
use crate::schema::one_form;
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::authorizer::Access;
use crate::sqlite::{integrity, sqlite_error};
use crate::{advice, backup, journal, migration};

struct ProgressTo<'a> {
    reply: &'a mut Reply,
    closing: Arc<AtomicBool>,
}

impl ProgressSink for ProgressTo<'_> {
    fn progress(&mut self, progress: Progress) {
        self.reply.progress(progress);
    }

    fn cancelled(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// Runs the work on a connection of its own.
pub fn run(
    work: Maintenance,
    path: &Path,
    config: &Config,
    closing: Arc<AtomicBool>,
    reply: &mut Reply,
) -> Result<Outcome> {
    let link = connection::open_reader(path, config, Arc::clone(&closing))?;
    link.gate.set(Access::Internal);
    link.interrupt.begin_unlimited();
    let result = match work {
        Maintenance::Migrations { directory } => migration::read_directory(&directory)
            .and_then(|files| migration::status(&link.conn, &files))
            .map(Outcome::Migrations),
        Maintenance::CheckMigrations {
            directory,
            options,
            copy,
            statements,
        } => migration::read_directory(&directory)
            .and_then(|files| {
                let mut sink = ProgressTo { reply, closing };
                let to = (copy.as_path(), config);
                migration::check(&link.conn, &files, &options, to, &statements, &mut sink)
            })
            .map(Outcome::MigrationCheck),
        Maintenance::Backup { path, overwrite } => {
            let mut sink = ProgressTo { reply, closing };
            backup::backup(&link.conn, &path, overwrite, &mut sink).map(Outcome::Backup)
        }
        Maintenance::Check { quick, limit } => {
            integrity::integrity_check(&link.conn, quick, limit).map(Outcome::Check)
        }
        Maintenance::VerifyJournal { limit } => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut sink = ProgressTo { reply, closing };
            journal::verify(&link.conn, limit, &mut sink).map(Outcome::Verified)
        }
        Maintenance::RebuildJournal { path, overwrite } => {
            let mut sink = ProgressTo {
                reply,
                closing: Arc::clone(&closing),
            };
            journal::rebuild(&link.conn, &path, overwrite, closing, &mut sink).map(Outcome::Rebuilt)
        }
        Maintenance::Advise {
            min_steps,
            statements,
        } => advice::advise(&link.conn, statements, min_steps, &closing).map(Outcome::Advice),
        Maintenance::OtherForms { types } => Catalog::load(&link.conn)
            .map(|catalog| catalog.read_as(&types.into()))
            .and_then(|catalog| one_form::other_forms(&link.conn, &catalog))
            .map(Outcome::OtherForms),
        Maintenance::VerifyChain => {
            let mut sink = ProgressTo { reply, closing };
            let snapshot = link.conn.unchecked_transaction();
            snapshot
                .map_err(sqlite_error::map)
                .and_then(|snapshot| journal::verify_chain(&snapshot, &mut sink))
                .map(Outcome::Chain)
        }
        other => Err(Error::new(
            Code::Internal,
            format!("{} needs the writer", other.name()),
        )),
    };
    result.map_err(|error| link.interrupt.explain(error))
}
