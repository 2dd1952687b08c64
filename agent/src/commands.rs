//! What people ask of a volume: offline, in words on a terminal and JSON where a program asks.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use stoker_sync::{Difference, Volume};

use crate::clock;
use crate::failure::Failure;
use crate::rules::LayoutRules;

/// Prints a text. A reader that has seen enough (`| head`) is no failure.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::system(format!("failed to print: {error}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Rules for work on what is on a volume already: its own mappings say what they name.
fn rules(volume: &Volume) -> Result<LayoutRules, Failure> {
    Ok(LayoutRules::new(&volume.destinations()?))
}

/// The generations that can be gone back to.
pub fn history(data: &Path, json: bool) -> Result<ExitCode, Failure> {
    let volume = Volume::open_read_only(data)?;
    let (synced, hold) = (volume.synced()?, volume.hold()?);
    let generations = volume.history()?;
    if json {
        let generations: Vec<serde_json::Value> = generations
            .iter()
            .map(|one| {
                serde_json::json!({
                    "generation": one.number, "time": clock::of_millis(one.at),
                    "from": one.from_commit, "to": one.to_commit,
                    "written": one.written, "deleted": one.deleted, "bytes": one.bytes,
                })
            })
            .collect();
        let document = serde_json::json!({
            "commit": synced.map(|synced| synced.commit),
            "held": hold.map(|hold| serde_json::json!({"reason": hold.reason, "since": clock::of_millis(hold.since)})),
            "generations": generations,
        });
        return print(&format!("{document}\n"));
    }
    let mut text = match &synced {
        Some(synced) if !synced.commit.is_empty() => {
            format!(
                "{} files at commit {}, since {}\n",
                synced.files,
                short(&synced.commit),
                clock::of_millis(synced.at)
            )
        }
        _ => "nothing is synced here\n".to_owned(),
    };
    if let Some(hold) = hold {
        text += &format!(
            "held since {}: {} (stoker-agent resume ends it)\n",
            clock::of_millis(hold.since),
            hold.reason
        );
    }
    if !generations.is_empty() {
        text += "\ngeneration  applied               from     to       written  deleted\n";
    }
    for one in generations {
        text += &format!(
            "{:>10}  {}  {:7}  {:7}  {:>7}  {:>7}\n",
            one.number,
            clock::of_millis(one.at),
            one.from_commit.as_deref().map_or("-", short),
            short(&one.to_commit),
            one.written,
            one.deleted
        );
    }
    print(&text)
}

/// What differs from what was synced. Exit code 1 if anything does.
pub fn diff(data: &Path, json: bool) -> Result<ExitCode, Failure> {
    let volume = Volume::open_read_only(data)?;
    let (mut text, mut found, mut broken) = (String::new(), 0, None);
    let count = volume.diff(&rules(&volume)?, &mut |path, difference| {
        found += 1;
        let word = match difference {
            Difference::Changed => "changed",
            Difference::Mode => "mode",
            Difference::Missing => "missing",
            Difference::Replaced => "replaced",
        };
        if json {
            text += &format!("{}\n", serde_json::json!({"path": path, "difference": word}));
        } else {
            text += &format!("{word:8}  {path}\n");
        }
        // Printed as it is found: a large volume has no end in memory.
        if text.len() > 32 << 10 {
            broken = broken.take().or(print(&std::mem::take(&mut text)).err());
        }
    })?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    if !json {
        text += &format!("{found} of {count} managed files differ from what was synced\n");
    }
    print(&text)?;
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Goes back, and holds there.
pub fn rollback(data: &Path, to: Option<u64>) -> Result<ExitCode, Failure> {
    let volume = open(data)?;
    finish(&volume)?;
    let left = volume.synced()?.map(|synced| synced.commit).unwrap_or_default();
    let applied = volume.rollback(to, &rules(&volume)?, &AtomicBool::new(false))?;
    volume.set_mark(stoker_sync::Mark::ScanPending, true)?;
    let mut text = format!(
        "rolled back from {} to {}: {} files written, {} removed\n",
        if left.is_empty() { "nothing" } else { short(&left) },
        if applied.commit.is_empty() {
            "what was there before the first sync"
        } else {
            short(&applied.commit)
        },
        applied.written,
        applied.deleted
    );
    for path in &applied.displaced {
        text += &format!("{path} was changed on the gateway; that version is kept in .stoker/local\n");
    }
    text += "held: nothing is applied until `stoker-agent resume`\n";
    print(&text)
}

/// Ends the hold.
pub fn resume(data: &Path) -> Result<ExitCode, Failure> {
    let volume = open(data)?;
    if volume.release_hold()? {
        return print("the hold is ended: the next sync applies again\n");
    }
    print("there was no hold\n")
}

fn open(data: &Path) -> Result<Volume, Failure> {
    Ok(Volume::open(data, &format!("stoker-agent, process {}", std::process::id()))?)
}

/// What was interrupted comes first, as at every start.
fn finish(volume: &Volume) -> Result<(), Failure> {
    match volume.finish(&rules(volume)?, &AtomicBool::new(false)) {
        Err(stoker_sync::Error::ObjectMissing { .. }) => Ok(volume.abandon()?),
        finished => Ok(finished.map(drop)?),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
