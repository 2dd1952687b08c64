//! What the sidecar requests and may use: the contract's figures, unless the resource, the pod's class of service or the
//! namespace says otherwise.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stoker_api::names::sidecar;
use stoker_api::spec::Resources;

use super::amount::Amount;
use super::pod::Pod;
use super::rules::NamespaceRules;

/// The limit where there has to be one: a first sync of 10,000 files still takes seconds.
const LIMIT_CPU: &str = "100m";
/// What is stated where a quota counts ephemeral storage. The run directory holds sockets, `/tmp` nothing that lasts.
const EPHEMERAL_STORAGE: &str = "64Mi";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Share {
    request: Option<String>,
    limit: Option<String>,
}

type Shares = BTreeMap<String, Share>;

/// `resources` of the sidecar; `None` for none.
pub(super) fn resources(
    given: Option<&Resources>,
    pod: Pod<'_>,
    rules: &NamespaceRules,
    warnings: &mut Vec<String>,
) -> Option<Value> {
    if given.is_none() && pod.has_resources_of_its_own() {
        // Shares of the pod's whole: requests of ours could exceed it.
        return None;
    }
    let mut shares = given.map_or_else(by_default, |given| as_given(given, warnings));
    if pod.is_guaranteed() {
        keep_guaranteed(&mut shares, given.is_some());
    }
    fill_in(&mut shares, rules);
    for (name, share) in &mut shares {
        fit(name, share, rules);
    }
    let mut resources = Map::new();
    let quantities = |of: fn(&Share) -> Option<&String>| -> Map<String, Value> {
        shares.iter().filter_map(|(name, share)| Some((name.clone(), json!(of(share)?)))).collect()
    };
    for (part, quantities) in [
        ("requests", quantities(|share| share.request.as_ref())),
        ("limits", quantities(|share| share.limit.as_ref())),
    ] {
        if !quantities.is_empty() {
            resources.insert(part.to_owned(), Value::Object(quantities));
        }
    }
    let claims = claims(given, pod, warnings);
    if !claims.is_empty() {
        resources.insert("claims".to_owned(), Value::Array(claims));
    }
    Some(Value::Object(resources)).filter(|resources| *resources != json!({}))
}

fn by_default() -> Shares {
    let share = |request: &str, limit: Option<&str>| Share {
        request: Some(request.to_owned()),
        limit: limit.map(str::to_owned),
    };
    Shares::from([
        ("cpu".to_owned(), share(sidecar::REQUEST_CPU, None)),
        ("memory".to_owned(), share(sidecar::REQUEST_MEMORY, Some(sidecar::LIMIT_MEMORY))),
    ])
}

/// What the resource says. A text that is no quantity would make the API server refuse the pod: it is left out.
fn as_given(given: &Resources, warnings: &mut Vec<String>) -> Shares {
    let mut shares = Shares::new();
    for (part, quantities) in [("requests", &given.requests), ("limits", &given.limits)] {
        for (name, quantity) in quantities {
            if Amount::parse(&quantity.0).is_none() {
                warnings.push(format!("agent.resources.{part}.{name} is no quantity and is left out"));
                continue;
            }
            let share = shares.entry(name.clone()).or_default();
            let place = if part == "requests" { &mut share.request } else { &mut share.limit };
            *place = Some(quantity.0.clone());
        }
    }
    shares
}

/// Requests equal limits: what was given, else enough to work with (a limit of 10m would not be).
fn keep_guaranteed(shares: &mut Shares, is_given: bool) {
    for (name, enough) in [("cpu", LIMIT_CPU), ("memory", sidecar::LIMIT_MEMORY)] {
        let share = shares.entry(name.to_owned()).or_default();
        let given = share.limit.take().or(share.request.take()).filter(|_| is_given);
        let all = given.unwrap_or_else(|| enough.to_owned());
        *share = Share { request: Some(all.clone()), limit: Some(all) };
    }
}

/// What a quota counts has to be stated.
fn fill_in(shares: &mut Shares, rules: &NamespaceRules) {
    let stated = [
        ("cpu", sidecar::REQUEST_CPU, LIMIT_CPU),
        ("memory", sidecar::REQUEST_MEMORY, sidecar::LIMIT_MEMORY),
        ("ephemeral-storage", EPHEMERAL_STORAGE, EPHEMERAL_STORAGE),
    ];
    for (name, request, limit) in stated {
        if rules.demands_request(name) {
            let share = shares.entry(name.to_owned()).or_default();
            let stated = share.limit.clone().unwrap_or_else(|| request.to_owned());
            share.request.get_or_insert(stated);
        }
        if rules.demands_limit(name) {
            let share = shares.entry(name.to_owned()).or_default();
            let stated = largest([share.request.as_deref(), Some(limit)]).unwrap_or(limit).to_owned();
            share.limit.get_or_insert(stated);
        }
    }
}

/// Between what a `LimitRange` allows at least and at most, and never more requested than allowed.
fn fit(name: &str, share: &mut Share, rules: &NamespaceRules) {
    for text in [&mut share.request, &mut share.limit].into_iter().flatten() {
        if let Some(least) = rules.least(name).filter(|least| Amount::parse(text) < Amount::parse(least)) {
            least.clone_into(text);
        }
        if let Some(most) = rules.most(name).filter(|most| Amount::parse(text) > Amount::parse(most)) {
            most.clone_into(text);
        }
    }
    let Share { request: Some(request), limit: Some(limit) } = share else { return };
    let (Some(requested), Some(limited)) = (Amount::parse(request), Amount::parse(limit)) else { return };
    if requested > limited {
        limit.clone_from(request);
    } else if rules.ratio(name).is_some_and(|ratio| limited.exceeds(ratio, requested)) {
        request.clone_from(limit);
    }
}

fn largest(texts: [Option<&str>; 2]) -> Option<&str> {
    texts.into_iter().flatten().max_by_key(|text| Amount::parse(text))
}

fn claims(given: Option<&Resources>, pod: Pod<'_>, warnings: &mut Vec<String>) -> Vec<Value> {
    let mut claims = Vec::new();
    for claim in given.iter().flat_map(|given| &given.claims) {
        if pod.has_claim(&claim.name) {
            claims.extend(serde_json::to_value(claim));
        } else {
            warnings.push(format!("agent.resources.claims: the pod has no claim {:?}; left out", claim.name));
        }
    }
    claims
}

#[cfg(test)]
mod tests;
