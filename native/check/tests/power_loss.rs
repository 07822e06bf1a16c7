//! P1: the power goes during any write, sync or truncation, and of what was not synced any
//! sector may or may not be on the medium. What was acknowledged before is there and whole.

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

use std::path::Path;

use ash_rusqlite_check::{Disk, Kept};
use ash_rusqlite_engine::migration::MigrateOptions;
use ash_rusqlite_engine::{Database, Maintenance};
use support::host::{close, maintain, read, sql, Rows};
use support::workload::{
    agrees_with_its_journal, is_sound, open_at, path_in, prepare, prepare_journaled, Ledger, TABLES,
};

/// Losses of one database, one after the other.
const LOSSES: u64 = 3;
const UNITS: i64 = 8;

fn chains() -> u64 {
    std::env::var("ASH_RUSQLITE_TEST_ROUNDS").map_or(120, |n| n.parse().unwrap())
}

/// Numbers that are spread evenly over a range, whatever the number of chains.
fn moment(chain: u64, loss: u64) -> u64 {
    (chain * LOSSES + loss) * 0x9e37 % 350
}

fn kept(number: u64) -> Kept {
    match number % 4 {
        0 => Kept::Nothing,
        1 => Kept::All,
        _ => Kept::Some,
    }
}

/// Writes until the power goes, and gives the path of what is found then.
fn lose_power(
    path: &Path,
    found: &Path,
    synchronous: &str,
    ledger: &mut Ledger,
    (moment, kept, seed): (u64, Kept, u64),
) -> std::path::PathBuf {
    let disk = Disk::watch(path).unwrap();
    disk.cut_power_after(moment);
    // When the power goes while the database is being opened there is nothing to write.
    if let Ok(database) = open_at(path, synchronous) {
        ledger.run(&database, UNITS, true);
        disk.cut_power();
        close(database);
    }
    disk.after_power_loss(found, kept, seed).unwrap()
}

/// Runs chains of losses. `look` gets the ledger and what was lost of it each time.
fn chain_of_losses(synchronous: &str, chains: u64, look: impl FnMut(&Ledger, Vec<i64>, &str)) {
    chain_of_losses_of(prepare, synchronous, chains, look);
}

fn chain_of_losses_of(
    prepare: fn(&Path) -> std::path::PathBuf,
    synchronous: &str,
    chains: u64,
    mut look: impl FnMut(&Ledger, Vec<i64>, &str),
) {
    for chain in 0..chains {
        let folders: Vec<_> = (0..=LOSSES).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut path = prepare(folders[0].path());
        let mut ledger = Ledger::default();
        for loss in 0..LOSSES {
            let found = folders[usize::try_from(loss).unwrap() + 1].path();
            let moment = moment(chain, loss);
            let kept = kept(chain + loss);
            let how = format!("chain {chain}, loss {loss} at event {moment}, kept {kept:?}");
            path = lose_power(
                &path,
                found,
                synchronous,
                &mut ledger,
                (moment, kept, chain),
            );
            // Looking must not fix what the next loss begins with, so it has a copy.
            let copy = tempfile::tempdir().unwrap();
            for file in std::fs::read_dir(found).unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
            let copied = copy.path().join(path.file_name().unwrap());
            let database = open_at(&copied, "full").expect(&how);
            is_sound(&database);
            look(&ledger, ledger.lost(&database), &how);
            close(database);
            agrees_with_its_journal(&copied);
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_loss_at_any_moment() {
    let mut acknowledged = 0;
    chain_of_losses("full", chains(), |ledger, lost, how| {
        assert_eq!(lost, Vec::<i64>::new(), "{how}");
        acknowledged += ledger.acknowledged();
    });
    assert!(
        acknowledged > 100,
        "the workload wrote something: {acknowledged}"
    );
}

#[test]
fn events_and_rows_agree_after_a_power_loss_at_any_moment() {
    for synchronous in ["full", "normal"] {
        chain_of_losses_of(
            prepare_journaled,
            synchronous,
            chains() / 4 + 1,
            |_, lost, how| {
                assert!(lost.is_empty() || synchronous == "normal", "{how}");
            },
        );
    }
    // Without a loss at all there are as many events as the workload has made changes.
    let folder = tempfile::tempdir().unwrap();
    let path = prepare_journaled(folder.path());
    let database = open_at(&path, "full").unwrap();
    let mut ledger = Ledger::default();
    ledger.run(&database, UNITS, true);
    close(database);
    assert!(agrees_with_its_journal(&path) > 70);
}

/// The names of the tables of the workload that are there.
fn tables(database: &Database) -> Rows {
    let query = "SELECT name FROM sqlite_schema WHERE name IN ('t', 'heads') ORDER BY name";
    read(database, sql(query)).unwrap()
}

#[test]
fn a_power_loss_while_a_database_is_made_leaves_one_that_opens_with_all_tables_or_none() {
    let mut seen = [0, 0];
    for moment in 0..90 {
        let folder = tempfile::tempdir().unwrap();
        let found = tempfile::tempdir().unwrap();
        let migrations = tempfile::tempdir().unwrap();
        let file = migrations.path().join("20260101000000_tables.sql");
        std::fs::write(file, format!("-- up\n{TABLES}\n")).unwrap();
        let path = path_in(folder.path());
        let disk = Disk::watch(&path).unwrap();
        disk.cut_power_after(moment);
        let mut made = false;
        if let Ok(database) = open_at(&path, "full") {
            let work = Maintenance::Migrate {
                directory: migrations.path().to_owned(),
                options: MigrateOptions::default(),
            };
            made = maintain(&database, work).result.is_ok();
            disk.cut_power();
            close(database);
        }
        let path = disk
            .after_power_loss(found.path(), kept(moment), moment)
            .unwrap();
        let database = open_at(&path, "full").expect("it opens");
        let tables = tables(&database).len();
        assert!(
            tables == 2 || tables == 0 && !made,
            "{tables} at event {moment}"
        );
        seen[tables / 2] += 1;
        close(database);
    }
    assert!(seen[0] > 10 && seen[1] > 10, "both: {seen:?}");
}

#[test]
fn without_a_sync_at_each_commit_the_latest_may_be_lost_but_nothing_is_damaged() {
    let mut lost_some = 0;
    chain_of_losses("normal", chains() / 3 + 1, |_, lost, _| {
        lost_some += usize::from(!lost.is_empty());
    });
    assert!(lost_some > 0, "the disk forgets what was not synced");
}

#[test]
fn without_any_sync_all_that_was_acknowledged_may_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    let found = tempfile::tempdir().unwrap();
    let path = prepare(folder.path());
    let mut ledger = Ledger::default();
    let loss = (u64::MAX / 2, Kept::Nothing, 0);
    let path = lose_power(&path, found.path(), "off", &mut ledger, loss);
    let database = open_at(&path, "full").unwrap();
    assert!(ledger.acknowledged() > 0);
    assert_eq!(ledger.lost(&database).len(), ledger.acknowledged());
    close(database);
}
