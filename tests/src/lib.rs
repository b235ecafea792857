//! What the tests and the benchmark of weir are made of: the real binary as a child process, fake upstreams,
//! senders, request builders and guests. Nothing in here links against weir; it sees the command line, the
//! ports and the plugin contract, as a user does.

#![forbid(unsafe_code)]

pub mod accounts;
pub mod backend;
pub mod bench;
pub mod build;
pub mod client;
pub mod clock;
pub mod connection;
pub mod container;
pub mod fleet;
pub mod fork;
pub mod grpc;
pub mod guest;
pub mod h2;
pub mod http;
pub mod ids;
pub mod items;
pub mod kubernetes;
pub mod lines;
pub mod loki;
pub mod metrics;
pub mod namespace;
pub mod oracle;
pub mod ports;
pub mod process;
pub mod proxy;
mod push;
pub mod raw_h2;
pub mod real_proxy;
pub mod remote_write;
pub mod requests;
pub mod rpc;
pub mod sdk;
pub mod sender;
pub mod sidecar;
pub mod signal;
pub mod soak;
pub mod stack;
pub mod tls;
pub mod upstream;
pub mod volume;
pub mod wait;
pub mod weir;
pub mod yaml;

pub use backend::Backend;
pub use client::Client;
pub use connection::Connection;
pub use fleet::Fleet;
pub use fork::Fork;
pub use ids::Ids;
pub use items::Item;
pub use loki::FakeLoki;
pub use oracle::Oracle;
pub use proxy::Proxy;
pub use raw_h2::RawH2;
pub use remote_write::FakeRemoteWrite;
pub use sender::{GrpcSender, HttpSender};
pub use sidecar::Sidecar;
pub use signal::Signal;
pub use upstream::{Answer, Received, Upstream};
pub use volume::Volume;
pub use weir::{Launch, Ports, Weir};
