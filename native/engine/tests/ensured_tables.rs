//! Tables that are made and grow while the database is in use: at once for everybody outside
//! of a transaction, with the transaction inside of one, once however many ask.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}
#[path = "fixtures/specs.rs"]
mod specs;

use std::sync::Arc;
use std::thread;

use ash_rusqlite_engine::query::ir::{Read, Returning, Select, Write};
use ash_rusqlite_engine::schema::{DifferenceKind, TableSpec};
use ash_rusqlite_engine::{
    Code, ColumnType, Database, Detail, Ensured, Error, Looked, Outcome, Submitted, TransactionId,
    TransactionOp, Value,
};
use serde_json::json;
use specs::{column, index, table};
use support::host::*;

fn rooms_with(columns: &[&str]) -> TableSpec {
    let mut spec = table("rooms", "id");
    spec.columns = vec![column("id", ColumnType::Integer)];
    let others = columns.iter().map(|name| column(name, ColumnType::Text));
    spec.columns.extend(others);
    spec
}

fn ensure(database: &Database, spec: &TableSpec) -> Result<Vec<String>, Error> {
    let (responder, from) = reply();
    let on_room = &mut || -> ash_rusqlite_engine::Notify { Box::new(|| ()) };
    match database.ensure_table(spec.clone(), soon(), responder, on_room)? {
        Ensured::Complete => Ok(Vec::new()),
        Ensured::Submitted(Submitted::Full(_)) => panic!("the queue is empty"),
        Ensured::Submitted(Submitted::Queued(_)) => statements(answered(&from)?),
    }
}

fn statements(outcome: Outcome) -> Result<Vec<String>, Error> {
    match outcome {
        Outcome::Statements(statements) => Ok(statements),
        other => panic!("{other:?}"),
    }
}

fn ensure_in(
    database: &Database,
    tx: TransactionId,
    spec: &TableSpec,
) -> Result<Vec<String>, Error> {
    let (responder, from) = reply();
    let op = TransactionOp::EnsureTable(Box::new(spec.clone()));
    database.transaction_submit(tx, op, soon(), responder)?;
    statements(answered(&from)?)
}

fn different(database: &Database, spec: &TableSpec) -> Vec<DifferenceKind> {
    let waiting = &mut || -> ash_rusqlite_engine::Notify { Box::new(|| ()) };
    match database
        .differences(spec, soon(), Arc::default(), waiting)
        .unwrap()
    {
        Looked::Done(found) => found.into_iter().map(|found| found.kind).collect(),
        Looked::NoReader(_) => panic!("a reader is free"),
    }
}

fn row(id: i64, title: &str) -> Write {
    insert(
        "rooms",
        &[("id", Value::Integer(id)), ("title", text(title))],
    )
}

fn all() -> Read {
    Read::Select(Select {
        table: "rooms".into(),
        ..Select::default()
    })
}

#[test]
fn a_table_is_there_for_everybody_when_the_answer_is() {
    let database = open(config(":memory:", json!({}))).unwrap();
    let spec = rooms_with(&["title"]);
    assert_eq!(different(&database, &spec), [DifferenceKind::MissingTable]);
    assert_eq!(ensure(&database, &spec).unwrap().len(), 1);
    write(&database, row(1, "a")).unwrap();
    assert_eq!(read(&database, all()).unwrap(), [[json!(1), json!("a")]]);

    let commits = |database: &Database| count_of(database, "commits");
    let before = commits(&database);
    assert_eq!(ensure(&database, &spec).unwrap(), Vec::<String>::new());
    assert_eq!(commits(&database), before, "nothing to do is no write");

    let grown = rooms_with(&["title", "topic"]);
    assert_eq!(ensure(&database, &grown).unwrap().len(), 1);
    assert_eq!(
        read(&database, all()).unwrap(),
        [[json!(1), json!("a"), json!(null)]]
    );
    assert_eq!(different(&database, &grown), []);
    close(database);
}

fn count_of(database: &Database, name: &str) -> String {
    let stats = database.stats();
    let found = stats.iter().find(|(stat, _)| *stat == name);
    format!("{:?}", found.expect("the counter").1)
}

#[test]
fn in_a_transaction_a_table_comes_and_goes_with_it() {
    let database = open(config(":memory:", json!({}))).unwrap();
    ensure(&database, &rooms_with(&["title"])).unwrap();
    let grown = rooms_with(&["title", "topic"]);

    let tx = begin(&database);
    assert_eq!(ensure_in(&database, tx, &grown).unwrap().len(), 1);
    assert_eq!(ensure_in(&database, tx, &grown).unwrap().len(), 0);
    let topic = insert("rooms", &[("id", Value::Integer(1)), ("topic", text("t"))]);
    step(&database, tx, TransactionOp::Write(topic.clone())).unwrap();
    // Others neither see the column nor lose their view of the table, and asking does not
    // disturb the transaction.
    assert_eq!(read(&database, all()).unwrap(), Rows::new());
    assert_eq!(
        different(&database, &grown),
        [DifferenceKind::MissingColumn]
    );
    let by_topic = Read::Select(Select {
        table: "rooms".into(),
        filter: equal("topic", text("t")),
        ..Select::default()
    });
    let unknown = error(read(&database, by_topic.clone()));
    assert_eq!(unknown.code(), Code::UnknownColumn);
    assert_eq!(
        step(&database, tx, TransactionOp::Read(by_topic.clone())).unwrap(),
        [[json!(1), json!(null), json!("t")]]
    );
    finish(&database, tx, false).unwrap();
    assert_eq!(error(write(&database, topic)).code(), Code::UnknownColumn);

    let tx = begin(&database);
    ensure_in(&database, tx, &grown).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(read(&database, by_topic).unwrap(), Rows::new());
    close(database);
}

#[test]
fn a_savepoint_takes_a_table_back_and_a_failure_leaves_the_transaction_usable() {
    let database = open(config(":memory:", json!({}))).unwrap();
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Savepoint).unwrap();
    ensure_in(&database, tx, &rooms_with(&["title"])).unwrap();
    step(&database, tx, TransactionOp::Write(row(1, "a"))).unwrap();
    step(&database, tx, TransactionOp::RollbackToSavepoint).unwrap();
    let gone = error(step(&database, tx, TransactionOp::Write(row(1, "a"))));
    assert_eq!(gone.code(), Code::UnknownTable);

    ensure_in(&database, tx, &rooms_with(&["title"])).unwrap();
    step(&database, tx, TransactionOp::Write(row(1, "same"))).unwrap();
    step(&database, tx, TransactionOp::Write(row(2, "same"))).unwrap();
    let mut unique = rooms_with(&["title", "topic"]);
    unique.indexes = vec![index("rooms_title_index", &["title"])];
    unique.indexes[0].unique = true;
    let refused = error(ensure_in(&database, tx, &unique));
    assert_eq!(refused.code(), Code::UniqueViolation);
    assert_eq!(
        ensure_in(&database, tx, &rooms_with(&["title", "topic"])).unwrap(),
        ["ALTER TABLE \"rooms\" ADD COLUMN \"topic\" TEXT"],
        "nothing of the failed attempt is left"
    );
    finish(&database, tx, true).unwrap();
    assert_eq!(count(&database, "rooms"), 2);
    close(database);
}

#[test]
fn many_concurrent_requests_make_one_table_also_through_other_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let path = path.to_str().unwrap();
    // Each database is what another OS process would have: a writer and a lock of its own.
    let databases: Vec<Database> = (0..4)
        .map(|_| open(config(path, json!({}))).unwrap())
        .collect();
    let mut spec = rooms_with(&["title"]);
    spec.indexes = vec![index("rooms_title_index", &["title"])];
    let made: usize = thread::scope(|scope| {
        let asking: Vec<_> = databases
            .iter()
            .flat_map(|database| (0..4).map(move |_| database))
            .map(|database| {
                let spec = &spec;
                scope.spawn(move || ensure(database, spec).unwrap().len())
            })
            .collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).sum()
    });
    assert_eq!(made, 2, "one table and one index, each once");
    for (id, database) in databases.iter().enumerate() {
        write(database, row(i64::try_from(id).unwrap(), "a")).unwrap();
    }
    // A column that one adds is there for the others at their next look.
    ensure(&databases[0], &rooms_with(&["title", "topic"])).unwrap();
    assert_eq!(
        different(&databases[1], &rooms_with(&["title", "topic"])),
        []
    );
    assert_eq!(
        ensure(&databases[2], &rooms_with(&["title", "topic"])).unwrap(),
        Vec::<String>::new()
    );
    let inserted = Write::Insert(ash_rusqlite_engine::query::ir::Insert {
        table: "rooms".into(),
        rows: vec![vec![
            ("id".into(), Value::Integer(9)),
            ("topic".into(), text("t")),
        ]],
        conflict: ash_rusqlite_engine::query::ir::Conflict::Raise,
        returning: Returning::All,
    });
    assert_eq!(
        write(&databases[3], inserted).unwrap(),
        [[json!(9), json!(null), json!("t")]]
    );
    databases.into_iter().for_each(close);
}

#[test]
fn a_read_only_database_reports_differences_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read_only.db");
    let path = path.to_str().unwrap();
    let writable = open(config(path, json!({}))).unwrap();
    ensure(&writable, &rooms_with(&["title"])).unwrap();
    let read_only = open(config(path, json!({"read_only": true}))).unwrap();
    assert_eq!(
        ensure(&read_only, &rooms_with(&["title"])).unwrap().len(),
        0
    );
    let grown = rooms_with(&["title", "topic"]);
    assert_eq!(
        different(&read_only, &grown),
        [DifferenceKind::MissingColumn]
    );
    assert_eq!(error(ensure(&read_only, &grown)).code(), Code::ReadOnly);
    close(read_only);
    close(writable);
}

#[test]
fn a_violated_index_over_expressions_is_reported_with_its_columns() {
    let tables = "CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT, topic TEXT);
        CREATE UNIQUE INDEX folded ON rooms (lower(\"topic\"), title || 'topic')";
    let database = with_tables(config(":memory:", json!({})), tables);
    let row = |id| {
        let values = [
            ("id", Value::Integer(id)),
            ("title", text("a")),
            ("topic", text("b")),
        ];
        insert("rooms", &values)
    };
    write(&database, row(1)).unwrap();
    let violated = error(write(&database, row(2)));
    assert_eq!(violated.code(), Code::UniqueViolation);
    let columns = Detail::List(vec!["topic".into(), "title".into()]);
    assert_eq!(violated.detail("columns"), Some(&columns));
    close(database);
}
