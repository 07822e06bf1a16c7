//! A schema as it is asked for: in SQL, and as the tables of resources.

use ash_rusqlite_engine::migration::generate::Wanted;
use ash_rusqlite_engine::schema::{
    CheckSpec, ColumnSpec, ForeignKeyAction, ForeignKeySpec, IndexSpec, TableSpec,
};
use ash_rusqlite_engine::{ColumnType, Value};

use super::{bare, default, Schema, Table};

fn key_name(schema: &Schema, id: usize) -> String {
    schema
        .iter()
        .find(|table| table.id == id)
        .map_or_else(String::new, |table| table.name.clone())
}

/// The schema in SQL. Columns are named twice in other ways, so that words are compared and not texts.
pub fn sql(schema: &Schema) -> Wanted {
    let mut all = String::new();
    for table in schema {
        let name = &table.name;
        let null = if table.key == ColumnType::Integer {
            ""
        } else {
            " NOT NULL"
        };
        let mut parts = vec![format!("id {} PRIMARY KEY{null}", table.key.declared())];
        for column in &table.columns {
            let mut text = format!("{} {}", column.name, column.column_type.declared());
            if column.required {
                text.push_str(" NOT NULL");
            }
            if column.has_default {
                text.push_str(&format!(" DEFAULT {}", default(column.column_type)));
            }
            if let Some((target, cascade)) = column.refers {
                let target = key_name(schema, target);
                let action = if cascade { " ON DELETE CASCADE" } else { "" };
                text.push_str(&format!(" REFERENCES {target} (id){action}"));
            }
            parts.push(text);
        }
        for id in &table.checked {
            let column = table
                .columns
                .iter()
                .find(|column| column.id == *id)
                .unwrap();
            parts.push(format!(
                "CONSTRAINT k{id} CHECK ({} IS NOT 'never')",
                column.name
            ));
        }
        all.push_str(&format!("CREATE TABLE {name} ({});\n", parts.join(", ")));
        for (id, unique) in &table.indexed {
            let column = table
                .columns
                .iter()
                .find(|column| column.id == *id)
                .unwrap();
            let unique = if *unique { "UNIQUE " } else { "" };
            all.push_str(&format!(
                "CREATE {unique}INDEX i{id} ON {name} ({}, id);\n",
                column.name
            ));
        }
        if table.id.is_multiple_of(2) {
            let id = table.id;
            all.push_str(&format!(
                "CREATE VIEW v{id} AS SELECT id FROM {name};
                 CREATE TRIGGER g{id} AFTER DELETE ON {name} BEGIN SELECT count(*) FROM {name}; END;\n"
            ));
        }
    }
    Wanted {
        schema: Some(all),
        ..Wanted::default()
    }
}

/// The schema as what resources ask for.
pub fn tables(schema: &Schema) -> Wanted {
    let tables = schema.iter().map(|table| spec(schema, table)).collect();
    Wanted {
        tables,
        ..Wanted::default()
    }
}

fn spec(schema: &Schema, table: &Table) -> TableSpec {
    let mut spec = TableSpec {
        table: table.name.clone(),
        primary_key: vec!["id".into()],
        ..TableSpec::default()
    };
    spec.columns.push(column_spec("id", table.key, true, None));
    for column in &table.columns {
        let name = bare(&column.name);
        let sql = column
            .has_default
            .then(|| default(column.column_type).to_owned());
        spec.columns
            .push(column_spec(&name, column.column_type, column.required, sql));
        if let Some((target, cascade)) = column.refers {
            spec.foreign_keys.push(ForeignKeySpec {
                name: Some(format!("fk{}", column.id)),
                columns: vec![name.clone()],
                references: key_name(schema, target),
                on: vec!["id".into()],
                on_delete: if cascade {
                    ForeignKeyAction::Cascade
                } else {
                    ForeignKeyAction::Nothing
                },
                ..ForeignKeySpec::default()
            });
        }
        if table.checked.contains(&column.id) {
            spec.checks.push(CheckSpec {
                name: format!("k{}", column.id),
                sql: format!("{} IS NOT 'never'", column.name),
            });
        }
        for (id, unique) in table.indexed.iter().filter(|(id, _)| *id == column.id) {
            spec.indexes.push(IndexSpec {
                name: format!("i{id}"),
                columns: vec![name.clone(), "id".into()],
                unique: *unique,
                ..IndexSpec::default()
            });
        }
    }
    spec
}

fn column_spec(
    name: &str,
    column_type: ColumnType,
    required: bool,
    default_sql: Option<String>,
) -> ColumnSpec {
    ColumnSpec {
        name: name.into(),
        column_type,
        null: !required,
        default: Value::Null,
        default_sql,
        declared: None,
    }
}
