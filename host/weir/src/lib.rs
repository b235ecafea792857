//! weir, an OTLP sidecar with WebAssembly plugins: the binary's parts.
//!
//! `cli` reads the command line, `config` the configuration, and the service wires receivers, processors and
//! exporters as it says. Receivers and exporters never name each other.
#![deny(unsafe_code)]

pub mod admin;
pub mod cli;
pub mod compiler;
pub mod config;
pub mod dead_letters;
mod demo;
pub mod exporter;
pub mod listen;
pub mod log;
mod memory;
pub mod processor;
pub mod receiver;
mod records;
pub mod service;
mod shipped;
pub mod telemetry;
pub mod tls;
pub mod wire;
