//! A table in memory: all texts in one arena, rows found by the hash of their key.

use crate::csv::Rows;

/// The most rows that a table may have.
const ROWS_MAX: usize = 100_000;
/// The longest file that a table is read from, in bytes.
pub const BYTES_MAX: u64 = 32 << 20;
/// A place in the index without a row.
const FREE: u32 = u32::MAX;

/// Values by key and column.
pub struct Table {
    columns: Vec<String>,
    /// The fields of all rows, back to back, and where each ends.
    arena: String,
    ends: Vec<u32>,
    key_column: usize,
    /// Open addressing with linear probing; a power of two, at most half full.
    index: Vec<u32>,
}

impl Table {
    /// Reads a table. The error names the line.
    pub fn read(text: &str, key: &str) -> Result<Table, String> {
        let mut rows = Rows::new(text);
        let mut columns = Vec::new();
        if !rows.next_row(&mut columns)? {
            return Err("the table is empty: its first line must name the columns".to_owned());
        }
        if let Some(name) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
            return Err(format!("line 1: two columns are named `{}`", name.1));
        }
        let key_column = columns.iter().position(|column| column == key);
        let key_column = key_column.ok_or_else(|| no_column(key, &columns))?;
        let mut table = Table {
            columns,
            arena: String::with_capacity(text.len()),
            ends: Vec::new(),
            key_column,
            index: Vec::new(),
        };
        let mut lines = Vec::new();
        let mut row = Vec::new();
        while rows.next_row(&mut row)? {
            if row.len() != table.columns.len() {
                let (found, wanted) = (row.len(), table.columns.len());
                return Err(format!(
                    "line {}: {found} fields, but there are {wanted} columns",
                    rows.row_line()
                ));
            }
            if lines.len() == ROWS_MAX {
                return Err(format!("line {}: more than {ROWS_MAX} rows", rows.row_line()));
            }
            lines.push(rows.row_line());
            for field in &row {
                table.arena.push_str(field);
                table.ends.push(table.arena.len() as u32);
            }
        }
        table.build_index(&lines)?;
        Ok(table)
    }

    /// The number of a column. The error names those that there are.
    pub fn column(&self, name: &str) -> Result<usize, String> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| no_column(name, &self.columns))
    }

    /// The row of a key.
    pub fn find(&self, key: &str) -> Option<usize> {
        let row = *self.index.get(self.place(key))?;
        (row != FREE).then_some(row as usize)
    }

    /// What stands in a column of a row; empty if there is no such place.
    pub fn value(&self, row: usize, column: usize) -> &str {
        let position = row * self.columns.len() + column;
        let end = |position: usize| self.ends.get(position).map_or(0, |end| *end as usize);
        let start = position.checked_sub(1).map_or(0, end);
        self.arena.get(start..end(position)).unwrap_or("")
    }

    fn build_index(&mut self, lines: &[usize]) -> Result<(), String> {
        self.index = vec![FREE; (lines.len() * 2).next_power_of_two().max(2)];
        for (row, line) in lines.iter().enumerate() {
            let place = self.place(self.value(row, self.key_column));
            match self.index.get_mut(place) {
                Some(slot) if *slot == FREE => *slot = row as u32,
                Some(slot) => {
                    let former = lines.get(*slot as usize).copied().unwrap_or_default();
                    return Err(format!("line {line}: the key is the one of line {former}"));
                }
                None => return Err("the table's index is full".to_owned()),
            }
        }
        Ok(())
    }

    /// Where the key's row stands in the index, or where it would be put. The index is never full, so there is one.
    fn place(&self, key: &str) -> usize {
        let mask = self.index.len() - 1;
        let mut place = hash(key.as_bytes()) as usize & mask;
        while let Some(row) = self.index.get(place).filter(|row| **row != FREE) {
            if self.value(*row as usize, self.key_column) == key {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }
}

fn no_column(name: &str, columns: &[String]) -> String {
    let near = weir_sdk::config::nearest(name, columns.iter().map(String::as_str));
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!("line 1: there is no column `{name}`{hint} (columns: {})", columns.join(", "))
}

/// Eight bytes a step: keys are host names and ids, and they are hashed once an item.
fn hash(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain(std::iter::once(&last)).map(|word| u64::from_le_bytes(*word));
    let hash =
        words.fold(bytes.len() as u64, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER));
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_key() {
        let table = Table::read("team,host,tier\nred,a.example,1\nblue,b.example,\n", "host").unwrap();
        let (team, tier) = (table.column("team").unwrap(), table.column("tier").unwrap());
        let row = table.find("b.example").unwrap();
        assert_eq!((table.value(row, team), table.value(row, tier)), ("blue", ""));
        assert_eq!(table.value(table.find("a.example").unwrap(), team), "red");
        assert_eq!((table.find("c.example"), table.find("")), (None, None));
    }

    #[test]
    fn a_table_without_rows_finds_nothing() {
        assert_eq!(Table::read("host,team\n", "host").unwrap().find("a"), None);
    }

    #[test]
    fn every_row_of_a_large_table_is_found() {
        let rows = (0..20_000).map(|n| format!("host-{n}.example,team-{}\n", n % 7));
        let table = Table::read(&format!("host,team\n{}", rows.collect::<String>()), "host").unwrap();
        for n in 0..20_000 {
            let row = table.find(&format!("host-{n}.example")).unwrap();
            assert_eq!(table.value(row, 1), format!("team-{}", n % 7));
        }
        assert_eq!(table.find("host-20000.example"), None);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let error = |text: &str| Table::read(text, "host").err().unwrap();
        assert_eq!(error(""), "the table is empty: its first line must name the columns");
        assert_eq!(
            error("hots,team\n"),
            "line 1: there is no column `host`; did you mean `hots`? (columns: hots, team)"
        );
        assert_eq!(error("host,host\n"), "line 1: two columns are named `host`");
        assert_eq!(error("host,team\na,1\nb\n"), "line 3: 1 fields, but there are 2 columns");
        assert_eq!(error("host,team\na,1\nb,2\na,3\n"), "line 4: the key is the one of line 2");
        let long = format!("host\n{}", (0..=ROWS_MAX).map(|n| format!("{n}\n")).collect::<String>());
        assert_eq!(error(&long), "line 100002: more than 100000 rows");
    }
}
