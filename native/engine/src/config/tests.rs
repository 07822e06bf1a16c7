use super::*;
use crate::error::Detail;
use serde_json::json;

fn parse(value: Json) -> Result<Config> {
    match value {
        Json::Object(map) => Config::from_options(map),
        _ => panic!("not an object"),
    }
}

#[test]
fn every_option_comes_back_from_its_own_list() {
    let config = parse(json!({"database": "a.db"})).unwrap();
    let options = config.to_options();
    assert_eq!(options.len(), Config::NAMES.len());
    assert!(Config::NAMES.iter().all(|name| options.contains_key(*name)));
    assert_eq!(Config::from_options(options).unwrap(), config);
}

#[test]
fn unknown_options_name_the_nearest() {
    let error = parse(json!({"database": "a.db", "busy_timout": 5})).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    assert_eq!(
        error.detail("nearest"),
        Some(&Detail::Text("busy_timeout".into()))
    );
}

#[test]
fn wrong_values_name_the_option_and_what_it_takes() {
    for (name, value) in [
        ("database", json!(5)),
        ("database", json!("a\0b")),
        ("synchronous", json!("ful")),
        ("readers", json!(0)),
        ("busy_timeout", json!(-1)),
        ("cache_size", json!("big")),
        ("queue_limit", json!(0)),
        ("max_batch", json!(1.5)),
        ("log_size_limit", json!(1_000)),
        ("log_size_limit", json!("1 MB")),
        ("wal_autocheckpoint", json!(0)),
        ("temp_store", json!("ram")),
        ("read_only", json!("yes")),
        ("migrations", json!(7)),
    ] {
        let mut map = Map::new();
        map.insert("database".into(), json!("a.db"));
        map.insert(name.into(), value);
        let error = Config::from_options(map).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption, "{name}");
        assert_eq!(error.detail("option"), Some(&Detail::Text(name.into())));
    }
}

#[test]
fn the_size_of_the_log_and_the_pages_that_start_a_checkpoint_follow_each_other() {
    let sizes = |options| {
        let config = parse(options).unwrap();
        assert_eq!(Config::from_options(config.to_options()).unwrap(), config);
        (config.log_size_limit, config.wal_autocheckpoint)
    };
    let default = sizes(json!({"database": "a.db"}));
    assert_eq!(default, (Some(100_000_000), 1_000));
    let small = sizes(json!({"database": "a.db", "log_size_limit": 1_000_000}));
    assert_eq!(small, (Some(1_000_000), 10));
    let least = sizes(json!({"database": "a.db", "log_size_limit": 65_536}));
    assert_eq!(least, (Some(65_536), 1));
    let pages = sizes(json!({"database": "a.db", "wal_autocheckpoint": 100}));
    assert_eq!(pages, (Some(100 * 24 * 4_120), 100));
    let none = sizes(json!({"database": "a.db", "log_size_limit": "infinity"}));
    assert_eq!(none, (None, 1_000));
}

#[test]
fn what_is_in_memory_cannot_be_read_only() {
    let error = parse(json!({"database": ":memory:", "read_only": true})).unwrap_err();
    assert_eq!(
        error.detail("option"),
        Some(&Detail::Text("read_only".into()))
    );
    parse(json!({"database": ":memory:", "read_only": false})).unwrap();
}

#[test]
fn the_database_must_be_named() {
    assert_eq!(
        parse(json!({})).unwrap_err().detail("option"),
        Some(&Detail::Text("database".into()))
    );
}
