//! Lookups: an attribute's value is looked up in a table, and what stands there is set.

use std::collections::BTreeMap;
use std::rc::Rc;

use weir_sdk::{Edits, Entity, Field, Interest, Kind, Kinds, Level, NewValue, Value, config};

use crate::actions::is_covered;
use crate::config::{At, Config, LookupConfig, Policy, TableConfig};
use crate::file;
use crate::put::put;
use crate::table::{self, Table};

/// The tables by name.
pub type Tables = BTreeMap<String, Rc<Table>>;

/// Reads all tables. The error names the table, the file and the line.
pub fn read_tables(configs: &BTreeMap<String, TableConfig>) -> Result<Tables, String> {
    let read = |(name, TableConfig { file, key }): (&String, &TableConfig)| {
        let place = |reason| format!("config key `tables.{name}`: {reason}");
        let text = file::read(file, table::BYTES_MAX).map_err(place)?;
        let table = Table::read(&text, key).map_err(|reason| place(format!("{file}: {reason}")))?;
        Ok((name.clone(), Rc::new(table)))
    };
    configs.iter().map(read).collect()
}

/// A lookup ready to be done.
pub struct Lookup {
    table: Rc<Table>,
    level: Level,
    from: Field,
    /// Column and attribute.
    columns: Vec<(usize, Field)>,
    default: Option<String>,
    policy: Policy,
}

impl Lookup {
    /// Checks a lookup and declares what it reads and writes. The error says what is wrong, without the place.
    pub fn new(lookup: &LookupConfig, tables: &Tables, interest: &mut Interest) -> Result<Lookup, String> {
        let table = tables.get(&lookup.table).ok_or_else(|| no_table(&lookup.table, tables))?;
        let level = lookup.level.level();
        let kinds = Kinds::from([Kind::STRING, Kind::INT]);
        let mut columns = Vec::new();
        for (column, attribute) in &lookup.set {
            if attribute.is_empty() || attribute.ends_with('*') {
                return Err(format!("`{attribute}` is not the key of an attribute"));
            }
            let select = interest.attribute(attribute.as_str()).at(level);
            let field = if lookup.policy == Policy::Update { select.read_write() } else { select.write() };
            columns.push((
                table.column(column).map_err(|reason| format!("table `{}`: {reason}", lookup.table))?,
                field,
            ));
        }
        if columns.is_empty() {
            return Err("`set` names no column".to_owned());
        }
        if lookup.from.is_empty() || lookup.from.ends_with('*') {
            return Err("`from` must be the key of an attribute".to_owned());
        }
        Ok(Lookup {
            table: Rc::clone(table),
            level,
            from: interest.attribute(lookup.from.as_str()).at(level).kinds(kinds).read(),
            columns,
            default: lookup.default.clone(),
            policy: lookup.policy,
        })
    }

    pub fn is_meant_at(&self, level: Level) -> bool {
        self.level == level
    }

    pub fn apply(&self, entity: Entity<'_>, edits: &mut Edits) {
        let row = match entity.get(self.from).map(|cell| cell.value()) {
            Some(Value::Str(key)) => self.table.find(key),
            Some(Value::Int(key)) => self.table.find(&key.to_string()),
            _ => return,
        };
        for (column, field) in &self.columns {
            let value = match (row, &self.default) {
                (Some(row), _) => self.table.value(row, *column),
                (None, Some(default)) => default,
                (None, None) => return,
            };
            // An empty field of the table is one that is not known.
            if !value.is_empty() {
                put(entity, *field, NewValue::Str(value), self.policy, edits);
            }
        }
    }
}

/// Refuses lookups that set what is set, renamed or deleted elsewhere: the result would depend on an order that the
/// operator cannot see.
pub fn check(config: &Config) -> Result<(), String> {
    let levels = At::levels(config.levels.as_deref());
    let mut targets = Vec::new();
    for (position, lookup) in config.lookups.iter().enumerate() {
        for attribute in lookup.set.values() {
            let target = (lookup.level, attribute);
            let is_changed = levels.has(lookup.level.level())
                && (config.set.contains_key(attribute)
                    || config.rename.iter().any(|(old, new)| old == attribute || new == attribute)
                    || config.delete.iter().any(|pattern| is_covered(attribute, pattern)));
            let is_resource =
                lookup.level.level() == Level::RESOURCE && config.resource.set.contains_key(attribute);
            if is_changed || is_resource || targets.contains(&target) {
                return Err(format!(
                    "config key `lookups[{position}].set`: `{attribute}` is set, renamed or deleted elsewhere"
                ));
            }
            targets.push(target);
        }
    }
    Ok(())
}

fn no_table(name: &str, tables: &Tables) -> String {
    let hint = match config::nearest(name, tables.keys().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    format!("there is no table `{name}`{hint}")
}
