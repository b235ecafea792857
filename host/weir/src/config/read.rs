//! Reading a text file with a bound.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::yaml::TEXT_BYTES_MAX;

/// The text of a file. The error names the file and says what is wrong with it.
pub fn text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("cannot read {shown}: {}", plain(&error)))?;
    let mut bytes = Vec::new();
    // A device or a pipe has no length to ask for, so the bound is on what is read.
    file.take(TEXT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read {shown}: {}", plain(&error)))?;
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(format!("cannot read {shown}: it is longer than {TEXT_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("cannot read {shown}: it is not UTF-8 text"))
}

/// An I/O error in lower case and without the number of the operating system.
pub fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let missing = text(&directory.path().join("none.yaml")).unwrap_err();
        assert!(missing.ends_with("none.yaml: no such file or directory"), "{missing}");
        let path = directory.path().join("latin1");
        std::fs::write(&path, [0xe4]).unwrap();
        assert!(text(&path).unwrap_err().ends_with("not UTF-8 text"));
        std::fs::write(&path, " ".repeat(TEXT_BYTES_MAX + 1)).unwrap();
        assert!(text(&path).unwrap_err().contains("longer than"));
    }
}
