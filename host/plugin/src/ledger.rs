//! The books of a plugin set: what each file looked like when it was last tried, and what came of it.
//!
//! A new generation is built in full before it replaces the former one, and whatever fails leaves the former one
//! in place. The same state of the files is never tried, nor complained about, twice.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use weir_pipeline::Batch;

use crate::engine::Engine;
use crate::failure::LoadError;
use crate::fingerprint::{self, Sha, Stat};
use crate::load::{Code, Plugin};
use crate::rehearsal;
use crate::scan::{self, Candidate};
use crate::settings::{PluginSettings, Source};
use crate::watch::directory_of;

/// The largest plugin file. Python components reach 35 MiB.
const WASM_BYTES_MAX: u64 = 256 << 20;

/// Why the files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// For the first time: what fails now is awaited, and batches are refused until it comes.
    First,
    /// Something happened to them: contents are compared.
    Event,
    /// It was time to: a file whose inode is untouched is taken as unchanged.
    Poll,
}

/// The plugins that batches pass now.
#[derive(Default)]
pub(crate) struct Live {
    /// In order.
    pub plugins: Vec<Arc<Plugin>>,
    /// Plugins that were there at the start but have not loaded yet: nothing may pass without them.
    pub awaited: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    slots: Vec<Slot>,
    complaint: Option<String>,
}

/// One plugin by name.
struct Slot {
    name: String,
    plugin: Option<Arc<Plugin>>,
    look: Option<Look>,
    complaint: Option<String>,
    /// What was looked at last is what runs.
    sound: bool,
    awaited: bool,
}

/// Everything on which a generation depends.
struct Look {
    stat: Stat,
    code: Sha,
    settings: PluginSettings,
    grants: Sha,
    samples: Sha,
}

impl Ledger {
    /// Looks at the files and builds what is new. `None` if nothing changed. Blocks: off the hot path only.
    ///
    /// # Errors
    /// In the first pass: a directory that cannot be listed, or the one plugin of a source that names one.
    pub fn update(
        &mut self,
        engine: &Arc<Engine>,
        processor: &str,
        source: &Source,
        pass: Pass,
    ) -> Result<Option<Live>, LoadError> {
        let candidates = match scan::candidates(source) {
            Ok(candidates) => candidates,
            Err(error) if pass == Pass::First => return Err(error),
            Err(error) => {
                complain(&mut self.complaint, processor, None, &error);
                return Ok(None);
            }
        };
        self.complaint = None;
        let single = matches!(source, Source::Plugin(_));
        let mut former = std::mem::take(&mut self.slots);
        let mut changed = pass == Pass::First;
        let mut first_error = None;
        for candidate in candidates {
            let known = former.iter().position(|slot| slot.name == candidate.name);
            let mut slot = known.map_or_else(|| Slot::new(&candidate.name), |at| former.swap_remove(at));
            match slot.update(engine, candidate, pass) {
                Ok(replaced) => changed |= replaced,
                Err(error) => {
                    slot.failed(engine, processor, &error, pass);
                    if single && pass == Pass::First {
                        first_error = Some(error);
                    }
                }
            }
            self.slots.push(slot);
        }
        for gone in former {
            changed = true;
            tracing::info!(processor, plugin = gone.name, "plugin removed");
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(changed.then(|| self.live())),
        }
    }

    /// The directories in which something may happen that matters.
    pub fn directories(&self, source: &Source) -> Vec<PathBuf> {
        let mut directories = match source {
            Source::Plugin(settings) => vec![directory_of(&settings.plugin)],
            Source::Directory { path, .. } => vec![path.clone()],
        };
        let files = self.slots.iter().filter_map(|slot| slot.look.as_ref()).map(|look| &look.settings.plugin);
        directories.extend(files.map(|file| rehearsal::directory(file)).filter(|samples| samples.is_dir()));
        let grants = match source {
            Source::Plugin(settings) => settings.files.clone(),
            Source::Directory { .. } => {
                let looks = self.slots.iter().filter_map(|slot| slot.look.as_ref());
                looks.flat_map(|look| look.settings.files.clone()).collect()
            }
        };
        for grant in grants {
            if grant.source.is_dir() {
                directories.push(grant.source.clone());
            }
            // The parent too: a directory may be replaced as a whole, and a file by a rename.
            directories.push(directory_of(&grant.source));
        }
        directories.sort();
        directories.dedup();
        directories
    }

    fn live(&self) -> Live {
        Live {
            plugins: self.slots.iter().filter_map(|slot| slot.plugin.clone()).collect(),
            awaited: self.slots.iter().filter(|slot| slot.awaited).map(|slot| slot.name.clone()).collect(),
        }
    }
}

impl Slot {
    fn new(name: &str) -> Self {
        Slot {
            name: name.to_owned(),
            plugin: None,
            look: None,
            complaint: None,
            sound: false,
            awaited: false,
        }
    }

    /// Builds a new generation if anything on which it depends changed. Says whether it did.
    fn update(&mut self, engine: &Arc<Engine>, candidate: Candidate, pass: Pass) -> Result<bool, LoadError> {
        let settings = candidate.settings?;
        let path = settings.plugin.clone();
        let look = Look::at(settings, self.look.as_ref(), pass)?;
        let same = self.look.as_ref().is_some_and(|former| former.same(&look));
        if let Some(plugin) = &self.plugin {
            plugin.probation.end_if_over(Instant::now());
        }
        // What holds everything up is tried again now and then: the fault may have been the machine's.
        if same && !(self.awaited && pass == Pass::Poll) {
            self.look = Some(look);
            if self.sound {
                self.complaint = None;
            }
            return Ok(false);
        }
        self.sound = false;
        let look = self.look.insert(look);
        let code = match &self.plugin {
            Some(plugin) if plugin.code().sha == look.code => Arc::clone(plugin.code()),
            _ => {
                let code = Code::new(engine, &self.name, &read(&path)?)?;
                // The file may have changed since it was looked at: then the next look must not differ.
                look.code = code.sha;
                code
            }
        };
        let recent = self.plugin.as_ref().map(|plugin| Arc::clone(&plugin.recent)).unwrap_or_default();
        let plugin = Plugin::new(engine, &self.name, code, &look.settings, recent)?;
        let samples = rehearsal::samples(&plugin, &path)?;
        let batches = rehearsal::recent(&plugin, &plugin.recent, Batch::now_unix_nano())?;
        plugin.debut(self.plugin.as_ref())?;
        announce(&plugin, &path, samples, batches);
        if pass != Pass::First {
            plugin.series.reloaded.inc();
        }
        self.plugin = Some(plugin);
        self.complaint = None;
        self.sound = true;
        self.awaited = false;
        Ok(true)
    }

    fn failed(&mut self, engine: &Engine, processor: &str, error: &LoadError, pass: Pass) {
        if pass == Pass::First {
            self.awaited = true;
        }
        if complain(&mut self.complaint, processor, self.plugin.as_deref(), error) && pass != Pass::First {
            engine.metrics().plugin(&self.name).reload_failed.inc();
        }
    }
}

impl Look {
    fn at(settings: PluginSettings, former: Option<&Look>, pass: Pass) -> Result<Look, LoadError> {
        let path = &settings.plugin;
        let fault = |reason: String| LoadError::Read { path: path.clone(), reason };
        let metadata = fs::metadata(path).map_err(|error| fault(error.to_string()))?;
        if !metadata.is_file() {
            return Err(fault("it is not a file".to_owned()));
        }
        if metadata.len() > WASM_BYTES_MAX {
            return Err(fault("it is larger than 256 MiB".to_owned()));
        }
        let stat = Stat::of(&metadata);
        let code = match former {
            Some(former) if pass == Pass::Poll && former.stat == stat => former.code,
            _ => fingerprint::sha_of_file(path).map_err(|error| fault(error.to_string()))?,
        };
        let grants = fingerprint::of_files(settings.files.iter().map(|grant| grant.source.as_path()));
        let samples = fingerprint::of_files([rehearsal::directory(path).as_path()]);
        Ok(Look { stat, code, settings, grants, samples })
    }

    /// Whether a generation built from one would be the same as one built from the other.
    fn same(&self, other: &Look) -> bool {
        self.code == other.code
            && self.settings == other.settings
            && self.grants == other.grants
            && self.samples == other.samples
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(WASM_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| LoadError::Read { path: path.to_owned(), reason: error.to_string() })?;
    Ok(bytes)
}

/// Logs an error unless it is the one that was logged last. Says whether it is new.
fn complain(last: &mut Option<String>, processor: &str, runs: Option<&Plugin>, error: &LoadError) -> bool {
    let text = error.to_string();
    if last.as_ref() == Some(&text) {
        return false;
    }
    let consequence = if runs.is_some() { "the former version stays" } else { "nothing of it runs" };
    tracing::error!(processor, reason = text, "plugin cannot be loaded, {consequence}");
    *last = Some(text);
    true
}

/// Tells the operator what was loaded, what it can see, and what it has shown.
fn announce(plugin: &Plugin, path: &Path, samples: usize, batches: usize) {
    let interest = plugin.interest();
    let list = |titles: Vec<String>| titles.into_iter().take(SELECTORS_SHOWN).collect::<Vec<_>>().join(", ");
    tracing::info!(
        plugin = &*plugin.name,
        file = %path.display(),
        sha256 = fingerprint::hex(&plugin.code().sha),
        reads = list(interest.reads()),
        writes = list(interest.writes()),
        drops = interest.drops != 0,
        stateful = interest.stateful,
        redacts = interest.redacts,
        generation = plugin.generation(),
        samples,
        recent_batches = batches,
        "plugin loaded"
    );
}

/// Selectors that a log line lists.
const SELECTORS_SHOWN: usize = 16;
