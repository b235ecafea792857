//! The wasmtime host of weir's plugins: load, compile cache, instances, limits, reload, and the `wasm` processor.
//!
//! - [`Engine`] owns what all plugins share: the compiler, the host functions, the deadline ticker, the metrics.
//! - [`PluginSet`] is the live plugins of one `wasm` processor; [`PluginSet::watch`] keeps it in step with the files.
//! - [`WasmProcessor`] runs a batch through the plugins of one or more sets: one walk, one splice.
//!
//! Without the feature `compiler` there is no compiler in here, and only code that a full build has put into the cache runs.
//!
//! This is the only crate that names wasmtime. `unsafe` is allowed for one purpose, mapping compiled code that
//! this process wrote itself; see `cache.rs`.
#![deny(unsafe_code)]

mod bindings;
mod breaker;
mod cache;
mod chain;
mod compile;
mod engine;
mod failure;
mod fingerprint;
mod grant;
#[cfg(test)]
#[cfg(feature = "compiler")]
#[path = "../tests/host/guest.rs"]
#[allow(dead_code, reason = "shared with the tests of the crate's surface, which use all of it")]
mod guest;
mod host;
mod inspect;
mod instance;
mod ledger;
mod leftovers;
mod limits;
mod load;
mod metrics;
mod pool;
mod probation;
mod processor;
mod rate;
mod recent;
mod rehearsal;
mod run;
mod scan;
mod scratch;
mod set;
mod settings;
mod ticker;
mod watch;
mod watched;
mod words;

pub use compile::{CompilerCommand, HAS_COMPILER, compile_here};
pub use engine::{Bounds, Engine, EngineSettings, Processors};
pub use failure::LoadError;
pub use inspect::{Inspection, inspect, precompile};
pub use processor::WasmProcessor;
pub use set::{PluginInfo, PluginSet};
pub use settings::{Grant, GuestLimits, OnError, PluginSettings, SettingsReader, Source};
pub use watch::{FileWatch, Occasion, directory_of};
pub use words::on_one_line;
