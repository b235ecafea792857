//! Whatever a plugin declares is refused with a reason, or serves: a plan of it walks, shows and edits without a panic.

use weir_otlp::{Cursor, Interest, Plan, Selector, Tape, View};

use super::checks::{SIGNALS, valid_request};
use super::dice::Dice;
use super::seen;

/// An interest out of any words at all.
pub fn any_interest(data: &[u8]) {
    let (request, declared) = data.split_at(data.len() / 2);
    let (_, request) = valid_request(&mut Dice::new(request));
    let interest = wild_interest(&mut Dice::new(declared));
    if let Err(error) = interest.check() {
        assert!(!error.to_string().is_empty());
        return;
    }
    for signal in SIGNALS {
        let plan = Plan::new(signal, &[&interest, &interest]);
        let mut tape = Tape::default();
        if tape.walk(&plan, &request).is_err() {
            // It is a request of another signal.
            continue;
        }
        for plugin in 0..2 {
            let mut view = View::default();
            if plan.wants(plugin) && view.build(&plan, plugin, &tape, &request, Cursor::default()).is_some() {
                assert!(interest.wants(signal), "a plugin is shown only signals that it asked for");
                seen::read(&view, &interest.selectors);
            }
        }
    }
}

fn wild_interest(dice: &mut Dice) -> Interest {
    let mut interest = Interest {
        signals: mask(dice),
        drops: mask(dice),
        stateful: dice.percent(50),
        redacts: dice.percent(50),
        ..Interest::default()
    };
    let selectors = if dice.percent(2) { 1100 } else { dice.below(12) };
    for _ in 0..selectors {
        let name = match dice.below(6) {
            0 => String::new(),
            1 => "*".to_owned(),
            2 => "**".to_owned(),
            3 => "\u{e9}*x".repeat(1 + dice.below(4)),
            4 if dice.percent(10) => "k".repeat(1025),
            _ => dice.pick(&["a", "b*", "http.route", " ", "\0"]).to_owned(),
        };
        let field = if dice.percent(40) { dice.word() as u32 } else { dice.below(64) as u32 };
        let (signals, levels, kinds) = (mask(dice), mask(dice), mask(dice));
        interest.selectors.push(Selector { signals, levels, field, kinds, access: mask(dice), name });
    }
    interest
}

/// Mostly few bits, since those that are meant are low.
fn mask(dice: &mut Dice) -> u32 {
    match dice.below(4) {
        0 => 0,
        1 => dice.word() as u32,
        _ => u32::from(dice.byte()),
    }
}
