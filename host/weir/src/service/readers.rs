//! The receivers that read files, and so listen nowhere. A reload keeps those whose configuration is the same; one that takes the
//! place of another goes on where that one was.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use weir_pipeline::Consumer;

use super::{Failure, settings};
use crate::config::{
    ComponentId, Config, Diagnostic, FileStorageConfig, OtlpJsonFileReceiverConfig, ReceiverConfig,
};
use crate::receiver::{Admission, FILE_TRANSPORT, FileReceiver, Intake, prepare_storage};
use crate::service::file_name;
use crate::telemetry::Telemetry;

/// The readers at work.
pub(super) struct Readers {
    telemetry: Arc<Telemetry>,
    admission: Arc<Admission>,
    open: BTreeMap<ComponentId, Open>,
}

struct Open {
    identity: Identity,
    receiver: FileReceiver,
}

/// What makes two readers the same.
#[derive(Clone, PartialEq)]
struct Identity {
    config: OtlpJsonFileReceiverConfig,
    /// Of the storage that it names.
    storage: Option<FileStorageConfig>,
}

impl Readers {
    /// Nothing is read yet.
    pub(super) fn new(telemetry: Arc<Telemetry>, admission: Arc<Admission>) -> Self {
        Readers { telemetry, admission, open: BTreeMap::new() }
    }

    /// Makes the directories in which readers keep how far they are.
    ///
    /// # Errors
    /// Those that cannot be made.
    pub(super) fn prepare(config: &Config) -> Result<(), Failure> {
        let prepared = wanted(config).filter_map(|(id, identity)| {
            let reason = prepare_storage(&identity.file(id)?).err()?;
            Some(Diagnostic::new(format!("receivers::{id}::storage"), reason))
        });
        let problems: Vec<_> = prepared.collect();
        if problems.is_empty() { Ok(()) } else { Err(Failure::Configuration(problems)) }
    }

    /// Reads exactly what is wanted. `consumer` says where a receiver's lines go. What takes the place of another one begins
    /// when that has ended, at the latest at the deadline; what is no longer wanted is the caller's to stop.
    pub(super) fn serve(
        &mut self,
        config: &Config,
        consumer: &dyn Fn(&ComponentId) -> Arc<Consumer>,
        deadline: Instant,
    ) -> Vec<FileReceiver> {
        let mut former = std::mem::take(&mut self.open);
        for (id, identity) in wanted(config) {
            let open = match former.remove(id) {
                Some(same) if same.identity == identity => {
                    same.receiver.intake().switch(consumer(id), &self.telemetry);
                    same
                }
                other => {
                    let name = id.to_string();
                    let admission = Arc::clone(&self.admission);
                    let intake = Intake::new(&name, FILE_TRANSPORT, consumer(id), admission, &self.telemetry);
                    let settings = settings::file_receiver(name, &identity.config, identity.file(id));
                    let former = other.map(|open| open.receiver);
                    Open { identity, receiver: FileReceiver::start(settings, intake, former, deadline) }
                }
            };
            self.open.insert(id.clone(), open);
        }
        former.into_values().map(|open| open.receiver).collect()
    }

    /// Stops all of them. Says whether every line that was under way was answered.
    pub(super) async fn stop(&mut self, deadline: Instant) -> bool {
        let stops = std::mem::take(&mut self.open).into_values();
        let stops: Vec<_> = stops.map(|open| tokio::spawn(open.receiver.stop(deadline))).collect();
        let mut is_clean = true;
        for stop in stops {
            is_clean &= stop.await.unwrap_or(false);
        }
        is_clean
    }
}

impl Identity {
    /// Where it is kept how far the reader is.
    fn file(&self, id: &ComponentId) -> Option<PathBuf> {
        let storage = self.storage.as_ref()?;
        Some(storage.directory.join(format!("receiver.{}.json", file_name(&id.to_string()))))
    }
}

fn wanted(config: &Config) -> impl Iterator<Item = (&ComponentId, Identity)> {
    config.receivers.iter().filter_map(|(id, receiver)| {
        let ReceiverConfig::OtlpJsonFile(file) = receiver else { return None };
        let storage = file.storage.as_ref().and_then(|storage| config.file_storages.get(storage));
        Some((id, Identity { config: file.clone(), storage: storage.cloned() }))
    })
}
