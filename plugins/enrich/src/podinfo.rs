//! The files of Kubernetes' downward API: one `key="value"` a line, the value quoted as Go quotes strings.

/// The pairs of a file. The error names the line.
pub fn parse(text: &str) -> Result<Vec<(&str, String)>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            pair(line).ok_or_else(|| format!("line {} is not of the form key=\"value\"", number + 1))
        })
        .collect()
}

fn pair(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.split_once('=')?;
    let quoted = value.trim_end().strip_prefix('"')?.strip_suffix('"')?;
    Some((key, unquote(quoted)?))
}

fn unquote(quoted: &str) -> Option<String> {
    let mut value = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(at) = rest.find(['\\', '"']) {
        let (before, escape) = rest.split_at(at);
        value.extend_from_slice(before.as_bytes());
        // A quotation mark that is not escaped does not belong inside.
        let escape = escape.strip_prefix('\\')?;
        rest = one_escape(escape, &mut value)?;
    }
    value.extend_from_slice(rest.as_bytes());
    // \x may have written any bytes.
    String::from_utf8(value).ok()
}

/// Writes what an escape stands for, and gives back what follows it.
fn one_escape<'t>(escape: &'t str, value: &mut Vec<u8>) -> Option<&'t str> {
    let kind = escape.chars().next()?;
    let rest = &escape[kind.len_utf8()..];
    let plain = match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' | '"' | '\'' => kind as u8,
        'x' => {
            let (number, rest) = hex(rest, 2)?;
            value.push(u8::try_from(number).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let (number, rest) = hex(rest, if kind == 'u' { 4 } else { 8 })?;
            let mut utf8 = [0; 4];
            value.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut utf8).as_bytes());
            return Some(rest);
        }
        _ => return None,
    };
    value.push(plain);
    Some(rest)
}

fn hex(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    // `from_str_radix` would take a sign.
    let is_hex = number.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(number, 16).ok()).flatten().map(|number| (number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_the_kubelet_writes_them() {
        let text = "app=\"shop\"\nbuild=\"a=\\\"b\\\" \\\\ c\\n\\t\\u00e4\\x41\\U0001f600\"\n\nempty=\"\"\n";
        let pairs = parse(text).unwrap();
        let expected = [("app", "shop"), ("build", "a=\"b\" \\ c\n\t\u{e4}A\u{1f600}"), ("empty", "")];
        assert_eq!(pairs, expected.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn a_line_of_another_form_is_told_with_its_number() {
        for wrong in [
            "app",
            "app=shop",
            "app=\"shop",
            "app=\"\"shop\"\"",
            "a=\"\\q\"",
            "a=\"\\u12\"",
            "a=\"\\xff\"",
            "a=\"\\u+123\"",
            "a=\"\\\"",
        ] {
            let error = parse(&format!("ok=\"1\"\n{wrong}\n")).unwrap_err();
            assert_eq!(error, "line 2 is not of the form key=\"value\"", "{wrong}");
        }
    }
}
