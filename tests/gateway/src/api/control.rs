//! `/_test/…`: by which a test in another process reads records, sets faults and plays the people at a gateway.
//!
//! | path | |
//! | --- | --- |
//! | `GET /_test/log`, `incidents`, `scans`, `loaded` | what these methods of [`Gateway`](crate::Gateway) give |
//! | `GET /_test/state`, `POST` `{"state":"starting"\|"commissioning"\|"running"}` | what it is doing |
//! | `POST /_test/restart` `{"startingMs":…}` | it goes down and starts again |
//! | `POST /_test/faults` | [`Faults`], see [`FaultsBody`]; what a body does not name stays |
//! | `POST /_test/clear` | forgets log, incidents and scans |
//! | `POST /_test/designers` `{"user":…,"project":…}`, `DELETE` | opens a Designer; closes all |
//! | `POST /_test/save` `{"path":…,"files":{name: text}}` | a Designer's save of the resource in this directory |
//! | `POST /_test/logs` `{"level":"ERROR","logger":…,"message":…}` | a line in the gateway's own log |
//! | `POST /_test/scripts` `{"kind":"TIMER","project":…,"error":…}` | a script, and how it fails |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::{Break, Faults, Forbid};
use crate::http::{Request, Response};
use crate::life;
use crate::record::Level;
use crate::shared::{Shared, State};

/// The body of `POST /_test/faults`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FaultsBody {
    /// No faults, before what else the body says.
    clear: bool,
    slow_ms: Option<u64>,
    /// By path prefix: one code for ever, or a list of codes for the next requests.
    status: BTreeMap<String, Codes>,
    breaks: Option<Break>,
    stuck_scan: Option<bool>,
    no_scan: Option<bool>,
    forbid: Option<Forbid>,
    /// Nobody listens for so long, then the gateway is there again.
    down_for_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Codes {
    Always(u16),
    Next(Vec<u16>),
}

#[derive(Deserialize)]
struct StateBody {
    state: State,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RestartBody {
    starting_ms: u64,
}

#[derive(Deserialize)]
struct DesignerBody {
    user: String,
    project: String,
}

#[derive(Deserialize)]
struct SaveBody {
    path: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct LogBody {
    level: Level,
    logger: String,
    message: String,
}

#[derive(Deserialize)]
struct ScriptBody {
    kind: String,
    project: String,
    error: Option<String>,
}

/// The answer, when the path is one of these.
pub(super) fn answer(shared: &Arc<Shared>, request: &Request) -> Option<Response> {
    let what = request.path.strip_prefix("/_test/")?;
    let done = match request.method.as_str() {
        "GET" => show(shared, what),
        "POST" => order(shared, what, request),
        "DELETE" if what == "designers" => {
            shared.inner().designers.clear();
            Some(Ok(nothing()))
        }
        _ => None,
    };
    Some(match done {
        Some(Ok(response)) => response,
        Some(Err(error)) => Response::json(400, &json!({"message": format!("{error:#}")})),
        None => Response::json(404, &json!({"message": format!("no control path {what}")})),
    })
}

fn show(shared: &Shared, what: &str) -> Option<anyhow::Result<Response>> {
    let inner = shared.inner();
    let shown = match what {
        "log" => json!(inner.records.requests.to_vec()),
        "incidents" => json!(inner.records.incidents.to_vec()),
        "scans" => json!(inner.records.scans.to_vec()),
        "loaded" => json!(*inner.loaded),
        "state" => json!({"state": inner.state}),
        _ => return None,
    };
    Some(Ok(Response::json(200, &shown)))
}

fn order(shared: &Arc<Shared>, what: &str, request: &Request) -> Option<anyhow::Result<Response>> {
    Some(match what {
        "state" => body(request).and_then(|StateBody { state }| {
            life::enter(shared, state)?;
            Ok(nothing())
        }),
        "restart" => body(request).map(|body| restart(shared, &body)),
        "faults" => body(request).map(|body| set_faults(shared, body)),
        "clear" => {
            shared.clear_records();
            Ok(nothing())
        }
        "designers" => body(request).map(|DesignerBody { user, project }| {
            Response::json(200, &json!({"id": shared.add_designer(user, project)}))
        }),
        "save" => body(request).and_then(|body| save(shared, &body)),
        "logs" => body(request).map(|LogBody { level, logger, message }| {
            shared.log_line(level, &logger, &message);
            nothing()
        }),
        "scripts" => body(request).map(|ScriptBody { kind, project, error }| {
            shared.add_script(&kind, &project, error.as_deref());
            nothing()
        }),
        _ => return None,
    })
}

fn body<'r, T: Deserialize<'r>>(request: &'r Request) -> anyhow::Result<T> {
    Ok(serde_json::from_slice(&request.body)?)
}

fn nothing() -> Response {
    Response::json(200, &Value::Null)
}

fn save(shared: &Shared, SaveBody { path, files }: &SaveBody) -> anyhow::Result<Response> {
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    shared.save(path, &files)?;
    Ok(nothing())
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
    if breaks.is_some() {
        faults.breaks(breaks);
    }
    if let Some(on) = stuck_scan {
        faults.stuck_scan(on);
    }
    if let Some(on) = no_scan {
        faults.no_scan(on);
    }
    if let Some(what) = forbid {
        faults.forbid(what);
    }
    match down_for_ms {
        None => nothing(),
        Some(time) => then(shared, move |shared| {
            let faults = Faults::new(shared);
            faults.down(true);
            if shared.pause(Duration::from_millis(time)) {
                faults.down(false);
            }
        }),
    }
}

fn restart(shared: &Arc<Shared>, RestartBody { starting_ms }: &RestartBody) -> Response {
    let starting_for = Duration::from_millis(*starting_ms);
    then(shared, move |shared| {
        if let Err(error) = shared.restart(starting_for) {
            shared.log_line(Level::Error, "gateway.Restart", &format!("{error:#}"));
        }
    })
}

/// Answers, then does what breaks the connection that asked for it, in a thread of its own.
fn then(shared: &Arc<Shared>, work: impl FnOnce(&Shared) + Send + 'static) -> Response {
    let shared = Arc::clone(shared);
    let after = move || {
        let _ = thread::Builder::new().name("control".to_owned()).spawn(move || work(&shared));
    };
    nothing().and_then(after)
}
