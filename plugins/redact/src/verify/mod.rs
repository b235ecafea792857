//! The verifiers: what a trigger announced is looked at within its own value, and accepted or refused.
//!
//! A verifier sees one value and no neighbour, answers with a span of ASCII bytes, and takes time linear in the
//! value over all triggers together; [`Memory`] keeps what that needs.

pub mod card;
mod credential;
mod email;
pub mod iban;
mod ip;
mod jwt;
mod pem;
mod prefix;
mod runs;
mod setting;
mod ssn;
mod userinfo;

use std::ops::Range;

use crate::{
    rule::Rule,
    scan::{
        Hit, Kind, Scanner,
        literal::{Literal, Tail},
    },
};

/// Something to be redacted in a value: `bytes[start..end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    pub rule: Rule,
    /// Whether findings of different rules were united here, so that nothing of it may be shown.
    pub united: bool,
}

/// What is remembered from one trigger of a value to the next. Start each value with a fresh one.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    runs: runs::Runs,
    /// The last token: one of the same rule that ends with it says nothing new.
    token: Option<(usize, Rule)>,
    pem_until: usize,
    /// A card, account number or address was accepted up to here.
    numbers_until: usize,
    jwt: jwt::Tries,
    authority: userinfo::Authority,
    address_until: usize,
    /// Whether an escape was seen that may hide ASCII characters from the scanner.
    pub is_escaped: bool,
}

/// Looks at one trigger; `hit.at` is relative to the value. Accepted spans go to `out`, in no strict order.
pub fn verify(scanner: &Scanner, memory: &mut Memory, value: &[u8], hit: Hit, out: &mut Vec<Found>) {
    let rules = scanner.rules();
    let mut accept = |span: Range<usize>, rule: Rule| match out.last_mut() {
        // A thousand `@` in one URL are one finding.
        Some(last) if last.rule == rule && last.start == span.start => last.end = last.end.max(span.end),
        _ => out.push(Found { start: span.start, end: span.end, rule, united: false }),
    };
    match hit.kind {
        Kind::Literal { number, back } => {
            let start = hit.at.checked_sub(usize::from(back));
            if let (Some(literal), Some(start)) = (scanner.literal(number), start)
                && let Some(span) = literal_tail(memory, value, literal, start)
            {
                accept(span, literal.rule);
            }
        }
        Kind::At => {
            let info = userinfo::find(value, hit.at, &mut memory.authority);
            // `password@host` of a URL looks like an address; it is one only where user info is left alone.
            match info.filter(|_| rules.has(Rule::URL_USERINFO)) {
                Some(span) if userinfo::is_redacted(value, &span) => {}
                Some(span) => accept(span, Rule::URL_USERINFO),
                None if rules.has(Rule::EMAIL) => {
                    email::find(value, hit.at, 1).into_iter().for_each(|span| accept(span, Rule::EMAIL));
                }
                None => {}
            }
        }
        Kind::CardRun | Kind::CardGroup if rules.has(Rule::CREDIT_CARD) => {
            let length = if hit.kind == Kind::CardRun { 11 } else { 8 };
            number(memory, hit.at, length, |start| card::find(value, start), Rule::CREDIT_CARD, accept);
        }
        Kind::Ssn if rules.has(Rule::SSN) => {
            number(memory, hit.at, 10, |start| ssn::find(value, start), Rule::SSN, accept);
        }
        Kind::Iban if rules.has(Rule::IBAN) => {
            number(memory, hit.at, 3, |start| iban::find(value, start), Rule::IBAN, accept);
        }
        Kind::Ipv4 | Kind::Ipv6 if hit.at >= memory.address_until => {
            let (until, span) = match hit.kind {
                Kind::Ipv4 => ip::find_v4(value, hit.at),
                _ => ip::find_v6(value, hit.at),
            };
            memory.address_until = until;
            span.into_iter().for_each(|span| accept(span, Rule::IP));
        }
        _ => {}
    }
}

/// A number that starts `back` bytes before the trigger. One that lies in another that was accepted says nothing new; one
/// that begins in it and goes on does: `6789 4111 1111 1111 1111` is a card number twice over.
fn number(
    memory: &mut Memory,
    at: usize,
    back: usize,
    find: impl Fn(usize) -> Option<Range<usize>>,
    rule: Rule,
    mut accept: impl FnMut(Range<usize>, Rule),
) {
    let span = at.checked_sub(back).and_then(find);
    if let Some(span) = span.filter(|span| span.end > memory.numbers_until) {
        memory.numbers_until = span.end;
        accept(span, rule);
    }
}

fn literal_tail(memory: &mut Memory, value: &[u8], literal: &Literal, start: usize) -> Option<Range<usize>> {
    let body = start + literal.text.len();
    let runs = &mut memory.runs;
    let span = match literal.tail {
        Tail::Escape => {
            memory.is_escaped = true;
            return None;
        }
        Tail::PercentAt => return email::find(value, start, literal.text.len()),
        Tail::Pem if start < memory.pem_until => return None,
        Tail::Pem => {
            let span = pem::find(value, start, body)?;
            memory.pem_until = span.end;
            return Some(span);
        }
        Tail::Run(run) => prefix::find(value, start, body, run, runs),
        Tail::Jwt => jwt::find(value, start, &mut memory.jwt, runs),
        Tail::Bearer => credential::find_bearer(value, body, runs),
        Tail::Basic => credential::find_basic(value, body, runs),
        Tail::Value => setting::find(value, body, &literal.text, runs),
    }?;
    let is_new = memory.token.is_none_or(|(end, rule)| span.end > end || rule != literal.rule);
    memory.token = Some((span.end, literal.rule));
    is_new.then_some(span)
}

/// Sorts the findings of one value and unites those that overlap, so that nothing which any rule found stays.
pub fn settle(found: &mut Vec<Found>) {
    found.sort_unstable_by_key(|f| (f.start, std::cmp::Reverse(f.end), f.rule));
    found.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps {
            kept.end = kept.end.max(next.end);
            kept.united |= next.united || next.rule != kept.rule;
        }
        overlaps
    });
}

#[cfg(test)]
mod tests;
