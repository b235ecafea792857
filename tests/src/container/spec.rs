//! The runtime's own description of a container, as a kubelet has it written for a pod that keeps to the `restricted` standard.

use std::path::Path;

use serde_json::{Value, json};

/// Where containers-common keeps the profile.
const PROFILE: &str = "/usr/share/containers/seccomp.json";

/// A description in which `arguments` are run with the root `root`.
pub fn of(root: &Path, arguments: &[&str], more_mounts: Vec<Value>) -> Value {
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}),
    ];
    // Every pod has these from the kubelet; an image need not have them.
    for file in ["/etc/hosts", "/etc/resolv.conf"] {
        mounts.push(read_only(Path::new(file), file));
    }
    mounts.extend(more_mounts);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 10001, "gid": 10001},
            "args": arguments,
            "env": ["PATH=/usr/local/bin"],
            "cwd": "/",
            "capabilities": {"bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []},
            "noNewPrivileges": true,
        },
        "root": {"path": root, "readonly": true},
        "hostname": "weir",
        "mounts": mounts,
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
            "seccomp": profile(),
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

/// A file or a directory of this machine, read-only.
pub fn read_only(source: &Path, destination: impl AsRef<Path>) -> Value {
    json!({"destination": destination.as_ref(), "type": "bind", "source": source, "options": ["bind", "ro", "nosuid", "nodev"]})
}

/// A directory of this machine, as an emptyDir.
pub fn writable(source: &Path, destination: &str) -> Value {
    json!({"destination": destination, "type": "bind", "source": source, "options": ["bind", "rw", "nosuid", "nodev"]})
}

/// `RuntimeDefault` for a container without capabilities: the profile that Docker, CRI-O and Podman share (containerd has the same list in its
/// own code), with what it grants to this processor and without what it grants to capabilities. `None` if it is not installed.
pub fn profile() -> Option<Value> {
    let file: Value = serde_json::from_slice(&std::fs::read(PROFILE).ok()?).ok()?;
    let arch = if cfg!(target_arch = "aarch64") {
        ("arm64", "SCMP_ARCH_AARCH64")
    } else {
        ("amd64", "SCMP_ARCH_X86_64")
    };
    let applies = |rule: &&Value| {
        let includes = &rule["includes"];
        let arches = includes["arches"].as_array();
        let is_for_here = arches.is_none_or(|arches| arches.iter().any(|name| name == arch.0));
        is_for_here && includes["caps"].is_null()
    };
    let rule = |rule: &Value| {
        let mut kept = json!({"names": rule["names"], "action": rule["action"]});
        for key in ["args", "errnoRet"] {
            if !rule[key].is_null() {
                kept[key] = rule[key].clone();
            }
        }
        kept
    };
    let rules: Vec<Value> = file["syscalls"].as_array()?.iter().filter(applies).map(rule).collect();
    Some(json!({
        "defaultAction": file["defaultAction"],
        "defaultErrnoRet": file["defaultErrnoRet"],
        "architectures": [arch.1],
        "syscalls": rules,
    }))
}
