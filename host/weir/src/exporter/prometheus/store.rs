//! All series of one exporter, by family, in the order in which they are written. What is too old goes when somebody looks, or
//! when something new comes: nothing here wakes by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::ingest::Place;
use super::limits::{BYTES_PER_SERIES, HELP_BYTES_MAX};
use super::refused::Refused;
use super::resource::Target;
use super::series::{Kind, Point, Series, Value};
use weir_otlp::read::Number;

/// How often it is looked for series that are too old, at most, however many points come.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What the series with the attributes of targets are about.
pub(in crate::exporter) const TARGET_HELP: &str = "Target metadata";

/// The series of one exporter.
pub(super) struct Store {
    families: BTreeMap<Box<str>, Family>,
    /// The key of the target's series by job and instance.
    targets: BTreeMap<Box<[u8]>, Box<[u8]>>,
    target_info: String,
    series_max: usize,
    expiration: Duration,
    series: usize,
    bytes: usize,
    next_sweep: Instant,
}

/// Series with the same name.
pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: Box<str>,
    /// As it stands at the end of the name; empty if it does not.
    pub(super) unit: Box<str>,
    pub(super) series: BTreeMap<Box<[u8]>, Series>,
}

/// What a point's metric says of its family. It holds for as long as the family has series: the first one counts.
#[derive(Clone, Copy)]
pub(in crate::exporter) struct FamilyHead<'a> {
    pub(in crate::exporter) name: &'a str,
    pub(in crate::exporter) help: &'a str,
    pub(in crate::exporter) unit: &'a str,
}

/// A store, at a time, as the place where points go.
pub(super) struct At<'s> {
    pub(super) store: &'s mut Store,
    pub(super) now: Instant,
}

impl Place for At<'_> {
    fn adds_up(&self) -> bool {
        true
    }

    fn target(&mut self, target: Option<Target<'_>>) {
        if let Some(Target { identity, labels }) = target {
            self.store.put_target(identity, labels, self.now);
        }
    }

    fn point(&mut self, family: FamilyHead<'_>, labels: &[u8], point: Point) -> Result<(), Refused> {
        self.store.put(family, labels, point, self.now)
    }

    fn gone(&mut self, family: FamilyHead<'_>, labels: &[u8], _: Point) -> Result<(), Refused> {
        self.store.forget(family.name, labels);
        Ok(())
    }
}

impl Store {
    pub(super) fn new(target_info: String, series_max: usize, expiration: Duration, now: Instant) -> Self {
        Store {
            families: BTreeMap::new(),
            targets: BTreeMap::new(),
            target_info,
            series_max,
            expiration,
            series: 0,
            bytes: 0,
            next_sweep: now,
        }
    }

    /// How many series there are, those that are too old among them.
    pub(super) fn series(&self) -> usize {
        self.series
    }

    /// The families in order, without what is too old.
    pub(super) fn families(&mut self, now: Instant) -> impl Iterator<Item = (&str, &Family)> {
        self.sweep(now);
        self.families.iter().map(|(name, family)| (&**name, family))
    }

    /// Takes a point of the series with this key.
    pub(super) fn put(
        &mut self,
        head: FamilyHead<'_>,
        key: &[u8],
        point: Point,
        now: Instant,
    ) -> Result<(), Refused> {
        if head.name == self.target_info {
            return Err(Refused::Name);
        }
        self.insert(head, key, point, now)
    }

    /// Forgets the series with this key, if there is one.
    pub(super) fn forget(&mut self, name: &str, key: &[u8]) {
        if name != self.target_info {
            self.remove(name, key);
        }
    }

    fn remove(&mut self, name: &str, key: &[u8]) {
        let Some(family) = self.families.get_mut(name) else { return };
        if let Some(series) = family.series.remove(key) {
            self.series -= 1;
            self.bytes -= series.cost(key);
        }
        if family.series.is_empty() {
            self.bytes -= family.cost(name);
            self.families.remove(name);
        }
    }

    /// Notes the attributes of a target: one set for each job and instance.
    pub(super) fn put_target(&mut self, identity: &[u8], key: &[u8], now: Instant) {
        let name = self.target_info.clone();
        match self.targets.get(identity).cloned() {
            Some(former) if *former == *key => {
                let family = self.families.get_mut(name.as_str());
                if let Some(series) = family.and_then(|family| family.series.get_mut(key)) {
                    return series.touch(now);
                }
            }
            Some(former) => {
                self.bytes -= target_cost(identity, &former);
                self.targets.remove(identity);
                self.remove(&name, &former);
            }
            None => {}
        }
        let value = Value::Gauge(Number::Int(1));
        let point = Point { start_unix_nano: 0, time_unix_nano: 0, is_delta: false, value };
        let head = FamilyHead { name: &name, help: TARGET_HELP, unit: "" };
        // Without room for it, its metrics have none either, and they are what is counted.
        if self.insert(head, key, point, now).is_ok()
            && self.targets.insert(identity.into(), key.into()).is_none()
        {
            self.bytes += target_cost(identity, key);
        }
    }

    fn insert(
        &mut self,
        head: FamilyHead<'_>,
        key: &[u8],
        point: Point,
        now: Instant,
    ) -> Result<(), Refused> {
        if now >= self.next_sweep {
            self.sweep(now);
        }
        let kind = point.value.kind();
        if is_taken(head.name, kind, |name| Some(self.families.get(name)?.kind)) {
            return Err(Refused::Type);
        }
        let bytes_max = self.series_max.saturating_mul(BYTES_PER_SERIES);
        let family = self.families.get_mut(head.name);
        if let Some(former) = family.and_then(|family| family.series.get_mut(key)) {
            let next = match former.has_expired(self.expiration, now) {
                true => Some(Series::new(point, now)),
                false => former.after(point, now)?,
            };
            // A cumulative point that is older than what is there has been overtaken, as all are between two looks at the page.
            let Some(next) = next else { return Ok(()) };
            let bytes = self.bytes - former.cost(key) + next.cost(key);
            if bytes > bytes_max && bytes > self.bytes {
                return Err(Refused::Series);
            }
            (*former, self.bytes) = (next, bytes);
            return Ok(());
        }
        let series = Series::new(point, now);
        let new_family =
            if self.families.contains_key(head.name) { None } else { Some(Family::new(head, kind)) };
        let of_family = new_family.as_ref().map_or(0, |family| family.cost(head.name));
        let bytes = self.bytes + series.cost(key) + of_family;
        if bytes > bytes_max || self.series >= self.series_max {
            return Err(Refused::Series);
        }
        self.bytes = bytes;
        self.series += 1;
        if let Some(family) = new_family {
            self.families.insert(head.name.into(), family);
        }
        if let Some(family) = self.families.get_mut(head.name) {
            family.series.insert(key.into(), series);
        }
        Ok(())
    }

    /// Forgets what is too old.
    fn sweep(&mut self, now: Instant) {
        let expiration = self.expiration;
        let (mut series, mut bytes, mut earliest) = (0, 0, None::<Instant>);
        self.families.retain(|name, family| {
            family.series.retain(|key, one| {
                let stays = !one.has_expired(expiration, now);
                if stays {
                    series += 1;
                    bytes += one.cost(key);
                    earliest = earliest.into_iter().chain(one.expires(expiration)).min();
                }
                stays
            });
            let stays = !family.series.is_empty();
            bytes += if stays { family.cost(name) } else { 0 };
            stays
        });
        let targets = self.families.get(self.target_info.as_str());
        self.targets.retain(|identity, key| {
            let stays = targets.is_some_and(|family| family.series.contains_key(&**key));
            bytes += if stays { target_cost(identity, key) } else { 0 };
            stays
        });
        (self.series, self.bytes) = (series, bytes);
        self.next_sweep = earliest.unwrap_or(now + SWEEP_INTERVAL).max(now + SWEEP_INTERVAL);
    }
}

/// Whether a family of this name and kind would have lines that look like those of another one. `kind_of` knows the families that
/// there are.
pub(in crate::exporter) fn is_taken(name: &str, kind: Kind, kind_of: impl Fn(&str) -> Option<Kind>) -> bool {
    if let Some(former) = kind_of(name) {
        return former != kind;
    }
    let has = |name: &str, kinds: &[Kind]| kind_of(name).is_some_and(|kind| kinds.contains(&kind));
    let has_parts: &[Kind] = &[Kind::Histogram, Kind::Summary];
    let is_part = [("_count", has_parts), ("_sum", has_parts), ("_bucket", &[Kind::Histogram])]
        .iter()
        .any(|(suffix, kinds)| name.strip_suffix(suffix).is_some_and(|base| has(base, kinds)));
    let mut parts = ["_count", "_sum", "_bucket"].iter().take(match kind {
        Kind::Histogram => 3,
        Kind::Summary => 2,
        Kind::Counter | Kind::Gauge => 0,
    });
    is_part || parts.any(|suffix| kind_of(&format!("{name}{suffix}")).is_some())
}

/// Bytes that the note of a target takes.
fn target_cost(identity: &[u8], key: &[u8]) -> usize {
    identity.len() + key.len() + 2 * size_of::<Box<[u8]>>()
}

impl Family {
    /// Bytes that it takes beside its series.
    fn cost(&self, name: &str) -> usize {
        size_of::<Self>() + name.len() + self.help.len() + self.unit.len()
    }

    fn new(head: FamilyHead<'_>, kind: Kind) -> Self {
        let FamilyHead { name, help, unit } = head;
        let help = &help[..help.floor_char_boundary(HELP_BYTES_MAX)];
        let base = if kind == Kind::Counter { name.strip_suffix("_total").unwrap_or(name) } else { name };
        // OpenMetrics has the unit of those names alone that end in it.
        let ends_in_it = base.strip_suffix(unit).is_some_and(|before| before.ends_with('_'));
        let unit = if unit.is_empty() || !ends_in_it { "" } else { unit };
        Family { kind, help: help.into(), unit: unit.into(), series: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
