//! Rules: the first one whose conditions are all met decides at which rate an item is sampled.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use weir_sdk::{Entity, Interest, Signal};

use crate::condition::{Condition, When};
use crate::decide::{Rate, Steps};
use crate::tally::{Label, Tally};

/// A rule as the operator writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    name: Option<String>,
    when: Whens,
    percentage: f64,
}

/// One condition, or a list of which all must be met.
#[derive(Clone, Debug, Default)]
struct Whens(Vec<When>);

/// A rule ready to be applied.
#[derive(Debug)]
struct Rule {
    conditions: Vec<Condition>,
    rate: Rate,
    label: Label,
}

/// The rules of one signal, and the rate of what none of them is meant for.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Checks the rules and declares what they read. `place` is their key in the configuration, for errors.
    pub fn new(
        configs: Vec<RuleConfig>,
        place: &str,
        signal: Signal,
        steps: Steps,
        interest: &mut Interest,
        tally: &mut Tally,
    ) -> Result<Rules, String> {
        let mut rules = Vec::new();
        for (position, config) in configs.into_iter().enumerate() {
            let here = format!("config key `{place}[{position}]`");
            let rate = rate(config.percentage, steps).map_err(|reason| format!("{here}: {reason}"))?;
            let name = config.name.unwrap_or_else(|| format!("{place}[{position}]"));
            let label = tally.label(signal, &name).map_err(|reason| format!("{here}: {reason}"))?;
            if config.when.0.is_empty() {
                return Err(format!("{here}: `when` is empty; the rate of all other items is `percentage`"));
            }
            let conditions = config.when.0.into_iter().map(|when| Condition::new(when, signal, interest));
            let conditions: Result<Vec<_>, _> = conditions.collect();
            let conditions = conditions.map_err(|reason| format!("{here}.when: {reason}"))?;
            rules.push(Rule { conditions, rate, label });
        }
        Ok(Rules { rules })
    }

    /// Whether a rule samples, so that randomness is needed.
    pub fn samples(&self) -> bool {
        self.rules.iter().any(|rule| !matches!(rule.rate, Rate::Never) && rule.rate != Rate::ALWAYS)
    }

    /// What the first rule that is meant for the item says.
    pub fn find(&self, item: Entity<'_>) -> Option<(Rate, Label)> {
        let rule =
            self.rules.iter().find(|rule| rule.conditions.iter().all(|condition| condition.is_met(item)))?;
        Some((rule.rate, rule.label))
    }
}

/// The rate of a percentage. The error says what is allowed, without the place.
pub fn rate(percentage: f64, steps: Steps) -> Result<Rate, String> {
    Rate::from_percentage(percentage, steps)
        .ok_or_else(|| format!("{percentage} is not a percentage: 0, or more than 1e-15 and up to 100"))
}

impl<'de> Deserialize<'de> for Whens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whens, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

/// Unlike serde's untagged enums it leaves the errors of what is inside as they are.
struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Whens;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition or a list of conditions")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Whens, A::Error> {
        Ok(Whens(vec![When::deserialize(MapAccessDeserializer::new(map))?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Whens, A::Error> {
        Ok(Whens(Vec::deserialize(SeqAccessDeserializer::new(list))?))
    }
}
