//! Plain rusqlite, as the limit that `bench/` holds the repo against.
//!
//! It is a process of its own, driven by lines on its standard input, so that both sides can
//! be measured by turns: `open`, then any number of tasks. The fields of a line are separated
//! by tabs. Each line is answered by one: `ok`, with nanoseconds where something was measured,
//! or `error` and why.

mod message;
mod store;
mod tasks;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Duration;

use store::Store;

/// Every error ends the benchmark with one line that says what failed.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut store = None;
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        match answer(&mut store, &fields) {
            Ok(Some(time)) => writeln!(answers, "ok {}", time.as_nanos())?,
            Ok(None) => writeln!(answers, "ok")?,
            Err(error) => writeln!(answers, "error {error}")?,
        }
        answers.flush()?;
    }
    Ok(())
}

fn answer(store: &mut Option<Store>, fields: &[&str]) -> Result<Option<Duration>, Failure> {
    match *fields {
        ["open", path] => {
            *store = Some(Store::open(Path::new(path))?);
            Ok(None)
        }
        ["close"] => {
            *store = None;
            Ok(None)
        }
        [task, ref numbers @ ..] => {
            let store = store.as_mut().ok_or("no database is open")?;
            let numbers = numbers
                .iter()
                .map(|number| number.parse())
                .collect::<Result<Vec<usize>, _>>()?;
            run(store, task, &numbers).map(Some)
        }
        [] => Err("an empty line".into()),
    }
}

fn run(store: &mut Store, task: &str, numbers: &[usize]) -> Result<Duration, Failure> {
    match (task, numbers) {
        ("get", &[count, span, round]) => tasks::get(store, count, span, round),
        ("latest", &[count, threads]) => tasks::latest(store, count, threads),
        ("insert", &[count, round]) => tasks::insert(store, count, round),
        ("insert_all", &[count]) => tasks::insert_all(store, count),
        ("scan", &[]) => tasks::scan(store),
        ("rebuild", &[]) => tasks::rebuild(store),
        _ => Err(format!("no such task: {task} with {} numbers", numbers.len()).into()),
    }
}
