//! Migrations that write themselves.

use ash_rusqlite_engine::migration::generate;
use rustler::{Env, Term};

use crate::term::decode::{generate_options, optional_path, wanted};
use crate::term::encode::generated;

use super::{answer, ok};

// Runs all files of the folder.
#[rustler::nif(schedule = "DirtyIo")]
fn generate_migrations<'a>(
    env: Env<'a>,
    dir: Term<'a>,
    schema: Term<'a>,
    options: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        let (directory, schema) = (optional_path(dir)?, wanted(schema)?);
        let options = generate_options(options)?;
        let found = generate::generate(directory.as_deref(), &schema, &options)?;
        Ok(ok(env, generated::generated(env, &found)?))
    })
}
