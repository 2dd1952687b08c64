//! Who asked for what, from the API server's audit log.
//!
//! The log is written before (`RequestReceived`) and after (`ResponseComplete`) a request is served, but a client can have
//! its answer a moment before the second line is there. Nothing here sleeps for luck: a marker request is made, and
//! reading ends when everything that was received before the marker is completed too.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::server::next_number;
use crate::{Error, Server};

/// How long the log may lag behind.
const LAG: Duration = Duration::from_secs(30);

/// A place in the log.
#[derive(Clone, Copy, Debug)]
pub struct AuditMark(u64);

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Such as `system:serviceaccount:site1:agent`.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// API group; empty for the core.
    pub group: String,
    /// Plural, with its subresource: `configmaps`, `gatewaysyncs/status`. Empty for what is no resource.
    pub resource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for requests to a collection.
    pub name: String,
    /// Status; `None` for a request that has no answer yet, such as one that hangs.
    pub code: Option<u16>,
    /// Path and query.
    pub uri: String,
    /// The program that asked.
    pub user_agent: String,
    /// When it came, RFC 3339 with microseconds.
    pub received: String,
}

impl AuditEntry {
    /// Whether it changed something, if it was answered so.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch") && !self.resource.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
    request_received_timestamp: String,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

impl From<Line> for AuditEntry {
    fn from(line: Line) -> Self {
        let ObjectRef { mut resource, subresource, namespace, name, api_group } =
            line.object_ref.unwrap_or_default();
        if !subresource.is_empty() {
            resource = format!("{resource}/{subresource}");
        }
        Self {
            user: line.user.username,
            verb: line.verb,
            group: api_group,
            resource,
            namespace,
            name,
            code: line.response_status.map(|status| status.code).filter(|code| *code != 0),
            uri: line.request_uri,
            user_agent: line.user_agent,
            received: line.request_received_timestamp,
        }
    }
}

impl Server {
    /// The end of the log now. What is asked for from here on is in [`Server::audit_since`] this mark.
    pub fn audit_mark(&self) -> Result<AuditMark, Error> {
        self.settled(AuditMark(0)).map(|(_, end)| AuditMark(end))
    }

    /// Every request that was received since the mark, once each, in the order of the log, the server's own left out.
    pub fn audit_since(&self, mark: AuditMark) -> Result<Vec<AuditEntry>, Error> {
        self.settled(mark).map(|(entries, _)| entries)
    }

    /// The requests since a mark, when all that came before now are answered; and the end of the log.
    fn settled(&self, mark: AuditMark) -> Result<(Vec<AuditEntry>, u64), Error> {
        let log = self.api.audit_log.as_deref();
        let log = log.ok_or_else(|| Error::Audit("was not asked for in the server's options".to_owned()))?;
        let marker = format!("/version?audit-marker={}", next_number());
        self.api.get(&marker)?;
        let began = Instant::now();
        loop {
            let (lines, end) = lines_from(log, mark.0)?;
            if let Some(entries) = completed(lines, &marker) {
                return Ok((entries, end));
            }
            if began.elapsed() > LAG {
                return Err(Error::Audit(format!(
                    "requests are without an answer after {} s",
                    LAG.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The whole lines of the log from a place on, and where they end.
fn lines_from(log: &Path, start: u64) -> Result<(Vec<Line>, u64), Error> {
    let what = || format!("cannot read {}", log.display());
    let mut text = String::new();
    let mut file = File::open(log).map_err(Error::io(what()))?;
    file.seek(SeekFrom::Start(start)).map_err(Error::io(what()))?;
    file.read_to_string(&mut text).map_err(Error::io(what()))?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let lines = text[..whole].lines().map(serde_json::from_str).collect::<Result<_, _>>();
    let lines = lines.map_err(|error| Error::Audit(format!("a line is not understood: {error}")))?;
    Ok((lines, start + whole as u64))
}

/// One entry for each request; `None` while the marker, or a request that came before it, is without an answer.
fn completed(lines: Vec<Line>, marker: &str) -> Option<Vec<AuditEntry>> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut pending: Vec<String> = Vec::new();
    let mut marker_at = None;
    for line in lines {
        let received = line.stage == "RequestReceived";
        let id = line.audit_id.clone();
        if received && marker_at.is_none() {
            pending.push(id.clone());
        } else {
            // A watch has an answer when it has started.
            pending.retain(|waiting| *waiting != id);
        }
        let entry = AuditEntry::from(line);
        if received && entry.uri == marker {
            marker_at = Some(entries.len());
        }
        match index.get(&id) {
            // What a request was for is known better at its end: a created object's name, for one.
            Some(at) => entries[*at] = entry,
            // The end of a request that came before the place where reading began.
            None if !received => {}
            None => {
                index.insert(id, entries.len());
                entries.push(entry);
            }
        }
    }
    marker_at?;
    entries.retain(|entry| !entry.uri.contains("audit-marker="));
    pending.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests;
