//! The real binary over real sockets: each module is one promise of weir, each test one behaviour.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics where it stands")]

mod accounting;
mod attack;
mod code_cache;
mod command_line;
mod compression;
mod config_map;
mod config_reload;
mod consume_contract;
mod deploy;
mod drop_in;
mod enrich;
mod failure_table;
mod fan_out;
mod hostile_grpc;
mod hostile_http;
mod hung_guest;
mod json;
mod large;
mod lifecycle;
mod on_error;
mod outage;
mod overload;
mod pass_through;
mod plugin_command;
mod polling;
mod proxies;
mod redact;
mod reload;
mod reload_files;
mod reload_many;
mod runtime_only;
mod sample;
mod sdk_js;
mod sdk_python;
mod sdk_rust;
mod secrets;
mod self_metrics;
mod shutdown;
mod soak;
mod stateful;
mod take_over;
mod wire;
