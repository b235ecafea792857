//! How much one instance may take: linear memory, tables, core instances.

use prometheus::IntGauge;
use wasmtime::ResourceLimiter;

/// Table elements of one instance. Python needs tens of thousands; eight bytes each.
const TABLE_ELEMENTS_MAX: usize = 200_000;
/// Core instances, tables and memories of one component instance. Python components have dozens.
const PARTS_MAX: usize = 512;

/// The account of one store. Its bytes are part of a gauge for as long as it lives.
pub(crate) struct Limits {
    bytes_max: usize,
    bytes: usize,
    growth: usize,
    elements: usize,
    memory_denied: bool,
    gauge: IntGauge,
}

impl Limits {
    /// An empty account with room for `bytes_max` bytes of linear memory, over all memories of the store.
    pub fn new(bytes_max: u64, gauge: IntGauge) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Limits { bytes_max, bytes: 0, growth: 0, elements: 0, memory_denied: false, gauge }
    }

    /// Whether the guest asked for more memory than it may have.
    pub fn memory_denied(&self) -> bool {
        self.memory_denied
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.gauge.sub(self.bytes as i64);
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let bytes = self.bytes.saturating_add(growth);
        if bytes > self.bytes_max {
            // An error rather than `false`: a guest that is told "no" aborts without saying why.
            self.memory_denied = true;
            return Err(wasmtime::Error::msg(format!(
                "wants {bytes} bytes of memory, more than memory_limit_mib allows ({} bytes)",
                self.bytes_max
            )));
        }
        self.bytes = bytes;
        self.growth = growth;
        self.gauge.add(growth as i64);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.bytes -= self.growth;
        self.gauge.sub(self.growth as i64);
        self.growth = 0;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.elements.saturating_add(desired.saturating_sub(current));
        if elements > TABLE_ELEMENTS_MAX {
            return Ok(false);
        }
        self.elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        PARTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge() -> IntGauge {
        IntGauge::new("g", "g").unwrap()
    }

    #[test]
    fn the_cap_is_over_all_memories_of_a_store() {
        let gauge = gauge();
        let mut limits = Limits::new(100, gauge.clone());
        assert!(limits.memory_growing(0, 60, None).unwrap());
        assert!(limits.memory_growing(0, 41, None).is_err());
        assert!(limits.memory_denied());
        assert_eq!(gauge.get(), 60);
        drop(limits);
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn a_growth_that_the_system_refuses_is_not_held_against_the_guest() {
        let gauge = gauge();
        let mut limits = Limits::new(100, gauge.clone());
        assert!(limits.memory_growing(0, 60, None).unwrap());
        limits.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(gauge.get(), 0);
        assert!(limits.memory_growing(0, 100, None).unwrap());
        assert!(!limits.memory_denied());
    }

    #[test]
    fn tables_are_bounded() {
        let mut limits = Limits::new(100, gauge());
        assert!(limits.table_growing(0, TABLE_ELEMENTS_MAX, None).unwrap());
        assert!(!limits.table_growing(0, 1, None).unwrap());
    }
}
