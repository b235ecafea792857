//! What the kernel counts for a process: CPU time and resident memory.

use std::collections::BTreeMap;
use std::fs;
use std::io;

/// CPU time of all threads of a process so far, in nanoseconds. Threads that have ended are not counted any
/// more: load a process long enough before, so that its threads are there.
pub fn cpu_nanos(pid: u32) -> io::Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += first_number(&text);
    }
    Ok(sum)
}

/// How often each thread of a process has given up its processor or was taken from it: a thread that sleeps does
/// neither, so for an idle process it is how often it woke.
pub fn switches(pid: u32) -> io::Result<BTreeMap<String, u64>> {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?;
        let Ok(text) = fs::read_to_string(task.path().join("status")) else { continue };
        let switches = text.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        let sum = switches.map(|(_, count)| first_number(count)).sum();
        threads.insert(task.file_name().to_string_lossy().into_owned(), sum);
    }
    Ok(threads)
}

/// How many there were between two looks, over the threads that are still there.
pub fn switches_since(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> u64 {
    let since = |(thread, count): (&String, &u64)| count - before.get(thread).unwrap_or(&0).min(count);
    after.iter().map(since).sum()
}

/// Resident memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resident {
    /// All of it.
    pub rss: u64,
    /// With shared pages divided by the number of those who share them.
    pub pss: u64,
    /// What is not backed by a file: heap, stacks, guests' memories.
    pub anonymous: u64,
}

/// The resident memory of a process now.
pub fn resident(pid: u32) -> io::Result<Resident> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).map(first_number).unwrap_or_default()
    };
    Ok(Resident { rss: field("Rss:"), pss: field("Pss:"), anonymous: field("Anonymous:") })
}

/// One line about the machine that the figures belong to.
pub fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} x {}, Linux {}, load average at the start {}",
        cores,
        model.map_or("unknown processor", |(_, name)| name),
        kernel.trim(),
        load.split(' ').next().unwrap_or("unknown"),
    )
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_and_wakes_is_counted() {
        let before = switches(std::process::id()).unwrap();
        let begin = std::time::Instant::now();
        while switches_since(&before, &switches(std::process::id()).unwrap()) == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
            assert!(begin.elapsed().as_secs() < 60, "no sleep was ever counted");
        }
    }

    #[test]
    fn cpu_time_of_a_busy_process_goes_up_and_its_memory_is_seen() {
        let before = cpu_nanos(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while cpu_nanos(std::process::id()).unwrap() <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(resident(std::process::id()).unwrap().rss > 0);
    }
}
