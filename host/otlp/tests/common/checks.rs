//! The properties: each takes bytes, which proptest or a fuzzer chooses, and panics if it does not hold.

use weir_otlp::{Cursor, EditsRef, Interest, Plan, Signal, Tape, View, count, level};

use super::change::{Answer, Changer, Touched};
use super::decode::{self, Ids};
use super::dice::Dice;
use super::interests::{self, Allows};
use super::model::{Model, Name};
use super::outline::outline;
use super::seen::{self, Numbers};
use super::{odd, requests};

pub const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

/// A valid request, as odd as the wire format allows.
pub fn valid_request(dice: &mut Dice) -> (Signal, Vec<u8>) {
    let signal = dice.pick(&SIGNALS);
    let plain = requests::request(dice, signal);
    let odd = odd::request(dice, signal, &plain);
    let model = decode::model(signal, &plain).unwrap();
    assert_eq!(decode::model(signal, &odd).unwrap(), model, "the generator keeps the meaning");
    (signal, odd)
}

/// A chain of plugins sees what the decoded message says, and what it edits is what the edits say.
pub fn chain_of_plugins(data: &[u8]) {
    let (request, edits) = data.split_at(data.len() / 2);
    let (signal, request) = valid_request(&mut Dice::new(request));
    let dice = &mut Dice::new(edits);
    let interests: Vec<Interest> =
        (0..1 + dice.below(3)).map(|_| interests::interest(dice, signal)).collect();
    let plan = Plan::new(signal, &interests.iter().collect::<Vec<_>>());
    Chain::new(signal, request, &plan).run(dice, &interests);
}

/// One plugin that may do everything.
pub fn plugin_of_everything(data: &[u8]) {
    let (request, edits) = data.split_at(data.len() / 2);
    let (signal, request) = valid_request(&mut Dice::new(request));
    let dice = &mut Dice::new(edits);
    let interest = interests::everything();
    let plan = Plan::new(signal, &[&interest]);
    Chain::new(signal, request, &plan).run(dice, std::slice::from_ref(&interest));
}

struct Chain<'p> {
    signal: Signal,
    plan: &'p Plan,
    request: Vec<u8>,
    /// What the request is now: it is written anew when a plugin has set an encoded value.
    source: Vec<u8>,
    before: Model,
    model: Model,
    tape: Tape,
    ids: Ids,
    touched: Touched,
}

impl<'p> Chain<'p> {
    fn new(signal: Signal, request: Vec<u8>, plan: &'p Plan) -> Self {
        let model = decode::model(signal, &request).unwrap();
        let mut tape = Tape::default();
        tape.walk(plan, &request).unwrap();
        assert_eq!(tape.items(), model.items() as u64);
        assert_eq!(count(signal, &request).unwrap(), tape.items());
        let (source, before) = (request.clone(), model.clone());
        let (ids, touched) = (Ids(1 << 20), Touched::default());
        Chain { signal, plan, request, source, before, model, tape, ids, touched }
    }

    fn run(mut self, dice: &mut Dice, interests: &[Interest]) {
        for (plugin, interest) in interests.iter().enumerate() {
            let mut unchanged = Vec::new();
            self.tape.clone().splice(self.plan, &self.source, &mut unchanged);
            if !self.tape.is_changed() {
                assert_eq!(unchanged, self.source, "a splice without edits is the source");
            }
            let allows = Allows { interest, signal: self.signal };
            if !self.plugin(dice, plugin, &allows) {
                continue;
            }
            if self.tape.needs_walk() {
                let mut out = Vec::new();
                self.tape.splice(self.plan, &self.source, &mut out);
                self.tape.walk(self.plan, &out).unwrap();
                self.source = out;
            }
        }
        self.finish();
    }

    /// Shows the batch to one plugin and applies its edits. Whether there was anything to show.
    fn plugin(&mut self, dice: &mut Dice, plugin: usize, allows: &Allows) -> bool {
        let mut view = View::default();
        let wants = allows.interest.wants(self.signal);
        assert_eq!(self.plan.wants(plugin), wants);
        let expected = if wants { seen::expected(&self.model, allows) } else { Vec::new() };
        let next = view.build(self.plan, plugin, &self.tape, &self.source, Cursor::default());
        assert_eq!(next.is_some(), !expected.is_empty(), "a plugin is called if there is something to show");
        if next.is_none() {
            return false;
        }
        assert!(view.is_last());
        let seen = seen::read(&view, &allows.interest.selectors);
        let mut numbers = Numbers::default();
        seen::compare(&seen.groups, &expected, &mut numbers);
        let items = self.model.items();
        let answer = Changer {
            model: &mut self.model,
            allows,
            numbers: &numbers,
            names: &seen.names,
            ids: &mut self.ids,
            touched: &mut self.touched,
        }
        .answer(dice);
        let edits = EditsRef { index: &answer.index, bytes: &answer.bytes };
        let applied = self.tape.apply(self.plan, plugin, &mut view, edits).unwrap();
        assert_eq!(applied.items_dropped, (items - self.model.items()) as u64);
        assert_eq!(self.tape.items_left(), self.model.items() as u64);
        true
    }

    /// Compares what comes out with what should.
    fn finish(mut self) {
        let mut out = Vec::new();
        self.tape.splice(self.plan, &self.source, &mut out);
        if !self.tape.is_changed() {
            assert_eq!(out, self.source);
        }
        let decoded = decode::model(self.signal, &out).unwrap();
        assert_eq!(decoded, self.model);
        assert_eq!(count(self.signal, &out).unwrap(), self.model.items() as u64);
        Tape::default().walk(self.plan, &out).unwrap();
        self.untouched(&out);
    }

    /// Items that no edit touched are the same bytes; unknown fields survive.
    fn untouched(&self, out: &[u8]) {
        let (before, after) = (outline(self.signal, &self.request), outline(self.signal, out));
        let items = |model: &Model| {
            let mut items = Vec::new();
            model.each(&mut |entity| {
                if entity.what.level() == level::ITEM {
                    let written = &self.touched.written;
                    let inner = entity.children.iter().any(|child| written.contains(&child.id.0));
                    items.push((entity.id.0, inner || written.contains(&entity.id.0)));
                }
            });
            items
        };
        let left = items(&self.model);
        assert_eq!(after.items.len(), left.len());
        let mut kept = before.items.iter().zip(items(&self.before));
        for (item, (id, is_written)) in after.items.iter().zip(left) {
            let (former, _) = kept.find(|(_, (former, _))| *former == id).unwrap();
            let is_reduced = self.touched.reduced.contains(&id);
            if !is_reduced {
                assert_eq!(item.unknown, former.unknown);
                if !is_written {
                    assert_eq!(item.payload, former.payload);
                }
            }
        }
        if !self.touched.dropped {
            assert_eq!(before.unknown, after.unknown);
        }
    }
}

/// What prost makes of the bytes. `None` where it refuses for the depth alone: it counts messages, and arrays and
/// maps are two or three each, so that it stops at less than half of the depth that the walk allows.
fn oracle(signal: Signal, bytes: &[u8]) -> Option<bool> {
    match decode::model(signal, bytes) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().contains("recursion limit") => None,
        Err(_) => Some(false),
    }
}

/// The walk takes any bytes without a panic, and accepts what a decoder accepts.
pub fn walk_of_any_bytes(bytes: &[u8]) {
    let interest = interests::everything();
    for signal in SIGNALS {
        let all = Plan::new(signal, &[&interest]);
        let none = Plan::new(signal, &[]);
        let mut tape = Tape::default();
        let result = tape.walk(&all, bytes);
        assert_eq!(Tape::default().walk(&none, bytes).is_ok(), result.is_ok(), "the plan does not matter");
        if let Some(is_valid) = oracle(signal, bytes) {
            assert_eq!(result.is_ok(), is_valid, "{signal:?}: {result:?}");
        }
        match result {
            Ok(()) => {
                assert_eq!(count(signal, bytes).unwrap(), tape.items());
                let mut view = View::default();
                if view.build(&all, 0, &tape, bytes, Cursor::default()).is_some() {
                    seen::read(&view, &interest.selectors);
                }
                let mut out = Vec::new();
                tape.splice(&all, bytes, &mut out);
                assert_eq!(out, bytes);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert_eq!((tape.items(), tape.is_changed()), (0, false));
            }
        }
    }
}

/// A valid request with some bytes changed.
pub fn walk_of_mutated_request(data: &[u8]) {
    walk_of_any_bytes(&mutated_request(data));
}

/// A valid request with some bytes changed, removed or added.
pub fn mutated_request(data: &[u8]) -> Vec<u8> {
    let (request, changes) = data.split_at(data.len().saturating_sub(40));
    let (_, mut request) = valid_request(&mut Dice::new(request));
    let dice = &mut Dice::new(changes);
    for _ in 0..1 + dice.below(4) {
        if request.is_empty() {
            break;
        }
        let at = dice.word() as usize % request.len();
        match dice.below(4) {
            0 => request[at] = dice.byte(),
            1 => request[at] ^= 1 << dice.below(8),
            2 => drop(request.remove(at)),
            _ => request.insert(at, dice.byte()),
        }
    }
    request
}

/// Whatever words a plugin answers: nothing changes, or the request stays valid.
pub fn any_edits(data: &[u8]) {
    let (request, edits) = data.split_at(data.len() / 2);
    let (signal, request) = valid_request(&mut Dice::new(request));
    let dice = &mut Dice::new(edits);
    let interest = if dice.percent(50) { interests::everything() } else { interests::interest(dice, signal) };
    let plan = Plan::new(signal, &[&interest]);
    let (mut tape, mut view) = (Tape::default(), View::default());
    tape.walk(&plan, &request).unwrap();
    if view.build(&plan, 0, &tape, &request, Cursor::default()).is_none() {
        return;
    }
    let before = decode::model(signal, &request).unwrap();
    for _ in 0..3 {
        let answer = wild_answer(dice, &view);
        let mut untouched = Vec::new();
        tape.clone().splice(&plan, &request, &mut untouched);
        let result = tape.apply(&plan, 0, &mut view, EditsRef { index: &answer.index, bytes: &answer.bytes });
        let mut out = Vec::new();
        tape.splice(&plan, &request, &mut out);
        if let Err(error) = result {
            assert!(!error.to_string().is_empty());
            assert_eq!(out, untouched, "a refused answer changes nothing");
        }
        let after = decode::model(signal, &out).unwrap();
        assert_eq!(after.items() as u64, tape.items_left());
        if duplicates(&before) == 0 {
            assert_eq!(duplicates(&after), 0, "no edit makes a key stand twice");
        }
        is_valid(&after);
        if view.build(&plan, 0, &tape, &request, Cursor::default()).is_none() {
            return;
        }
        seen::read(&view, &interest.selectors);
    }
}

/// Edits that are wrong in all ways, near enough to right ones that many get through.
fn wild_answer(dice: &mut Dice, view: &View) -> Answer {
    let mut answer = Answer::default();
    if dice.percent(3) {
        let words = (0..dice.below(12)).map(|_| dice.word() as u32 >> dice.below(33).min(31));
        answer.index = words.collect();
        return answer;
    }
    for _ in 0..1 + dice.below(4) {
        let wild = dice.word() as u32;
        let op = if dice.percent(3) { wild as u8 } else { dice.pick(&[1, 2, 2, 3, 4, 4, 5, 6, 7, 8]) };
        let kind = dice.pick(&[1, 1, 1, 2, 3, 3, 4, 5, 8, 11, 0, 6, 9]);
        let targets = view.index()[if matches!(op, 2 | 3 | 7) { 2 } else { 1 }];
        let target = if dice.percent(3) { wild } else { dice.word() as u32 % (targets + 1) };
        let field = match dice.below(8) {
            0 if dice.percent(20) => wild,
            0..=3 => 15 + dice.below(45) as u32,
            4 | 5 => 256 + dice.below(56) as u32,
            _ => 0x8000_0000 + dice.below(2) as u32,
        };
        let len = match kind {
            _ if dice.percent(10) => dice.below(20),
            1 | 5 => dice.pick(&[0, 3, 8, 16]),
            2 => 1,
            3 | 4 => 8,
            _ => 0,
        };
        let mask = dice.pick(&[0x7f, 0x01, 0x7f, 0x01, 0xff]);
        let value: Vec<u8> = (0..len).map(|_| dice.byte() & mask).collect();
        answer.push(op, kind, target, field, &value);
    }
    if dice.percent(3) {
        let at = 2 + dice.below(answer.index.len() - 2);
        answer.index[at] = dice.word() as u32;
    }
    answer
}

/// How many attributes have a key that an earlier one of the same entity has.
fn duplicates(model: &Model) -> usize {
    let mut twice = 0;
    model.each(&mut |entity| {
        for (place, field) in entity.fields.iter().enumerate() {
            let is_key = matches!(field.name, Name::Key(_));
            let former = &entity.fields[..place];
            twice += usize::from(is_key && former.iter().any(|former| former.name == field.name));
        }
    });
    twice
}

/// Ids have their lengths, and enums their values.
fn is_valid(model: &Model) {
    use super::model::Value;
    use weir_otlp::field;
    model.each(&mut |entity| {
        for inner in &entity.fields {
            let Name::Code(code) = inner.name else { continue };
            match (&inner.leaf.value, code) {
                (Value::Bytes(id), field::TRACE_ID) => assert_eq!(id.len(), 16),
                (Value::Bytes(id), field::SPAN_ID | field::PARENT_SPAN_ID) => assert_eq!(id.len(), 8),
                (Value::Int(int), field::KIND) => assert!(*int <= 5),
                (Value::Int(int), field::STATUS_CODE) => assert!(*int <= 2),
                (Value::Int(int), field::SEVERITY_NUMBER) => assert!(*int <= 24),
                _ => {}
            }
        }
    });
}
