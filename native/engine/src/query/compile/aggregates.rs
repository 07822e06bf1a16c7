//! Aggregate functions in the SQL of a fragment. One that stands there bare would make a single row of
//! all that a query gives.

use crate::sqlite::tokens::{parenthesis, tokens};

/// SQLite's, and ours. Of `min` and `max` only those of one argument.
const AGGREGATES: &[&str] = &[
    "ash_rusqlite_decimal_sum",
    "ash_rusqlite_list",
    "ash_rusqlite_list_with_nulls",
    "avg",
    "count",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "jsonb_group_array",
    "jsonb_group_object",
    "max",
    "median",
    "min",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "string_agg",
    "sum",
    "total",
];

/// The first aggregate function that is in no query of its own and over no window. Parentheses and
/// quotes close in the text.
pub(super) fn bare_aggregate(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    // Whether a query stands around, for each parenthesis that is open.
    let mut open: Vec<bool> = Vec::new();
    let mut before = "";
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" => {
                let within = open.last().copied().unwrap_or(false);
                let rest = tokens.get(at..).unwrap_or_default();
                if !within && AGGREGATES.contains(&before) && is_aggregate(before, rest) {
                    return Some(before.to_owned());
                }
                let begins = tokens.get(at + 1).map_or("", String::as_str);
                open.push(within || ["select", "values", "with"].contains(&begins));
            }
            ")" => {
                open.pop();
            }
            _ => {}
        }
        before = token;
    }
    None
}

/// Whether a call is one over rows; `call` begins with its parenthesis.
fn is_aggregate(name: &str, call: &[String]) -> bool {
    let (arguments, behind) = parenthesis(call);
    if ["min", "max"].contains(&name) && has_comma(arguments) {
        return false;
    }
    let behind = match behind.split_first() {
        Some((word, filter)) if word == "filter" => parenthesis(filter).1,
        _ => behind,
    };
    behind.first().is_none_or(|word| word != "over")
}

fn has_comma(tokens: &[String]) -> bool {
    let mut depth = 0_usize;
    for token in tokens {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_make_one_row_of_all_is_found() {
        for (sql, name) in [
            ("count(*)", "count"),
            ("COUNT ( DISTINCT x )", "count"),
            ("\"count\"(x)", "count"),
            ("max( ? )", "max"),
            ("max((1, 2))", "max"),
            ("1 + (coalesce(sum(x), 0))", "sum"),
            ("count(*) FILTER (WHERE x > 1)", "count"),
            ("(SELECT 1) + total(x)", "total"),
        ] {
            assert_eq!(bare_aggregate(sql).as_deref(), Some(name), "{sql}");
        }
    }

    #[test]
    fn what_leaves_each_row_alone_is_not() {
        for sql in [
            "max(x, 1)",
            "min(coalesce(x, 1), y)",
            "(SELECT count(*) FROM t)",
            "EXISTS (SELECT 1 FROM t GROUP BY x HAVING (count(*) > 1))",
            "(WITH a AS (SELECT 1) SELECT max(a) FROM a)",
            "count(*) OVER ()",
            "sum(x) FILTER (WHERE x > 1) OVER (PARTITION BY y)",
            "'count(*)'",
            "count + 1",
            "recount(x)",
            "row_number() OVER (ORDER BY x)",
        ] {
            assert_eq!(bare_aggregate(sql), None, "{sql}");
        }
    }

    #[test]
    fn every_aggregate_that_sqlite_knows_is_among_them() {
        const NEED_A_WINDOW: &[&str] = &[
            "cume_dist",
            "dense_rank",
            "first_value",
            "lag",
            "last_value",
            "lead",
            "nth_value",
            "ntile",
            "percent_rank",
            "rank",
            "row_number",
        ];
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        crate::query::functions::register(&conn).unwrap();
        let known: Vec<String> = conn
            .prepare("SELECT DISTINCT name FROM pragma_function_list WHERE type IN ('a', 'w')")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(known.len() > NEED_A_WINDOW.len());
        for name in known {
            let name = name.as_str();
            assert!(
                AGGREGATES.contains(&name) || NEED_A_WINDOW.contains(&name),
                "{name}"
            );
        }
    }
}
