//! Times compare as the times that they are read as, whatever program wrote their texts, and an
//! index serves their comparisons whether or not the texts are known to have one form.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;

use ash_rusqlite_engine::catalog::{Catalog, Form, KnownForms, Readings};
use ash_rusqlite_engine::query::compile::{bind, compile_read};
use ash_rusqlite_engine::query::functions;
use ash_rusqlite_engine::query::ir::{
    Aggregate, AggregateKind, Aggregated, Collation, CompareOp, Computed, Cursor, DistinctOn,
    OrderBy, Read, Scalar, Select,
};
use ash_rusqlite_engine::{ColumnType, Date, DateTime, Time, Value};
use chrono::{Datelike, Duration, NaiveDateTime, Timelike};
use proptest::prelude::*;
use rusqlite::Connection;

/// A time as a program wrote it: the text and the instant that it is.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    at: NaiveDateTime,
}

const OPS: [CompareOp; 6] = [
    CompareOp::Eq,
    CompareOp::NotEq,
    CompareOp::Lt,
    CompareOp::LtEq,
    CompareOp::Gt,
    CompareOp::GtEq,
];

/// Times that are close enough to each other to be equal often, on both sides of midnight.
fn moment() -> impl Strategy<Value = NaiveDateTime> {
    let midnight = chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let midnight = midnight.and_hms_opt(0, 0, 0).unwrap();
    let micros = prop::sample::select(vec![0, 0, 0, 1, 500_000, 999_999]);
    (-60_i64..60, -2_i64..2, micros).prop_map(move |(hours, seconds, micros)| {
        midnight
            + Duration::hours(hours / 2)
            + Duration::seconds(seconds)
            + Duration::microseconds(micros)
    })
}

fn written(utc: bool) -> impl Strategy<Value = Written> {
    let offsets = vec![0, 0, 0, 120, -330, 1439, -1439];
    let offset = prop::sample::select(offsets);
    (moment(), offset, any::<bool>(), 0_u8..3, 0_u8..4).prop_map(
        move |(at, offset, space, end, digits)| {
            let local = match utc {
                true => at + Duration::minutes(offset),
                false => at,
            };
            let mut text = local.format("%Y-%m-%d").to_string();
            text.push(if space { ' ' } else { 'T' });
            text += &local.format("%H:%M:%S").to_string();
            let micros = at.nanosecond() / 1_000;
            match (digits, micros) {
                (0, 0) => {}
                (1, _) if micros % 1_000 == 0 => text += &format!(".{:03}", micros / 1_000),
                (2, _) => text += &format!(",{micros:06}0"),
                _ => text += &format!(".{micros:06}"),
            }
            if offset != 0 {
                let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
                let sign = if offset < 0 { '-' } else { '+' };
                text += &format!("{sign}{hours:02}:{minutes:02}");
            } else if end == 0 {
                text.push('Z');
            }
            Written { text, at }
        },
    )
}

fn value(at: NaiveDateTime, utc: bool) -> Value {
    let date = Date {
        year: at.year(),
        month: u8::try_from(at.month()).unwrap(),
        day: u8::try_from(at.day()).unwrap(),
    };
    let time = Time {
        hour: u8::try_from(at.hour()).unwrap(),
        minute: u8::try_from(at.minute()).unwrap(),
        second: u8::try_from(at.second()).unwrap(),
        microsecond: at.nanosecond() / 1_000,
        precision: 6,
    };
    let at = DateTime { date, time };
    match utc {
        true => Value::DateTime(at),
        false => Value::NaiveDateTime(at),
    }
}

/// The table with its rows, read as the type, and what a look at it found.
fn table(
    declared: &str,
    column_type: ColumnType,
    rows: &[Option<Written>],
) -> (Connection, Catalog) {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at {declared}); CREATE INDEX t_at ON t (at)"
    ))
    .unwrap();
    for (id, row) in rows.iter().enumerate() {
        let text = row.as_ref().map(|row| &row.text);
        let id = i64::try_from(id).unwrap();
        conn.execute("INSERT INTO t VALUES (?, ?)", (id, text))
            .unwrap();
    }
    let readings = Readings::default();
    readings.set("t", HashMap::from([("at".to_owned(), column_type)]));
    let catalog = Catalog::load(&conn).unwrap().read_as(&readings);
    (conn, catalog)
}

fn looked(conn: &Connection, catalog: &Catalog) -> Catalog {
    let forms = KnownForms::default();
    forms.look_at_all(conn, catalog).unwrap();
    catalog.clone().with_forms(&forms)
}

fn form(catalog: &Catalog) -> Form {
    catalog.table("t").unwrap().column("at").unwrap().1.form
}

/// The first column of each row, which is an integer.
fn ids(conn: &Connection, catalog: &Catalog, read: &Read) -> Vec<i64> {
    let compiled = compile_read(read, catalog).unwrap();
    let mut stmt = conn.prepare(&compiled.sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    let mut rows = stmt.raw_query();
    let mut ids = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        ids.push(row.get(0).unwrap());
    }
    if compiled.reversed {
        ids.reverse();
    }
    ids
}

fn plan(conn: &Connection, catalog: &Catalog, read: &Read) -> String {
    let compiled = compile_read(read, catalog).unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {}", compiled.sql);
    let mut stmt = conn.prepare(&sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    let mut rows = stmt.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get::<_, String>(3).unwrap());
    }
    plan.join("; ")
}

fn select(filter: Option<Scalar>) -> Select {
    Select {
        table: "t".into(),
        columns: Some(vec!["id".into()]),
        filter,
        ..Select::default()
    }
}

fn by_id() -> OrderBy {
    OrderBy::column("id", false, None)
}

fn filtered(filter: Scalar) -> Read {
    Read::Select(Select {
        order_by: vec![by_id()],
        ..select(Some(filter))
    })
}

fn at() -> Scalar {
    Scalar::Column {
        depth: 0,
        table: 0,
        name: "at".into(),
    }
}

fn scalar(filter: Scalar) -> Read {
    filtered(filter)
}

fn compared(op: CompareOp, left: Scalar, right: Scalar) -> Scalar {
    Scalar::Compare {
        op,
        collation: Collation::Binary,
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn holds(op: CompareOp, left: NaiveDateTime, right: NaiveDateTime) -> bool {
    match op {
        CompareOp::Eq => left == right,
        CompareOp::NotEq => left != right,
        CompareOp::Lt => left < right,
        CompareOp::LtEq => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::GtEq => left >= right,
    }
}

fn expected(rows: &[Option<Written>], keep: impl Fn(NaiveDateTime) -> bool) -> Vec<i64> {
    let rows = rows.iter().enumerate();
    rows.filter(|(_, row)| row.as_ref().is_some_and(|row| keep(row.at)))
        .map(|(id, _)| i64::try_from(id).unwrap())
        .collect()
}

/// The rows in the order of their times, then of their ids; nulls first.
fn sorted(rows: &[Option<Written>], descending: bool) -> Vec<i64> {
    let mut ids: Vec<i64> = (0..i64::try_from(rows.len()).unwrap()).collect();
    ids.sort_by(|a, b| {
        let key = |id: &i64| {
            rows[usize::try_from(*id).unwrap()]
                .as_ref()
                .map(|row| row.at)
        };
        let order = key(a).cmp(&key(b));
        if descending {
            order.reverse()
        } else {
            order
        }
    });
    ids
}

fn agree(
    declared: &str,
    column_type: ColumnType,
    rows: &[Option<Written>],
    probes: &[NaiveDateTime],
) {
    let utc = column_type == ColumnType::DateTime || column_type == ColumnType::DateTimeUsec;
    let full = if utc {
        ColumnType::DateTimeUsec
    } else {
        ColumnType::NaiveDateTimeUsec
    };
    let seconds = matches!(
        column_type,
        ColumnType::DateTime | ColumnType::NaiveDateTime
    );
    let (conn, unknown) = table(declared, column_type, rows);
    let known = looked(&conn, &unknown);
    assert_eq!(form(&unknown), Form::Unknown);
    assert_ne!(form(&known), Form::Unknown);
    for catalog in [&unknown, &known] {
        let literal = |at| Scalar::Value {
            column_type: full,
            value: value(at, utc),
        };
        for probe in probes {
            for op in OPS {
                let wanted = expected(rows, |at| holds(op, at, *probe));
                let found = ids(&conn, catalog, &scalar(compared(op, at(), literal(*probe))));
                assert_eq!(found, wanted, "{op:?} {probe}");
                let turned = expected(rows, |at| holds(op, *probe, at));
                let found = ids(&conn, catalog, &scalar(compared(op, literal(*probe), at())));
                assert_eq!(found, turned, "turned {op:?} {probe}");
                if !seconds || probe.nanosecond() == 0 {
                    let plain = Scalar::compare("at", op, value(*probe, utc));
                    assert_eq!(
                        ids(&conn, catalog, &filtered(plain)),
                        wanted,
                        "plain {op:?} {probe}"
                    );
                }
            }
        }
        let among = expected(rows, |at| probes.contains(&at));
        let found = scalar(Scalar::In {
            collation: Collation::Binary,
            item: Box::new(at()),
            list: probes.iter().map(|probe| literal(*probe)).collect(),
        });
        assert_eq!(ids(&conn, catalog, &found), among);
        for descending in [false, true] {
            orders(&conn, catalog, rows, descending, utc);
        }
        let first = |kind| {
            let aggregated = Scalar::Aggregate(Box::new(Aggregated {
                kind,
                scalar: Some(at()),
                distinct: false,
                collation: Collation::Binary,
                include_nil: false,
                precision: None,
                select: Select {
                    table: "t".into(),
                    ..Select::default()
                },
            }));
            scalar(compared(CompareOp::Eq, at(), aggregated))
        };
        let times = || rows.iter().flatten().map(|row| row.at);
        let (least, greatest) = (times().min(), times().max());
        assert_eq!(
            ids(&conn, catalog, &first(AggregateKind::Min)),
            expected(rows, |at| Some(at) == least)
        );
        assert_eq!(
            ids(&conn, catalog, &first(AggregateKind::Max)),
            expected(rows, |at| Some(at) == greatest)
        );
        for (function, wanted) in [(Aggregate::Min, least), (Aggregate::Max, greatest)] {
            let read = Read::Aggregate {
                function,
                column: Some("at".into()),
                select: Select {
                    table: "t".into(),
                    ..Select::default()
                },
            };
            let compiled = compile_read(&read, catalog).unwrap();
            let text: Option<String> = conn.query_row(&compiled.sql, [], |row| row.get(0)).unwrap();
            let is_of = |text: String| {
                rows.iter()
                    .flatten()
                    .any(|row| row.text == text && Some(row.at) == wanted)
            };
            assert_eq!(text.is_some(), wanted.is_some());
            assert!(text.is_none_or(is_of));
        }
        let mut distinct: Vec<_> = rows
            .iter()
            .map(|row| row.as_ref().map(|row| row.at))
            .collect();
        distinct.sort();
        distinct.dedup();
        let read = Read::Select(Select {
            columns: Some(vec!["at".into()]),
            distinct: true,
            ..select(None)
        });
        let compiled = compile_read(&read, catalog).unwrap();
        let count = |sql: String| {
            conn.query_row(&sql, [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(
            count(format!("SELECT count(*) FROM ({})", compiled.sql)),
            i64::try_from(distinct.len()).unwrap()
        );
        let read = Read::Select(Select {
            distinct_on: Some(Box::new(DistinctOn {
                keys: vec![at()],
                order_by: vec![],
            })),
            ..select(None)
        });
        assert_eq!(ids(&conn, catalog, &read).len(), distinct.len());
    }
}

fn orders(
    conn: &Connection,
    catalog: &Catalog,
    rows: &[Option<Written>],
    descending: bool,
    utc: bool,
) {
    let wanted = sorted(rows, descending);
    let by = |column: &str, descending| OrderBy::column(column, descending, None);
    let order_by = vec![by("at", descending), by("id", false)];
    let read = Read::Select(Select {
        order_by: order_by.clone(),
        ..select(None)
    });
    assert_eq!(
        ids(conn, catalog, &read),
        wanted,
        "order, descending: {descending}"
    );
    let of_expressions = vec![
        OrderBy {
            scalar: at(),
            descending,
            nulls: None,
        },
        OrderBy {
            scalar: Scalar::Column {
                depth: 0,
                table: 0,
                name: "id".into(),
            },
            descending: false,
            nulls: None,
        },
    ];
    let read = Read::Select(Select {
        order_by: of_expressions,
        ..select(None)
    });
    assert_eq!(
        ids(conn, catalog, &read),
        wanted,
        "order of expressions, descending: {descending}"
    );
    // Pages of two, each from the last row of the one before.
    for (place, id) in wanted.iter().enumerate() {
        let row = rows[usize::try_from(*id).unwrap()].as_ref();
        let at = row.map_or(Value::Null, |row| value(row.at, utc));
        // A column of seconds takes no other cursor.
        if row.is_some_and(|row| row.at.nanosecond() != 0) && form_keeps_seconds(catalog) {
            continue;
        }
        let read = Read::Select(Select {
            order_by: order_by.clone(),
            limit: Some(2),
            after: Some(Cursor::Values(vec![at, Value::Integer(*id)])),
            ..select(None)
        });
        let next: Vec<i64> = wanted[place + 1..].iter().take(2).copied().collect();
        assert_eq!(ids(conn, catalog, &read), next, "page after {id}");
    }
}

fn form_keeps_seconds(catalog: &Catalog) -> bool {
    let table = catalog.table("t").unwrap();
    let column_type = table.column("at").unwrap().1.column_type;
    matches!(
        column_type,
        ColumnType::DateTime | ColumnType::NaiveDateTime
    )
}

fn rows(utc: bool) -> impl Strategy<Value = Vec<Option<Written>>> {
    prop::collection::vec(prop::option::weighted(0.9, written(utc)), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn instants_of_all_forms_compare_as_what_they_are(
        rows in rows(true),
        others in prop::collection::vec(moment(), 1..4),
        declared in prop::sample::select(vec!["TEXT", "NUMERIC", "DATETIME", ""]),
        usec in any::<bool>(),
    ) {
        let mut probes = others;
        probes.extend(rows.iter().flatten().map(|row| row.at).take(4));
        let column_type = if usec { ColumnType::DateTimeUsec } else { ColumnType::DateTime };
        agree(declared, column_type, &rows, &probes);
        agree(column_type.declared(), column_type, &rows, &probes);
    }

    #[test]
    fn times_without_a_zone_do_so_too(
        rows in rows(false),
        others in prop::collection::vec(moment(), 1..4),
        usec in any::<bool>(),
    ) {
        let mut probes = others;
        probes.extend(rows.iter().flatten().map(|row| row.at).take(4));
        let column_type = if usec { ColumnType::NaiveDateTimeUsec } else { ColumnType::NaiveDateTime };
        agree("TEXT", column_type, &rows, &probes);
    }
}

/// Rows that we wrote, in the one form of the type.
fn own(column_type: ColumnType, count: i64) -> Vec<Option<Written>> {
    let start = chrono::NaiveDate::from_ymd_opt(2026, 1, 2)
        .unwrap()
        .and_hms_opt(3, 4, 5)
        .unwrap();
    let format = match column_type {
        ColumnType::DateTime => "%Y-%m-%dT%H:%M:%SZ",
        _ => "%Y-%m-%dT%H:%M:%S.000000Z",
    };
    (0..count)
        .map(|n| start + Duration::seconds(n))
        .map(|at| {
            Some(Written {
                text: at.format(format).to_string(),
                at,
            })
        })
        .collect()
}

#[test]
fn a_column_of_seconds_finds_its_rows_by_times_with_a_fraction() {
    let rows = own(ColumnType::DateTime, 3);
    let (conn, catalog) = table("DATETIME_TEXT", ColumnType::DateTime, &rows);
    let catalog = looked(&conn, &catalog);
    assert_eq!(form(&catalog), Form::One);
    let at_half = rows[1].as_ref().unwrap().at + Duration::milliseconds(500);
    let literal = |at| Scalar::Value {
        column_type: ColumnType::DateTimeUsec,
        value: value(at, true),
    };
    for (op, wanted) in [
        (CompareOp::Lt, vec![0, 1]),
        (CompareOp::LtEq, vec![0, 1]),
        (CompareOp::Gt, vec![2]),
        (CompareOp::GtEq, vec![2]),
        (CompareOp::Eq, vec![]),
        (CompareOp::NotEq, vec![0, 1, 2]),
    ] {
        let read = scalar(compared(op, at(), literal(at_half)));
        assert_eq!(ids(&conn, &catalog, &read), wanted, "{op:?}");
    }
}

#[test]
fn an_index_serves_comparisons_in_both_cases() {
    let rows = own(ColumnType::DateTimeUsec, 3);
    let (conn, unknown) = table("DATETIME_USEC_TEXT", ColumnType::DateTimeUsec, &rows);
    let known = looked(&conn, &unknown);
    assert_eq!(form(&known), Form::One);
    let literal = |column_type| Scalar::Value {
        column_type,
        value: value(rows[1].as_ref().unwrap().at, true),
    };
    for (op, one, several) in [
        (CompareOp::Eq, "(at=?)", "(at>? AND at<?)"),
        (CompareOp::Lt, "(at<?)", "(at<?)"),
        (CompareOp::GtEq, "(at>?)", "(at>?)"),
    ] {
        for (catalog, bound) in [(&known, one), (&unknown, several)] {
            for column_type in [ColumnType::DateTime, ColumnType::DateTimeUsec] {
                let left = compared(op, at(), literal(column_type));
                let read = Read::Select(select(Some(left)));
                let plan = plan(&conn, catalog, &read);
                assert!(
                    plan.contains(&format!("INDEX t_at {bound}")),
                    "{op:?}: {plan}"
                );
            }
        }
    }
    // Only known texts are in the order of time.
    let ordered = Read::Select(Select {
        order_by: vec![OrderBy::column("at", true, None)],
        limit: Some(2),
        ..select(None)
    });
    assert!(!plan(&conn, &known, &ordered).contains("TEMP B-TREE"));
    assert!(plan(&conn, &unknown, &ordered).contains("TEMP B-TREE"));
}

#[test]
fn what_is_computed_from_times_is_compared_as_times() {
    let mut rows = own(ColumnType::DateTimeUsec, 2);
    rows.push(Some(Written {
        text: "2026-01-02 03:04:06".into(),
        at: rows[1].as_ref().unwrap().at,
    }));
    let (conn, catalog) = table("TEXT", ColumnType::DateTimeUsec, &rows);
    let newest = Scalar::Subquery(
        Box::new(Select {
            table: "t".into(),
            order_by: vec![OrderBy {
                scalar: at(),
                descending: true,
                nulls: None,
            }],
            ..Select::default()
        }),
        Box::new(at()),
    );
    let family = ash_rusqlite_engine::value::TimeFamily::Instant;
    let read = scalar(Scalar::Compare {
        op: CompareOp::Eq,
        collation: Collation::Time(family),
        left: Box::new(newest.clone()),
        right: Box::new(at()),
    });
    assert_eq!(ids(&conn, &catalog, &read), [1, 2]);
    let computed = Computed {
        name: "newest".into(),
        scalar: newest,
        column_type: ColumnType::DateTimeUsec,
        list: false,
    };
    assert_eq!(computed.output().column_type, ColumnType::DateTimeUsec);
}
