//! Work on the database as a whole. It only enqueues; the answer is a message.

use std::time::Instant;

use ash_rusqlite_engine::{CheckpointMode, Code, Error, Maintenance, RequestId, INFINITY};
use rustler::{Env, Term};

use crate::atoms;
use crate::reply::MessageReply;
use crate::term::decode::{
    file_name_of, findings, migrate_options, overwrite, path, redaction, retention, steps,
    CheckOptions, Decoded,
};
use crate::term::encode::rows::Shape;
use crate::term::raw::Raw;

use super::{answer, database, queued};

/// Maintenance takes as long as it takes.
fn submit<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, work: Maintenance) -> Decoded<RequestId> {
    let reply = Box::new(MessageReply::new(env, tag, Shape::Nothing, false)?);
    Ok(database(db)?.maintain(work, Instant::now() + INFINITY, reply)?)
}

#[rustler::nif]
fn migrate<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    dir: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (directory, options) = (path(dir)?, migrate_options(options)?);
        let id = submit(env, db, tag, Maintenance::Migrate { directory, options })?;
        Ok(queued(env, id))
    })
}

#[rustler::nif]
fn rollback_migration<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    dir: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (directory, options) = (path(dir)?, migrate_options(options)?);
        let id = submit(env, db, tag, Maintenance::Rollback { directory, options })?;
        Ok(queued(env, id))
    })
}

#[rustler::nif]
fn baseline<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    dir: Term<'a>,
    file_name: Term<'a>,
    version: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (directory, (name, version)) = (path(dir)?, file_name_of(file_name, version)?);
        let work = Maintenance::Baseline {
            directory,
            name,
            version,
        };
        Ok(queued(env, submit(env, db, tag, work)?))
    })
}

// This and the next seven start a thread.
#[rustler::nif(schedule = "DirtyIo")]
fn migrations<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, dir: Term<'a>) -> Term<'a> {
    answer(env, || {
        let id = submit(
            env,
            db,
            tag,
            Maintenance::Migrations {
                directory: path(dir)?,
            },
        )?;
        Ok(queued(env, id))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn check_migrations<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    dir: Term<'a>,
    copy: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (directory, options) = (path(dir)?, migrate_options(options)?);
        let statements = database(db)?.scanned().into_iter();
        let work = Maintenance::CheckMigrations {
            directory,
            options,
            copy: path(copy)?,
            statements: statements.map(|statement| statement.sql).collect(),
        };
        submit(env, db, tag, work)?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn backup<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    destination: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (path, overwrite) = (path(destination)?, overwrite(options)?);
        submit(env, db, tag, Maintenance::Backup { path, overwrite })?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn check<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, options: Term<'a>) -> Term<'a> {
    answer(env, || {
        let CheckOptions { quick, limit } = CheckOptions::decode(options)?;
        submit(env, db, tag, Maintenance::Check { quick, limit })?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn journal_verify<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, limit: Term<'a>) -> Term<'a> {
    answer(env, || {
        let limit = findings(limit)?;
        submit(env, db, tag, Maintenance::VerifyJournal { limit })?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn journal_rebuild<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    destination: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (path, overwrite) = (path(destination)?, overwrite(options)?);
        submit(
            env,
            db,
            tag,
            Maintenance::RebuildJournal { path, overwrite },
        )?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn advise<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, min_steps: Term<'a>) -> Term<'a> {
    answer(env, || {
        let min_steps = steps(min_steps)?;
        let statements = database(db)?.scanned();
        let work = Maintenance::Advise {
            min_steps,
            statements,
        };
        submit(env, db, tag, work)?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn other_forms<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>) -> Term<'a> {
    answer(env, || {
        let types = database(db)?.read_types();
        submit(env, db, tag, Maintenance::OtherForms { types })?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif]
fn restore<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, source: Term<'a>) -> Term<'a> {
    answer(env, || {
        let id = submit(
            env,
            db,
            tag,
            Maintenance::Restore {
                path: path(source)?,
            },
        )?;
        Ok(queued(env, id))
    })
}

#[rustler::nif]
fn checkpoint<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, mode: Term<'a>) -> Term<'a> {
    answer(env, || {
        let id = submit(
            env,
            db,
            tag,
            Maintenance::Checkpoint(checkpoint_mode(mode)?),
        )?;
        Ok(queued(env, id))
    })
}

fn checkpoint_mode(mode: Term<'_>) -> Decoded<CheckpointMode> {
    match atoms::text(mode).as_deref() {
        Some("passive") => Ok(CheckpointMode::Passive),
        Some("full") => Ok(CheckpointMode::Full),
        Some("restart") => Ok(CheckpointMode::Restart),
        Some("truncate") => Ok(CheckpointMode::Truncate),
        _ => Err(Error::new(
            Code::InvalidOption,
            "a checkpoint's mode is :passive, :full, :restart or :truncate",
        )
        .with("option", "mode")
        .into()),
    }
}

#[rustler::nif]
fn vacuum<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>) -> Term<'a> {
    answer(env, || {
        Ok(queued(env, submit(env, db, tag, Maintenance::Vacuum)?))
    })
}

#[rustler::nif]
fn journal_baseline<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>) -> Term<'a> {
    answer(env, || {
        let work = Maintenance::JournalBaseline;
        Ok(queued(env, submit(env, db, tag, work)?))
    })
}

#[rustler::nif]
fn retain<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>, options: Term<'a>) -> Term<'a> {
    answer(env, || {
        let work = Maintenance::Retain(retention(options)?);
        Ok(queued(env, submit(env, db, tag, work)?))
    })
}

// A condition may have many values.
#[rustler::nif(schedule = "DirtyCpu")]
fn redact<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    table: Term<'a>,
    rows: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let request = redaction(table, rows, options)?;
        let work = Maintenance::Redact(Box::new(request));
        Ok(queued(env, submit(env, db, tag, work)?))
    })
}

// It starts a thread.
#[rustler::nif(schedule = "DirtyIo")]
fn verify_chain<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>) -> Term<'a> {
    answer(env, || {
        submit(env, db, tag, Maintenance::VerifyChain)?;
        Ok(Raw::atom(atoms::ok()))
    })
}
