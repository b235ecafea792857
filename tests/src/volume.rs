//! A ConfigMap, Secret or downward-API volume as the kubelet's AtomicWriter makes it: every file is a link through
//! `..data`, and an update swaps that one link.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// See the module. Gone when this is dropped.
pub struct Volume {
    dir: tempfile::TempDir,
    current: Option<PathBuf>,
    versions: u32,
}

impl Default for Volume {
    fn default() -> Volume {
        Volume::new()
    }
}

impl Volume {
    /// An empty one.
    pub fn new() -> Volume {
        Volume { dir: tempfile::tempdir().expect("a temporary directory"), current: None, versions: 0 }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces its content by these files, in the order in which the kubelet does it: a new directory, one swap of
    /// the link, links for new names, and the former directory removed.
    pub fn publish(&mut self, files: &[(&str, &[u8])]) {
        self.versions += 1;
        let stamped = self.path().join(format!("..2026_11_21_{}", self.versions));
        fs::create_dir(&stamped).expect("a writable directory");
        for (name, bytes) in files {
            fs::write(stamped.join(name), bytes).expect("a writable directory");
        }
        let next = self.path().join("..data_tmp");
        symlink(stamped.file_name().unwrap_or_default(), &next)
            .and_then(|()| fs::rename(&next, self.path().join("..data")))
            .expect("a writable directory");
        for (name, _) in files {
            let link = self.path().join(name);
            if link.symlink_metadata().is_err() {
                symlink(Path::new("..data").join(name), link).expect("a writable directory");
            }
        }
        if let Some(former) = self.current.replace(stamped) {
            fs::remove_dir_all(former).expect("a writable directory");
        }
    }
}
