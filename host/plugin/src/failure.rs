//! How plugins fail: while they are loaded ([`LoadError`]) and while they run ([`Failure`]).

use std::path::PathBuf;

/// Why a plugin, or the engine for plugins, cannot be had. Meant for the operator.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The engine itself.
    #[error("the plugin engine cannot start: {0}")]
    Engine(String),
    /// A file or directory that cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The settings beside a plugin.
    #[error("the settings of {}: {reason}", path.display())]
    Settings {
        /// The settings' file or the plugin's.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is no component, or wasmtime does not take it.
    #[error("plugin {plugin} is no WebAssembly component that weir can compile: {reason}")]
    Compile {
        /// The plugin's name.
        plugin: String,
        /// What the compiler said.
        reason: String,
    },
    /// It is not in the cache, and this build cannot compile it.
    #[error(
        "plugin {plugin} has no compiled code for this machine in {}, and this build of weir has no compiler: run \
         `weir plugin precompile FILE --cache-dir DIRECTORY` of a full build of weir {} with the same directory, \
         as the same user",
        directory.as_ref().map_or_else(|| "a cache, since none is used".to_owned(), |path| path.display().to_string()),
        env!("CARGO_PKG_VERSION")
    )]
    NoCode {
        /// The plugin's name.
        plugin: String,
        /// Where it was looked for.
        directory: Option<PathBuf>,
    },
    /// There is no compiler, or no place to keep what it makes.
    #[error("plugins cannot be compiled ahead of time: {0}")]
    Precompile(String),
    /// It does not export what a plugin must export.
    #[error("plugin {plugin} {reason}")]
    Exports {
        /// The plugin's name.
        plugin: String,
        /// What is missing, and what was found instead.
        reason: String,
    },
    /// It wants something from its host that plugins do not get.
    #[error(
        "plugin {plugin} imports {imports}, which weir does not offer: build it for wasm32-wasip2 without network"
    )]
    Imports {
        /// The plugin's name.
        plugin: String,
        /// The names of the imports.
        imports: String,
    },
    /// A granted file.
    #[error("plugin {plugin} cannot be given {}: {reason}", path.display())]
    Grant {
        /// The plugin's name.
        plugin: String,
        /// The grant's source.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The first instance did not come up.
    #[error("plugin {plugin} did not start: {reason}")]
    Start {
        /// The plugin's name.
        plugin: String,
        /// What happened.
        reason: String,
    },
    /// `configure` refused the configuration, in the plugin's own words.
    #[error("plugin {plugin} refuses its configuration: {reason}")]
    Configure {
        /// The plugin's name.
        plugin: String,
        /// The plugin's words.
        reason: String,
    },
    /// What it declares cannot be meant.
    #[error("plugin {plugin} declares an interest that weir cannot serve: {reason}")]
    Interest {
        /// The plugin's name.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// One of the samples beside the plugin does not come out as it says.
    #[error("plugin {plugin} does not do what the sample {} says: {reason}", path.display())]
    Sample {
        /// The plugin's name.
        plugin: String,
        /// The sample's file, or their directory.
        path: PathBuf,
        /// The first difference, or why there is no telling.
        reason: String,
    },
    /// It fails on live batches that its former generation got through.
    #[error(
        "plugin {plugin} fails on a copy of recent {signal} that the version before it got through ({reason})"
    )]
    Rehearsal {
        /// The plugin's name.
        plugin: String,
        /// `traces`, `metrics` or `logs`.
        signal: &'static str,
        /// The reason and what is known of it, without any telemetry.
        reason: String,
    },
    /// `bypass` for a plugin that redacts.
    #[error(
        "plugin {plugin} redacts, so `on_error: bypass` would let data pass it by: use `reject` or `drop` instead"
    )]
    Bypass {
        /// The plugin's name.
        plugin: String,
    },
}

/// Why a plugin failed on a batch: the label `reason` of `weir_plugin_failures_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It trapped or exited.
    Trap,
    /// It outlived its deadline.
    Timeout,
    /// It wanted more memory than it may have.
    Memory,
    /// It wanted larger tables than it may have.
    Table,
    /// It recursed deeper than its stack.
    Stack,
    /// It answered with an error.
    Error,
    /// An edit that it may not make, or that would make invalid OTLP.
    BadEdit,
    /// An answer that the component model cannot read.
    BadOutput,
    /// An answer of more bytes or edits than it may give.
    TooLarge,
    /// Its only instance was not free within the deadline.
    Busy,
    /// A fresh instance did not come up.
    Start,
    /// It broke so many instances in a row that its circuit breaker is open, or its next instance is held back.
    Resting,
}

impl Reason {
    /// All of them, so that every series exists from the start.
    pub const ALL: [Reason; 12] = [
        Reason::Trap,
        Reason::Timeout,
        Reason::Memory,
        Reason::Table,
        Reason::Stack,
        Reason::Error,
        Reason::BadEdit,
        Reason::BadOutput,
        Reason::TooLarge,
        Reason::Busy,
        Reason::Start,
        Reason::Resting,
    ];

    /// As the metric and the refusal name it.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Trap => "trap",
            Reason::Timeout => "timeout",
            Reason::Memory => "memory",
            Reason::Table => "table",
            Reason::Stack => "stack",
            Reason::Error => "error",
            Reason::BadEdit => "bad_edit",
            Reason::BadOutput => "bad_output",
            Reason::TooLarge => "too_large",
            Reason::Busy => "busy",
            Reason::Start => "start",
            Reason::Resting => "resting",
        }
    }

    /// Whether the plugin saw the batch: only then an item of it, or the plugin itself, can be what is wrong.
    pub const fn was_called(self) -> bool {
        !matches!(self, Reason::Busy | Reason::Start | Reason::Resting)
    }

    /// Whether the instance is lost with it.
    pub const fn is_lethal(self) -> bool {
        match self {
            Reason::Trap | Reason::Timeout | Reason::Memory | Reason::Table | Reason::Stack => true,
            Reason::BadOutput | Reason::TooLarge | Reason::Start => true,
            Reason::Error | Reason::BadEdit | Reason::Busy | Reason::Resting => false,
        }
    }
}

/// One failure of a plugin.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Its kind.
    pub reason: Reason,
    /// For the log. Never holds telemetry: for [`Reason::Error`] these are the plugin's own words.
    pub detail: String,
}

impl Failure {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Failure { reason, detail: detail.into() }
    }

    /// What may be shown anywhere: a plugin's own words may hold telemetry, so of them only that there were some.
    pub fn public(&self) -> String {
        let detail = match self.reason {
            Reason::Error => "it answered with an error",
            _ => &self.detail,
        };
        format!("{}: {detail}", self.reason.name())
    }
}
