//! Between any two schemas: what is generated leads from the one to the other and back, over tables
//! with rows that all survive, and then there is nothing left to do. `PROPTEST_CASES` runs more pairs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod fixtures {
    pub mod generated;
}
mod support {
    pub mod schemas;
}

use ash_rusqlite_engine::migration::generate::GenerateOptions;
use ash_rusqlite_engine::Code;
use fixtures::generated::{named, Folder};
use proptest::prelude::*;
use support::schemas::{Pair, Random};

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(120, |cases| cases.parse().unwrap())
}

fn try_pair(seed: u64, changes: usize, of_resources: bool, drop: bool) {
    let mut random = Random(seed);
    let pair = Pair::new(&mut random, changes);
    let wanted = |schema| {
        if of_resources {
            support::schemas::tables(schema)
        } else {
            support::schemas::sql(schema)
        }
    };
    let mut folder = Folder::new();
    folder.step(&wanted(&pair.from), &named("first"));
    for statement in pair.rows(&mut random) {
        folder.run(&statement);
    }
    let before = Seen::of(&folder, &pair, false);
    let options = GenerateOptions {
        drop,
        rename_tables: pair.renamed_tables.clone(),
        rename_columns: pair.renamed_columns.clone(),
        not_renamed: pair.not_renamed(),
        fill: pair.fill(),
        ..named("second")
    };
    let files = folder.step(&wanted(&pair.to), &options);
    let after = Seen::of(&folder, &pair, true);
    assert_eq!(
        before.common,
        after.common,
        "rows survive\n{}",
        files.join("\n")
    );
    assert_eq!(
        folder.rows("PRAGMA foreign_key_check"),
        Vec::<String>::new()
    );
    assert_eq!(folder.rows("PRAGMA integrity_check"), ["ok"]);
    if drop {
        // What was changed step by step is what a new database gets at once.
        let mut fresh = Folder::new();
        fresh.step(&wanted(&pair.to), &named("all"));
        let fresh = Seen::of(&fresh, &pair, true);
        assert_eq!(after.shape, fresh.shape, "{}", files.join("\n"));
    }
    if files.is_empty() {
        return;
    }
    if let Err(error) = folder.rollback(files.len() as u64) {
        // Rows may refer to those of a table that comes back without them.
        let text = files.concat();
        if error.message().contains("leaves foreign keys broken") {
            assert!(
                drop && text.contains("comes back without rows"),
                "{error}\n{text}"
            );
            return;
        }
        // A required column that went has no value to come back with, as the file says.
        assert_eq!(error.code(), Code::MigrationFailed, "{error}");
        let by_rows = [
            "constraint failed",
            "is null in some rows",
            "do not satisfy",
        ];
        let said = |text: &&str| error.message().contains(*text);
        assert!(by_rows.iter().any(said), "{error}");
        assert!(
            drop && text.contains("-- This fails where"),
            "{error}\n{text}"
        );
        return;
    }
    let back = Seen::of(&folder, &pair, false);
    assert_eq!(
        back.shape,
        before.shape,
        "the way back\n{}",
        files.join("\n")
    );
    assert_eq!(
        back.common,
        before.common,
        "the way back\n{}",
        files.join("\n")
    );
    folder.migrate();
    let again = Seen::of(&folder, &pair, true);
    assert_eq!(again.shape, after.shape, "up again\n{}", files.join("\n"));
    assert_eq!(again.common, after.common, "up again\n{}", files.join("\n"));
}

/// What a database looks like.
#[derive(Debug)]
struct Seen {
    /// Its tables, columns, indexes, keys and triggers as SQLite describes them.
    shape: Vec<String>,
    /// The rows as far as both schemas have them, under the first one's names.
    common: Vec<String>,
}

impl Seen {
    fn of(folder: &Folder, pair: &Pair, is_new: bool) -> Seen {
        let mut shape = Vec::new();
        let tables = folder.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'ash_rusqlite*' \
             AND name NOT GLOB 'sqlite_*' ORDER BY 1",
        );
        for table in &tables {
            for (what, columns) in [
                (
                    "table_xinfo",
                    "name, type, \"notnull\", replace(ifnull(dflt_value, ''), '\"', ''), pk",
                ),
                (
                    "foreign_key_list",
                    "\"table\", \"from\", \"to\", on_update, on_delete",
                ),
                ("index_list", "name, \"unique\", origin, partial"),
            ] {
                let sql =
                    format!("SELECT {columns} FROM pragma_{what}('{table}') ORDER BY 1, 2, 3");
                let named = |row: &String| format!("{table} {what} {row}");
                shape.extend(folder.rows(&sql).iter().map(named));
            }
        }
        shape.extend(folder.rows(
            "SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY 1",
        ));
        let mut common = Vec::new();
        for (old, new, columns) in pair.common() {
            let (table, side) = if is_new { (&new, 1) } else { (&old, 0) };
            if !tables.contains(table) {
                continue;
            }
            let names: Vec<&str> = columns
                .iter()
                .map(|both| {
                    if side == 1 {
                        both.1.as_str()
                    } else {
                        both.0.as_str()
                    }
                })
                .collect();
            let sql = format!("SELECT {} FROM \"{table}\" ORDER BY 1", names.join(", "));
            common.extend(folder.rows(&sql).iter().map(|row| format!("{old}: {row}")));
        }
        Seen { shape, common }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn what_is_generated_leads_there_and_back(
        seed in any::<u64>(),
        changes in 0_usize..8,
        of_resources in any::<bool>(),
        drop in any::<bool>(),
    ) {
        try_pair(seed, changes, of_resources, drop);
    }
}
