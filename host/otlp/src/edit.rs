//! A plugin's answer, decoded, and what can be wrong with it. Nothing of it is trusted: not its lengths, targets, kinds
//! or text. `check` does the checking.

/// A plugin's answer as it came: see `wit/types.wit`, record `edits`.
#[derive(Clone, Copy, Debug)]
pub struct EditsRef<'a> {
    /// The packed words.
    pub index: &'a [u32],
    /// The values.
    pub bytes: &'a [u8],
}

/// Why an answer is refused as a whole. Says which edit is wrong and how; never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The words do not add up to a header and whole edits.
    #[error("the index has {words} words, which is not a header and {edits} edits")]
    Shape {
        /// Words that came.
        words: usize,
        /// Edits that the header announces.
        edits: u32,
    },
    /// One edit is wrong.
    #[error("edit {number} (op {op}) {fault}")]
    Edit {
        /// Which one, from 0.
        number: usize,
        /// Its operation.
        op: u8,
        /// What is wrong.
        fault: EditFault,
    },
}

/// What can be wrong with one edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    /// The end is before the former one's or after the last byte.
    #[error("has a value that ends outside of the bytes")]
    End,
    /// No such operation.
    #[error("is of an operation that does not exist")]
    Op,
    /// No such entity or cell in this batch.
    #[error("has a target that is not in the batch")]
    Target,
    /// No such field, key or defined name.
    #[error("names a field or key that does not exist")]
    Field,
    /// The interest does not say so.
    #[error("changes what the interest does not declare for writing")]
    NotDeclared,
    /// The field exists, but not at this level, or may not be written by anyone.
    #[error("changes a field that this entity does not have or that is read-only")]
    NotWritable,
    /// The field cannot have a value of this kind.
    #[error("gives a value of a kind that the field cannot have")]
    Kind,
    /// The bytes are not a value of the kind.
    #[error("gives bytes that are not a value of their kind")]
    Value,
    /// A string that is not UTF-8.
    #[error("gives a string that is not UTF-8")]
    Utf8,
    /// A trace id of 16, a span id of 8 bytes.
    #[error("gives an id of the wrong length")]
    IdLength,
    /// An enum or 32-bit field with a value that it does not have.
    #[error("gives a number that the field cannot hold")]
    Range,
    /// Only attributes have keys.
    #[error("renames what is not an attribute")]
    NotAnAttribute,
    /// Two edits of one answer do different things to the same cell.
    #[error("contradicts an earlier edit of the same cell")]
    Contradiction,
    /// The edits of a batch may add so much and no more.
    #[error("makes the batch grow by more than 256 MiB")]
    Growth,
    /// Setting and renaming look through the entity's fields: many times many would take the host too long.
    #[error("sets or renames too much in entities with very many attributes")]
    Work,
}

/// One edit, with its value's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Edit<'a> {
    pub op: u8,
    pub kind: u8,
    pub target: u32,
    pub field: u32,
    pub value: &'a [u8],
}

/// Words of one edit.
const WORDS: usize = 4;
/// Words of the header.
const HEADER: usize = 2;

impl<'a> EditsRef<'a> {
    /// The edits, or why the words are none.
    pub(crate) fn words(&self) -> Result<&'a [u32], EditError> {
        let &[header, edits, ..] = self.index else {
            let words = self.index.len();
            return if words == 0 { Ok(&[]) } else { Err(EditError::Shape { words, edits: 0 }) };
        };
        let from = header as usize;
        let rest = self.index.get(from..).filter(|_| from >= HEADER);
        rest.filter(|rest| rest.len() as u64 == u64::from(edits) * WORDS as u64)
            .ok_or(EditError::Shape { words: self.index.len(), edits })
    }
}

/// The edits of an answer, one after the other. Ends are checked here.
pub(crate) struct Edits<'a> {
    words: &'a [u32],
    bytes: &'a [u8],
    from: usize,
}

impl<'a> Edits<'a> {
    pub(crate) fn new(words: &'a [u32], bytes: &'a [u8]) -> Self {
        Edits { words, bytes, from: 0 }
    }
}

impl<'a> Iterator for Edits<'a> {
    type Item = Result<Edit<'a>, (u8, EditFault)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&[what, target, field, end], rest) = self.words.split_first_chunk::<WORDS>()?;
        self.words = rest;
        let op = what as u8;
        let Some(value) = self.bytes.get(self.from..end as usize) else {
            return Some(Err((op, EditFault::End)));
        };
        self.from = end as usize;
        Some(Ok(Edit { op, kind: (what >> 8) as u8, target, field, value }))
    }
}
