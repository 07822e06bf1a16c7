//! The disk fails to write, sync or truncate, or is full, for a while. A call that gets an error has
//! written nothing, unless the error says that it may have; a call that gets none has written, and
//! afterwards all calls can write again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    #[path = "../../../engine/tests/support/host.rs"]
    pub mod host;
    pub mod workload;
}

use std::path::{Path, PathBuf};

use ash_rusqlite_check::{Disk, Event, Fault, Kept};
use ash_rusqlite_engine::{Code, Database, Stat};
use support::host::close;
use support::workload::{
    agrees_with_its_journal, is_sound, is_unsure, open_at, prepare, prepare_journaled, Ledger,
};

const EVENTS: [Option<Event>; 4] = [
    Some(Event::Write),
    Some(Event::Sync),
    Some(Event::Truncate),
    None,
];
const UNITS: i64 = 6;

fn rounds() -> u64 {
    std::env::var("ASH_RUSQLITE_TEST_ROUNDS").map_or(60, |n| n.parse().unwrap())
}

/// The faults of a round: of one kind of event or of all, single ones and series.
fn faults(round: u64) -> Vec<Fault> {
    let event = EVENTS[usize::try_from(round % 4).unwrap()];
    let range = match event {
        Some(Event::Write) | None => 250,
        Some(Event::Sync) => 25,
        Some(Event::Truncate) => 6,
    };
    let times = [1, 1, 2, 7, 40][usize::try_from(round / 4 % 5).unwrap()];
    let fault = |number: u64| Fault {
        event,
        after: number * 0x9e37 % range,
        times,
        full: (round / 8).is_multiple_of(2),
    };
    vec![fault(round), fault(round + 1_000)]
}

/// Every third round has a journal.
fn prepare_for(round: u64, folder: &Path) -> PathBuf {
    match round % 3 {
        0 => prepare_journaled(folder),
        _ => prepare(folder),
    }
}

/// Writes while the disk fails. Returns how often it did.
fn write_with_faults(path: &Path, round: u64, ledger: &mut Ledger) -> (Disk, Database, u64) {
    let disk = Disk::watch(path).unwrap();
    let database = open_at(path, "full").unwrap();
    faults(round).into_iter().for_each(|fault| disk.fail(fault));
    ledger.run(&database, UNITS, false);
    let met = disk.heal();
    for error in ledger.refused() {
        let expected = [Code::IoError, Code::DiskFull];
        assert!(expected.contains(&error.code()), "round {round}: {error}");
        assert_eq!(
            error.retryable(),
            !is_unsure(error),
            "round {round}: {error}"
        );
        // Only a sync can leave that open.
        let syncs = [Some(Event::Sync), None];
        let event = EVENTS[usize::try_from(round % 4).unwrap()];
        assert!(
            !is_unsure(error) || syncs.contains(&event),
            "round {round}: {error}"
        );
    }
    let (before, refused) = (ledger.acknowledged(), ledger.refused().count());
    is_sound(&database);
    assert_eq!(ledger.lost(&database), Vec::<i64>::new(), "round {round}");
    assert_eq!(
        ledger.kept_though_refused(&database),
        Vec::<i64>::new(),
        "round {round}"
    );
    ledger.run(&database, 2, false);
    assert_eq!(
        ledger.refused().count(),
        refused,
        "round {round}: all is well again"
    );
    assert_eq!(ledger.acknowledged(), before + 6, "round {round}");
    (disk, database, met)
}

fn count_reruns(database: &Database) -> i64 {
    let stats = database.stats();
    match stats.iter().find(|(name, _)| *name == "reruns") {
        Some((_, Stat::Integer(reruns))) => *reruns,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_is_reported_exactly_to_the_callers_whose_write_was_lost() {
    let (mut met, mut refused, mut reruns) = (0, 0, 0);
    for round in 0..rounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = prepare_for(round, folder.path());
        let mut ledger = Ledger::default();
        let (_disk, database, faults) = write_with_faults(&path, round, &mut ledger);
        reruns += count_reruns(&database);
        close(database);
        let database = open_at(&path, "full").unwrap();
        is_sound(&database);
        assert_eq!(ledger.lost(&database), Vec::<i64>::new(), "round {round}");
        assert_eq!(
            ledger.kept_though_refused(&database),
            Vec::<i64>::new(),
            "round {round}"
        );
        close(database);
        agrees_with_its_journal(&path);
        met += faults;
        refused += ledger.refused().count();
    }
    assert!(met > 50 && refused > 10, "{met} faults, {refused} refusals");
    assert!(
        reruns > 0,
        "a batch was lost to an error and run again, one by one"
    );
}

#[test]
fn what_is_acknowledged_after_an_error_survives_a_power_loss_too() {
    for round in 0..rounds() {
        let folder = tempfile::tempdir().unwrap();
        let found = tempfile::tempdir().unwrap();
        let path = prepare_for(round, folder.path());
        let mut ledger = Ledger::default();
        let (disk, database, _) = write_with_faults(&path, round, &mut ledger);
        disk.cut_power();
        close(database);
        let kept = [Kept::Nothing, Kept::Some, Kept::All][usize::try_from(round % 3).unwrap()];
        let path = disk.after_power_loss(found.path(), kept, round).unwrap();
        let database = open_at(&path, "full").unwrap();
        is_sound(&database);
        assert_eq!(
            ledger.lost(&database),
            Vec::<i64>::new(),
            "round {round}, kept {kept:?}"
        );
        close(database);
        agrees_with_its_journal(&path);
    }
}
