//! Lines in weir's own log, under the plugin's name. weir cuts them at 4096 bytes and limits their rate.
//! Never log telemetry values.

/// For the developer of the plugin.
pub fn debug(message: &str) {
    crate::host::log(1, message);
}

/// For the operator: something worth knowing.
pub fn info(message: &str) {
    crate::host::log(2, message);
}

/// For the operator: something to look at.
pub fn warn(message: &str) {
    crate::host::log(3, message);
}

/// For the operator: something that does not work.
pub fn error(message: &str) {
    crate::host::log(4, message);
}
