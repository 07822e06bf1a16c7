//! What came of maintenance, as terms.

use std::time::Duration;

use ash_rusqlite_engine::backup::BackupSummary;
use ash_rusqlite_engine::migration::{
    Applied, Baseline, Broken, CheckedMigration, MigrationCheck, MigrationState, MigrationStatus,
};
use ash_rusqlite_engine::schema::one_form::OtherForms;
use ash_rusqlite_engine::schema::Difference;
use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::{Code, Date, DateTime, Error, Outcome, Result, Time};
use chrono::{Datelike, Timelike, Utc};
use rustler::{Atom, Env};

use crate::atoms;
use crate::term::raw::Raw;

use super::rows::Rows;
use super::{advice, calendar, journal, upkeep};

/// The answer to a request: `:ok` or `{:ok, result}`.
pub fn answer<'a>(env: Env<'a>, outcome: &Outcome, rows: &mut Rows<'a>) -> Result<Raw<'a>> {
    let result = match outcome {
        Outcome::Done => return Ok(Raw::atom(atoms::ok())),
        Outcome::Written { changes } => rows.finish_write(env, *changes)?,
        Outcome::Rows => rows.finish(env)?,
        Outcome::Applied(all) => list_of(env, all, applied)?,
        Outcome::Baseline(written) => baseline(env, written)?,
        Outcome::MigrationCheck(check) => migration_check(env, check)?,
        Outcome::Migrations(all) => list_of(env, all, migration)?,
        Outcome::Backup(summary) => backup(env, summary)?,
        Outcome::Check(findings) => list_of(env, findings, text)?,
        Outcome::Statements(statements) => list_of(env, statements, text)?,
        Outcome::Differences(all) => differences(env, all)?,
        Outcome::Verified(found) => journal::verified(env, found)?,
        Outcome::Rebuilt(made) => journal::rebuilt(env, made)?,
        Outcome::Advice(found) => advice::advice(env, found)?,
        Outcome::OtherForms(all) => list_of(env, all, other_forms)?,
        Outcome::Redacted { redacted, scrubbed } => upkeep::redacted(env, redacted, *scrubbed)?,
        Outcome::Retained(retained) => upkeep::retained(env, retained)?,
        Outcome::Chain(report) => upkeep::chain(env, report)?,
        Outcome::Checkpoint {
            busy,
            wal_pages,
            checkpointed_pages,
        } => map(
            env,
            [
                (atoms::busy(), Raw::boolean(*busy)),
                (atoms::wal_pages(), Raw::integer(env, *wal_pages)),
                (
                    atoms::checkpointed_pages(),
                    Raw::integer(env, *checkpointed_pages),
                ),
            ],
        )?,
    };
    Ok(Raw::tuple(env, [Raw::atom(atoms::ok()), result]))
}

/// The map of a progress message.
pub fn progress<'a>(env: Env<'a>, progress: &Progress) -> Result<Raw<'a>> {
    let phase = atoms::make(env, progress.phase).map_or_else(Raw::nil, Raw::atom);
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let estimate = progress
        .estimate
        .map_or_else(Raw::nil, |time| Raw::unsigned(env, millis(time)));
    map(
        env,
        [
            (atoms::phase(), phase),
            (atoms::label(), Raw::binary(env, progress.label.as_bytes())),
            (atoms::done(), Raw::unsigned(env, progress.done)),
            (atoms::total(), Raw::unsigned(env, progress.total)),
            (atoms::estimate_ms(), estimate),
        ],
    )
}

pub(super) fn map<'a, const N: usize>(
    env: Env<'a>,
    pairs: [(Atom, Raw<'a>); N],
) -> Result<Raw<'a>> {
    let keys = pairs.map(|(key, _)| Raw::atom(key));
    let values = pairs.map(|(_, value)| value);
    Raw::map(env, &keys, &values).ok_or_else(unmade)
}

pub(super) fn unmade() -> Error {
    Error::new(Code::Internal, "a result's term cannot be made")
}

pub(super) fn list_of<'a, T>(
    env: Env<'a>,
    items: &[T],
    term: fn(Env<'a>, &T) -> Result<Raw<'a>>,
) -> Result<Raw<'a>> {
    let terms: Vec<_> = items
        .iter()
        .map(|item| term(env, item))
        .collect::<Result<_>>()?;
    Raw::list(env, &terms).ok_or_else(unmade)
}

// `list_of` hands over what the vectors hold.
#[allow(clippy::ptr_arg)]
pub(super) fn text<'a>(env: Env<'a>, text: &String) -> Result<Raw<'a>> {
    Ok(Raw::binary(env, text.as_bytes()))
}

fn applied<'a>(env: Env<'a>, applied: &Applied) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::version(), Raw::integer(env, applied.version)),
            (atoms::name(), Raw::binary(env, applied.name.as_bytes())),
            (atoms::duration_us(), Raw::unsigned(env, applied.micros)),
            (
                atoms::taken_over(),
                list_of(env, &applied.taken_over, text)?,
            ),
        ],
    )
}

fn migration_check<'a>(env: Env<'a>, check: &MigrationCheck) -> Result<Raw<'a>> {
    map(
        env,
        [
            (
                atoms::migrations(),
                list_of(env, &check.migrations, checked)?,
            ),
            (atoms::problems(), list_of(env, &check.problems, text)?),
            (atoms::broken(), list_of(env, &check.broken, broken)?),
        ],
    )
}

fn checked<'a>(env: Env<'a>, checked: &CheckedMigration) -> Result<Raw<'a>> {
    let CheckedMigration { applied, tables } = checked;
    map(
        env,
        [
            (atoms::version(), Raw::integer(env, applied.version)),
            (atoms::name(), text(env, &applied.name)?),
            (atoms::duration_us(), Raw::unsigned(env, applied.micros)),
            (atoms::held_us(), Raw::unsigned(env, applied.held_micros)),
            (atoms::tables(), list_of(env, tables, text)?),
            (
                atoms::taken_over(),
                list_of(env, &applied.taken_over, text)?,
            ),
        ],
    )
}

fn broken<'a>(env: Env<'a>, broken: &Broken) -> Result<Raw<'a>> {
    let kind = atoms::make(env, broken.kind).map_or_else(Raw::nil, Raw::atom);
    map(
        env,
        [
            (atoms::kind(), kind),
            (atoms::name(), text(env, &broken.name)?),
            (atoms::message(), text(env, &broken.message)?),
        ],
    )
}

fn baseline<'a>(env: Env<'a>, written: &Baseline) -> Result<Raw<'a>> {
    let path = written.path.display().to_string();
    map(
        env,
        [
            (atoms::version(), Raw::integer(env, written.version)),
            (atoms::name(), text(env, &written.name)?),
            (atoms::path(), text(env, &path)?),
            (atoms::tables(), list_of(env, &written.tables, text)?),
        ],
    )
}

fn migration<'a>(env: Env<'a>, migration: &MigrationStatus) -> Result<Raw<'a>> {
    let applied_at = match &migration.applied_at {
        Some(text) => instant(env, text)?,
        None => Raw::nil(),
    };
    map(
        env,
        [
            (atoms::version(), Raw::integer(env, migration.version)),
            (atoms::name(), Raw::binary(env, migration.name.as_bytes())),
            (atoms::state(), Raw::atom(state(migration.state))),
            (atoms::applied_at(), applied_at),
        ],
    )
}

/// No statement was needed.
pub fn none(env: Env<'_>) -> Result<Raw<'_>> {
    Raw::list(env, &[]).ok_or_else(unmade)
}

/// What keeps a table from being as it should be.
pub fn differences<'a>(env: Env<'a>, all: &[Difference]) -> Result<Raw<'a>> {
    list_of(env, all, difference)
}

fn difference<'a>(env: Env<'a>, difference: &Difference) -> Result<Raw<'a>> {
    let binary = |text: &str| Raw::binary(env, text.as_bytes());
    let optional = |text: &Option<String>| text.as_deref().map_or_else(Raw::nil, binary);
    let kind = atoms::make(env, difference.kind.as_str()).ok_or_else(unmade)?;
    map(
        env,
        [
            (atoms::kind(), Raw::atom(kind)),
            (atoms::table(), binary(&difference.table)),
            (atoms::column(), optional(&difference.column)),
            (atoms::index(), optional(&difference.index)),
            (atoms::constraint(), optional(&difference.constraint)),
            (atoms::expected(), optional(&difference.expected)),
            (atoms::found(), optional(&difference.found)),
            (atoms::statement(), optional(&difference.statement)),
            (atoms::message(), binary(&difference.message)),
        ],
    )
}

fn other_forms<'a>(env: Env<'a>, found: &OtherForms) -> Result<Raw<'a>> {
    let statement = found.statement.as_ref();
    map(
        env,
        [
            (atoms::table(), text(env, &found.table)?),
            (atoms::column(), text(env, &found.column)?),
            (atoms::rows(), Raw::unsigned(env, found.rows)),
            (atoms::example(), text(env, &found.example)?),
            (atoms::left(), Raw::unsigned(env, found.left)),
            (
                atoms::statement(),
                statement.map_or_else(|| Ok(Raw::nil()), |statement| text(env, statement))?,
            ),
        ],
    )
}

fn state(state: MigrationState) -> Atom {
    match state {
        MigrationState::Pending => atoms::pending(),
        MigrationState::Applied => atoms::applied(),
        MigrationState::Changed => atoms::changed(),
        MigrationState::Missing => atoms::missing(),
    }
}

/// The `%DateTime{}` of an ISO 8601 text; one that cannot be read stays a text.
fn instant<'a>(env: Env<'a>, text: &str) -> Result<Raw<'a>> {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(parsed) => calendar::date_time(env, &utc(&parsed.to_utc()), &calendar::Utc::new(env))
            .ok_or_else(unmade),
        Err(_) => Ok(Raw::binary(env, text.as_bytes())),
    }
}

fn utc(instant: &chrono::DateTime<Utc>) -> DateTime {
    // Each of these is below 60, and a leap second's microseconds are cut.
    let small = |value: u32| u8::try_from(value).unwrap_or(0);
    DateTime {
        date: Date {
            year: instant.year(),
            month: small(instant.month()),
            day: small(instant.day()),
        },
        time: Time {
            hour: small(instant.hour()),
            minute: small(instant.minute()),
            second: small(instant.second()),
            microsecond: (instant.nanosecond() / 1_000).min(999_999),
            precision: 6,
        },
    }
}

fn backup<'a>(env: Env<'a>, summary: &BackupSummary) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::pages(), Raw::unsigned(env, summary.pages)),
            (atoms::bytes(), Raw::unsigned(env, summary.bytes)),
        ],
    )
}
