//! A disk in memory. It tells what is written from what is durable, and fails where a test wants it to.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::files::{Entry, Files, OpenFile};

/// The one directory.
pub(super) const DIRECTORY: &str = "/queue";

/// A disk, shared by its clones.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// As processes see it.
    files: BTreeMap<PathBuf, Shared>,
    /// The directory as of its last sync.
    durable: BTreeMap<PathBuf, Shared>,
    fault: Option<Fault>,
    /// Bytes that fit on the disk.
    capacity: Option<usize>,
    syncs: u64,
}

type Shared = Arc<Mutex<Content>>;

#[derive(Clone, Default)]
struct Content {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// A sync failed. From then on the system says that syncs succeed, and they do nothing.
    lost: bool,
}

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Open,
    List,
    Remove,
    SyncDirectory,
    Read,
    Write,
    Truncate,
    Sync,
}

/// One operation that is to fail.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) operation: Operation,
    /// Which files, by the end of the name.
    pub(super) suffix: &'static str,
    /// How many of the kind succeed before.
    pub(super) after: u64,
    pub(super) error: io::ErrorKind,
    /// How much of a write is done before it fails.
    pub(super) written: usize,
}

struct OpenSim {
    disk: Disk,
    path: PathBuf,
    content: Shared,
}

/// What is left of writes that were not synced.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unsynced {
    /// All of it: the process was killed and the machine was not.
    Kept,
    /// Nothing.
    Lost,
    /// So many parts of 256 of each file's last bytes.
    Torn(u8),
    /// The files are as long as they were, with zeros in them.
    Zeros,
}

// === impl Disk ===

impl Disk {
    /// The disk after a crash.
    pub(super) fn crash(&self, unsynced: Unsynced) -> Disk {
        let state = self.0.lock().unwrap();
        let directory = match unsynced {
            Unsynced::Kept | Unsynced::Zeros => &state.files,
            // What was made since the last sync is gone and what was deleted is back.
            Unsynced::Lost | Unsynced::Torn(_) => &state.durable,
        };
        let after = directory.iter().map(|(path, content)| {
            let content = content.lock().unwrap();
            let bytes = survive(&content, unsynced);
            let content = Content { written: bytes.clone(), durable: bytes, lost: false };
            (path.clone(), Arc::new(Mutex::new(content)))
        });
        let files: BTreeMap<_, _> = after.collect();
        Disk(Arc::new(Mutex::new(State { durable: files.clone(), files, ..State::default() })))
    }

    pub(super) fn fail(&self, fault: Fault) {
        self.0.lock().unwrap().fault = Some(fault);
    }

    /// Whether the fault has happened.
    pub(super) fn has_failed(&self) -> bool {
        self.0.lock().unwrap().fault.is_none()
    }

    pub(super) fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// Leaves room for so many bytes more.
    pub(super) fn fill(&self, room: usize) {
        let mut state = self.0.lock().unwrap();
        state.capacity = Some(state.used() + room);
    }

    pub(super) fn set_capacity(&self, bytes: Option<usize>) {
        self.0.lock().unwrap().capacity = bytes;
    }

    pub(super) fn syncs(&self) -> u64 {
        self.0.lock().unwrap().syncs
    }

    /// The names of the files that end so, in order.
    pub(super) fn names(&self, suffix: &str) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let names = state.files.keys().filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        names.filter(|name| name.ends_with(suffix)).collect()
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock().unwrap();
        state.files[&Path::new(DIRECTORY).join(name)].lock().unwrap().written.clone()
    }

    /// Puts a file there as it would be found at a start.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) {
        let content = Content { written: bytes.clone(), durable: bytes, lost: false };
        let shared = Arc::new(Mutex::new(content));
        let mut state = self.0.lock().unwrap();
        state.files.insert(Path::new(DIRECTORY).join(name), Arc::clone(&shared));
        state.durable.insert(Path::new(DIRECTORY).join(name), shared);
    }

    pub(super) fn delete(&self, name: &str) {
        let path = Path::new(DIRECTORY).join(name);
        let mut state = self.0.lock().unwrap();
        state.files.remove(&path);
        state.durable.remove(&path);
    }

    fn check(&self, operation: Operation, path: &Path) -> Result<(), (io::Error, usize)> {
        let mut state = self.0.lock().unwrap();
        let Some(fault) = &mut state.fault else { return Ok(()) };
        if fault.operation != operation || !path.to_string_lossy().ends_with(fault.suffix) {
            return Ok(());
        }
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        let failed = (fault.error.into(), fault.written);
        state.fault = None;
        Err(failed)
    }

    fn may(&self, operation: Operation, path: &Path) -> io::Result<()> {
        self.check(operation, path).map_err(|(error, _)| error)
    }

    fn room(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(state.used()))
    }

    fn opened(&self, path: &Path, content: &Shared) -> Arc<dyn OpenFile> {
        Arc::new(OpenSim { disk: self.clone(), path: path.to_owned(), content: Arc::clone(content) })
    }
}

impl State {
    fn used(&self) -> usize {
        self.files.values().map(|file| file.lock().unwrap().written.len()).sum()
    }
}

impl Files for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        self.may(Operation::Create, path)?;
        let mut state = self.0.lock().unwrap();
        if state.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Shared::default();
        state.files.insert(path.to_owned(), Arc::clone(&content));
        Ok(self.opened(path, &content))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        self.may(Operation::Open, path)?;
        let state = self.0.lock().unwrap();
        let content = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.opened(path, content))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        self.may(Operation::List, directory)?;
        Ok(self.names("").into_iter().map(|name| Entry { name, is_file: true }).collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.may(Operation::Remove, path)?;
        self.0.lock().unwrap().files.remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.may(Operation::SyncDirectory, directory)?;
        let mut state = self.0.lock().unwrap();
        state.durable = state.files.clone();
        Ok(())
    }
}

impl OpenFile for OpenSim {
    fn size(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().written.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.disk.may(Operation::Read, &self.path)?;
        let content = self.content.lock().unwrap();
        let rest = content.written.get(at as usize..).unwrap_or_default();
        let bytes = rest.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }

    fn write_at(&self, parts: &[&[u8]], at: u64) -> io::Result<()> {
        let bytes = parts.concat();
        let room = self.disk.room();
        let (done, result) = match self.disk.check(Operation::Write, &self.path) {
            Err((error, written)) => (written.min(bytes.len()), Err(error)),
            Ok(()) if bytes.len() > room => (room, Err(io::ErrorKind::StorageFull.into())),
            Ok(()) => (bytes.len(), Ok(())),
        };
        let mut content = self.content.lock().unwrap();
        let end = at as usize + done;
        if content.written.len() < end {
            content.written.resize(end, 0);
        }
        content.written[at as usize..end].copy_from_slice(&bytes[..done]);
        result
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.disk.may(Operation::Truncate, &self.path)?;
        self.content.lock().unwrap().written.truncate(bytes as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let failed = self.disk.may(Operation::Sync, &self.path);
        self.disk.0.lock().unwrap().syncs += 1;
        let mut content = self.content.lock().unwrap();
        content.lost |= failed.is_err();
        if !content.lost {
            content.durable = content.written.clone();
        }
        failed
    }
}

fn survive(content: &Content, unsynced: Unsynced) -> Vec<u8> {
    let (written, durable) = (&content.written, &content.durable);
    match unsynced {
        Unsynced::Kept => written.clone(),
        Unsynced::Lost => durable.clone(),
        Unsynced::Torn(parts) => {
            let more = written.len().saturating_sub(durable.len()) * usize::from(parts) / 256;
            let mut bytes = durable.clone();
            bytes.extend(written.iter().skip(durable.len()).take(more));
            bytes
        }
        Unsynced::Zeros => {
            let mut bytes = durable.clone();
            bytes.resize(written.len().max(durable.len()), 0);
            bytes
        }
    }
}
