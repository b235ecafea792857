//! How much one instance may take: linear memory, tables, core instances.

use prometheus::IntGauge;
use wasmtime::ResourceLimiter;

use crate::failure::Reason;

/// Core instances, tables and memories of one component instance. Python components have dozens.
const PARTS_MAX: usize = 512;

/// The account of one store. Its bytes are part of a gauge for as long as it lives.
pub(crate) struct Limits {
    bytes_max: usize,
    bytes: usize,
    growth: usize,
    elements_max: usize,
    elements: usize,
    denied: Option<Reason>,
    gauge: IntGauge,
}

impl Limits {
    /// An empty account with room for so many bytes of linear memory and elements of tables, over all of a store.
    pub fn new(bytes_max: u64, elements_max: u64, gauge: IntGauge) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let elements_max = usize::try_from(elements_max).unwrap_or(usize::MAX);
        Limits { bytes_max, bytes: 0, growth: 0, elements_max, elements: 0, denied: None, gauge }
    }

    /// What the guest asked for that it may not have, if it did.
    pub fn denied(&self) -> Option<Reason> {
        self.denied
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
            self.denied = Some(Reason::Memory);
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
        if elements > self.elements_max {
            self.denied = Some(Reason::Table);
            return Err(wasmtime::Error::msg(format!(
                "wants {elements} elements in its tables, more than limits.table_elements allows ({})",
                self.elements_max
            )));
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
        let mut limits = Limits::new(100, 10, gauge.clone());
        assert!(limits.memory_growing(0, 60, None).unwrap());
        assert!(limits.memory_growing(0, 41, None).is_err());
        assert_eq!(limits.denied(), Some(Reason::Memory));
        assert_eq!(gauge.get(), 60);
        drop(limits);
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn a_growth_that_the_system_refuses_is_not_held_against_the_guest() {
        let gauge = gauge();
        let mut limits = Limits::new(100, 10, gauge.clone());
        assert!(limits.memory_growing(0, 60, None).unwrap());
        limits.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(gauge.get(), 0);
        assert!(limits.memory_growing(0, 100, None).unwrap());
        assert_eq!(limits.denied(), None);
    }

    #[test]
    fn tables_are_bounded() {
        let mut limits = Limits::new(100, 10, gauge());
        assert!(limits.table_growing(0, 10, None).unwrap());
        assert!(limits.table_growing(0, 1, None).is_err());
        assert_eq!(limits.denied(), Some(Reason::Table));
    }
}
