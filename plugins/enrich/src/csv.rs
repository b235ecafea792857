//! CSV as RFC 4180 has it: quoted fields with doubled quotes and line breaks, LF or CRLF, with or without a BOM.

/// The most fields that a row may have.
const FIELDS_MAX: usize = 256;

/// Reads rows one after the other.
pub struct Rows<'t> {
    rest: &'t str,
    /// The line at which reading stands, from 1.
    line: usize,
    /// The line on which the current row began.
    row_began: usize,
}

impl<'t> Rows<'t> {
    pub fn new(text: &'t str) -> Rows<'t> {
        Rows { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1, row_began: 1 }
    }

    /// The line on which the row that was read last began, from 1.
    pub fn row_line(&self) -> usize {
        self.row_began
    }

    /// Reads the next row that is not empty into `fields`. False at the end. The error names the line.
    pub fn next_row(&mut self, fields: &mut Vec<String>) -> Result<bool, String> {
        self.skip_empty_lines();
        fields.clear();
        self.row_began = self.line;
        if self.rest.is_empty() {
            return Ok(false);
        }
        loop {
            if fields.len() == FIELDS_MAX {
                return Err(format!("line {}: more than {FIELDS_MAX} columns", self.row_began));
            }
            fields.push(self.field()?);
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                continue;
            }
            self.end_of_line();
            return Ok(true);
        }
    }

    /// Reads up to the comma or line break that ends the field.
    fn field(&mut self) -> Result<String, String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n', '\r']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            if field.contains('"') {
                return Err(format!(
                    "line {}: a quote inside a field that does not begin with one",
                    self.line
                ));
            }
            self.rest = rest;
            return Ok(field.to_owned());
        };
        let mut field = String::new();
        self.rest = quoted;
        loop {
            let unterminated = || format!("line {}: a quoted field that does not end", self.row_began);
            let (part, rest) = self.rest.split_once('"').ok_or_else(unterminated)?;
            self.line += part.bytes().filter(|byte| *byte == b'\n').count();
            field.push_str(part);
            self.rest = rest;
            let Some(rest) = rest.strip_prefix('"') else { break };
            field.push('"');
            self.rest = rest;
        }
        if !(self.rest.is_empty() || self.rest.starts_with([',', '\n', '\r'])) {
            return Err(format!("line {}: text after the quote that ends a field", self.line));
        }
        Ok(field)
    }

    fn end_of_line(&mut self) {
        for end in ["\r\n", "\n", "\r"] {
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                self.line += 1;
                return;
            }
        }
    }

    fn skip_empty_lines(&mut self) {
        while self.rest.starts_with(['\r', '\n']) {
            self.end_of_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
        let (mut reader, mut row, mut all) = (Rows::new(text), Vec::new(), Vec::new());
        while reader.next_row(&mut row)? {
            all.push(row.clone());
        }
        Ok(all)
    }

    #[test]
    fn fields_are_plain_or_quoted() {
        let text = "\u{feff}host,team\r\n\"a,b\",\"say \"\"hi\"\"\"\n\n\"two\nlines\",\nlast,";
        assert_eq!(
            rows(text).unwrap(),
            [["host", "team"], ["a,b", "say \"hi\""], ["two\nlines", ""], ["last", ""]]
        );
        assert!(rows("").unwrap().is_empty() && rows("\n\r\n").unwrap().is_empty());
    }

    #[test]
    fn lines_are_counted_across_quoted_line_breaks() {
        let mut reader = Rows::new("a\n\"x\ny\nz\"\n\nb\n");
        let mut row = Vec::new();
        let mut lines = Vec::new();
        while reader.next_row(&mut row).unwrap() {
            lines.push(reader.row_line());
        }
        assert_eq!(lines, [1, 2, 6]);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        assert_eq!(
            rows("a\nb\"c\n").unwrap_err(),
            "line 2: a quote inside a field that does not begin with one"
        );
        assert_eq!(rows("a\n\"b\n\n").unwrap_err(), "line 2: a quoted field that does not end");
        assert_eq!(rows("\"a\"b\n").unwrap_err(), "line 1: text after the quote that ends a field");
        assert_eq!(rows(&",".repeat(256)).unwrap_err(), "line 1: more than 256 columns");
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_again(
            table in proptest::collection::vec(proptest::collection::vec("[a-z,\"\n\r \u{e4}]{0,6}", 2..4), 0..5),
        ) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",");
            let text: Vec<String> = table.iter().map(line).collect();
            prop_assert_eq!(rows(&text.join("\r\n")).unwrap(), table);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a,\"\n\r]{0,40}") {
            let _ = rows(&text);
        }
    }
}
