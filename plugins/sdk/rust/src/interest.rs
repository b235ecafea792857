//! What a plugin declares that it reads, writes and may drop. weir shows it nothing else and lets it change
//! nothing else.

#[cfg(not(target_family = "wasm"))]
use crate::codes::Level;
use crate::codes::{Field, Kinds, Levels, Signal, Signals};

const READ: u32 = 1;
const WRITE: u32 = 2;

/// What a plugin reads and writes. Built in [`Plugin::configure`](crate::Plugin::configure):
///
/// ```
/// # use weir_sdk::{Field, Interest, Level, Signal};
/// # let mut interest = Interest::default();
/// interest.signals([Signal::TRACES]);
/// let email = interest.attribute("user.email").at(Level::ITEM).read_write();
/// interest.field(Field::STATUS_CODE).read();
/// interest.attributes("debug.*").write();
/// interest.drops(Level::ITEM);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Interest {
    signals: Signals,
    selectors: Vec<Selector>,
    drops: Levels,
    stateful: bool,
    redacts: bool,
}

/// All signals, nothing read, nothing written, nothing dropped: such a plugin is never called.
impl Default for Interest {
    fn default() -> Interest {
        Interest {
            signals: Signal::ALL.iter().copied().collect(),
            selectors: Vec::new(),
            drops: Levels::NONE,
            stateful: false,
            redacts: false,
        }
    }
}

/// One kind of field that a plugin asks for, as it crosses to weir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub signals: u32,
    pub levels: u32,
    pub field: Field,
    pub kinds: u32,
    pub access: u32,
    pub name: String,
}

impl Interest {
    /// Which signals the plugin wants; all of them unless it says so here. Others pass it by.
    pub fn signals(&mut self, signals: impl Into<Signals>) -> &mut Interest {
        self.signals = signals.into();
        self
    }

    /// The attribute of this key. The handle that [`Select::read`] and its like give back is its [`Field`], which
    /// is valid in every batch and in edits.
    pub fn attribute(&mut self, key: impl Into<String>) -> Select<'_, Field> {
        let name = key.into();
        let position = self.selectors.iter().position(|s| s.field == Field::ATTRIBUTE && s.name == name);
        let number = Field::NAMED + position.unwrap_or(self.selectors.len()) as u32;
        Select::new(self, Field::ATTRIBUTE, name, Field(number))
    }

    /// All attributes whose keys fit the pattern: `*`, or a prefix and `*`.
    pub fn attributes(&mut self, pattern: impl Into<String>) -> Select<'_, ()> {
        Select::new(self, Field::ATTRIBUTE, pattern.into(), ())
    }

    /// One of OTLP's own fields.
    pub fn field(&mut self, field: Field) -> Select<'_, Field> {
        Select::new(self, field, String::new(), field)
    }

    /// At which levels the plugin may drop entities.
    pub fn drops(&mut self, levels: impl Into<Levels>) -> &mut Interest {
        self.drops = levels.into();
        self
    }

    /// The plugin keeps state from batch to batch: weir runs exactly one instance of it.
    pub fn stateful(&mut self) -> &mut Interest {
        self.stateful = true;
        self
    }

    /// Data must never pass this plugin by: weir refuses `on_error: bypass` for it.
    pub fn redacts(&mut self) -> &mut Interest {
        self.redacts = true;
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.selectors.len()
    }

    pub(crate) fn name(&self, position: usize) -> Option<&str> {
        let selector = self.selectors.get(position)?;
        (selector.field == Field::ATTRIBUTE).then_some(selector.name.as_str())
    }

    pub(crate) fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    pub(crate) fn wanted(&self) -> Signals {
        self.signals
    }

    pub(crate) fn dropped(&self) -> Levels {
        self.drops
    }

    /// The contract's `traits`: bit 0 stateful, bit 1 redacts.
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only weir itself asks for them"))]
    pub(crate) fn traits(&self) -> u64 {
        u64::from(self.stateful) | u64::from(self.redacts) << 1
    }
}

/// A selector in the making: say where it is meant, and end with [`read`](Select::read),
/// [`write`](Select::write) or [`read_write`](Select::read_write).
#[must_use = "a selector counts only once it ends with read, write or read_write"]
pub struct Select<'i, H> {
    interest: &'i mut Interest,
    selector: Selector,
    handle: H,
}

impl<'i, H> Select<'i, H> {
    fn new(interest: &'i mut Interest, field: Field, name: String, handle: H) -> Select<'i, H> {
        let selector = Selector { signals: 0, levels: 0, field, kinds: 0, access: 0, name };
        Select { interest, selector, handle }
    }

    /// At these levels alone; at every level that has the field if it is not said.
    pub fn at(mut self, levels: impl Into<Levels>) -> Self {
        self.selector.levels = levels.into().bits();
        self
    }

    /// In these signals alone; in all that the plugin wants if it is not said.
    pub fn of(mut self, signals: impl Into<Signals>) -> Self {
        self.selector.signals = signals.into().bits();
        self
    }

    /// Read values of these kinds alone. A container is there if its kind or any kind inside it is. It does not
    /// restrict what may be written.
    pub fn kinds(mut self, kinds: impl Into<Kinds>) -> Self {
        self.selector.kinds = kinds.into().bits();
        self
    }

    /// Its cells are in the batch.
    pub fn read(self) -> H {
        self.finish(READ)
    }

    /// It may be set, replaced, removed and renamed.
    pub fn write(self) -> H {
        self.finish(WRITE)
    }

    /// Both.
    pub fn read_write(self) -> H {
        self.finish(READ | WRITE)
    }

    fn finish(self, access: u32) -> H {
        let Select { interest, mut selector, handle } = self;
        selector.access = access;
        // The same thing asked for twice is one selector: weir allows 1024, and rules often share a key.
        let same = |s: &Selector| {
            (s.field, s.levels, s.signals, s.kinds)
                == (selector.field, selector.levels, selector.signals, selector.kinds)
                && s.name == selector.name
        };
        match interest.selectors.iter().position(same) {
            Some(position) => interest.selectors[position].access |= access,
            None => interest.selectors.push(selector),
        }
        handle
    }
}

/// How weir reads a selector; the tests' stand-in for weir needs it, a plugin in Wasm does not.
#[cfg(not(target_family = "wasm"))]
impl Selector {
    pub(crate) fn reads(&self) -> bool {
        self.access & READ != 0
    }

    pub(crate) fn writes(&self) -> bool {
        self.access & WRITE != 0
    }

    pub(crate) fn is_meant(&self, signal: Signal, level: Level) -> bool {
        let has = |mask: u32, code: u8| mask == 0 || (code < 32 && mask & (1 << code) != 0);
        has(self.signals, signal.0) && has(self.levels, level.0)
    }

    pub(crate) fn has_key(&self, key: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => self.name == key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_asked_for_twice_keeps_its_number_and_needs_one_selector() {
        let mut interest = Interest::default();
        interest.field(Field::NAME).read();
        let first = interest.attribute("a").at(Level::ITEM).read();
        let other = interest.attribute("a").at(Level::RESOURCE).read();
        let again = interest.attribute("a").at(Level::ITEM).write();
        assert_eq!((first, other, again), (Field(257), Field(257), Field(257)));
        assert_eq!(interest.len(), 3);
        assert!(interest.selectors()[1].reads() && interest.selectors()[1].writes());
    }

    #[test]
    fn the_default_interest_wants_all_signals_and_selects_nothing() {
        let interest = Interest::default();
        assert_eq!(interest.wanted().bits(), 0b1110);
        assert_eq!((interest.len(), interest.dropped().bits(), interest.traits()), (0, 0, 0));
    }

    #[test]
    fn traits_are_the_bits_of_the_contract() {
        assert_eq!(Interest::default().stateful().traits(), 1);
        assert_eq!(Interest::default().redacts().traits(), 2);
    }

    #[test]
    fn patterns_are_a_key_or_a_prefix() {
        let mut interest = Interest::default();
        interest.attributes("http.*").read();
        interest.attribute("user").read();
        let [prefix, exact] = interest.selectors() else { panic!("two selectors") };
        assert!(prefix.has_key("http.route") && !prefix.has_key("url.path"));
        assert!(exact.has_key("user") && !exact.has_key("user.id"));
    }
}
