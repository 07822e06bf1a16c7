//! The words of the query language: one table for each kind, one row for each word. A new operator or
//! function is a row here, and a line in Elixir that translates to it.
//!
//! `AshRusqlite.Repo.Vocabulary` has the same words for Elixir; a test compares the two.

use rusqlite::functions::Context;
use rusqlite::types::Value as Stored;

use super::functions::{decimal_number, like, number, store, text};
use crate::value::{words, ColumnType};

/// Which values a comparison accepts, for what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// The same value alone.
    Equal,
    /// Every other value.
    Unequal,
    /// Values below it.
    Less,
    /// Values above it.
    Greater,
}

/// How a comparison is written, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The operator, between blanks.
    pub(crate) sql: &'static str,
    /// The operator where the operands change places.
    pub(crate) swapped: &'static str,
    /// Which values it accepts.
    pub(crate) accepts: Accepts,
}

impl Comparison {
    /// Equality under which null equals null.
    pub(crate) const IS: Comparison = Comparison {
        sql: " IS ",
        swapped: " IS ",
        accepts: Accepts::Equal,
    };

    /// The opposite of [`Comparison::IS`].
    pub(crate) const IS_NOT: Comparison = Comparison {
        sql: " IS NOT ",
        swapped: " IS NOT ",
        accepts: Accepts::Unequal,
    };

    /// The same comparison with its operands the other way round.
    pub(crate) fn swap(self) -> Comparison {
        Comparison {
            sql: self.swapped,
            swapped: self.sql,
            accepts: match self.accepts {
                Accepts::Less => Accepts::Greater,
                Accepts::Greater => Accepts::Less,
                same => same,
            },
        }
    }
}

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,
        $sql:literal, $swapped:literal, $accepts:ident, $with_null:expr;)*
    ) => {
        words! {
            /// A comparison.
            CompareOp { $($(#[$doc])* $variant = $word,)* }
        }

        impl CompareOp {
            /// How SQLite writes it.
            pub(crate) const fn sql(self) -> &'static str {
                match self { $(CompareOp::$variant => $sql,)* }
            }

            pub(crate) const fn comparison(self) -> Comparison {
                match self {
                    $(CompareOp::$variant => Comparison {
                        sql: concat!(" ", $sql, " "),
                        swapped: concat!(" ", $swapped, " "),
                        accepts: Accepts::$accepts,
                    },)*
                }
            }

            /// How a comparison of a column with null is written, where it has a meaning.
            pub(crate) const fn with_null(self) -> Option<&'static str> {
                match self { $(CompareOp::$variant => $with_null,)* }
            }
        }
    };
}

operators! {
    // The name, the SQL, the SQL with the operands swapped, which values it accepts, and how a
    // column is compared with null.

    /// Equal.
    Eq = "==", "=", "=", Equal, Some(" IS NULL");
    /// Not equal.
    NotEq = "!=", "<>", "<>", Unequal, Some(" IS NOT NULL");
    /// Less.
    Lt = "<", "<", ">", Less, None;
    /// Less or equal.
    LtEq = "<=", "<=", ">=", Less, None;
    /// Greater.
    Gt = ">", ">", "<", Greater, None;
    /// Greater or equal.
    GtEq = ">=", ">=", "<=", Greater, None;
}

/// A scalar function that is registered with SQLite.
pub(crate) type ScalarFunction = fn(&Context<'_>) -> rusqlite::Result<Stored>;

/// A function of ours, which SQLite calls `ash_rusqlite_` and this name.
#[derive(Clone, Copy)]
pub(crate) struct Registered {
    /// The name.
    pub(crate) name: &'static str,
    /// How many arguments it has; -1 is any number.
    pub(crate) arguments: std::ffi::c_int,
    /// What it does.
    pub(crate) run: ScalarFunction,
}

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// This number.
    Exactly(usize),
    /// Any number.
    Any,
}

/// The type of what a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    /// This type.
    Type(ColumnType),
    /// That of its first argument.
    First,
    /// That of its arguments where they all have the same.
    Same,
}

/// What a function returns when an argument is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnNull {
    /// Null.
    Null,
    /// What it decides itself.
    Decides,
}

/// What runs a function.
#[derive(Clone, Copy)]
enum RunBy {
    /// A function of ours, which is registered.
    Us(ScalarFunction),
    /// SQLite's own function of the same name.
    Sqlite,
}

macro_rules! functions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,
        $arguments:expr, $returns:expr, $on_null:expr, $run_by:expr;)*
    ) => {
        words! {
            /// A function.
            Function { $($(#[$doc])* $variant = $word,)* }
        }

        impl Function {
            /// How many arguments it takes.
            pub const fn arguments(self) -> Arguments {
                match self { $(Function::$variant => $arguments,)* }
            }

            pub(crate) const fn returns(self) -> Returns {
                match self { $(Function::$variant => $returns,)* }
            }

            /// What it returns when an argument is null.
            #[cfg_attr(not(test), allow(dead_code, reason = "the tests hold the functions to it"))]
            pub(crate) const fn on_null(self) -> OnNull {
                match self { $(Function::$variant => $on_null,)* }
            }

            /// The function that is registered for it; `None` where SQLite has it.
            pub(crate) fn registered(self) -> Option<Registered> {
                let run_by = match self { $(Function::$variant => $run_by,)* };
                let RunBy::Us(run) = run_by else {
                    return None;
                };
                let arguments = match self.arguments() {
                    Arguments::Exactly(count) => std::ffi::c_int::try_from(count).ok()?,
                    Arguments::Any => -1,
                };
                Some(Registered { name: self.word(), arguments, run })
            }
        }
    };
}

const ONE: Arguments = Arguments::Exactly(1);
const TWO: Arguments = Arguments::Exactly(2);
const INTEGER: Returns = Returns::Type(ColumnType::Integer);
const TEXT: Returns = Returns::Type(ColumnType::Text);
const BOOLEAN: Returns = Returns::Type(ColumnType::Boolean);
const BLOB: Returns = Returns::Type(ColumnType::Blob);

functions! {
    // The name, the arguments, the type of the result, what null makes of it, and what runs it.

    /// The number of a text's graphemes.
    StringLength = "string_length", ONE, INTEGER, OnNull::Null, RunBy::Us(text::string_length);
    /// Every character in lower case.
    Downcase = "downcase", ONE, TEXT, OnNull::Null, RunBy::Us(text::downcase);
    /// Every character in upper case.
    Upcase = "upcase", ONE, TEXT, OnNull::Null, RunBy::Us(text::upcase);
    /// Without the white space at both ends.
    Trim = "trim", ONE, TEXT, OnNull::Null, RunBy::Us(text::trim);
    /// Whether the first text contains the second.
    Contains = "contains", TWO, BOOLEAN, OnNull::Null, RunBy::Us(text::contains);
    /// Whether the first text begins with the second.
    StartsWith = "starts_with", TWO, BOOLEAN, OnNull::Null, RunBy::Us(text::starts_with);
    /// Whether the first text ends with the second.
    EndsWith = "ends_with", TWO, BOOLEAN, OnNull::Null, RunBy::Us(text::ends_with);
    /// Whether a text is like a pattern; ASCII letters match in either case.
    Like = "like", TWO, BOOLEAN, OnNull::Null, RunBy::Us(like::like);
    /// The same, and every letter matches in either case.
    ILike = "ilike", TWO, BOOLEAN, OnNull::Null, RunBy::Us(like::ilike);
    /// Whether a text is like a pattern, of which nothing escapes; letters match in their own case.
    LikeExact = "like_exact", TWO, BOOLEAN, OnNull::Null, RunBy::Us(like::like_exact);
    /// The same, and ASCII letters match in either case.
    LikeAscii = "like_ascii", TWO, BOOLEAN, OnNull::Null, RunBy::Us(like::like_ascii);
    /// The first that is not null.
    Coalesce = "coalesce", Arguments::Any, Returns::Same, OnNull::Decides, RunBy::Sqlite;
    /// The length of a JSON list.
    Length = "length", ONE, INTEGER, OnNull::Null, RunBy::Us(text::json_length);
    /// What distinguishes decimals of one value, such as 1.0 and 1.00: bytes that are in the order
    /// of the terms that they are in Elixir.
    DecimalForm = "decimal_form", ONE, BLOB, OnNull::Null, RunBy::Us(decimal_number::form);
    /// The first, which must not be null: it is for the column that the second names.
    Required = "required", TWO, Returns::First, OnNull::Decides, RunBy::Us(store::required);
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $name:literal, $run:expr;)*) => {
        words! {
            /// An arithmetic operator.
            ArithOp { $($(#[$doc])* $variant = $word,)* }
        }

        impl ArithOp {
            pub(crate) fn registered(self) -> Registered {
                match self {
                    $(ArithOp::$variant => Registered { name: $name, arguments: 2, run: $run },)*
                }
            }
        }
    };
}

arithmetic! {
    // The name, that of the function, and what runs it.

    /// The sum.
    Add = "+", "add", number::add;
    /// The difference.
    Subtract = "-", "subtract", number::subtract;
    /// The product.
    Multiply = "*", "multiply", number::multiply;
    /// The quotient as a float.
    Divide = "/", "divide", number::divide;
    /// The remainder of integers, with the sign of the left one.
    Remainder = "rem", "remainder", number::remainder;
}

macro_rules! casts {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $type:ident, $function:expr;)*) => {
        words! {
            /// The form that a scalar is cast to. What has it already stays as it is.
            Cast { $($(#[$doc])* $variant = $word,)* }
        }

        impl Cast {
            /// The type of what was cast.
            pub(crate) const fn column_type(self) -> ColumnType {
                match self { $(Cast::$variant => ColumnType::$type,)* }
            }

            /// The function that casts; `None` where there is nothing to do.
            pub(crate) fn registered(self) -> Option<Registered> {
                let function: Option<(&'static str, ScalarFunction)> =
                    match self { $(Cast::$variant => $function,)* };
                function.map(|(name, run)| Registered { name, arguments: 1, run })
            }
        }
    };
}

casts! {
    // The name, the type of the result, and the function.

    /// An integer as a float.
    Real = "real", Real, Some(("to_real", number::to_real));
    /// An integer as its digits.
    Text = "text", Text, Some(("to_text", text::to_text));
    /// A boolean, which it must be.
    Boolean = "boolean", Boolean, None;
}

words! {
    /// An aggregate function.
    Aggregate {
        /// The number of rows, or of values that are not null.
        Count = "count",
        /// The sum; null over no rows (as SQLite's `sum`).
        Sum = "sum",
        /// The mean; null over no rows.
        Avg = "avg",
        /// The least value.
        Min = "min",
        /// The greatest value.
        Max = "max",
    }
}

words! {
    /// A function over the rows of a query within an expression. Nulls do not count.
    AggregateKind {
        /// The number of rows, or of values.
        Count = "count",
        /// The sum.
        Sum = "sum",
        /// The mean.
        Avg = "avg",
        /// The least.
        Min = "min",
        /// The greatest.
        Max = "max",
        /// Whether there is a row.
        Exists = "exists",
        /// The first in the order.
        First = "first",
        /// All of them in the order, for a computed column that is a list.
        List = "list",
    }
}

/// The functions of the tables that are registered with SQLite.
pub(crate) fn registered() -> impl Iterator<Item = Registered> {
    let functions = Function::ALL.iter().filter_map(|word| word.registered());
    let arithmetic = ArithOp::ALL.iter().map(|word| word.registered());
    let casts = Cast::ALL.iter().filter_map(|word| word.registered());
    functions.chain(arithmetic).chain(casts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// The type of what a call returns, if its arguments fit.
    fn type_of_call(conn: &Connection, function: Function, arguments: &[&str]) -> Option<String> {
        let prefix = function.registered().map_or("", |_| "ash_rusqlite_");
        let (name, arguments) = (function.word(), arguments.join(", "));
        let sql = format!("SELECT typeof({prefix}{name}({arguments}))");
        conn.query_row(&sql, [], |row| row.get(0)).ok()
    }

    #[test]
    fn every_function_returns_its_type_and_null_for_null() {
        let conn = Connection::open_in_memory().unwrap();
        crate::query::functions::register(&conn).unwrap();
        for function in Function::ALL.iter().copied() {
            let count = match function.arguments() {
                Arguments::Exactly(count) => count,
                Arguments::Any => 2,
            };
            let fitting = ["'a'", "'[]'", "'1'"].map(|one| vec![one; count]);
            let found = fitting
                .iter()
                .find_map(|arguments| Some((arguments, type_of_call(&conn, function, arguments)?)));
            let (arguments, found) = found.unwrap_or_else(|| panic!("{function:?} failed"));
            let wanted = match function.returns() {
                Returns::Type(ColumnType::Integer | ColumnType::Boolean) => "integer",
                Returns::Type(ColumnType::Blob) => "blob",
                Returns::Type(ColumnType::Text) | Returns::First | Returns::Same => "text",
                Returns::Type(other) => panic!("{function:?} returns {other:?}"),
            };
            assert_eq!(found, wanted, "{function:?}");
            if function.on_null() == OnNull::Null {
                for at in 0..count {
                    let mut arguments = arguments.clone();
                    arguments[at] = "NULL";
                    let found = type_of_call(&conn, function, &arguments);
                    assert_eq!(found.as_deref(), Some("null"), "{function:?}");
                }
            }
        }
    }

    #[test]
    fn a_comparison_that_is_swapped_twice_is_the_same() {
        for op in CompareOp::ALL {
            let comparison = op.comparison();
            assert_eq!(comparison.swap().swap(), comparison);
            let swapped = CompareOp::ALL
                .iter()
                .find(|other| other.comparison() == comparison.swap());
            assert!(swapped.is_some(), "{op:?}");
        }
    }

    #[test]
    fn every_word_is_found() {
        for function in Function::ALL {
            assert_eq!(Function::from_word(function.word()), Some(*function));
        }
        assert_eq!(CompareOp::from_word("=~"), None);
    }
}
