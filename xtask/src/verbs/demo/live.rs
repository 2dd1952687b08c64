//! From a push to a gateway that runs it: watched from outside, without taking the agent's word.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use stoker_test_gateway::{Kind, Loaded, Trigger};

use super::resource::hex_sha256;
use super::tree::Tree;
use super::world::World;

/// A polling interval, a fetch, and slow machines.
const LONGEST: Duration = Duration::from_secs(40);
const SCAN_PROJECTS: &str = "/data/api/v1/scan/projects";

/// When what happened. All by this machine's clock.
pub(super) struct Timing {
    /// Until here the push waited to be noticed: the agent's first question to the Git server after it.
    pub(super) noticed: Duration,
    /// From then until the file was the new one.
    pub(super) live: Duration,
    /// From then until the gateway was asked to scan.
    pub(super) scan_requested: Duration,
}

impl Timing {
    pub(super) fn figures(&self) -> Value {
        let Self { noticed, live, scan_requested } = self;
        json!({
            "noticedMs": ms(*noticed),
            "fileLiveMs": ms(*noticed + *live),
            "scanRequestedMs": ms(*noticed + *scan_requested),
            "fileLiveAfterNoticedMs": ms(*live),
            "scanRequestedAfterNoticedMs": ms(*scan_requested),
        })
    }
}

/// What was found of a commit on the gateway.
pub(super) struct Found {
    /// Managed files, all equal to the commit.
    pub(super) files: usize,
    pub(super) bytes: usize,
    pub(super) projects: usize,
    pub(super) resources: usize,
}

/// Follows a push: when the agent asked, when the file at `path` became the commit's, when the scan was requested.
pub(super) fn follow(world: &mut World, commit: &str, path: &str, pushed: SystemTime) -> Result<Timing> {
    let expected = world.expected(commit)?;
    let wanted = expected.get(path).with_context(|| format!("{path} is not in the commit"))?;
    let file = world.data.join(path);
    let live = world.patience.until(LONGEST, &format!("the new {path}"), || {
        world.agent.must_run()?;
        let is_live = fs::read(&file).is_ok_and(|bytes| bytes == wanted);
        Ok(is_live.then(SystemTime::now))
    })?;
    // A push that was noticed before it returned was noticed at once.
    let asked = world.host.first_asked_since(pushed).filter(|asked| *asked <= live).unwrap_or(pushed);
    let scan = scan_requested(world, asked)?;
    Ok(Timing {
        noticed: between(pushed, asked),
        live: between(asked, live),
        scan_requested: between(asked, scan),
    })
}

/// Waits until the gateway was asked to scan, at or after a time; when it was.
pub(super) fn scan_requested(world: &World, since: SystemTime) -> Result<SystemTime> {
    world.patience.until(LONGEST, "a request to scan", || {
        let log = world.gateway.log();
        let found = log
            .iter()
            .find(|request| request.method == "POST" && request.path == SCAN_PROJECTS && request.at >= since);
        found
            .map(|request| {
                ensure!(
                    request.status == 200,
                    "the gateway answered the scan request with {}",
                    request.status
                );
                Ok(request.at)
            })
            .transpose()
    })
}

/// Waits for the scans that were requested at or after `since` and for the agent to be done, then compares everything:
/// the files with `git archive`, what the gateway has loaded with the files, its record of incidents.
pub(super) fn verify(world: &World, commit: &str, since: SystemTime) -> Result<Found> {
    let requested = scan_requested(world, since)?;
    for kind in Kind::ALL {
        world.patience.until(LONGEST, &format!("the scan of {}", kind.as_str()), || {
            Ok(world.gateway.scans().into_iter().find(|scan| {
                scan.kind == kind && scan.trigger == Trigger::Requested && scan.started >= requested
            }))
        })?;
    }
    world.patience.until(LONGEST, "the agent's report of the commit", || {
        let status = world.agent.status()?;
        Ok((status["syncedCommit"] == commit && status["lastScanResult"].is_string()).then_some(()))
    })?;
    let expected = world.files_must_equal(commit)?;
    let loaded = world.gateway.loaded();
    must_run(&loaded, &expected)?;
    world.gateway_must_be_well()?;
    Ok(Found {
        files: expected.len(),
        bytes: expected.bytes(),
        projects: loaded.projects.len(),
        resources: loaded.resources.len(),
    })
}

/// The gateway runs exactly these files, and the signatures that manifests carry fit.
fn must_run(loaded: &Loaded, expected: &Tree) -> Result<()> {
    for (path, bytes) in expected.files() {
        if let ["projects", name, "project.json"] = path.split('/').collect::<Vec<_>>()[..] {
            ensure!(loaded.projects.contains_key(name), "the gateway has not loaded project {name}");
            continue;
        }
        let running = loaded.file(path).with_context(|| format!("the gateway has not loaded {path}"))?;
        ensure!(running == hex_sha256(bytes), "the gateway runs another {path} than the commit's");
    }
    for (path, resource) in &loaded.resources {
        let signed = resource.attributes.get("lastModificationSignature").and_then(Value::as_str);
        ensure!(
            signed.is_none_or(|signed| signed == resource.signature),
            "the signature in {path} does not fit"
        );
        ensure!(expected.get(path).is_some(), "the gateway runs {path}, which is not in the commit");
    }
    Ok(())
}

/// Milliseconds with one decimal below ten, whole ones above.
pub(super) fn ms(time: Duration) -> Value {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        return json!((millis * 10.0).round() / 10.0);
    }
    json!((time + Duration::from_micros(500)).as_millis() as u64)
}

/// `2,104 ms`, with a space that does not break.
pub(super) fn shown(time: Duration) -> String {
    let text = ms(time).to_string();
    match text.len() {
        4.. if !text.contains('.') => {
            format!("{},{}\u{a0}ms", &text[..text.len() - 3], &text[text.len() - 3..])
        }
        _ => format!("{text}\u{a0}ms"),
    }
}

fn between(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}

/// The seven characters by which people know a commit.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (micros, text) in [
            (0, "0.0 ms"),
            (1_250, "1.3 ms"),
            (41_400, "41 ms"),
            (999_000, "999 ms"),
            (12_104_000, "12,104 ms"),
        ] {
            assert_eq!(shown(Duration::from_micros(micros)).replace('\u{a0}', " "), text);
        }
    }
}
