//! What a plugin implements.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::batch::Batch;
use crate::edits::Edits;
use crate::interest::Interest;

/// A plugin. Export it with [`plugin!`](crate::plugin).
pub trait Plugin: Sized + 'static {
    /// The operator's configuration. `Config::default()` stands for none: a plugin works sensibly without.
    ///
    /// Derive `Deserialize` with `#[serde(deny_unknown_fields, default)]`, so that a misspelt key is an error. The
    /// SDK tells the operator where it stands and which key is nearest.
    type Config: DeserializeOwned + Default;

    /// Checks the configuration and declares what the plugin reads and writes. The same configuration must give
    /// the same interest every time. The error is shown to the operator as it stands.
    fn configure(config: Self::Config, interest: &mut Interest) -> Result<Self, String>;

    /// Looks at one batch and says what is to be changed. An error leaves the plugin in use; the operator's
    /// `on_error` policy decides about the batch.
    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String>;
}

/// The configuration of a plugin that has none to offer: nothing, or an empty map.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
