//! The part of the walk that reads what comes as many numbers: histogram buckets, bounds and quantiles.
//!
//! Almost always a list is one packed record, and its cell points at it. A list in several records, and
//! quantiles, which are messages, are gathered in the tape's overlay, so that plugins see one cell.

use crate::codes::{field, kind};
use crate::shape::Role;
use crate::tape::{CELLS_MAX, Cell, Tape, cell_flag};
use crate::walk::{Scope, Walk, other};
use crate::wire::{Fault, Reader, Result, WireError};

/// Lists that are gathered may make that many bytes of a request.
const GATHERED_MAX: usize = 16 * CELLS_MAX;

impl<'a> Walk<'a> {
    /// A record of a list: packed, or one number alone.
    pub(crate) fn list(
        &mut self,
        role: Role,
        scope: Scope,
        record: usize,
        at: &mut Reader<'a>,
    ) -> Result<()> {
        let from = at.pos();
        match role {
            Role::Packed64(code) => {
                let list = at.delimited()?;
                if !list.rest().len().is_multiple_of(8) {
                    return Err(WireError::new(Fault::Truncated, at.pos()));
                }
                self.list_cell(scope, code, record, list, 0)
            }
            Role::Single64(code) => {
                at.fixed64()?;
                let one = Reader::new(self.src, from, at.pos());
                self.list_cell(scope, code, record, one, 0)
            }
            Role::PackedVarint(code) => {
                let list = at.delimited()?;
                let mut inner = list;
                while !inner.is_empty() {
                    inner.varint()?;
                }
                self.list_cell(scope, code, record, list, cell_flag::VARINTS)
            }
            Role::SingleVarint(code) => {
                at.varint()?;
                let one = Reader::new(self.src, from, at.pos());
                self.list_cell(scope, code, record, one, cell_flag::VARINTS)
            }
            // All other roles are read where they are met.
            _ => Ok(()),
        }
    }

    /// One quantile of a summary with its value; zeros are not written.
    pub(crate) fn quantile(&mut self, mut at: Reader, scope: Scope) -> Result<()> {
        let mut pair = [0, 0];
        while !at.is_empty() {
            let tag = at.tag()?;
            match tag {
                0x09 => pair[0] = at.fixed64()?,
                0x11 => pair[1] = at.fixed64()?,
                _ => at.go_to(other(tag, 2, at)?),
            }
        }
        if scope.selects(field::QUANTILES as u8) || scope.selects(field::QUANTILE_VALUES as u8) {
            if self.tape.overlay.len() + 16 * self.tape.quantiles.len() >= GATHERED_MAX {
                return Err(WireError::new(Fault::TooMany, at.pos()));
            }
            self.tape.quantiles.push(pair);
        }
        Ok(())
    }

    /// Makes one cell of each list that came in several records, and of the quantiles.
    #[cold]
    pub(crate) fn join_lists(&mut self, first_cell: usize, scope: Scope) -> Result<()> {
        let split = std::mem::take(&mut self.split);
        for code in (0..64).filter(|code| split >> code & 1 != 0) {
            self.join(first_cell, code)?;
        }
        let quantiles = std::mem::take(&mut self.tape.quantiles);
        for (half, code) in [field::QUANTILES as u8, field::QUANTILE_VALUES as u8].into_iter().enumerate() {
            if scope.selects(code) && !quantiles.is_empty() {
                let from = self.tape.overlay.len();
                for pair in &quantiles {
                    self.tape.overlay.extend_from_slice(&pair[half].to_le_bytes());
                }
                self.push(gathered(code, kind::DOUBLES, from, &self.tape.overlay))?;
            }
        }
        self.tape.quantiles = quantiles;
        self.tape.quantiles.clear();
        Ok(())
    }

    fn join(&mut self, first_cell: usize, code: u8) -> Result<()> {
        let Tape { cells, overlay, .. } = &mut *self.tape;
        let from = overlay.len();
        let mut kind = kind::UINTS;
        for cell in cells.iter().skip(first_cell).filter(|cell| cell.is_field(code)) {
            kind = cell.kind;
            let value = self.src.get(cell.a as usize..(cell.a + cell.b) as usize).unwrap_or_default();
            if overlay.len() + 8 * value.len() > GATHERED_MAX {
                return Err(WireError::new(Fault::TooMany, cell.record as usize));
            }
            if cell.has(cell_flag::VARINTS) {
                unpack(value, overlay);
            } else {
                overlay.extend_from_slice(value);
            }
        }
        let cell = gathered(code, kind, from, overlay);
        let mut kept = first_cell;
        for next in first_cell..cells.len() {
            if !cells[next].is_field(code) {
                cells[kept] = cells[next];
                kept += 1;
            }
        }
        cells.truncate(kept);
        self.push(cell)
    }
}

/// A cell of what was put into the overlay since `from`. It is read-only, so that its record does not matter.
fn gathered(code: u8, kind: u8, from: usize, overlay: &[u8]) -> Cell {
    let (a, b) = (from as u32, (overlay.len() - from) as u32);
    Cell { field: code.into(), node: 0, record: 0, a, b, kind, depth: 0, flags: cell_flag::GATHERED }
}

/// Varints as eight bytes each. The walk has checked them.
pub(crate) fn unpack(packed: &[u8], out: &mut Vec<u8>) {
    let mut at = Reader::new(packed, 0, packed.len());
    while !at.is_empty() {
        let Ok(number) = at.varint() else { return };
        out.extend_from_slice(&number.to_le_bytes());
    }
}
