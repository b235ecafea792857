//! What the sidecar costs: CPU time of a process, from /proc.

use std::fs;
use std::time::Duration;

/// CPU time that a process had used at some moment.
pub(super) struct Cpu {
    pid: u32,
    used: Option<Duration>,
}

impl Cpu {
    pub(super) fn of(pid: u32) -> Self {
        Cpu { pid, used: used(pid) }
    }

    /// What it has used since, if this system tells.
    pub(super) fn until_now(&self) -> Option<Duration> {
        used(self.pid)?.checked_sub(self.used?)
    }
}

/// Over all threads that still run. The kernel tells nanoseconds in `schedstat`, ticks of 10 ms elsewhere.
fn used(pid: u32) -> Option<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanos += schedstat.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}
