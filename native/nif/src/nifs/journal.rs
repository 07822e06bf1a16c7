//! Waiting for events of the journal.

use rustler::{Env, Term};

use crate::reply;

use super::{answer, database, ok};

#[rustler::nif]
fn journal_watch<'a>(env: Env<'a>, db: Term<'a>) -> Term<'a> {
    answer(env, || {
        let database = database(db)?;
        let (reference, notify) = reply::notify_ready(env);
        database.watch_journal(notify);
        Ok(ok(env, reference))
    })
}
