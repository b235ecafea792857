//! The walk over a JSON text: which strings and numbers of it are replaced.

use std::ops::Range;

use super::{DEPTH_MAX, Findings, Patch, Redactor, Site};
use crate::{
    json::{Token, Tokens, escape},
    keys::KeyAction,
    rule::Rule,
    scan::Scanner,
    verify::Found,
};

/// The walk over one JSON text.
pub(super) struct JsonText<'t> {
    redactor: &'t mut Redactor,
    scanner: &'t Scanner,
    text: &'t [u8],
    findings: &'t Findings,
    site: Site,
    /// The first finding that no token has reached yet.
    next: usize,
    patches: Vec<Patch>,
}

impl<'t> JsonText<'t> {
    /// The text, and what was found in it when it was read without its structure.
    pub(super) fn new(
        redactor: &'t mut Redactor,
        scanner: &'t Scanner,
        text: &'t [u8],
        findings: &'t Findings,
        site: Site,
    ) -> JsonText<'t> {
        JsonText { redactor, scanner, text, findings, site, next: 0, patches: Vec::new() }
    }

    /// The patches that redact it.
    pub(super) fn patches(mut self) -> Vec<Patch> {
        // The action of the name before, and of the container that a name before decided about, with its depth.
        let mut named = KeyAction::Scan;
        let mut inside: Option<(usize, KeyAction)> = None;
        let mut depth = 0;
        for token in Tokens::new(self.text) {
            let action = inside.map_or(named, |(_, action)| action);
            match token {
                Token::Name(range) => {
                    named = self.name(range);
                    continue;
                }
                Token::Open => {
                    if inside.is_none() && !named.scans() {
                        inside = Some((depth, named));
                    }
                    depth += 1;
                }
                Token::Close => {
                    depth -= 1;
                    inside = inside.filter(|(outer, _)| *outer < depth);
                }
                Token::String(range) if action.scans() => self.string(range),
                Token::String(range) => self.hidden(range, action, false),
                Token::Scalar(range) if action.scans() => self.scalar(range),
                Token::Scalar(range) => self.hidden(range, action, true),
                Token::Rest(start) => self.rest(start),
            }
            named = KeyAction::Scan;
        }
        self.patches
    }

    fn slice(&self, range: &Range<usize>) -> &'t [u8] {
        self.text.get(range.clone()).unwrap_or(&[])
    }

    /// The findings that start before `end`, and count as seen from now on.
    fn take(&mut self, end: usize) -> Range<usize> {
        let from = self.next;
        let rest = self.findings.found.get(from..).unwrap_or(&[]);
        self.next += rest.iter().take_while(|found| found.start < end).count();
        from..self.next
    }

    /// A name is never rewritten, whatever stands in it: telemetry is queried by names.
    fn name(&mut self, range: Range<usize>) -> KeyAction {
        self.take(range.end);
        let raw = self.slice(&range);
        if raw.contains(&b'\\') {
            let name = escape::decode(raw);
            return self.redactor.keys.action(&name);
        }
        self.redactor.keys.action(raw)
    }

    /// A string that the detectors decide about.
    fn string(&mut self, range: Range<usize>) {
        let taken = self.take(range.end);
        if self.site.depth + 1 < DEPTH_MAX && hides(self.slice(&range)) {
            for mut patch in self.redactor.decoded(self.scanner, self.slice(&range), self.site) {
                patch.range = range.start + patch.range.start..range.start + patch.range.end;
                self.patches.push(patch);
            }
            return;
        }
        for found in self.within(taken, &range) {
            let mut patch = self.redactor.patch(self.text, &found, self.site);
            patch.escape();
            self.patches.push(patch);
        }
    }

    /// A number in which something was found is replaced as a whole, by a string.
    fn scalar(&mut self, range: Range<usize>) {
        let taken = self.take(range.end);
        let Some(first) = self.findings.found.get(taken).and_then(<[Found]>::first) else { return };
        let found = Found { start: range.start, end: range.end, ..*first };
        let mut patch = self.redactor.patch(self.text, &found, self.site);
        patch.escape();
        patch.with.insert(0, b'"');
        patch.with.push(b'"');
        self.patches.push(patch);
    }

    /// A value that a key rule decides about.
    fn hidden(&mut self, range: Range<usize>, action: KeyAction, is_scalar: bool) {
        self.take(range.end);
        let value = self.slice(&range);
        // Numbers may be codes; `true`, `false` and `null` tell nothing.
        let is_word = is_scalar && !value.iter().any(u8::is_ascii_digit);
        if action == KeyAction::Keep || is_word {
            return;
        }
        let decoded = escape::decode(value);
        let mut patch = Patch { range, with: Vec::new() };
        if !self.redactor.replacer.write_key(action, &decoded, self.site.is_point, &mut patch.with) {
            return;
        }
        self.redactor.count(Rule::KEY);
        patch.escape();
        if is_scalar {
            patch.with.insert(0, b'"');
            patch.with.push(b'"');
        }
        self.patches.push(patch);
    }

    /// What is not JSON any more is plain text.
    fn rest(&mut self, start: usize) {
        let taken = self.take(usize::MAX);
        for found in self.within(taken, &(start..self.text.len())) {
            let patch = self.redactor.patch(self.text, &found, self.site);
            self.patches.push(patch);
        }
    }

    /// Findings as far as they lie in a range. None reaches beyond its string, since no rule matches a quote;
    /// if one did, the other string would still not be damaged.
    fn within(&self, taken: Range<usize>, range: &Range<usize>) -> impl Iterator<Item = Found> + use<'t> {
        let range = range.clone();
        let found = self.findings.found.get(taken).unwrap_or(&[]).iter();
        found.filter_map(move |found| {
            let (start, end) = (found.start.max(range.start), found.end.min(range.end));
            (start < end).then_some(Found { start, end, ..*found })
        })
    }
}

/// Whether a JSON string must be decoded to be judged: it may be JSON itself, or escapes may hide characters.
fn hides(string: &[u8]) -> bool {
    let opens = |text: &[u8]| matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
    opens(string)
        || memchr::memchr_iter(b'\\', string).any(|at| match string.get(at + 1) {
            Some(b'/') => true,
            // Escapes beyond ASCII hide nothing that a rule looks for.
            Some(b'u') => string.get(at + 2..at + 4) == Some(b"00"),
            // White space before JSON, as pretty printers indent it.
            Some(b'n' | b't' | b'r') => at == 0 && opens(&escape::decode(string.get(..64).unwrap_or(string))),
            _ => false,
        })
}
