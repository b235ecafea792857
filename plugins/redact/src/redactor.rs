//! Redacts one text: finds, decides, and answers with the patches to apply. JSON inside the text is followed, and
//! so is JSON inside that.

mod json_text;

use std::ops::Range;

use self::json_text::JsonText;
use crate::{
    glob::{self, Glob},
    json::{self, escape},
    keys::Keys,
    replace::Replacer,
    rule::Rule,
    scan::{Hit, Scanner},
    verify::{self, Found, Memory},
};

/// How deep texts inside texts are decoded: JSON, JSON in it, and JSON in that.
const DEPTH_MAX: u8 = 3;

/// How often a text is looked at as long as something is found in it.
const PASSES_MAX: usize = 4;

/// Replaces `range` of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Patch {
    range: Range<usize>,
    with: Vec<u8>,
}

/// What the detectors say about one text.
#[derive(Debug, Default)]
pub struct Findings {
    /// In order, and apart from each other once they are settled.
    pub found: Vec<Found>,
    /// Whether escapes may hide more.
    pub is_escaped: bool,
}

/// Where a text stands, as far as that matters for its replacement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site {
    /// In an attribute of a data point.
    pub is_point: bool,
    /// How many texts it is inside of.
    depth: u8,
}

impl Site {
    /// A value of the batch.
    pub fn value(is_point: bool) -> Site {
        Site { is_point, depth: 0 }
    }

    fn inner(self) -> Site {
        Site { depth: self.depth + 1, ..self }
    }
}

/// What stays as it is although a rule finds it.
#[derive(Clone, Debug, Default)]
pub struct Allowed(pub Vec<(Option<Rule>, Glob)>);

impl Allowed {
    fn has(&self, found: &Found, value: &[u8]) -> bool {
        let matched = value.get(found.start..found.end).unwrap_or(&[]);
        self.0
            .iter()
            .any(|(rule, glob)| rule.is_none_or(|rule| rule == found.rule) && glob.fits(matched, glob::plain))
    }
}

/// The compiled configuration, and the counts since the last batch.
pub struct Redactor {
    pub keys: Keys,
    pub replacer: Replacer,
    pub allowed: Allowed,
    /// Whether JSON in strings is followed.
    pub follows_json: bool,
    /// Replaced findings, by [`Rule::index`].
    pub counts: [u64; Rule::COUNT],
}

impl Redactor {
    /// What the detectors find in one text.
    pub fn find(&self, scanner: &Scanner, text: &[u8]) -> Findings {
        let (mut memory, mut findings) = (Memory::default(), Findings::default());
        scanner.sweep(text, |hit: Hit| verify::verify(scanner, &mut memory, text, hit, &mut findings.found));
        findings.is_escaped = memory.is_escaped;
        self.settle(text, &mut findings.found);
        findings
    }

    /// Takes out what is allowed, then unites what overlaps. In this order, since what is allowed must not
    /// cover what is not.
    pub fn settle(&self, text: &[u8], found: &mut Vec<Found>) {
        if !self.allowed.0.is_empty() {
            found.retain(|found| !self.allowed.has(found, text));
        }
        verify::settle(found);
    }

    /// Writes the redacted text to `out`. False if it is the same text, and then `out` means nothing.
    pub fn redact(
        &mut self,
        scanner: &Scanner,
        text: &[u8],
        findings: &Findings,
        site: Site,
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        let patches = self.patches(scanner, text, findings, site);
        if patches.is_empty() {
            return false;
        }
        apply(text, &patches, out);
        // A replacement can uncover its neighbour, which was part of a longer word before: look again.
        for _ in 1..PASSES_MAX {
            let findings = self.find(scanner, out);
            let patches = self.patches(scanner, out, &findings, site);
            if patches.is_empty() {
                break;
            }
            let mut next = Vec::with_capacity(out.len());
            apply(out, &patches, &mut next);
            *out = next;
        }
        true
    }

    /// The patches of a text, given what was found in it.
    fn patches(&mut self, scanner: &Scanner, text: &[u8], findings: &Findings, site: Site) -> Vec<Patch> {
        if self.follows_json && site.depth < DEPTH_MAX && json::may_be_json(text) {
            return JsonText::new(self, scanner, text, findings, site).patches();
        }
        if findings.is_escaped && site.depth < DEPTH_MAX {
            return self.decoded(scanner, text, site);
        }
        findings.found.iter().map(|found| self.patch(text, found, site)).collect()
    }

    /// The patch that replaces one finding.
    fn patch(&mut self, text: &[u8], found: &Found, site: Site) -> Patch {
        let mut with = Vec::new();
        let matched = text.get(found.start..found.end).unwrap_or(&[]);
        self.replacer.write(found, matched, site.is_point, &mut with);
        self.count(found.rule);
        Patch { range: found.start..found.end, with }
    }

    /// The patches of an escaped text: those of the decoded one, put back to their places.
    fn decoded(&mut self, scanner: &Scanner, text: &[u8], site: Site) -> Vec<Patch> {
        let decoded = escape::decode(text);
        let mut findings = self.find(scanner, &decoded);
        // Where decoding changes nothing, doing it again does not either.
        findings.is_escaped &= decoded.len() < text.len();
        let mut patches = self.patches(scanner, &decoded, &findings, site.inner());
        escape::locate(text, patches.iter_mut().map(|patch| &mut patch.range));
        patches.iter_mut().for_each(Patch::escape);
        patches
    }

    /// Counts one replacement.
    pub fn count(&mut self, rule: Rule) {
        if let Some(count) = self.counts.get_mut(rule.index()) {
            *count += 1;
        }
    }
}

impl Patch {
    fn escape(&mut self) {
        let mut escaped = Vec::with_capacity(self.with.len());
        escape::encode(&self.with, &mut escaped);
        self.with = escaped;
    }
}

/// Appends the text with its patches, which are in order and apart.
fn apply(text: &[u8], patches: &[Patch], out: &mut Vec<u8>) {
    let mut at = 0;
    for patch in patches {
        out.extend_from_slice(text.get(at..patch.range.start).unwrap_or(&[]));
        out.extend_from_slice(&patch.with);
        at = patch.range.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or(&[]));
}
