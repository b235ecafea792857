//! The plugin contract as wasmtime sees it: the records of `wit/types.wit`, and the names of what crosses.
//!
//! Written by hand rather than generated, because the batch's lists must be lowered straight from the host's
//! buffers: borrowed slices in, owned lists out.

use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Lift, Lower};
use weir_otlp::{Interest, Selector, Signal};

/// The interface that a plugin exports.
pub(crate) const PROCESSOR: &str = "weir:plugin/processor@0.1.0";
/// The interface that weir offers.
pub(crate) const HOST: &str = "weir:plugin/host@0.1.0";
/// The same interface of whatever version, to tell what was found.
const PROCESSOR_ANY: &str = "weir:plugin/processor";
/// Packages whose imports are satisfied. Sockets are linked, and denied: some standard libraries import them
/// without ever calling them.
const OFFERED: [&str; 8] = [
    "weir:plugin/host@0.1.",
    "weir:plugin/types@0.1.",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// The name of every import and export of a component.
pub(crate) fn surface(component: &Component) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let imports = ty.imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    let exports = ty.exports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    (imports, exports)
}

/// `record batch`, lowered from borrowed lists.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Batch<'a> {
    pub signal: u8,
    pub received: u64,
    pub index: &'a [u32],
    pub bytes: &'a [u8],
}

/// `record edits`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Edits {
    pub index: Vec<u32>,
    pub bytes: Vec<u8>,
}

/// `record selector`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct RawSelector {
    signals: u32,
    levels: u32,
    field: u32,
    kinds: u32,
    access: u32,
    name: String,
}

/// `record interest`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct RawInterest {
    signals: u32,
    selectors: Vec<RawSelector>,
    drops: u32,
    traits: u64,
    // Room for later versions of the contract: read, so that the shape is right, and ignored.
    #[allow(dead_code, reason = "this version of the contract gives no meaning to it")]
    more: Vec<(u32, String)>,
}

/// What `configure` takes and gives.
pub(crate) type ConfigureParams<'a> = (&'a str,);
pub(crate) type ConfigureResult = (Result<RawInterest, String>,);
/// What `process` takes and gives.
pub(crate) type ProcessParams<'a> = (Batch<'a>,);
pub(crate) type ProcessResult = (Result<Edits, String>,);

const STATEFUL: u64 = 1 << 0;
const REDACTS: u64 = 1 << 1;

impl From<RawInterest> for Interest {
    fn from(raw: RawInterest) -> Self {
        let RawInterest { signals, selectors, drops, traits, more: _ } = raw;
        Interest {
            signals,
            selectors: selectors.into_iter().map(Selector::from).collect(),
            drops,
            stateful: traits & STATEFUL != 0,
            redacts: traits & REDACTS != 0,
        }
    }
}

impl From<RawSelector> for Selector {
    fn from(raw: RawSelector) -> Self {
        let RawSelector { signals, levels, field, kinds, access, name } = raw;
        Selector { signals, levels, field, kinds, access, name }
    }
}

impl<'a> Batch<'a> {
    /// A batch, or a part of one, as it crosses.
    pub fn new(signal: Signal, received: u64, index: &'a [u32], bytes: &'a [u8]) -> Self {
        Batch { signal: signal as u8, received, index, bytes }
    }
}

/// Where a component has the two functions.
#[derive(Clone, Copy)]
pub(crate) struct Exports {
    pub configure: ComponentExportIndex,
    pub process: ComponentExportIndex,
}

/// Finds the functions by name and ignores every other export, which is how later versions add interfaces.
///
/// # Errors
/// Says what is missing and, if there is one, which other version of the interface was found.
pub(crate) fn exports(component: &Component) -> Result<Exports, String> {
    let Some(interface) = component.get_export_index(None, PROCESSOR) else {
        return Err(missing_interface(component));
    };
    let function = |name: &str| {
        component
            .get_export_index(Some(&interface), name)
            .ok_or_else(|| format!("exports {PROCESSOR} without the function `{name}`"))
    };
    Ok(Exports { configure: function("configure")?, process: function("process")? })
}

fn missing_interface(component: &Component) -> String {
    let found = component
        .component_type()
        .exports(component.engine())
        .map(|(name, _)| name)
        .find(|name| name.starts_with(PROCESSOR_ANY))
        .map(str::to_owned);
    match found {
        Some(found) => {
            format!("exports {found}, but this weir needs {PROCESSOR}: rebuild it with that version")
        }
        None => format!("does not export {PROCESSOR}: build it against weir's world `plugin`"),
    }
}

/// The imports that weir does not satisfy, joined by commas. `None` if there are none.
pub(crate) fn foreign_imports(component: &Component) -> Option<String> {
    let ty = component.component_type();
    let foreign: Vec<&str> = ty
        .imports(component.engine())
        .map(|(name, _)| name)
        .filter(|name| !OFFERED.iter().any(|offered| name.starts_with(offered)))
        .collect();
    (!foreign.is_empty()).then(|| foreign.join(", "))
}
