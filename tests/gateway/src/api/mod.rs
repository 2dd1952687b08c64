//! The gateway's HTTP API, path by path as ignition.md's table has it.

mod auth;
mod control;
mod query;
mod scan;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::designer::Designer;
use crate::faults::Break;
use crate::http::{Handler, Reply, Request, Response};
use crate::record::{self, KEPT_BODY, Kind};
use crate::shared::{Shared, State};

/// Answers a gateway's requests.
pub(crate) struct Api(pub Arc<Shared>);

/// A call of the API below `/data/api/v1`.
#[derive(Debug)]
enum Call {
    GatewayInfo,
    ScanStatus(Kind),
    Scan(Kind),
    LockStatus(Kind),
    Lock(Kind),
    Designers,
    Project(String),
    Resource { module: String, kind: String, name: String },
    Quarantined,
    PendingRestarts,
    Scripts(String),
    Logs,
}

impl Handler for Api {
    fn answer(&self, request: &Request) -> Reply {
        let shared = &self.0;
        if shared.settings.control
            && let Some(response) = control::answer(shared, request)
        {
            return Reply::Answer(response);
        }
        let (slow, breaks, status) = {
            let faults = &mut shared.inner().faults;
            (faults.slow, faults.breaks, faults.status_for(&request.path))
        };
        shared.pause(slow);
        if breaks == Some(Break::Before) {
            self.record(request, 0);
            return Reply::Reset;
        }
        let response = status.map_or_else(|| route(shared, request), Response::page);
        self.record(request, response.status);
        match breaks {
            None | Some(Break::Before) => Reply::Answer(response),
            Some(Break::After) => Reply::Reset,
            Some(Break::Within) => Reply::Cut(response),
        }
    }
}

impl Api {
    /// Before the answer goes out: who has the answer finds the request in the log.
    fn record(&self, request: &Request, status: u16) {
        let body = &request.body[..request.body.len().min(KEPT_BODY)];
        self.0.record_request(record::Request {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            status,
            body: String::from_utf8_lossy(body).into_owned(),
            at: request.at,
        });
    }
}

fn route(shared: &Shared, request: &Request) -> Response {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // HEAD is GET without the body, which the server leaves out.
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    match (method, segments.as_slice()) {
        ("GET", ["StatusPing"]) => status_ping(shared),
        ("GET", ["system", "gwinfo"]) => gwinfo(shared),
        ("GET", ["welcome"]) => Response::text(200, "Welcome to Ignition"),
        (_, ["data", "api", "v1", rest @ ..]) => api(shared, request, Call::parse(method, rest)),
        _ => Response::page(404),
    }
}

impl Call {
    fn parse(method: &str, path: &[&str]) -> Option<Self> {
        Some(match (method, path) {
            ("GET", ["gateway-info"]) => Self::GatewayInfo,
            ("GET", ["scan", kind]) => Self::ScanStatus(Kind::from_path(kind)?),
            ("POST", ["scan", kind]) => Self::Scan(Kind::from_path(kind)?),
            ("GET", ["scan-lock", kind]) => Self::LockStatus(Kind::from_path(kind)?),
            ("POST", ["scan-lock", kind]) => Self::Lock(Kind::from_path(kind)?),
            ("GET", ["designers"]) => Self::Designers,
            ("GET", ["projects", "find", name]) => Self::Project((*name).to_owned()),
            ("GET", ["resources", "find", module, kind, name @ ..]) if !name.is_empty() => Self::Resource {
                module: (*module).to_owned(),
                kind: (*kind).to_owned(),
                name: name.join("/"),
            },
            ("GET", ["modules", "quarantined"]) => Self::Quarantined,
            ("GET", ["restart-tasks", "pending"]) => Self::PendingRestarts,
            ("GET", ["scripts", "diagnostics", kind]) => Self::Scripts((*kind).to_owned()),
            ("GET", ["logs"]) => Self::Logs,
            _ => return None,
        })
    }

    fn writes(&self) -> bool {
        matches!(self, Self::Scan(_) | Self::Lock(_))
    }
}

fn api(shared: &Shared, request: &Request, call: Option<Call>) -> Response {
    let state = shared.inner().state;
    if state == State::Starting {
        return Response::page(503);
    }
    let Some(call) = call.filter(|_| has_api(&shared.settings.version)) else {
        return Response::json(
            404,
            &json!({"message": format!("No route match found for {}", request.path)}),
        );
    };
    if state == State::Commissioning {
        return if matches!(call, Call::Scan(_)) {
            Response::page(400)
        } else {
            Response::redirect("/welcome")
        };
    }
    if let Some(refused) = auth::refusal(shared, request, call.writes()) {
        return refused;
    }
    match call {
        Call::GatewayInfo => gateway_info(shared),
        Call::ScanStatus(kind) => Response::json(200, &scan::status(shared, kind)),
        Call::Scan(kind) => scan::request(shared, kind),
        Call::LockStatus(kind) => scan::lock_status(shared, kind),
        Call::Lock(kind) => scan::lock(shared, kind, &request.body),
        Call::Designers => {
            let designers = &shared.inner().designers;
            items(&designers.iter().map(Designer::json).collect::<Vec<_>>())
        }
        Call::Project(name) => query::project(shared, &name),
        Call::Resource { module, kind, name } => query::resource(shared, &module, &kind, &name),
        Call::Quarantined => items(&shared.inner().quarantined),
        Call::PendingRestarts => Response::json(200, &json!({"pending": shared.inner().pending_restarts})),
        Call::Scripts(kind) => query::scripts(shared, &kind),
        Call::Logs => query::logs(shared, request),
    }
}

/// The API came with 8.3.
fn has_api(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(8), Some(3))
}

fn items(items: &[Value]) -> Response {
    Response::json(200, &json!({ "items": items }))
}

fn status_ping(shared: &Shared) -> Response {
    Response::json(
        200,
        &match shared.inner().state {
            State::Starting => json!({"state": "STARTING"}),
            State::Commissioning => json!({"state": "RUNNING", "details": "COMMISSIONING"}),
            State::Running => json!({"state": "RUNNING"}),
        },
    )
}

fn gwinfo(shared: &Shared) -> Response {
    let context = match shared.inner().state {
        State::Starting => return Response::page(503),
        State::Commissioning => "NEEDS_COMMISSIONING",
        State::Running => "RUNNING",
    };
    let settings = &shared.settings;
    let activity = if settings.redundancy == crate::Redundancy::Backup { "Cold" } else { "Active" };
    let (role, version) = (settings.redundancy.as_str(), &settings.version);
    Response::text(
        200,
        &format!(
            "PlatformName=Ignition;ContextStatus={context};RedundancyStatus={role};\
             RedundantNodeActiveStatus={activity};Version={version}"
        ),
    )
}

fn gateway_info(shared: &Shared) -> Response {
    let settings = &shared.settings;
    Response::json(
        200,
        &json!({
            "name": settings.name, "redundancyRole": settings.redundancy.as_str(), "edition": "standard",
            "ignitionVersion": settings.version, "deploymentMode": settings.deployment_mode,
            "uptime": u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }),
    )
}
