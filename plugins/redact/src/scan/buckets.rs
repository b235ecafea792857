//! Which four bytes of a literal to look for, and which of the eight buckets to put them in.
//!
//! A bucket accepts every mixture of its windows' half-bytes, so the choice decides how often the scanner stops
//! for nothing. The search below minimises the chance of a stop under a simple model of telemetry text. It is
//! deterministic and runs once for each configuration.

use super::literal::Literal;

const BUCKETS: usize = 8;
const PASSES: usize = 3;

/// Four sets of ASCII bytes, one for each place of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern([u128; 4]);

/// The half-bytes that a set of bytes uses, as masks of sixteen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rectangle {
    pub low: u16,
    pub high: u16,
}

impl Pattern {
    /// The half-bytes in use at one of the four places.
    pub fn rectangle(&self, place: usize) -> Rectangle {
        let mut rectangle = Rectangle::default();
        for byte in members(self.0[place]) {
            rectangle.low |= 1 << (byte & 15);
            rectangle.high |= 1 << (byte >> 4);
        }
        rectangle
    }

    /// Every combination of the first three bytes.
    pub fn for_each_start(&self, mut visit: impl FnMut([u8; 3])) {
        for a in members(self.0[0]) {
            for b in members(self.0[1]) {
                for c in members(self.0[2]) {
                    visit([a, b, c]);
                }
            }
        }
    }

    fn starts(&self) -> u32 {
        self.0[..3].iter().map(|set| set.count_ones()).product()
    }

    fn shape(&self) -> Shape {
        Shape([0, 1, 2, 3].map(|place| self.rectangle(place)))
    }
}

fn members(mut set: u128) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as u8);
        set &= set.wrapping_sub(1);
        lowest
    })
}

/// The window that is least likely in other text, and its offset. A short literal lends characters of its body.
pub fn rarest_window(literal: &Literal) -> (usize, Pattern) {
    let mut sets: Vec<u128> = literal.text.iter().map(|byte| letters(*byte, literal.fold)).collect();
    let body =
        literal.tail.body().map_or(u128::MAX, |body| (0..128u8).filter(|b| body.has(*b)).map(bit).sum());
    while sets.len() < 4 {
        sets.push(body);
    }
    let windows = sets.windows(4).map(|w| Pattern([w[0], w[1], w[2], w[3]])).enumerate();
    // Each start takes a slot of the probe's table, so a window with many of them is the last resort.
    let cost = |pattern: &Pattern| if pattern.starts() > 32 { 1.0 } else { pattern.shape().chance() };
    windows.min_by(|a, b| cost(&a.1).total_cmp(&cost(&b.1))).unwrap_or((0, Pattern([u128::MAX; 4])))
}

fn bit(byte: u8) -> u128 {
    1 << (byte & 127)
}

fn letters(byte: u8, fold: bool) -> u128 {
    if fold { bit(byte.to_ascii_lowercase()) | bit(byte.to_ascii_uppercase()) } else { bit(byte) }
}

/// What a window, or all windows of a bucket together, accept.
#[derive(Clone, Copy, Debug, Default)]
struct Shape([Rectangle; 4]);

impl Shape {
    fn with(mut self, other: &Shape) -> Shape {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.low |= other.low;
            own.high |= other.high;
        }
        self
    }

    /// How likely it is that four bytes are accepted.
    fn chance(&self) -> f32 {
        self.0.iter().map(|rectangle| chance(*rectangle)).product()
    }
}

/// A bucket (0 to 7) for each pattern: greedily, the rarest last, then each one moved to where it costs least.
pub fn assign(patterns: &[Pattern]) -> Vec<u8> {
    let shapes: Vec<Shape> = patterns.iter().map(Pattern::shape).collect();
    let mut order: Vec<(f32, usize)> = shapes.iter().map(Shape::chance).zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut assigned = vec![u8::MAX; patterns.len()];
    for _ in 0..PASSES {
        for &(_, number) in &order {
            assigned[number] = u8::MAX;
            assigned[number] = cheapest(&shapes, &assigned, &shapes[number]);
        }
    }
    assigned
}

fn cheapest(shapes: &[Shape], assigned: &[u8], shape: &Shape) -> u8 {
    let mut buckets = [Shape::default(); BUCKETS];
    for (member, bucket) in shapes.iter().zip(assigned) {
        if let Some(bucket) = buckets.get_mut(usize::from(*bucket)) {
            *bucket = bucket.with(member);
        }
    }
    let extra = |bucket: &Shape| bucket.with(shape).chance() - bucket.chance();
    let costs = buckets.iter().map(extra).enumerate();
    costs.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(bucket, _)| bucket as u8)
}

fn chance(rectangle: Rectangle) -> f32 {
    let halves = |mask: u16| members(u128::from(mask)).map(usize::from);
    halves(rectangle.high).flat_map(|high| halves(rectangle.low).map(move |low| SHARE[high * 16 + low])).sum()
}

/// The share of each byte in telemetry text, roughly: words in lower case, digits, a few separators.
const SHARE: [f32; 256] = {
    let mut share = [0.0002; 256];
    let common: &[(&[u8], f32)] = &[
        (b" etaoinsr", 0.045),
        (b"lcdupmh", 0.025),
        (b"gfbyvwk", 0.012),
        (b"xjqz", 0.002),
        (b"0123456789", 0.022),
        (b".-/\":,", 0.018),
        (b"_=", 0.008),
        (b"{}[]()'&?%", 0.003),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0.003),
    ];
    let mut row = 0;
    while row < common.len() {
        let mut at = 0;
        while at < common[row].0.len() {
            share[common[row].0[at] as usize] = common[row].1;
            at += 1;
        }
        row += 1;
    }
    share
};
