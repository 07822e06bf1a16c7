//! Reads of one table.

use std::sync::Arc;

use super::builder::{count, Builder};
use super::compiled::{invalid, Compiled};
use super::order::{self, Term};
use super::{cursor, numbered, scalar_order, where_clause};
use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::query::ir::{Computed, ScalarOrder, Select};
use crate::value::{ColumnType, Name, OutputColumn};

/// The rows of a select.
///
/// - A `before` cursor gives reversed rows, nearest to the cursor first, and so limit and
///   offset count from the cursor backwards. With both cursors the rows lie between the two
///   and are taken forwards from `after`.
/// - With a cursor, `page`, or a limit or offset on ordered rows the primary key is added to
///   the order, so that a row of one read is a place for the next one to go on from.
/// - `distinct` rows are distinguished by all their columns, in place of the primary key.
pub(super) fn rows<'v>(select: &'v Select, catalog: &Catalog) -> Result<Compiled<'v>> {
    let table = catalog.table(&select.table)?;
    let plan = Plan::new(select, table, Wanted::Selected)?;
    let hidden = if select.page { plan.terms.len() } else { 0 };
    let mut b = Builder::new(table, catalog);
    b.push(if select.distinct {
        "SELECT DISTINCT "
    } else {
        "SELECT "
    });
    plan.columns(&mut b)?;
    if hidden > 0 {
        b.push(", ");
        b.list(&plan.terms, |b, term| {
            term.write_name(b);
            Ok(())
        })?;
    }
    plan.from(&mut b)?;
    let columns = match &plan.columns {
        None if hidden == 0 && select.computed.is_empty() => Arc::clone(table.output_columns()),
        _ => {
            let wanted = plan.wanted().map(|column| column.output(&table.name));
            let hidden = plan
                .terms
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
        reversed: plan.reversed,
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
    let mut plan = Plan::new(select, table, wanted)?;
    plan.ordered = false;
    let mut b = Builder::new(table, catalog);
    // EXISTS drops a DISTINCT of its own select, even where an offset counts the rows.
    let inner = select.distinct && select.offset.is_some();
    b.push("SELECT EXISTS(SELECT ");
    b.push(if inner {
        "1 FROM (SELECT DISTINCT "
    } else {
        ""
    });
    plan.columns(&mut b)?;
    plan.from(&mut b)?;
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

/// What the rows of a plan hold.
pub(super) enum Wanted<'a> {
    /// The columns of the select.
    Selected,
    /// Every column.
    All,
    /// The rows of a subquery: this column or nothing, but all columns where they are distinct.
    Cut(Option<&'a Column>),
}

/// A select with its names looked up.
pub(super) struct Plan<'a, 'v> {
    select: &'v Select,
    table: &'a Table,
    /// `None` is every column, an empty list none: the rows are only counted.
    columns: Option<Vec<&'a Column>>,
    terms: Vec<Term<'a>>,
    reversed: bool,
    /// Whether the order matters to what is read.
    pub(super) ordered: bool,
}

impl<'a, 'v> Plan<'a, 'v> {
    pub(super) fn new(select: &'v Select, table: &'a Table, wanted: Wanted<'a>) -> Result<Self> {
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
        let mut plan = Plan {
            select,
            table,
            columns,
            terms: Vec::new(),
            reversed,
            ordered: true,
        };
        plan.order()?;
        Ok(plan)
    }

    fn order(&mut self) -> Result<()> {
        if !self.select.scalar_order.is_empty() || self.select.partition.is_some() {
            self.check_free_order()?;
        }
        if !self.select.scalar_order.is_empty() {
            return Ok(());
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
        self.terms = order::given(self.table, order_by)?;
        if let Some(columns) = &distinct {
            order::check_distinct(&self.terms, columns)?;
        }
        let paged = *page || after.is_some() || before.is_some();
        let partition = self.select.partition.is_some();
        let cut = limit.is_some() || offset.is_some();
        if paged || partition || (cut && !self.terms.is_empty()) {
            let total = order::make_total(&mut self.terms, self.table, distinct.as_deref());
            if paged && !total {
                let message = format!(
                    "{} has no key to page by; page over distinct columns, or use limit and offset",
                    self.table.name
                );
                return Err(invalid(message).with("table", self.table.name.as_str()));
            }
        }
        if self.reversed {
            self.reverse();
        }
        Ok(())
    }

    /// An order by scalars, or by partitions first, is none that rows are a place in.
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

    fn reverse(&mut self) {
        for term in &mut self.terms {
            *term = term.reversed();
        }
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

    /// Writes ` ORDER BY …`.
    fn order_by(&self, b: &mut Builder<'_, 'v>) -> Result<()> {
        let scalars: &'v [ScalarOrder] = &self.select.scalar_order;
        if let Some(partition) = &self.select.partition {
            let keys = partition.by.iter().any(scalar_order::orders);
            let terms = !self.terms.is_empty();
            if !keys && !terms && scalars.is_empty() {
                return Ok(());
            }
            b.push(" ORDER BY ");
            let comma = numbered::keys(b, partition)?;
            if comma && terms {
                b.push(", ");
            }
            order::items(b, &self.terms)?;
            return scalar_order::order(b, scalars, comma);
        }
        if scalars.is_empty() {
            return order::write(b, &self.terms);
        }
        // A scalar that is the same for every row orders nothing, and is not written.
        if scalars
            .iter()
            .any(|item| scalar_order::orders(&item.scalar))
        {
            b.push(" ORDER BY ");
            scalar_order::order(b, scalars, false)?;
        }
        Ok(())
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
        let mut glue = " WHERE ";
        if where_clause::write(b, self.select, &self.terms)? {
            glue = " AND ";
        }
        if let Some(after) = after {
            b.push(glue);
            cursor::condition(b, &self.terms, after)?;
            glue = " AND ";
        }
        if let Some(before) = before {
            b.push(glue);
            if self.reversed {
                cursor::condition(b, &self.terms, before)?;
            } else {
                let terms: Vec<Term<'_>> = self.terms.iter().map(|t| t.reversed()).collect();
                cursor::condition(b, &terms, before)?;
            }
        }
        if self.ordered {
            self.order_by(b)?;
        }
        if limit.is_none() && offset.is_none() {
            return Ok(());
        }
        b.push(" LIMIT ");
        match limit {
            Some(limit) => b.stored(count(*limit))?,
            None => b.push("-1"),
        }
        if let Some(offset) = offset {
            b.push(" OFFSET ");
            b.stored(count(*offset))?;
        }
        Ok(())
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
