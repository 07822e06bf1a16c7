//! The compiled SQL uses the indexes that are there: SQLite's own plan says so.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use ash_rusqlite_engine::catalog::{Catalog, KnownForms};
use ash_rusqlite_engine::query::compile::{bind, compile_read, compile_write, InsertPlans, Param};
use ash_rusqlite_engine::query::functions;
use ash_rusqlite_engine::query::ir::{
    Aggregate, Collation, CompareOp, Conflict, Cursor, Delete, Insert, KeyValue, OrderBy, Read,
    Returning, Scalar, Select, Write,
};
use ash_rusqlite_engine::{ColumnType, Date, DateTime, Time, Value};
use rusqlite::Connection;

const SCHEMA: &str = "
    CREATE TABLE messages (
      id UUID_TEXT NOT NULL PRIMARY KEY,
      room_id UUID_TEXT NOT NULL,
      user_id UUID_TEXT,
      content TEXT NOT NULL,
      created_at DATETIME_USEC_TEXT NOT NULL);
    CREATE INDEX messages_of_room ON messages (room_id, created_at, id);";

fn open() -> (Connection, Catalog) {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    let catalog = Catalog::load(&conn).unwrap();
    // As after the first read of a table where every time has one form.
    let forms = KnownForms::default();
    forms.look_at_all(&conn, &catalog).unwrap();
    (conn, catalog.with_forms(&forms))
}

fn uuid(number: u32) -> Value {
    Value::Bytes(format!("01890000-0000-7000-8000-{number:012}").into_bytes())
}

fn moment(second: u8) -> Value {
    let date = Date {
        year: 2026,
        month: 1,
        day: 2,
    };
    let time = Time {
        hour: 3,
        minute: 4,
        second,
        microsecond: 5,
        precision: 6,
    };
    Value::DateTime(DateTime { date, time })
}

fn plan(conn: &Connection, catalog: &Catalog, read: &Read) -> String {
    let compiled = compile_read(read, catalog).unwrap();
    let mut stmt = conn
        .prepare(&format!("EXPLAIN QUERY PLAN {}", compiled.sql))
        .unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    let mut rows = stmt.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get::<_, String>(3).unwrap());
    }
    plan.join("; ")
}

fn of_room() -> Option<Scalar> {
    Some(Scalar::compare("room_id", CompareOp::Eq, uuid(1)))
}

fn messages(descending: bool) -> Select {
    let order = OrderBy::column("created_at", descending, None);
    Select {
        table: "messages".into(),
        filter: of_room(),
        order_by: vec![order],
        limit: Some(50),
        page: true,
        ..Select::default()
    }
}

#[test]
fn pages_of_a_room_are_read_from_its_index() {
    let (conn, catalog) = open();
    let cursor = || Some(Cursor::Values(vec![moment(1), uuid(7)]));
    for descending in [false, true] {
        let first = plan(&conn, &catalog, &Read::Select(messages(descending)));
        assert_eq!(
            first,
            "SEARCH messages USING INDEX messages_of_room (room_id=?)"
        );
        let after = Select {
            after: cursor(),
            ..messages(descending)
        };
        let before = Select {
            before: cursor(),
            ..messages(descending)
        };
        let plans = [after, before].map(|page| plan(&conn, &catalog, &Read::Select(page)));
        let (less, greater) = ("(created_at,id)<(?,?)", "(created_at,id)>(?,?)");
        let bounds = if descending {
            [less, greater]
        } else {
            [greater, less]
        };
        for (plan, bound) in plans.iter().zip(bounds) {
            let wanted =
                format!("SEARCH messages USING INDEX messages_of_room (room_id=? AND {bound})");
            assert_eq!(*plan, wanted);
        }
    }
}

#[test]
fn mixed_directions_still_begin_at_the_cursor() {
    let (conn, catalog) = open();
    let mut page = messages(true);
    page.order_by.push(OrderBy::column("id", false, None));
    page.after = Some(Cursor::Values(vec![moment(1), uuid(7)]));
    let plan = plan(&conn, &catalog, &Read::Select(page));
    assert!(
        plan.contains("messages_of_room (room_id=? AND created_at<?)"),
        "{plan}"
    );
}

#[test]
fn lists_of_any_length_are_looked_up() {
    let (conn, catalog) = open();
    for count in [1, 5, 16, 17, 5_000] {
        let values = (0..count).map(uuid).collect();
        let filter = Some(Scalar::among("id", values));
        let select = Select {
            table: "messages".into(),
            filter,
            ..Select::default()
        };
        let plan = plan(&conn, &catalog, &Read::Select(select));
        assert!(
            plan.contains("SEARCH messages USING INDEX sqlite_autoindex"),
            "{count}: {plan}"
        );
    }
}

#[test]
fn keys_counts_and_extremes_are_looked_up() {
    let (conn, catalog) = open();
    let filter = Some(Scalar::PrimaryKey(KeyValue::Single(uuid(1))));
    let get = Select {
        table: "messages".into(),
        filter,
        ..Select::default()
    };
    let get = plan(&conn, &catalog, &Read::Select(get));
    assert_eq!(
        get,
        "SEARCH messages USING INDEX sqlite_autoindex_messages_1 (id=?)"
    );
    for (function, column) in [
        (Aggregate::Count, None),
        (Aggregate::Max, Some("created_at".into())),
    ] {
        let select = Select {
            table: "messages".into(),
            filter: of_room(),
            ..Select::default()
        };
        let plan = plan(
            &conn,
            &catalog,
            &Read::Aggregate {
                function,
                column,
                select,
            },
        );
        assert_eq!(
            plan,
            "SEARCH messages USING COVERING INDEX messages_of_room (room_id=?)"
        );
    }
}

#[test]
fn an_index_in_which_nulls_are_equal_serves_reads_and_queries_within() {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(
        "CREATE TABLE places (id INTEGER PRIMARY KEY, room TEXT);
         CREATE UNIQUE INDEX places_room ON places (ifnull(room, 0), room IS NULL);",
    )
    .unwrap();
    let catalog = Catalog::load(&conn).unwrap();
    let of_room = || Select {
        table: "places".into(),
        filter: Some(Scalar::Compare {
            op: CompareOp::Eq,
            collation: Collation::Binary,
            left: Box::new(Scalar::column("room")),
            right: Box::new(Scalar::Value {
                column_type: ColumnType::Text,
                value: Value::Bytes(b"attic".to_vec()),
            }),
        }),
        ..Select::default()
    };
    let within = Select {
        table: "places".into(),
        filter: Some(Scalar::Exists(Box::new(of_room()))),
        ..Select::default()
    };
    for select in [of_room(), within] {
        let plan = plan(&conn, &catalog, &Read::Select(select));
        assert!(
            plan.contains("USING INDEX places_room (<expr>=? AND <expr>=?)"),
            "{plan}"
        );
    }
}

#[test]
fn a_long_list_deletes_its_rows() {
    let (conn, catalog) = open();
    let row = |number| {
        vec![
            ("id".into(), uuid(number)),
            ("room_id".into(), uuid(1)),
            ("content".into(), Value::Bytes(b"hello".to_vec())),
            ("created_at".into(), moment(1)),
        ]
    };
    let insert = Write::Insert(Insert {
        table: "messages".into(),
        rows: (0..100).map(row).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    });
    let values = (50..150).map(uuid).collect();
    let delete = Write::Delete(Delete {
        table: "messages".into(),
        filter: Some(Scalar::among("id", values)),
        returning: Returning::Nothing,
    });
    for (write, wanted) in [(insert, 100), (delete, 50)] {
        let mut changed = 0;
        for compiled in compile_write(&write, &catalog, &InsertPlans::default()).unwrap() {
            let mut stmt = conn.prepare(&compiled.sql).unwrap();
            let run = &mut |params: &[Param<'_>]| {
                bind(&mut stmt, params)?;
                changed += stmt.raw_execute().unwrap();
                Ok(())
            };
            compiled.runs.each(run).unwrap();
        }
        assert_eq!(changed, wanted);
    }
}
