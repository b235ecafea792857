//! Where weir finds a machine at its limits: a user namespace of its own, so that nothing is used up or full for others.

use std::path::Path;
use std::process::{Command, Stdio};

/// Words before weir's own command line.
pub type Within = Vec<String>;

/// A namespace in which `/proc/sys/user/LIMIT` is 0. `None` where this user may not make one.
pub fn without(limit: &str) -> Option<Within> {
    let script = format!("echo 0 > /proc/sys/user/{limit} && exec \"$@\"");
    permitted(&["--user", "--map-root-user"], &script, &[])
}

/// A namespace with an empty file system of 64 KiB and these mount options at `at`, with nothing left of it if it can
/// be written to. `None` where this user may not make one.
pub fn with_tiny_disk(at: &Path, options: &str) -> Option<Within> {
    // dd is meant to fail: the disk is full then.
    let script = format!(
        "mount -t tmpfs -o size=64k,mode=700,{options} none \"$0\" || exit 1
        dd if=/dev/zero of=\"$0/full\" bs=4k 2>/dev/null
        exec \"$@\""
    );
    permitted(&["--user", "--map-root-user", "--mount"], &script, &[&at.display().to_string()])
}

/// A namespace with an empty file system of 256 KiB at `at`. `None` where this user may not make one.
pub fn with_small_disk(at: &Path) -> Option<Within> {
    let script = "mount -t tmpfs -o size=256k,mode=700 none \"$0\" && exec \"$@\"";
    permitted(&["--user", "--map-root-user", "--mount"], script, &[&at.display().to_string()])
}

/// A namespace in which weir is process 1, as in a container. `None` where this user may not make one.
pub fn as_process_one() -> Option<Within> {
    let flags = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];
    permitted(&flags, "exec \"$@\"", &[])
}

/// A network of its own that has the loopback interface alone, so that every port is free, with this in the place of `/etc/hosts`.
/// `None` where this user may not make one.
pub fn with_network(hosts: &Path) -> Option<Within> {
    let script = "ip link set lo up && mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    let flags = ["--user", "--map-root-user", "--net", "--mount"];
    permitted(&flags, script, &[&hosts.display().to_string()])
}

/// Set in a test that runs in a network of its own.
const INSIDE: &str = "WEIR_TEST_IN_ITS_OWN_NETWORK";

/// Has the calling test run once more, as a process in a network of its own in which these names are `::1`. Says whether this is
/// that process: then the test is to go on, and else it is over. `test` is its name as the test runner knows it.
pub fn in_own_network(test: &str, names: &[&str]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let hosts = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = format!("127.0.0.1 localhost\n::1 {}\n", names.join(" "));
    std::fs::write(hosts.path(), text).expect("a writable temporary file");
    let Some(within) = with_network(hosts.path()) else { return false };
    let (program, words) = within.split_first().expect("a command");
    let own = std::env::current_exe().expect("a running program has a path");
    let output = Command::new(program)
        .args(words)
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Nothing but this test must have run, and it must have.
    assert!(output.status.success() && said.contains("1 passed"), "in its own network:\n{said}");
    false
}

/// The command, if it is able to run another one.
fn permitted(flags: &[&str], script: &str, zeroth: &[&str]) -> Option<Within> {
    let zeroth = zeroth.first().unwrap_or(&"sh");
    let mut words = vec!["unshare"];
    words.extend(flags);
    words.extend(["sh", "-c", script, zeroth]);
    let (program, arguments) = words.split_first()?;
    let mut trial = Command::new(program);
    trial.args(arguments).arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if trial.status().is_ok_and(|status| status.success()) {
        return Some(words.into_iter().map(str::to_owned).collect());
    }
    eprintln!("skipped: `unshare {}` is not permitted here", flags.join(" "));
    None
}
