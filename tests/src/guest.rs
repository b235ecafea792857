//! Guests for tests, written by hand as WebAssembly text, so that no test of the host needs a toolchain for them.
//!
//! `guests/shell.wat` is the component around every guest: it knows the plugin contract. A guest is a core module
//! that exports `configure`, `process` and `realloc`. `guests/prelude.wat` holds what all of them share.
//!
//! `guests/hostile` holds the guests that attack weir. They have a shell of their own, which imports everything that a
//! guest can reach, and a folder says which part of a guest is theirs; `hostile/FOLDER.wat` is the rest:
//!
//! - `process/`: what happens in a batch that says so
//! - `configure/`: what happens before the first batch
//! - `realloc/`: where the host may put what it passes in
//! - `component/`: everything; such a file is a whole component

use std::path::{Path, PathBuf};

use crate::build::source_file;

/// A guest by the name of its file under `guests/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// Reads the attribute `http.request.method` of every item and changes nothing.
    Read,
    /// Traps in a batch with the attribute `test.trigger`; is not called for others.
    Trap,
    /// Never returns in a batch with the attribute `test.trigger`.
    Hang,
    /// Spins in a batch with the attribute `test.trigger`: for ever if it begins with `f`, for so many turns if with `a`.
    Spin(u64),
    /// Answers an error in a batch with the attribute `test.trigger`.
    Fail,
    /// Answers an edit of a cell that is not there in a batch with the attribute `test.trigger`.
    BadEdit,
    /// Takes memory until it gets no more, then traps, in a batch with the attribute `test.trigger`.
    Grow,
    /// Drops every resource, and with it every item.
    DropAll,
    /// Refuses its configuration.
    Refuse,
    /// Is stateful and numbers the requests that it sees, in the resource attribute `test.number`.
    Count,
    /// Sets the resource attribute of this name (of at most 32 bytes) to this value (of at most 32 bytes).
    Tag(&'static str, &'static str),
    /// One of `guests/hostile`, by its folder and name: `process/unreachable`.
    Hostile(&'static str),
}

impl Guest {
    /// The component's bytes. Panics if the text does not parse: it is part of the tests.
    pub fn wasm(self) -> Vec<u8> {
        let mut text = match self {
            Guest::Hostile(name) => hostile(name),
            _ => read("shell.wat")
                .replace(";;GUEST", &read(&format!("{}.wat", self.file())))
                .replace(";;PRELUDE", &read("prelude.wat")),
        };
        if let Guest::Spin(turns) = self {
            text = text.replace("TURNS", &turns.max(1).to_string());
        }
        if let Guest::Tag(key, value) = self {
            assert!(key.len() <= 32 && value.len() <= 32, "the guest has no room for more");
            text = text
                .replace("KEY_LENGTH", &key.len().to_string())
                .replace("VALUE_LENGTH", &value.len().to_string())
                .replace("KEY", key)
                .replace("VALUE", value);
        }
        wat::parse_str(&text).unwrap_or_else(|error| panic!("guest {}: {error}", self.file()))
    }

    /// Writes the component to `DIR/NAME.wasm` in one step, as a deployment does, and gives the path.
    pub fn install(self, dir: &Path, name: &str) -> PathBuf {
        install(&self.wasm(), dir, name)
    }

    fn file(self) -> &'static str {
        match self {
            Guest::Read => "read",
            Guest::Trap => "trap",
            Guest::Hang => "hang",
            Guest::Spin(_) => "spin",
            Guest::Fail => "fail",
            Guest::BadEdit => "bad_edit",
            Guest::Grow => "grow",
            Guest::DropAll => "drop_all",
            Guest::Refuse => "refuse",
            Guest::Count => "count",
            Guest::Tag(..) => "tag",
            Guest::Hostile(name) => name,
        }
    }
}

/// The names of all guests in a folder of `guests/hostile`, sorted: `process/unreachable` and so on.
pub fn hostile_names(folder: &str) -> Vec<String> {
    let directory = source_file(Path::new("guests/hostile").join(folder));
    let files =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let name = |path: PathBuf| format!("{folder}/{}", path.file_stem().unwrap_or_default().display());
    let mut names: Vec<String> = files.flatten().map(|file| name(file.path())).collect();
    names.sort();
    names
}

/// The text of a hostile guest, with the rest of it around it.
fn hostile(name: &str) -> String {
    let guest = read(&format!("hostile/{name}.wat"));
    let (folder, _) = name.split_once('/').expect("a folder and a name");
    let prelude = match folder {
        "component" => return guest,
        "realloc" => String::new(),
        _ => read("prelude.wat"),
    };
    let rest = prelude + &read(&format!("hostile/{folder}.wat"));
    read("hostile/shell.wat").replace(";;GUEST", &guest).replace(";;PRELUDE", &rest)
}

/// A file of `guests`.
fn read(name: &str) -> String {
    let path = source_file(Path::new("guests").join(name));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes bytes to `DIR/NAME.wasm` by a rename, so that no half of a file can be seen.
pub fn install(bytes: &[u8], dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(format!("{name}.wasm"));
    let hidden = dir.join(format!(".{name}.tmp"));
    std::fs::write(&hidden, bytes)
        .and_then(|()| std::fs::rename(&hidden, &path))
        .expect("a writable directory");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_is_valid_text() {
        let all = [
            Guest::Read,
            Guest::Trap,
            Guest::Hang,
            Guest::Spin(1),
            Guest::Fail,
            Guest::BadEdit,
            Guest::Grow,
            Guest::DropAll,
            Guest::Refuse,
            Guest::Count,
            Guest::Tag("test.tag", "one"),
        ];
        for guest in all {
            assert!(guest.wasm().starts_with(b"\0asm"));
        }
        for name in ["process", "configure", "realloc", "component"].map(hostile_names).concat() {
            let text = hostile(&name);
            let parsed = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(parsed.starts_with(b"\0asm"), "{name}");
        }
    }
}
