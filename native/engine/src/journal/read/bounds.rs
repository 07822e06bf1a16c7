//! Between which places of an order the wanted events are.

use super::{Lookup, Writer, LAST};
use crate::error::Result;

/// Between which places of an order events are wanted, each of which is one bound of an index search,
/// and what else must hold.
pub(super) struct Bounds {
    order: &'static str,
    above: String,
    up_to: Option<String>,
    rest: Vec<String>,
}

impl Bounds {
    /// Also behind this place.
    pub(super) fn raise(&mut self, above: String) {
        self.above = match self.above.as_str() {
            "0" => above,
            before => format!("max({before}, {above})"),
        };
    }

    /// Also not behind this place.
    pub(super) fn lower(&mut self, up_to: String) {
        self.up_to = Some(match &self.up_to {
            None => up_to,
            Some(before) => format!("min({before}, {up_to})"),
        });
    }

    /// As conditions on a row.
    pub(super) fn sql(&self, row: &str) -> String {
        let Bounds { order, above, .. } = self;
        let mut all = vec![format!("{row}.{order} > {above}")];
        all.extend(
            self.up_to
                .iter()
                .map(|up_to| format!("{row}.{order} <= {up_to}")),
        );
        all.extend_from_slice(&self.rest);
        all.join(" AND ")
    }
}

impl Writer<'_> {
    /// Everything but what events are looked up by.
    pub(super) fn bounds(&mut self, row: &str, lookup: Option<&Lookup>) -> Result<Bounds> {
        let query = self.query;
        let column = lookup.map(|lookup| lookup.column);
        let (behind, up_to) = (self.behind()?, self.up_to()?);
        let mut bounds = Bounds {
            order: lookup.map_or("seq", |lookup| lookup.order),
            above: "0".to_owned(),
            up_to: None,
            rest: Vec::new(),
        };
        // In a source the order of the positions is that of the seqs.
        let by_source = column == Some("source");
        if let Some(seq) = behind {
            let above = if by_source {
                self.position_at(&seq)
            } else {
                seq
            };
            bounds.raise(above);
        }
        if let Some(seq) = up_to {
            let up_to = if by_source {
                self.position_at(&seq)
            } else {
                seq
            };
            bounds.lower(up_to);
        }
        if let Some(position) = query.after_position {
            let position = self.number(position)?;
            match by_source {
                true => bounds.raise(position),
                false => bounds.rest.push(format!("{row}.position > {position}")),
            }
        }
        if let Some(position) = query.before_position {
            let position = self.number(position)?;
            match by_source {
                true => bounds.lower(format!("{position} - 1")),
                false => bounds.rest.push(format!("{row}.position < {position}")),
            }
        }
        let all = &mut bounds.rest;
        for (name, names) in [("source", &query.sources), ("actor", &query.actors)] {
            if !names.is_empty() && column != Some(name) {
                let names = self.names(names);
                all.push(format!(
                    "+{row}.{name} IN (SELECT id FROM ash_rusqlite_subjects WHERE name IN ({names}))"
                ));
            }
        }
        let types = !query.types.is_empty() || !query.tables.is_empty();
        if types && column != Some("type") {
            let types = self.types_are("w")?;
            all.push(format!(
                "+{row}.type IN (SELECT w.id FROM ash_rusqlite_event_types AS w WHERE {types})"
            ));
        }
        Ok(bounds)
    }

    /// The seq behind which events are wanted, if not all are. A moment is a place in the order of
    /// the events, too: their times never go back.
    fn behind(&mut self) -> Result<Option<String>> {
        let query = self.query;
        let after = match query.after {
            None | Some(0) => None,
            Some(after) => Some(self.number(after)?),
        };
        let Some(since) = &query.since else {
            return Ok(after);
        };
        let since = self.moment(since, "since")?;
        let since = format!(
            "coalesce((SELECT seq - 1 FROM ash_rusqlite_events \
             WHERE at >= {since} ORDER BY at, seq LIMIT 1), {LAST})"
        );
        Ok(Some(match after {
            Some(after) => format!("max({after}, {since})"),
            None => since,
        }))
    }

    /// The seq up to which they are.
    fn up_to(&mut self) -> Result<Option<String>> {
        let query = self.query;
        let before = match query.before {
            Some(before) => Some(self.number(before.saturating_sub(1))?),
            None => None,
        };
        let Some(until) = &query.until else {
            return Ok(before);
        };
        let until = self.moment(until, "until")?;
        let until = format!(
            "coalesce((SELECT seq FROM ash_rusqlite_events \
             WHERE at < {until} ORDER BY at DESC, seq DESC LIMIT 1), 0)"
        );
        Ok(Some(match before {
            Some(before) => format!("min({before}, {until})"),
            None => until,
        }))
    }

    /// The last position of the source that is looked up whose event is not behind a seq. Found by
    /// halves: what is at a position, or next behind it where that was removed, is an index search.
    fn position_at(&mut self, seq: &str) -> String {
        let (id, last) = match self.query.sources.as_slice() {
            [_] => {
                let name = self.names(&self.query.sources);
                let of = |what| {
                    format!("(SELECT {what} FROM ash_rusqlite_subjects WHERE name = {name})")
                };
                (of("id"), of("position"))
            }
            _ => ("d.id".to_owned(), "d.position".to_owned()),
        };
        let widest = "CASE WHEN last < 32 THEN 16 WHEN last < 512 THEN 256 \
             WHEN last < 8192 THEN 4096 WHEN last < 131072 THEN 65536 \
             WHEN last < 2097152 THEN 1048576 ELSE 1099511627776 END";
        format!(
            "(WITH RECURSIVE half (place, step) AS (\
             SELECT 0, {widest} FROM (SELECT coalesce({last}, 0) AS last) UNION ALL \
             SELECT place + step * (coalesce((SELECT h.seq FROM ash_rusqlite_events AS h \
             INDEXED BY ash_rusqlite_events_source WHERE h.source = {id} \
             AND h.position >= place + step ORDER BY h.position LIMIT 1), {LAST}) <= {seq}), \
             step / 2 FROM half WHERE step > 0) \
             SELECT place FROM half WHERE step = 0)"
        )
    }
}
