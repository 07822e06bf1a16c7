//! One thing that a table is not as it should be.

/// In what way a table is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// It is not there.
    MissingTable,
    /// It is a view.
    NotATable,
    /// A column is not there.
    MissingColumn,
    /// A column cannot hold the values of the type.
    WrongType,
    /// A column may be null but should not.
    MissingNotNull,
    /// A column may not be null but should.
    UnexpectedNotNull,
    /// A column that should not be there refuses rows that leave it out.
    UnexpectedRequiredColumn,
    /// The primary key has other columns.
    WrongPrimaryKey,
    /// The primary key is not numbered by SQLite.
    MissingAutoincrement,
    /// An index is not there.
    MissingIndex,
    /// An index is not there, and rows that are equal in it keep it from being made.
    BlockedIndex,
    /// An index of that name is another one.
    WrongIndex,
    /// A foreign key is not there.
    MissingForeignKey,
    /// A foreign key does other things on delete or update.
    WrongForeignKey,
    /// A check is not there.
    MissingCheck,
    /// It is not journaled, or in another way.
    WrongJournal,
}

impl DifferenceKind {
    /// The stable text, e.g. `"missing_column"`.
    pub fn as_str(self) -> &'static str {
        match self {
            DifferenceKind::MissingTable => "missing_table",
            DifferenceKind::NotATable => "not_a_table",
            DifferenceKind::MissingColumn => "missing_column",
            DifferenceKind::WrongType => "wrong_type",
            DifferenceKind::MissingNotNull => "missing_not_null",
            DifferenceKind::UnexpectedNotNull => "unexpected_not_null",
            DifferenceKind::UnexpectedRequiredColumn => "unexpected_required_column",
            DifferenceKind::WrongPrimaryKey => "wrong_primary_key",
            DifferenceKind::MissingAutoincrement => "missing_autoincrement",
            DifferenceKind::MissingIndex => "missing_index",
            DifferenceKind::BlockedIndex => "blocked_index",
            DifferenceKind::WrongIndex => "wrong_index",
            DifferenceKind::MissingForeignKey => "missing_foreign_key",
            DifferenceKind::WrongForeignKey => "wrong_foreign_key",
            DifferenceKind::MissingCheck => "missing_check",
            DifferenceKind::WrongJournal => "wrong_journal",
        }
    }

    /// Whether [`super::ensure`] fixes it.
    pub fn is_addition(self) -> bool {
        matches!(
            self,
            DifferenceKind::MissingTable
                | DifferenceKind::MissingColumn
                | DifferenceKind::MissingIndex
                | DifferenceKind::BlockedIndex
        )
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub kind: DifferenceKind,
    /// The table's name.
    pub table: String,
    /// The column, or the columns with commas.
    pub column: Option<String>,
    /// The index.
    pub index: Option<String>,
    /// The foreign key or check, if it has a name.
    pub constraint: Option<String>,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The statement that would fix it, where one can.
    pub statement: Option<String>,
    /// All of this in a sentence.
    pub message: String,
}

impl Difference {
    pub(super) fn new(table: &str, kind: DifferenceKind, message: String) -> Difference {
        Difference {
            kind,
            table: table.to_owned(),
            column: None,
            index: None,
            constraint: None,
            expected: None,
            found: None,
            statement: None,
            message,
        }
    }

    pub(super) fn of_column(mut self, column: &str) -> Difference {
        self.column = Some(column.to_owned());
        self
    }

    pub(super) fn of_index(mut self, index: &str) -> Difference {
        self.index = Some(index.to_owned());
        self
    }

    pub(super) fn of_constraint(mut self, name: Option<&str>) -> Difference {
        self.constraint = name.map(str::to_owned);
        self
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Difference {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn found(mut self, found: impl Into<String>) -> Difference {
        self.found = Some(found.into());
        self
    }

    pub(super) fn fixed_by(mut self, statement: Option<String>) -> Difference {
        self.statement = statement;
        self
    }
}
