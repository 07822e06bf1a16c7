#![allow(clippy::unwrap_used)]
#[path = "fixtures/journal.rs"]
mod fixture;
use ash_rusqlite_engine::journal::{self, JournalSpec, Subject};
use fixture::*;
use std::sync::Arc;
use std::time::Instant;
#[path = "support/host.rs"]
mod host;

#[test]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = open(&path);
    run(&conn, "CREATE TABLE messages (id UUID_TEXT PRIMARY KEY NOT NULL, room_id UUID_TEXT, user_id UUID_TEXT, role TEXT, content TEXT, metadata JSON_TEXT, inserted_at DATETIME_USEC_TEXT, updated_at DATETIME_USEC_TEXT);
      CREATE INDEX m1 ON messages (room_id, inserted_at); CREATE INDEX m2 ON messages (user_id);");
    let s = JournalSpec {
        event_type: "chat.message".into(),
        source: Some(Subject("room".into(), "room_id".into())),
        actor: Some(Subject("user".into(), "user_id".into())),
        ..JournalSpec::default()
    };
    journal::enable(&conn, "messages", &s).unwrap();
    let n = 200_000;
    let t = Instant::now();
    let ins = format!("BEGIN; WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT {n})
      INSERT INTO messages SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6))), printf('00000000-0000-0000-0000-%012d', i % 200), printf('00000000-0000-0000-0000-%012d', i % 50), 'user', 'message number ' || i || ' with a text of a usual length, which is about a hundred characters in a chat \"quoted\"', '{{\"a\":1}}', '2026-01-02T03:04:05.123456Z', '2026-01-02T03:04:05.123456Z' FROM c; COMMIT");
    run(&conn, &ins);
    println!("journaled insert {:?}", t.elapsed());
    run(&conn, "PRAGMA wal_checkpoint(TRUNCATE)");
    // plain rusqlite
    {
        let p = dir.path().join("plain.db");
        let plain = open(&p);
        run(&plain, "CREATE TABLE messages (id UUID_TEXT PRIMARY KEY NOT NULL, room_id UUID_TEXT, user_id UUID_TEXT, role TEXT, content TEXT, metadata JSON_TEXT, inserted_at DATETIME_USEC_TEXT, updated_at DATETIME_USEC_TEXT);
      CREATE INDEX m1 ON messages (room_id, inserted_at); CREATE INDEX m2 ON messages (user_id);");
        let mut q = conn.prepare("SELECT * FROM messages").unwrap();
        let all: Vec<Vec<String>> = q
            .query_map([], |r| (0..8).map(|i| r.get(i)).collect())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let t = Instant::now();
        run(&plain, "BEGIN");
        let mut st = plain
            .prepare("INSERT INTO messages VALUES (?,?,?,?,?,?,?,?)")
            .unwrap();
        for r in &all {
            st.execute(rusqlite::params_from_iter(r)).unwrap();
        }
        run(&plain, "COMMIT");
        println!(
            "plain rusqlite insert {:?} {} /s",
            t.elapsed(),
            n as f64 / t.elapsed().as_secs_f64()
        );
    }
    for _ in 0..2 {
        let to = dir.path().join("new.db");
        let t = Instant::now();
        journal::rebuild(&conn, &to, true, Arc::default(), &mut ()).unwrap();
        println!(
            "rebuild {:?} {:.0} events/s",
            t.elapsed(),
            n as f64 / t.elapsed().as_secs_f64()
        );
        let t = Instant::now();
        let v = verify(&path);
        assert!(v.is_ok());
        println!(
            "verify {:?} {:.0} events/s",
            t.elapsed(),
            n as f64 / t.elapsed().as_secs_f64()
        );
    }
    let database = host::open(host::config(path.to_str().unwrap(), serde_json::json!({}))).unwrap();
    for (seq, source) in [
        (199_000_u64, None),
        (100_000, None),
        (1_000, None),
        (200_000, Some("room:00000000-0000-0000-0000-000000000007")),
    ] {
        let as_of = journal::AsOf {
            moment: journal::Moment::Seq(seq),
            source: source.map(str::to_owned),
        };
        let mut sink = host::Collected::default();
        let t = Instant::now();
        let sql = ash_rusqlite_engine::query::ir::Read::Sql { sql: "SELECT count(*) FROM messages WHERE room_id = '00000000-0000-0000-0000-000000000007'".into(), params: vec![] };
        database
            .read_as_of(&sql, &as_of, host::after(60_000), Arc::default(), &mut sink)
            .unwrap();
        println!("as_of {seq} {source:?} {:?} {:?}", t.elapsed(), sink.rows);
    }
    host::close(database);
}
