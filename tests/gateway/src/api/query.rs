//! What is loaded, and how it does.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::http::{Request, Response};
use crate::record::{Level, epoch_millis};
use crate::shared::Shared;

pub(super) fn project(shared: &Shared, name: &str) -> Response {
    let loaded = shared.inner().loaded.clone();
    let Some(project) = loaded.projects.get(name) else { return not_found("Project", name) };
    Response::json(
        200,
        &json!({"name": name, "title": project.title, "description": project.description,
            "enabled": project.enabled, "inheritable": project.inheritable, "parent": project.parent}),
    )
}

pub(super) fn resource(shared: &Shared, module: &str, kind: &str, name: &str) -> Response {
    let loaded = shared.inner().loaded.clone();
    let Some(resource) = loaded.config(module, kind, name, shared.settings.deployment_mode.as_deref()) else {
        return not_found("Resource", &format!("{module}/{kind}/{name}"));
    };
    Response::json(
        200,
        &json!({
            "name": name, "type": format!("{module}/{kind}"), "enabled": resource.enabled,
            "collection": resource.of, "signature": resource.signature, "attributes": resource.attributes,
            "files": resource.files.keys().collect::<Vec<_>>(), "healthchecks": {},
        }),
    )
}

pub(super) fn scripts(shared: &Shared, kind: &str) -> Response {
    if !["TIMER", "TAG_CHANGE", "STARTUP", "SHUTDOWN", "UPDATE"].contains(&kind) {
        return Response::page(400);
    }
    let inner = shared.inner();
    let scripts = inner.scripts.iter().filter(|(of, _)| of == kind).map(|(_, script)| script.clone());
    super::items(&scripts.collect::<Vec<_>>())
}

/// `minLevel`, `startTime` (milliseconds since 1970) and `limit` narrow the list; the newest come first.
pub(super) fn logs(shared: &Shared, request: &Request) -> Response {
    let level = request.parameter("minLevel").map(|level| Level::parse(&level));
    let since = request.parameter("startTime").map(|since| since.parse::<u64>());
    let limit = request.parameter("limit").map(|limit| limit.parse::<usize>());
    let (Some(level), Ok(since), Ok(limit)) =
        (level.unwrap_or(Some(Level::Trace)), since.unwrap_or(Ok(0)), limit.unwrap_or(Ok(usize::MAX)))
    else {
        return Response::page(400);
    };
    let inner = shared.inner();
    let fits = |at: SystemTime| epoch_millis(at) >= since;
    let lines =
        inner.records.log.iter().rev().filter(|line| line.level >= level && fits(line.timestamp)).take(limit);
    super::items(&lines.map(|line| json!(line)).collect::<Vec<Value>>())
}

/// Not the 404 of a path that the gateway does not have: that one says "No route match".
fn not_found(what: &str, name: &str) -> Response {
    Response::json(404, &json!({"message": format!("{what} not found: {name}")}))
}
