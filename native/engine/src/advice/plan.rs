//! How good a plan is, by the lines of EXPLAIN QUERY PLAN (<https://sqlite.org/eqp.html>).

/// What a result that is sorted as a whole counts, where the last terms of an order count one each.
const WHOLE_SORT: i64 = 100;

/// How good a plan is: less is better.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Tables that are read as a whole, or put into an index for one run.
    scans: i64,
    /// Columns of the tried index that are compared by equality, negative.
    equal: i64,
    /// What is sorted.
    sorts: i64,
    /// Bounds of the tried index, negative.
    bounds: i64,
    /// Whether only the first rows are wanted.
    limited: bool,
}

impl Cost {
    /// Of a statement's plan, in which an index of this name may be used.
    pub(super) fn of(sql: &str, plan: &[String], trial: &str) -> Cost {
        let mut cost = Cost {
            limited: sql.contains("LIMIT"),
            ..Cost::default()
        };
        for line in plan {
            cost.scans += i64::from(scans(line));
            cost.sorts += sorts(line);
            if let Some(terms) = terms(line, trial) {
                cost.equal -= count(terms, "=?");
                cost.bounds -= count(terms, ">") + count(terms, "<");
            }
        }
        cost
    }

    /// Whether it is better than another plan of the same statement. Of all rows fewer are looked
    /// at within bounds; the first ones are there at once if none has to be sorted.
    pub(super) fn is_better(self, other: Cost) -> bool {
        self.key() < other.key()
    }

    fn key(self) -> [i64; 4] {
        let [third, fourth] = if self.limited {
            [self.sorts, self.bounds]
        } else {
            [self.bounds, self.sorts]
        };
        [self.scans, self.equal, third, fourth]
    }

    /// Whether a table is read as a whole.
    pub(super) fn has_scans(self) -> bool {
        self.scans > 0
    }

    /// Whether it reads or sorts less than another plan, whatever is compared in it.
    pub(super) fn spares(self, other: Cost) -> bool {
        (self.scans, self.sorts) < (other.scans, other.sorts)
    }
}

/// Whether an index is used in a plan.
pub(super) fn uses(plan: &[String], index: &str) -> bool {
    plan.iter().any(|line| after_index(line, index).is_some())
}

/// Whether a line says that a table is read as a whole.
fn scans(line: &str) -> bool {
    let no_table = [" CONSTANT ROW", " VIRTUAL TABLE ", "SCAN ("];
    let of_table = line.starts_with("SCAN ") && !no_table.iter().any(|part| line.contains(part));
    of_table || line.contains(" AUTOMATIC ")
}

fn after_index<'a>(line: &'a str, index: &str) -> Option<&'a str> {
    let rest = line.split_once(" INDEX ")?.1.strip_prefix(index)?;
    (rest.is_empty() || rest.starts_with(' ')).then_some(rest)
}

/// What is compared in an index, such as `room_id=? AND created_at>?`.
fn terms<'a>(line: &'a str, index: &str) -> Option<&'a str> {
    let rest = after_index(line, index)?;
    rest.strip_prefix(" (")?.strip_suffix(')')
}

fn count(text: &str, pattern: &str) -> i64 {
    i64::try_from(text.matches(pattern).count()).unwrap_or(i64::MAX)
}

fn sorts(line: &str) -> i64 {
    let Some(what) = line.strip_prefix("USE TEMP B-TREE FOR ") else {
        return 0;
    };
    let Some(last) = what.strip_prefix("LAST ") else {
        return WHOLE_SORT;
    };
    let number = last.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost_of(sql: &str, lines: &[&str]) -> Cost {
        let plan: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        Cost::of(sql, &plan, "trial")
    }

    fn cost(lines: &[&str]) -> Cost {
        cost_of("SELECT … LIMIT ?", lines)
    }

    #[test]
    fn scans_count_more_than_equal_columns_these_more_than_sorts_and_those_more_than_bounds() {
        let sort = "USE TEMP B-TREE FOR ORDER BY";
        let last = "USE TEMP B-TREE FOR LAST TERM OF ORDER BY";
        let descending = [
            cost(&["SCAN t", sort]),
            cost(&["SCAN t USING INDEX trial"]),
            cost(&["SEARCH t USING INDEX trial (a>?)", sort]),
            cost(&["SEARCH t USING INDEX trial (a>? AND a<?)", sort]),
            cost(&["SEARCH t USING INDEX trial (a>?)"]),
            cost(&["SEARCH t USING INDEX trial (a=?)", sort]),
            cost(&[
                "SEARCH t USING INDEX trial (a=?)",
                "USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY",
            ]),
            cost(&["SEARCH t USING INDEX trial (a=?)", last]),
            cost(&["SEARCH t USING COVERING INDEX trial (a=? AND b=?)", sort]),
        ];
        assert!(descending.windows(2).all(|two| two[1].is_better(two[0])));
    }

    #[test]
    fn bounds_count_more_than_sorts_where_all_rows_are_wanted() {
        let bounds = [
            "SEARCH t USING INDEX trial (a>?)",
            "USE TEMP B-TREE FOR ORDER BY",
        ];
        let sorted = ["SCAN t USING INDEX trial"];
        let searched = ["SEARCH t USING INDEX trial (a=?)"];
        let bounded = ["SEARCH t USING INDEX trial (a=? AND b>?)", bounds[1]];
        for (sql, wanted) in [("SELECT", true), ("SELECT LIMIT", false)] {
            let better = cost_of(sql, &bounded).is_better(cost_of(sql, &searched));
            assert_eq!(better, wanted, "{sql}");
            assert!(cost_of(sql, &bounds).is_better(cost_of(sql, &sorted)));
        }
    }

    #[test]
    fn an_index_that_sqlite_makes_for_one_run_is_a_scan() {
        let automatic = cost(&["SEARCH b USING AUTOMATIC COVERING INDEX (a=?)"]);
        assert!(cost(&["SEARCH b USING INDEX trial (a=?)"]).spares(automatic));
    }

    #[test]
    fn an_index_is_used_where_its_whole_name_is_said() {
        let plan = ["SEARCH t USING INDEX trial_2 (a=?)".to_owned()];
        assert!(!uses(&plan, "trial"));
        assert!(uses(&plan, "trial_2"));
    }
}
