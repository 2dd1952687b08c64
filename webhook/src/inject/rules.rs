//! What a namespace demands of every container: its `LimitRange`s and `ResourceQuota`s. A sidecar that breaks them would
//! keep the whole pod out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::amount::Amount;

/// The demands of one namespace. Empty where there are none, or none are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceRules {
    least: BTreeMap<String, String>,
    most: BTreeMap<String, String>,
    ratio: BTreeMap<String, String>,
    requests: Vec<String>,
    limits: Vec<String>,
}

impl NamespaceRules {
    /// From the objects as the API server has them.
    pub fn of<'a>(
        limit_ranges: impl IntoIterator<Item = &'a Value>,
        quotas: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let mut rules = Self::default();
        for range in limit_ranges {
            let items = range.pointer("/spec/limits").and_then(Value::as_array);
            for item in items.into_iter().flatten().filter(|item| item["type"] == "Container") {
                tighten(&mut rules.least, &item["min"], |new, old| new > old);
                tighten(&mut rules.most, &item["max"], |new, old| new < old);
                tighten(&mut rules.ratio, &item["maxLimitRequestRatio"], |new, old| new < old);
            }
        }
        for quota in quotas {
            let hard = quota.pointer("/spec/hard").and_then(Value::as_object);
            for name in hard.into_iter().flat_map(|hard| hard.keys()) {
                match name.split_once('.') {
                    Some(("limits", name)) => rules.limits.push(name.to_owned()),
                    Some(("requests", name)) => rules.requests.push(name.to_owned()),
                    _ if matches!(name.as_str(), "cpu" | "memory") => rules.requests.push(name.clone()),
                    _ => {}
                }
            }
        }
        rules
    }

    /// The least that a container must request of a resource.
    pub(super) fn least(&self, name: &str) -> Option<&str> {
        self.least.get(name).map(String::as_str)
    }

    /// The most that a container's limit of a resource may be.
    pub(super) fn most(&self, name: &str) -> Option<&str> {
        self.most.get(name).map(String::as_str)
    }

    /// How many times its request a container's limit may be.
    pub(super) fn ratio(&self, name: &str) -> Option<Amount> {
        self.ratio.get(name).and_then(|ratio| Amount::parse(ratio))
    }

    /// Whether a quota counts requests of it, so that every container must state one.
    pub(super) fn demands_request(&self, name: &str) -> bool {
        self.requests.iter().any(|known| known == name)
    }

    /// Whether a quota counts limits of it, so that every container must state one.
    pub(super) fn demands_limit(&self, name: &str) -> bool {
        self.limits.iter().any(|known| known == name)
    }
}

fn tighten(rules: &mut BTreeMap<String, String>, given: &Value, is_tighter: fn(Amount, Amount) -> bool) {
    for (name, value) in given.as_object().into_iter().flatten() {
        let Some(new) = Amount::of_value(value) else { continue };
        let old = rules.get(name).and_then(|old| Amount::parse(old));
        if old.is_none_or(|old| is_tighter(new, old)) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            rules.insert(name.clone(), text);
        }
    }
}
