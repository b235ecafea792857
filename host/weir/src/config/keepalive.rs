//! How long connections of OTLP/gRPC live: the Collector's `keepalive` of a server. Zero means what leaving it out means.

use std::time::Duration;

use serde::Deserialize;

use super::field::duration;

/// The Collector's `keepalive` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveConfig {
    /// What weir does.
    pub server_parameters: KeepaliveParameters,
    /// What clients may do.
    pub enforcement_policy: EnforcementPolicy,
}

/// When weir ends connections, and when it asks whether the other side is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveParameters {
    /// A connection without a request ends after this time. Left out: after ten minutes.
    #[serde(deserialize_with = "duration")]
    pub max_connection_idle: Duration,
    /// Any connection ends after this time, give or take a tenth. Left out: none does.
    #[serde(deserialize_with = "duration")]
    pub max_connection_age: Duration,
    /// How long what is under way may take after that. Left out: two minutes.
    #[serde(deserialize_with = "duration")]
    pub max_connection_age_grace: Duration,
    /// After this time without a word from the other side weir asks whether it is there. Left out: it does not ask.
    #[serde(deserialize_with = "duration")]
    pub time: Duration,
    /// How long it waits for the answer. Left out: 20 seconds.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

/// What clients may do. weir takes it, and is more lenient than it can ask for: it answers every ping, at any rate and
/// without a call under way, and never ends a connection for one. An answer costs a frame of 17 bytes, and the next ping
/// is not read before that is written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnforcementPolicy {
    /// How often a client may ping at most.
    #[serde(deserialize_with = "duration")]
    pub min_time: Duration,
    /// Whether it may do so without a call under way.
    pub permit_without_stream: bool,
}
