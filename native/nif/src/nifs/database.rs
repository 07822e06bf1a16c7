//! Opening, closing, and what a database reports of itself.

use ash_rusqlite_engine::{Code, Config, Error};
use rustler::{Env, Term};

use crate::atoms;
use crate::handle::{self, Ids, Kind};
use crate::handover::LAYOUT;
use crate::registry::{self, Busy};
use crate::reply;
use crate::term::decode::{open_options, Decoded};
use crate::term::encode::options;
use crate::term::raw::Raw;

use super::{answer, database, ok};

// Makes a folder for `:memory:` and starts a thread.
#[rustler::nif(schedule = "DirtyIo")]
fn open<'a>(env: Env<'a>, path: Term<'a>, options: Term<'a>, tag: Term<'a>) -> Term<'a> {
    answer(env, || open_database(env, path, options, tag))
}

fn open_database<'a>(
    env: Env<'a>,
    path: Term<'a>,
    options: Term<'a>,
    tag: Term<'a>,
) -> Decoded<Raw<'a>> {
    let config = Config::from_options(open_options(path, options)?)?;
    let ids = Ids {
        database: registry::fresh_id(),
        item: 0,
    };
    let opened = reply::on_opened(env, tag)?;
    registry::open(ids.database, config, env.pid(), opened)?;
    match handle::owned(env, Kind::Database, ids) {
        Some(handle) => Ok(ok(env, Raw::of(handle))),
        None => {
            registry::close(ids.database, None)?;
            Err(Error::new(
                Code::Cancelled,
                "the process that opened the database is gone",
            )
            .into())
        }
    }
}

#[rustler::nif]
fn close<'a>(env: Env<'a>, db: Term<'a>, tag: Term<'a>) -> Term<'a> {
    answer(env, || {
        let ids = handle::ids(db, Kind::Database).ok_or_else(registry::stale)?;
        registry::close(ids.database, Some(reply::notify_ok(env, tag)?))?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif]
fn config<'a>(env: Env<'a>, db: Term<'a>) -> Term<'a> {
    answer(env, || {
        let options = database(db)?.config().to_options();
        Ok(ok(env, options::keyword(env, &options)?))
    })
}

// Asks the file system for the sizes of the files.
#[rustler::nif(schedule = "DirtyIo")]
fn stats<'a>(env: Env<'a>, db: Term<'a>) -> Term<'a> {
    answer(env, || {
        let stats = database(db)?.stats();
        Ok(ok(env, options::stats(env, &stats)?))
    })
}

// Checks each database; only a reload calls it.
#[rustler::nif]
fn replaceable(env: Env<'_>) -> Term<'_> {
    answer(env, || {
        Ok(Raw::atom(match registry::busy() {
            None => atoms::ok(),
            Some(Busy::Maintenance) => atoms::maintenance(),
            Some(Busy::Writing) => atoms::writing(),
        }))
    })
}

#[rustler::nif]
fn versions(env: Env<'_>) -> Term<'_> {
    answer(env, || {
        let keys = [
            atoms::engine(),
            atoms::sqlite(),
            atoms::layout(),
            atoms::profile(),
        ]
        .map(Raw::atom);
        // Of our profiles in Cargo.toml, one has debug assertions.
        let profile = match cfg!(debug_assertions) {
            true => "development",
            false => "release",
        };
        let values = [
            Raw::binary(env, env!("CARGO_PKG_VERSION").as_bytes()),
            Raw::binary(env, rusqlite::version().as_bytes()),
            Raw::unsigned(env, LAYOUT),
            Raw::binary(env, profile.as_bytes()),
        ];
        let map = Raw::map(env, &keys, &values);
        Ok(map.ok_or_else(|| Error::new(Code::Internal, "the versions make no map"))?)
    })
}
