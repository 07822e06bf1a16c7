use super::*;

#[test]
fn rows_are_inserted_in_runs_of_equal_columns() {
    let (conn, catalog) = open();
    let rows: [&[(&str, Value)]; 5] = [
        &[("name", text("a")), ("age", Value::Integer(1))],
        &[("age", Value::Integer(2)), ("name", text("b"))],
        &[("name", text("c"))],
        &[("name", text("d"))],
        &[("name", text("e")), ("age", Value::Null)],
    ];
    let (sqls, count) = write(&conn, &catalog, &Write::Insert(insert("users", &rows)));
    assert_eq!((sqls.len(), count), (3, 5));
    assert_eq!(
        sqls[0],
        "INSERT INTO \"users\" (\"name\", \"age\") VALUES (?, ?)"
    );
    let ages: String = conn
        .query_row(
            "SELECT group_concat(name || ifnull(age, ''), ' ') FROM users",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(ages, "a1 b2 c d e");
    let (sqls, _) = write(&conn, &catalog, &Write::Insert(insert("notes", &[&[]])));
    assert_eq!(sqls, ["INSERT INTO \"notes\" DEFAULT VALUES"]);
    assert!(compile_write(
        &Write::Insert(insert("users", &[])),
        &catalog,
        &InsertPlans::default()
    )
    .unwrap()
    .is_empty());
}

#[test]
fn upserts_say_what_they_overwrite() {
    let (conn, catalog) = open();
    let upsert = |target: &[&str], set: ConflictSet| {
        let mut insert = insert(
            "users",
            &[&[
                ("id", Value::Integer(1)),
                ("name", text("a")),
                ("email", text("x")),
            ]],
        );
        let target = target.iter().map(|name| (*name).into()).collect();
        insert.conflict = Conflict::Update { target, set };
        insert.returning = Returning::Columns(vec!["id".into()]);
        let (sqls, count) = write(&conn, &catalog, &Write::Insert(insert));
        assert_eq!(count, 1);
        let sql = sqls[0].split_once(" ON CONFLICT ").unwrap().1;
        sql.strip_suffix(" RETURNING \"id\"").unwrap().to_owned()
    };
    assert_eq!(
        upsert(&[], ConflictSet::All),
        "(\"id\") DO UPDATE SET \"name\" = excluded.\"name\", \"email\" = excluded.\"email\""
    );
    assert_eq!(
        upsert(&["email"], ConflictSet::AllExcept(vec!["id".into()])),
        "(\"email\") DO UPDATE SET \"name\" = excluded.\"name\""
    );
    assert_eq!(
        upsert(&["email"], ConflictSet::Columns(vec![])),
        "(\"email\") DO UPDATE SET \"email\" = \"email\""
    );
    let mut insert = insert("notes", &[&[]]);
    insert.conflict = Conflict::Nothing { target: vec![] };
    let (sqls, count) = write(&conn, &catalog, &Write::Insert(insert.clone()));
    assert_eq!(
        sqls,
        ["INSERT INTO \"notes\" (rowid) VALUES (NULL) ON CONFLICT DO NOTHING"]
    );
    assert_eq!(count, 1);
    insert.conflict = Conflict::Update {
        target: vec![],
        set: ConflictSet::All,
    };
    refused_write(&Write::Insert(insert));
}

#[test]
fn updates_and_deletes() {
    let (conn, catalog) = open();
    let rows: [&[(&str, Value)]; 2] = [
        &[("name", text("a")), ("age", Value::Integer(1))],
        &[("name", text("b"))],
    ];
    write(&conn, &catalog, &Write::Insert(insert("users", &rows)));
    let update = |set: Vec<Assignment>| {
        let returning = Returning::All;
        Write::Update(Update {
            table: "users".into(),
            filter: None,
            set,
            returning,
        })
    };
    let inc = |column: &str, value| Assignment::Increment(column.into(), value);
    let (sqls, count) = write(
        &conn,
        &catalog,
        &update(vec![inc("age", Value::Integer(2))]),
    );
    assert_eq!(count, 2);
    assert!(sqls[0].starts_with(
        "UPDATE \"users\" SET \"age\" = ash_rusqlite_add(\"age\", ?) RETURNING \"id\","
    ));
    let sum: i64 = conn
        .query_row("SELECT sum(age) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sum, 3);
    refused_write(&update(vec![]));
    refused_write(&update(vec![inc("price", Value::Integer(1))]));
    refused_write(&update(vec![inc("name", Value::Integer(1))]));
    refused_write(&update(vec![
        inc("age", Value::Integer(1)),
        inc("AGE", Value::Integer(1)),
    ]));
    refused_write(&update(vec![Assignment::Set("loud".into(), text("A"))]));
    let filter = Some(Scalar::is_null("age", false));
    let delete = |table: &str| {
        let (table, filter) = (table.into(), filter.clone());
        Write::Delete(Delete {
            table,
            filter,
            returning: Returning::Nothing,
        })
    };
    let (sqls, count) = write(&conn, &catalog, &delete("users"));
    assert_eq!(
        (sqls[0].as_str(), count),
        ("DELETE FROM \"users\" WHERE \"age\" IS NULL", 1)
    );
    refused_write(&delete("adults"));
    refused_write(&Write::Insert(insert("users", &[&[("loud", text("A"))]])));
    refused_write(&Write::Insert(insert(
        "users",
        &[&[("age", Value::Null), ("Age", Value::Null)]],
    )));
}

#[test]
fn many_updates_are_run_by_few_statements() {
    let (conn, catalog) = open();
    let rows: [&[(&str, Value)]; 3] = [
        &[("name", text("a"))],
        &[("name", text("b"))],
        &[("name", text("c"))],
    ];
    write(&conn, &catalog, &Write::Insert(insert("users", &rows)));
    let change = |name: &str, set: Vec<Assignment>| Change {
        filter: compare("name", CompareOp::Eq, text(name)),
        set,
    };
    let age = |age| vec![Assignment::Set("age".into(), Value::Integer(age))];
    let each = |changes| {
        Write::UpdateEach(UpdateEach {
            table: "users".into(),
            changes,
            returning: Returning::Columns(vec!["name".into()]),
        })
    };
    let changes = vec![
        change("c", age(3)),
        change("nobody", age(9)),
        change("a", age(1)),
        change("b", vec![Assignment::Set("email".into(), text("b@"))]),
        change("c", age(4)),
    ];
    let (sqls, count) = write(&conn, &catalog, &each(changes));
    assert_eq!((sqls.len(), count), (3, 4));
    assert_eq!(
        sqls[0],
        "UPDATE \"users\" SET \"age\" = ? WHERE \"name\" = ? RETURNING \"name\""
    );
    let all: String = conn
        .query_row(
            "SELECT group_concat(name || ifnull(age, '') || ifnull(email, ''), ' ') FROM users",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(all, "a1 bb@ c4");
    refused_write(&each(vec![change("a", age(1)), change("b", vec![])]));
}
