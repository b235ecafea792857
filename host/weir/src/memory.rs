//! How much memory there is, and giving some back after the start. Loading a configuration and plugins touches megabytes of
//! code that serving never needs again, and thousands of idle sidecars pay for each page that stays mapped.

use std::ffi::c_void;
use std::fs;
use std::ops::Range;

/// What the control group of this process may use at most, in bytes; `None` if there is no limit or no telling.
pub(crate) fn limit_bytes() -> Option<u64> {
    // Inside a container its own group is the root of what it sees, in version 2 and 1.
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = files.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    // Version 1 writes "no limit" as a number near the largest.
    limit.filter(|limit| *limit < 1 << 60)
}

/// What the machine has, in bytes; `None` if it does not tell.
pub(crate) fn total_bytes() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// What the process has in memory, its code and its plugins' among it; `None` if the system does not tell.
pub(crate) fn resident_bytes() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The bytes behind a name, where /proc says how many kB.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Unmaps the pages of code and constants, weir's own and those of compiled plugins, that were touched so far. They stay in
/// the page cache, and those that are needed come back with a minor fault each time sixteen of them are touched.
#[allow(unsafe_code, reason = "there is no safe call to give back pages of code")]
pub(crate) fn release_code_pages() {
    let Ok(smaps) = fs::read_to_string("/proc/self/smaps") else { return };
    for Range { start, end } in clean_files(&smaps) {
        // SAFETY: the range is a file-backed, read-only, never written mapping, as `clean_files` has checked: a page
        // that is given back is read from the same file again, so no code and no data can change by this.
        let result = unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_DONTNEED) };
        if result != 0 {
            return;
        }
    }
}

/// The mappings of files that nobody can write to and no page of which was ever written: executables, libraries, compiled
/// plugins. Where code was relocated in memory, some page was.
fn clean_files(smaps: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut current = None;
    for line in smaps.lines() {
        if let Some(header) = Mapping::parse(line) {
            current = header.is_read_only_file().then_some(header.range);
        } else if let Some(written) = line.strip_prefix("Anonymous:") {
            // Pages that are no longer the file's. (A file that was just written has "dirty" pages, which are.)
            if written.trim() == "0 kB" {
                ranges.extend(current.take());
            }
        }
    }
    ranges
}

/// The first line about a mapping.
struct Mapping<'a> {
    range: Range<usize>,
    permissions: &'a str,
    path: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        let permissions = words.next()?;
        let path = words.nth(3).unwrap_or_default();
        Some(Mapping { range, permissions, path })
    }

    fn is_read_only_file(&self) -> bool {
        matches!(self.permissions, "r-xp" | "r--p") && self.path.starts_with('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_were_never_written_to_in_memory_are_given_back() {
        let smaps = "\
1000-2000 r--p 00000000 fe:00 1 /usr/bin/weir
Anonymous:             4 kB
2000-9000 r-xp 00001000 fe:00 1 /usr/bin/weir
Rss:                  28 kB
Anonymous:             0 kB
9000-a000 rw-p 00008000 fe:00 1 /usr/bin/weir
Anonymous:             4 kB
b000-c000 r-xp 00000000 fe:00 2 /lib/patched.so
Anonymous:             4 kB
d000-e000 r--p 00000000 fe:00 3 /cache/x.cwasm
Anonymous:             0 kB
e000-f000 rw-p 00000000 fe:00 3 /cache/x.cwasm
Anonymous:             0 kB
f000-10000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
";
        let given_back = clean_files(smaps);
        assert_eq!(given_back, [0x2000..0x9000, 0xd000..0xe000]);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(kibibytes("VmPeak:\t 9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12_288));
        assert_eq!(kibibytes("VmRSS:\t  many\n", "VmRSS:"), None);
    }

    #[test]
    fn code_goes_on_after_its_pages_were_given_back() {
        let own_code = || clean_files(&fs::read_to_string("/proc/self/smaps").unwrap());
        let before = own_code();
        assert!(!before.is_empty());
        release_code_pages();
        assert_eq!(own_code(), before);
    }
}
