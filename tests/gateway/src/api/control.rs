//! `/_test/…`: by which a test in another process reads records, sets faults and plays the people at a gateway.
//!
//! | path | |
//! | --- | --- |
//! | `GET /_test/log`, `incidents`, `scans`, `loaded` | what [`Gateway`](crate::Gateway)'s methods of these names give |
//! | `GET /_test/state`, `POST` `{"state":"starting"\|"commissioning"\|"running"}` | what it is doing |
//! | `POST /_test/faults` | [`Faults`], see [`FaultsBody`]; what a body does not name stays |
//! | `POST /_test/clear` | forgets log, incidents and scans |
//! | `POST /_test/designers` `{"user":…,"project":…}`, `DELETE` | opens a Designer; closes all |
//! | `POST /_test/touch` `{"path":…}` | a Designer's save of the resource in this directory |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::designer::Designer;
use crate::faults::{Break, Faults, Forbid};
use crate::http::{Request, Response};
use crate::shared::{Shared, State};
use crate::{gateway, life};

/// The body of `POST /_test/faults`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FaultsBody {
    /// No faults, before what else the body says.
    clear: bool,
    slow_ms: Option<u64>,
    /// By path prefix: one code for ever, or a list of codes for the next requests.
    status: BTreeMap<String, Codes>,
    breaks: Option<BreakWord>,
    stuck_scan: Option<bool>,
    no_scan: Option<bool>,
    forbid: Option<ForbidWord>,
    /// Nobody listens for so long, then the gateway is there again.
    down_for_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Codes {
    Always(u16),
    Next(Vec<u16>),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum BreakWord {
    Never,
    Before,
    After,
    Within,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ForbidWord {
    Nothing,
    Writes,
    Everything,
}

#[derive(Deserialize)]
struct DesignerBody {
    user: String,
    project: String,
}

#[derive(Deserialize)]
struct PathBody {
    path: String,
}

#[derive(Deserialize)]
struct StateBody {
    state: StateWord,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StateWord {
    Starting,
    Commissioning,
    Running,
}

/// The answer, when the path is one of these.
pub(super) fn answer(shared: &Arc<Shared>, request: &Request) -> Option<Response> {
    let what = request.path.strip_prefix("/_test/")?;
    let done = match (request.method.as_str(), what) {
        ("GET", "log") => Ok(json!(shared.inner().records.requests.to_vec())),
        ("GET", "incidents") => Ok(json!(shared.inner().records.incidents.to_vec())),
        ("GET", "scans") => Ok(json!(shared.inner().records.scans.to_vec())),
        ("GET", "loaded") => Ok(json!(*shared.inner().loaded)),
        ("GET", "state") => Ok(json!({"state": format!("{:?}", shared.inner().state).to_lowercase()})),
        ("POST", "state") => body(request).and_then(|body| set_state(shared, &body)),
        ("POST", "faults") => match body(request) {
            Ok(body) => return Some(set_faults(shared, body)),
            Err(error) => Err(error),
        },
        ("POST", "clear") => {
            clear(shared);
            Ok(Value::Null)
        }
        ("POST", "designers") => body(request).map(|body| add_designer(shared, body)),
        ("DELETE", "designers") => {
            shared.inner().designers.clear();
            Ok(Value::Null)
        }
        ("POST", "touch") => body(request).and_then(|PathBody { path }| {
            gateway::save(shared, &path, &[])?;
            Ok(Value::Null)
        }),
        _ => return Some(Response::json(404, &json!({"message": "no such control path"}))),
    };
    Some(match done {
        Ok(body) => Response::json(200, &body),
        Err(error) => Response::json(400, &json!({"message": format!("{error:#}")})),
    })
}

fn body<'r, T: Deserialize<'r>>(request: &'r Request) -> anyhow::Result<T> {
    Ok(serde_json::from_slice(&request.body)?)
}

fn set_state(shared: &Shared, body: &StateBody) -> anyhow::Result<Value> {
    life::enter(
        shared,
        match body.state {
            StateWord::Starting => State::Starting,
            StateWord::Commissioning => State::Commissioning,
            StateWord::Running => State::Running,
        },
    )?;
    Ok(Value::Null)
}

fn clear(shared: &Shared) {
    let records = &mut shared.inner().records;
    records.requests.clear();
    records.incidents.clear();
    records.scans.clear();
}

fn add_designer(shared: &Shared, DesignerBody { user, project }: DesignerBody) -> Value {
    let mut inner = shared.inner();
    let id = inner.next_designer;
    inner.next_designer += 1;
    inner.designers.push(Designer { id, user, project, since: Instant::now() });
    json!({ "id": id })
}

fn set_faults(shared: &Arc<Shared>, body: FaultsBody) -> Response {
    let FaultsBody { clear, slow_ms, status, breaks, stuck_scan, no_scan, forbid, down_for_ms } = body;
    let faults = Faults::new(shared);
    if clear {
        faults.clear();
    }
    if let Some(delay) = slow_ms {
        faults.slow(Duration::from_millis(delay));
    }
    for (prefix, codes) in &status {
        match codes {
            Codes::Always(code) => faults.status(prefix, *code),
            Codes::Next(codes) => faults.statuses(prefix, codes),
        }
    }
    if let Some(breaks) = breaks {
        faults.breaks(match breaks {
            BreakWord::Never => None,
            BreakWord::Before => Some(Break::Before),
            BreakWord::After => Some(Break::After),
            BreakWord::Within => Some(Break::Within),
        });
    }
    if let Some(on) = stuck_scan {
        faults.stuck_scan(on);
    }
    if let Some(on) = no_scan {
        faults.no_scan(on);
    }
    if let Some(forbid) = forbid {
        faults.forbid(match forbid {
            ForbidWord::Nothing => Forbid::Nothing,
            ForbidWord::Writes => Forbid::Writes,
            ForbidWord::Everything => Forbid::Everything,
        });
    }
    let mut response = Response::json(200, &Value::Null);
    if let Some(time) = down_for_ms {
        let shared = Arc::clone(shared);
        response.after = Some(Box::new(move || go_down(shared, Duration::from_millis(time))));
    }
    response
}

/// The connection that asked for it ends with the doors, so another thread opens them again.
fn go_down(shared: Arc<Shared>, time: Duration) {
    let _ = thread::Builder::new().name("down".to_owned()).spawn(move || {
        let faults = Faults::new(&shared);
        faults.down(true);
        if shared.pause(time) {
            faults.down(false);
        }
    });
}
