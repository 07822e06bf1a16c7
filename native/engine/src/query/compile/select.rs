//! Reads of one table.

use std::sync::Arc;

use super::builder::Builder;
use super::compiled::{invalid, Compiled};
use super::keyset::{self, Term};
use super::order::{orders, Order};
use super::{cursor, numbered, where_clause};
use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::query::ir::{Computed, Partition, Select};
use crate::value::{ColumnType, Name, OutputColumn};

/// The rows of a select.
///
/// - A `before` cursor gives reversed rows, nearest to the cursor first, and so limit and
///   offset count from the cursor backwards. With both cursors the rows lie between the two
///   and are taken forwards from `after`.
/// - With a cursor, `page`, or a limit or offset on ordered rows the primary key is added to
///   the order, so that the next read can continue after any row of this one.
/// - `distinct` rows are distinguished by all their columns, in place of the primary key.
pub(super) fn rows<'v>(select: &'v Select, catalog: &Catalog) -> Result<Compiled<'v>> {
    let table = catalog.table(&select.table)?;
    let resolved = ResolvedSelect::new(select, table, Wanted::Selected)?;
    let hidden = if select.page {
        resolved.order.terms().len()
    } else {
        0
    };
    let mut b = Builder::new(table, catalog);
    b.push(if select.distinct {
        "SELECT DISTINCT "
    } else {
        "SELECT "
    });
    resolved.columns(&mut b)?;
    if hidden > 0 {
        b.push(", ");
        b.list(resolved.order.terms(), |b, term| {
            term.write_name(b);
            Ok(())
        })?;
    }
    resolved.from(&mut b)?;
    let columns = match &resolved.columns {
        None if hidden == 0 && select.computed.is_empty() => Arc::clone(table.output_columns()),
        _ => {
            let wanted = resolved.wanted().map(|column| column.output(&table.name));
            let hidden = resolved
                .order
                .terms()
                .iter()
                .take(hidden)
                .map(|term| hidden_output(table, term));
            let computed = select.computed.iter().map(Computed::output);
            wanted.chain(computed).chain(hidden).collect()
        }
    };
    Ok(Compiled {
        sql: b.sql,
        params: b.params,
        forms: b.forms,
        columns,
        hidden,
        reversed: resolved.reversed,
    })
}

/// Whether a select has a row.
pub(super) fn exists<'v>(select: &'v Select, catalog: &Catalog) -> Result<Compiled<'v>> {
    let table = catalog.table(&select.table)?;
    let wanted = if select.distinct {
        Wanted::Selected
    } else {
        Wanted::Cut(None)
    };
    let mut resolved = ResolvedSelect::new(select, table, wanted)?;
    resolved.ordered = false;
    let mut b = Builder::new(table, catalog);
    // EXISTS drops a DISTINCT of its own select, even where an offset counts the rows.
    let inner = select.distinct && select.offset.is_some();
    b.push("SELECT EXISTS(SELECT ");
    b.push(if inner {
        "1 FROM (SELECT DISTINCT "
    } else {
        ""
    });
    resolved.columns(&mut b)?;
    resolved.from(&mut b)?;
    b.push(if inner { "))" } else { ")" });
    Ok(one_value(b, "exists", ColumnType::Boolean))
}

/// A read whose only row is one computed value.
pub(super) fn one_value<'v>(
    b: Builder<'_, 'v>,
    name: &str,
    column_type: ColumnType,
) -> Compiled<'v> {
    let columns = Arc::new([OutputColumn::new(name, "", column_type)]);
    Compiled {
        sql: b.sql,
        params: b.params,
        forms: b.forms,
        columns,
        hidden: 0,
        reversed: false,
    }
}

/// One row of computed columns. It is of no table, which an unnamed one stands for.
pub(super) fn values<'v>(computed: &'v [Computed], catalog: &Catalog) -> Result<Compiled<'v>> {
    if computed.is_empty() {
        return Err(invalid("name at least one value to compute"));
    }
    let nothing = Table::new("", Vec::new(), Vec::new());
    let mut b = Builder::new(&nothing, catalog);
    b.show_tables(0);
    b.push("SELECT ");
    b.list(computed, |b, computed| b.scalar(&computed.scalar))?;
    let columns = computed.iter().map(Computed::output).collect();
    Ok(Compiled {
        sql: b.sql,
        params: b.params,
        forms: b.forms,
        columns,
        hidden: 0,
        reversed: false,
    })
}

/// What the rows of a select hold.
pub(super) enum Wanted<'a> {
    /// The columns of the select.
    Selected,
    /// Every column.
    All,
    /// The rows of a subquery: this column or nothing, but all columns where they are distinct.
    Cut(Option<&'a Column>),
}

/// A select with its names looked up.
pub(super) struct ResolvedSelect<'a, 'v> {
    select: &'v Select,
    table: &'a Table,
    /// `None` is every column, an empty list none: the rows are only counted.
    columns: Option<Vec<&'a Column>>,
    order: Order<'a, 'v>,
    reversed: bool,
    /// Whether the order matters to what is read.
    pub(super) ordered: bool,
}

impl<'a, 'v> ResolvedSelect<'a, 'v> {
    pub(super) fn new(select: &'v Select, table: &'a Table, wanted: Wanted<'a>) -> Result<Self> {
        if !select.joins.is_empty() {
            return Err(invalid("only a query within an expression joins tables"));
        }
        let columns = match wanted {
            Wanted::Selected => match &select.columns {
                Some(names) if names.is_empty() && !select.computed.is_empty() => Some(Vec::new()),
                Some(names) => Some(columns(table, names)?),
                None => None,
            },
            Wanted::Cut(column) if !select.distinct => Some(column.into_iter().collect()),
            Wanted::Cut(_) | Wanted::All => None,
        };
        let reversed = select.before.is_some() && select.after.is_none();
        let mut resolved = ResolvedSelect {
            select,
            table,
            columns,
            order: Order::Free(&select.order_by),
            reversed,
            ordered: true,
        };
        resolved.order = resolved.order()?;
        Ok(resolved)
    }

    fn order(&self) -> Result<Order<'a, 'v>> {
        let of_columns = keyset::is_of_columns(&self.select.order_by);
        if !of_columns || self.select.partition.is_some() {
            self.check_free_order()?;
        }
        if !of_columns {
            return Ok(Order::Free(&self.select.order_by));
        }
        let Select {
            order_by,
            after,
            before,
            page,
            limit,
            offset,
            distinct,
            ..
        } = self.select;
        let distinct: Option<Vec<&'a Column>> = distinct.then(|| self.wanted().collect());
        let mut terms = keyset::given(self.table, order_by)?;
        if let Some(columns) = &distinct {
            keyset::check_distinct(&terms, columns)?;
        }
        let paged = *page || after.is_some() || before.is_some();
        let partition = self.select.partition.is_some();
        let cut = limit.is_some() || offset.is_some();
        if paged || partition || (cut && !terms.is_empty()) {
            let total = keyset::make_total(&mut terms, self.table, distinct.as_deref());
            if paged && !total {
                let message = format!(
                    "{} has no key to page by; page over distinct columns, or use limit and offset",
                    self.table.name
                );
                return Err(invalid(message).with("table", self.table.name.as_str()));
            }
        }
        if self.reversed {
            for term in &mut terms {
                *term = term.reversed();
            }
        }
        Ok(Order::Keyset(terms))
    }

    /// An order by expressions, or by partitions first, has no cursors.
    fn check_free_order(&self) -> Result<()> {
        let select = self.select;
        if select.page || select.after.is_some() || select.before.is_some() {
            return Err(invalid(
                "an order by expressions or partitions has no cursors; use limit and offset",
            ));
        }
        if select.distinct {
            return Err(invalid(
                "distinct rows have no single value of an expression or a partition to be ordered by",
            ));
        }
        Ok(())
    }

    fn wanted(&self) -> impl Iterator<Item = &'a Column> + '_ {
        let all = if self.columns.is_none() {
            self.table.columns.as_slice()
        } else {
            &[]
        };
        all.iter().chain(self.columns.iter().flatten().copied())
    }

    /// Writes the columns of the rows.
    pub(super) fn columns(&self, b: &mut Builder<'_, 'v>) -> Result<()> {
        let computed: &'v [Computed] = &self.select.computed;
        let none = self.columns.as_ref().is_some_and(Vec::is_empty);
        if none && computed.is_empty() {
            b.push("1");
            return Ok(());
        }
        b.list(self.wanted(), |b, column| {
            b.name(&column.name);
            // Rows of one time are equal, whatever its text.
            if self.select.distinct {
                if let Some(family) = b.several_forms(self.table, column) {
                    b.collate_times(family);
                }
            }
            Ok(())
        })?;
        if !none && !computed.is_empty() {
            b.push(", ");
        }
        b.list(computed, |b, computed| b.scalar(&computed.scalar))
    }

    /// Writes ` ORDER BY …`. The rows of a partition come one after another.
    fn order_by(&self, b: &mut Builder<'_, 'v>) -> Result<()> {
        let keyed = |partition: &&Partition| partition.by.iter().any(orders);
        let Some(partition) = self.select.partition.as_deref().filter(keyed) else {
            return self.order.write(b);
        };
        b.push(" ORDER BY ");
        numbered::keys(b, partition)?;
        self.order.items(b, true)
    }

    /// Writes everything behind the columns.
    pub(super) fn from(&self, b: &mut Builder<'_, 'v>) -> Result<()> {
        let Select {
            after,
            before,
            limit,
            offset,
            ..
        } = self.select;
        b.push(" FROM ");
        b.table_name();
        let terms = self.order.terms();
        let mut glue = " WHERE ";
        if where_clause::write(b, self.select, &self.order)? {
            glue = " AND ";
        }
        if let Some(after) = after {
            b.push(glue);
            cursor::condition(b, terms, after)?;
            glue = " AND ";
        }
        if let Some(before) = before {
            b.push(glue);
            if self.reversed {
                cursor::condition(b, terms, before)?;
            } else {
                let terms: Vec<Term<'_>> = terms.iter().map(|t| t.reversed()).collect();
                cursor::condition(b, &terms, before)?;
            }
        }
        if self.ordered {
            self.order_by(b)?;
        }
        b.limit(*limit, *offset)
    }
}

/// The named columns, each once.
pub(super) fn columns<'a>(table: &'a Table, names: &[Name]) -> Result<Vec<&'a Column>> {
    let mut columns: Vec<&Column> = Vec::with_capacity(names.len());
    for name in names {
        let (_, column) = table.column(name)?;
        if !columns.iter().any(|known| known.name == column.name) {
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return Err(
            invalid("name at least one column to give back").with("table", table.name.as_str())
        );
    }
    Ok(columns)
}

fn hidden_output(table: &Table, term: &Term<'_>) -> OutputColumn {
    match term.column {
        Some(column) => column.output(&table.name),
        None => OutputColumn::new(term.name, table.name.as_str(), ColumnType::Integer),
    }
}
