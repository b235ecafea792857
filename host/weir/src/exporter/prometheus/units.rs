//! Units: from UCUM's symbols, as OTLP has them, to the words that Prometheus has in its names.

/// A unit in words. Characters that no name may have are still in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitWords {
    /// What is counted.
    pub(super) main: String,
    /// `per_` and what it is counted by, if it is a rate.
    pub(super) per: String,
}

const MAIN: &[(&str, &str)] = &[
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER: &[(&str, &str)] = &[
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

impl UnitWords {
    /// The words of a unit. What stands in braces says what is counted, and is left out.
    pub(super) fn of(unit: &str) -> Self {
        let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
        let per = word(per, PER);
        UnitWords {
            main: word(main, MAIN).to_owned(),
            per: if per.is_empty() { String::new() } else { format!("per_{per}") },
        }
    }

    /// The same with nothing but letters, digits and colons, and single underscores between them.
    pub(super) fn cleaned(&self) -> Self {
        UnitWords { main: clean(&self.main), per: clean(&self.per) }
    }

    /// Both parts as one word, as the end of a name and the UNIT of OpenMetrics have it.
    pub(super) fn joined(&self) -> String {
        let joined = match (self.main.trim_end_matches('_'), self.per.trim_end_matches('_')) {
            (main, "" | "per") => main.to_owned(),
            ("", per) => per.to_owned(),
            (main, per) => format!("{main}_{per}"),
        };
        joined.trim_matches('_').to_owned()
    }
}

fn word<'a>(symbol: &'a str, words: &[(&str, &'static str)]) -> &'a str {
    let symbol = symbol.trim();
    if symbol.contains(['{', '}']) {
        return "";
    }
    words.iter().find(|(known, _)| *known == symbol).map_or(symbol, |(_, word)| word)
}

fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ':' => out.push(c),
            _ if out.ends_with('_') || out.is_empty() => {}
            _ => out.push('_'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_become_words_and_what_is_counted_is_left_out() {
        for (unit, words) in [
            ("", ""),
            ("s", "seconds"),
            ("ms", "milliseconds"),
            ("By", "bytes"),
            ("MiBy", "mebibytes"),
            ("1", ""),
            ("%", "percent"),
            ("m/s", "meters_per_second"),
            ("By/s", "bytes_per_second"),
            ("1/s", "per_second"),
            ("{token}", ""),
            ("{packet}/s", "per_second"),
            ("By/{request}", "bytes"),
            (" By / s ", "bytes_per_second"),
            ("furlong/fortnight", "furlong_per_fortnight"),
            ("unit@with#special/chars", "unit_with_special_per_chars"),
            ("$%&", ""),
            ("By/$%", "bytes"),
            ("a/b/c", "a_per_b_c"),
        ] {
            assert_eq!(UnitWords::of(unit).cleaned().joined(), words, "{unit:?}");
        }
    }
}
