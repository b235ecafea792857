//! From the bytes of a request to the points of series. The bytes are walked as they are. Where the points go is a [`Place`]: the
//! series of a page, a request of remote write, or nowhere, which finds out whether all of it can be read.

use weir_otlp::WireError;
use weir_otlp::read::{
    Data, ExponentialPoint, Group, HistogramPoint, Message, Metric, Number, NumberPoint, PointHead, Points,
    ScopeGroup, SummaryPoint, Temporality, groups,
};

use super::exemplar::Exemplar;
use super::histogram::Histogram;
use super::labels::{Gathering, Mark};
use super::limits::{BUCKETS_MAX, NAME_BYTES_MAX};
use super::native::Native;
use super::refused::{PointError, Refusals, Refused};
use super::resource::{Identity, ResourceLabels, Target};
use super::series::{Point, Summary, Value};
use super::store::FamilyHead;
use super::translation::{Role, Strategy, Translation};

/// How requests become series.
pub(in crate::exporter) struct Rules {
    pub(in crate::exporter) translation: Translation,
    pub(in crate::exporter) const_labels: Vec<(String, String)>,
    /// Labels of every series and of those of targets, where there is no other one of the name. They are for those who have the series
    /// of others too.
    pub(in crate::exporter) external_labels: Vec<(String, String)>,
    pub(in crate::exporter) resource_labels: ResourceLabels,
    pub(in crate::exporter) without_scope_info: bool,
}

/// Where the points of a request go.
pub(in crate::exporter) trait Place {
    /// Whether there is something that a delta can be added to.
    fn adds_up(&self) -> bool;

    /// What the points after this belong to, if it has a series of its own.
    fn target(&mut self, target: Option<Target<'_>>);

    /// A point of the series with these labels.
    fn point(&mut self, family: FamilyHead<'_>, labels: &[u8], point: Point) -> Result<(), Refused>;

    /// The same series has no value any more. Of the point it is the time that counts, and which parts the series has.
    fn gone(&mut self, family: FamilyHead<'_>, labels: &[u8], point: Point) -> Result<(), Refused>;
}

/// No place at all.
struct Nowhere;

/// One request on its way.
struct Ingest<'r, W> {
    rules: &'r Rules,
    place: &'r mut W,
    labels: Gathering,
    identity: Identity,
    /// The resource's attributes that are labels of each point.
    resource_keys: Vec<String>,
    refusals: Refusals,
}

/// What a metric says of its series.
struct MetricHead<'a> {
    name: String,
    help: &'a str,
    unit: String,
    /// A label that is not the sender's to give.
    reserved: &'static str,
    is_delta: bool,
    /// What a series without a value is, as far as its kind goes.
    nothing: fn() -> Value,
}

/// A kind of points.
trait AnyPoint<'a>: Message<'a> {
    fn head(&self) -> &PointHead<'a>;
}

impl Rules {
    /// The labels are named as the strategy has it.
    pub(in crate::exporter) fn new(
        (strategy, namespace): (Strategy, &str),
        const_labels: &[(String, String)],
        resource_labels: &ResourceLabels,
        without_scope_info: bool,
    ) -> Self {
        let translation = Translation::new(strategy, namespace);
        let const_label = |(name, value): &(String, String)| {
            let mut translated = Vec::new();
            translation.put_label(name, &mut translated);
            (String::from_utf8(translated).unwrap_or_default(), value.clone())
        };
        let const_labels = const_labels.iter().map(const_label).collect();
        Rules {
            translation,
            const_labels,
            external_labels: Vec::new(),
            resource_labels: resource_labels.clone(),
            without_scope_info,
        }
    }

    /// Reads all of a request, and so finds out whether it can be taken as a whole.
    ///
    /// # Errors
    /// If it is no OTLP.
    pub(in crate::exporter) fn check(&self, request: &[u8]) -> Result<(), WireError> {
        self.take(request, &mut Nowhere).map(drop)
    }

    /// Gives the points of a request to a place, and says which ones have none there.
    ///
    /// # Errors
    /// If it is no OTLP; then the place has what came before.
    pub(in crate::exporter) fn take(
        &self,
        request: &[u8],
        place: &mut impl Place,
    ) -> Result<Refusals, WireError> {
        Ingest::new(self, place).request(request)
    }
}

impl Place for Nowhere {
    fn adds_up(&self) -> bool {
        true
    }

    fn target(&mut self, _: Option<Target<'_>>) {}

    fn point(&mut self, _: FamilyHead<'_>, _: &[u8], _: Point) -> Result<(), Refused> {
        Ok(())
    }

    fn gone(&mut self, _: FamilyHead<'_>, _: &[u8], _: Point) -> Result<(), Refused> {
        Ok(())
    }
}

impl<'r, W: Place> Ingest<'r, W> {
    fn new(rules: &'r Rules, place: &'r mut W) -> Self {
        Ingest {
            rules,
            place,
            labels: Gathering::default(),
            identity: Identity::default(),
            resource_keys: Vec::new(),
            refusals: Refusals::default(),
        }
    }

    fn request(mut self, request: &[u8]) -> Result<Refusals, WireError> {
        for group in groups(request) {
            let group = group?;
            let refused = rule_of(self.resource(&group))?;
            let resource = self.labels.mark();
            for scope in group.scopes() {
                let scope = scope?;
                let refused = refused.or(rule_of(self.scope(&scope))?);
                for metric in scope.items::<Metric<'_>>() {
                    match refused {
                        None => self.metric(&metric?)?,
                        Some(refused) => self.refuse_all(&metric?, refused)?,
                    }
                }
                self.labels.go_back(resource);
            }
        }
        Ok(self.refusals)
    }

    /// The labels that all series of a resource have.
    fn resource(&mut self, group: &Group<'_>) -> Result<(), PointError> {
        let Ingest { rules, place, labels, identity, resource_keys, .. } = self;
        labels.clear();
        resource_keys.clear();
        for (name, value) in &rules.const_labels {
            labels.put(name, value)?;
        }
        for (name, value) in &rules.external_labels {
            labels.put_default(name, value)?;
        }
        let start = labels.mark();
        let attributes = group.resource.attributes;
        if rules.resource_labels.takes_any() {
            for attribute in attributes {
                let key = attribute?.key;
                if rules.resource_labels.takes(key) {
                    resource_keys.push(key.to_owned());
                }
            }
            let takes = |key: &str| rules.resource_labels.takes(key);
            labels.put_attributes(attributes, &rules.translation, "", takes)?;
        }
        identity.read(attributes)?;
        for reserved in ["le", "quantile", "__name__"].into_iter().chain(identity.labels()) {
            labels.rename(start, reserved);
        }
        identity.put(labels)?;
        let target = identity.target(attributes, &rules.translation, &rules.external_labels)?;
        place.target(target);
        Ok(())
    }

    /// The labels that all series of a scope have beside those.
    fn scope(&mut self, group: &ScopeGroup<'_>) -> Result<(), PointError> {
        if self.rules.without_scope_info {
            return Ok(());
        }
        self.labels.put("otel_scope_name", group.scope.name)?;
        self.labels.put("otel_scope_version", group.scope.version)?;
        self.labels.put("otel_scope_schema_url", group.schema_url)?;
        let takes = |key: &str| !matches!(key, "name" | "version" | "schema_url");
        self.labels.put_attributes(group.scope.attributes, &self.rules.translation, "otel_scope_", takes)
    }

    fn metric(&mut self, metric: &Metric<'_>) -> Result<(), WireError> {
        let Some(data) = metric.data else { return Ok(()) };
        let (role, temporality, reserved) = match data {
            Data::Gauge(_) => (Role::Gauge, Temporality::Cumulative, ""),
            Data::Sum { temporality, is_monotonic: true, .. } => (Role::Counter, temporality, ""),
            // What goes up and down cannot be added up from where nobody looked.
            Data::Sum { temporality: Temporality::Delta, .. } => (Role::Other, Temporality::Unspecified, ""),
            Data::Sum { temporality, .. } => (Role::Other, temporality, ""),
            Data::Histogram(_, temporality) | Data::ExponentialHistogram(_, temporality) => {
                (Role::Other, temporality, "le")
            }
            Data::Summary(_) => (Role::Other, Temporality::Cumulative, "quantile"),
        };
        let is_delta = temporality == Temporality::Delta;
        if temporality == Temporality::Unspecified || (is_delta && !self.place.adds_up()) {
            return self.refuse_all(metric, Refused::Temporality);
        }
        let fits = metric.name.len() <= NAME_BYTES_MAX && metric.unit.len() <= NAME_BYTES_MAX;
        let translation = &self.rules.translation;
        let name = translation.metric(metric.name, metric.unit, role).filter(|_| fits);
        let Some(name) = name else { return self.refuse_all(metric, Refused::Name) };
        let unit = translation.unit(metric.unit);
        let nothing = nothing_of(&data);
        let head = MetricHead { name, help: metric.description, unit, reserved, is_delta, nothing };
        match data {
            Data::Gauge(points) => self.points(points, &head, |point, _| read_gauge(point)),
            Data::Sum { points, is_monotonic: false, .. } => {
                self.points(points, &head, |point, _| read_gauge(point))
            }
            Data::Sum { points, .. } => self.points(points, &head, read_counter),
            Data::Histogram(points, _) => self.points(points, &head, |point, translation| {
                Ok(Value::Histogram(Box::new(Histogram::read(point, translation)?)))
            }),
            Data::ExponentialHistogram(points, _) => self.points(points, &head, |point, translation| {
                Ok(Value::Native(Box::new(Native::read(point, translation)?)))
            }),
            Data::Summary(points) => self.points(points, &head, |point, _| read_summary(point)),
        }
    }

    fn points<'a, P: AnyPoint<'a>>(
        &mut self,
        points: Points<'a, P>,
        head: &MetricHead<'_>,
        read: impl Fn(&P, &Translation) -> Result<Value, PointError>,
    ) -> Result<(), WireError> {
        let mark = self.labels.mark();
        for point in points {
            let outcome = self.point(&point?, head, mark, &read);
            self.labels.go_back(mark);
            if let Some(refused) = rule_of(outcome)? {
                self.refusals.add(refused, 1);
            }
        }
        Ok(())
    }

    fn point<'a, P: AnyPoint<'a>>(
        &mut self,
        point: &P,
        metric: &MetricHead<'_>,
        mark: Mark,
        read: impl Fn(&P, &Translation) -> Result<Value, PointError>,
    ) -> Result<(), PointError> {
        let Ingest { rules, place, labels, identity, resource_keys, .. } = self;
        let head = point.head();
        let takes = |key: &str| resource_keys.is_empty() || !resource_keys.iter().any(|own| own == key);
        labels.put_attributes(head.attributes, &rules.translation, "", takes)?;
        for reserved in ["__name__", metric.reserved].into_iter().chain(identity.labels()) {
            labels.rename(mark, reserved);
        }
        let key = labels.key()?;
        let family = FamilyHead { name: &metric.name, help: metric.help, unit: &metric.unit };
        let value = read(point, &rules.translation);
        if head.has_no_recorded_value() {
            let value = match value {
                Err(PointError::Malformed(error)) => return Err(error.into()),
                Err(PointError::Refused(_)) => (metric.nothing)(),
                Ok(value) => value,
            };
            return Ok(place.gone(family, key, Point::new(head, metric.is_delta, value))?);
        }
        Ok(place.point(family, key, Point::new(head, metric.is_delta, value?))?)
    }

    /// Refuses all points of a metric by one rule.
    fn refuse_all(&mut self, metric: &Metric<'_>, refused: Refused) -> Result<(), WireError> {
        fn count<'a, P: Message<'a>>(points: Points<'a, P>) -> Result<u64, WireError> {
            points.map(|point| point.map(|_| 1)).sum()
        }
        let points = match metric.data {
            None => 0,
            Some(Data::Gauge(points) | Data::Sum { points, .. }) => count(points)?,
            Some(Data::Histogram(points, _)) => count(points)?,
            Some(Data::ExponentialHistogram(points, _)) => count(points)?,
            Some(Data::Summary(points)) => count(points)?,
        };
        self.refusals.add(refused, points);
        Ok(())
    }
}

/// The rule by which something was refused, if it was.
fn rule_of(outcome: Result<(), PointError>) -> Result<Option<Refused>, WireError> {
    match outcome {
        Ok(()) => Ok(None),
        Err(PointError::Refused(refused)) => Ok(Some(refused)),
        Err(PointError::Malformed(error)) => Err(error),
    }
}

fn nothing_of(data: &Data<'_>) -> fn() -> Value {
    match data {
        Data::Sum { is_monotonic: true, .. } => || Value::Counter(Number::Int(0), None),
        Data::Gauge(_) | Data::Sum { .. } => || Value::Gauge(Number::Int(0)),
        Data::Histogram(..) => || Value::Histogram(Box::new(Histogram::empty())),
        Data::ExponentialHistogram(..) => || Value::Native(Box::new(Native::empty())),
        Data::Summary(_) => || Value::Summary(Box::default()),
    }
}

fn read_gauge(point: &NumberPoint<'_>) -> Result<Value, PointError> {
    Ok(Value::Gauge(point.value.ok_or(Refused::Value)?))
}

fn read_counter(point: &NumberPoint<'_>, translation: &Translation) -> Result<Value, PointError> {
    let number = point.value.ok_or(Refused::Value)?;
    let is_count = match number {
        Number::Int(value) => value >= 0,
        Number::Double(value) => value >= 0.0,
    };
    if !is_count {
        return Err(Refused::Value.into());
    }
    let mut newest: Option<Exemplar> = None;
    for exemplar in point.exemplars() {
        let exemplar = Exemplar::read(&exemplar?, translation)?;
        let time = |exemplar: &Option<Exemplar>| exemplar.as_ref().map(|one| one.time_unix_nano);
        if time(&exemplar) >= time(&newest) {
            newest = exemplar;
        }
    }
    Ok(Value::Counter(number, newest.map(Box::new)))
}

fn read_summary(point: &SummaryPoint<'_>) -> Result<Value, PointError> {
    let mut summary = Summary { count: point.count, sum: point.sum, quantiles: Vec::new() };
    for quantile in point.quantiles() {
        let quantile = quantile?;
        if !(0.0..=1.0).contains(&quantile.quantile) || summary.quantiles.len() >= BUCKETS_MAX {
            return Err(Refused::Buckets.into());
        }
        summary.quantiles.push((quantile.quantile, quantile.value));
    }
    summary.quantiles.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    // Minus zero is zero.
    summary.quantiles.dedup_by(|(one, _), (other, _)| one == other);
    Ok(Value::Summary(Box::new(summary)))
}

impl<'a> AnyPoint<'a> for NumberPoint<'a> {
    fn head(&self) -> &PointHead<'a> {
        &self.head
    }
}

impl<'a> AnyPoint<'a> for HistogramPoint<'a> {
    fn head(&self) -> &PointHead<'a> {
        &self.head
    }
}

impl<'a> AnyPoint<'a> for ExponentialPoint<'a> {
    fn head(&self) -> &PointHead<'a> {
        &self.head
    }
}

impl<'a> AnyPoint<'a> for SummaryPoint<'a> {
    fn head(&self) -> &PointHead<'a> {
        &self.head
    }
}

#[cfg(test)]
mod tests;
