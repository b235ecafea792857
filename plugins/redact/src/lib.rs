//! `redact`: finds personal data and secrets in every text of the telemetry and replaces them.
//!
//! The path of a batch: [`plugin`] looks at the keys, [`scan`] sweeps all values at once, [`verify`] decides about
//! what the sweep saw, [`redactor`] follows JSON and puts replacements together, [`replace`] says what they are.
//! A batch in which nothing is found costs the sweep and one look at each cell, and allocates nothing.
// In Wasm `plugin!` adds the exports that wit-bindgen generates, which cannot do without; nothing else may.
#![cfg_attr(target_family = "wasm", deny(unsafe_code))]
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]
#![allow(
    missing_docs,
    reason = "a plugin's interface is its configuration; the modules are public for tests"
)]

mod base64;
pub mod compile;
pub mod config;
pub mod glob;
pub mod json;
pub mod keys;
pub mod plugin;
pub mod redactor;
pub mod replace;
pub mod rule;
pub mod scan;
pub mod sweep;
pub mod text;
pub mod token;
pub mod verify;

pub use plugin::Redact;

weir_sdk::plugin!(Redact);
