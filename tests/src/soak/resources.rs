//! What a process holds, from `/proc`.

use std::fs;

/// See the module. All zero if the process has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// Resident memory.
    pub resident_mib: f64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl Resources {
    /// Those of a process now.
    pub fn of(pid: u32) -> Resources {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Resources {
            resident_mib: field("VmRSS:") as f64 / 1024.0,
            descriptors: descriptors as u64,
            threads: field("Threads:"),
        }
    }
}
