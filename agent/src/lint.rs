//! `stoker-agent lint`: which manifests of a checkout or a data directory do not fit what lies beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use stoker_jsonset::{Error as JsonError, Patches};
use stoker_layout::{Class, Finding, Guard};

use crate::commands::print;
use crate::failure::{Code, Failure};

/// Neither resources nor anybody's to edit.
const PASSED_OVER: [&str; 3] = [".git", ".resources", stoker_layout::STATE_DIR];
/// A directory so deep is none of Ignition's (16 levels were seen).
const MAX_DEPTH: usize = 100;
/// Printed when so much has come together: a large tree has no end in memory.
const CHUNK: usize = 32 << 10;

/// Looks at all beneath a directory and prints what does not fit. Exit code 65 if anything does not.
pub fn run(root: &Path, json: bool) -> Result<ExitCode, Failure> {
    if !root.is_dir() {
        let message =
            format!("{} is no directory: lint takes a checkout or a data directory", root.display());
        return Err(Failure::new(stoker_api::Reason::SourceMissing, Code::Data, message));
    }
    let mut linter = Linter {
        root: root.to_owned(),
        // A data directory also holds what is the gateway's own.
        guard: root.join("db").is_dir().then(|| Guard::new([])),
        json: json || !io::stdout().is_terminal(),
        text: String::new(),
        manifests: 0,
        findings: 0,
        notes: 0,
    };
    linter.directory("", 0)?;
    linter.finish()
}

struct Linter {
    root: PathBuf,
    guard: Option<Guard>,
    json: bool,
    text: String,
    manifests: u64,
    findings: u64,
    notes: u64,
}

impl Linter {
    fn directory(&mut self, path: &str, depth: usize) -> Result<(), Failure> {
        let (mut files, mut directories) = (BTreeSet::new(), Vec::new());
        let full = self.root.join(path);
        let failed = |error| Failure::system(format!("failed to read {}: {error}", full.display()));
        for entry in fs::read_dir(&full).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // A name that is not UTF-8 is refused by every sync, with its path.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type().map_err(failed)?;
            let below = join(path, &name);
            if kind.is_file() {
                files.insert(name);
            } else if kind.is_dir() && depth < MAX_DEPTH && !self.passes_over(&name, &below) {
                directories.push(below);
            }
        }
        if files.iter().any(|name| stoker_layout::class(name) == Class::Manifest) {
            self.resource(path, &files)?;
        }
        directories.sort();
        directories.iter().try_for_each(|below| self.directory(below, depth + 1))
    }

    fn passes_over(&self, name: &str, path: &str) -> bool {
        PASSED_OVER.contains(&name)
            || self.guard.as_ref().is_some_and(|guard| guard.never_touch(path).is_some())
    }

    /// A directory with one manifest or more.
    fn resource(&mut self, path: &str, files: &BTreeSet<String>) -> Result<(), Failure> {
        let is_manifest = |name: &&String| stoker_layout::class(name) == Class::Manifest;
        let (mut texts, mut last) = (Vec::new(), None);
        for name in files.iter().filter(is_manifest) {
            self.manifests += 1;
            let full = join(path, name);
            let Some(text) = self.read(&full)? else { continue };
            // A project's manifest lists nothing and bears no signature.
            if name == "project.json" {
                continue;
            }
            let root = self.root.join(path);
            let findings = stoker_layout::lint_manifest(&text, files, |name| {
                File::open(root.join(name)).and_then(stoker_layout::file_hash).ok()
            });
            for finding in findings {
                self.report(&full, &finding, finding.kind == "size")?;
            }
            texts.push(text);
            last = Some(full);
        }
        if let (Some(full), Some(text)) = (last, texts.last()) {
            for name in stoker_layout::unlisted(files, &texts) {
                self.report(&full, &stoker_layout::unlisted_finding(text, &name), false)?;
            }
            for name in files.iter().filter(|name| !is_manifest(name) && name.strip_suffix(".json").is_some())
            {
                self.check_json(&join(path, name))?;
            }
        }
        Ok(())
    }

    /// A manifest's bytes, if it is valid JSON.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        if !self.check_json(path)? {
            return Ok(None);
        }
        let full = self.root.join(path);
        let failed = |error| Failure::system(format!("failed to read {}: {error}", full.display()));
        let size = fs::metadata(&full).map_err(failed)?.len();
        // One byte more than is looked into is enough to say that it is too large.
        let most = (stoker_layout::MAX_MANIFEST as u64 + 1).min(size);
        let mut text = Vec::with_capacity(most as usize);
        let file = File::open(&full).map_err(failed)?;
        io::Read::read_to_end(&mut io::Read::take(file, most), &mut text).map_err(failed)?;
        Ok(Some(text))
    }

    /// Reports a file that is no JSON; false if it is none.
    fn check_json(&mut self, path: &str) -> Result<bool, Failure> {
        let full = self.root.join(path);
        let failed = |error| Failure::system(format!("failed to read {}: {error}", full.display()));
        let mut file = File::open(&full).map_err(failed)?;
        let nothing =
            Patches::new(BTreeMap::<String, _>::new()).map_err(|error| Failure::system(error.to_string()))?;
        match nothing.apply(&mut file, &mut io::sink()) {
            Ok(_) => Ok(true),
            Err(JsonError::Syntax { line, column, problem }) => {
                let template = is_template(&full);
                let advice = if template {
                    "It looks like a template: lint what `stoker-agent render` makes of it"
                } else {
                    "Correct it there; a JSON editor shows the place"
                };
                let (line, column) = (line as usize, column as usize);
                let message = format!("it is no JSON: {problem}");
                let finding = Finding { kind: "json", line, column, message, advice };
                self.report(path, &finding, template)?;
                Ok(false)
            }
            Err(error) => Err(Failure::system(format!("{}: {error}", full.display()))),
        }
    }

    /// A note is said and does not count.
    fn report(&mut self, path: &str, finding: &Finding, note: bool) -> Result<(), Failure> {
        let Finding { kind, line, column, message, advice } = finding;
        let severity = if note { "note" } else { "error" };
        *(if note { &mut self.notes } else { &mut self.findings }) += 1;
        if self.json {
            let object = serde_json::json!({
                "path": path, "line": line, "column": column, "severity": severity, "kind": kind,
                "message": message, "advice": advice,
            });
            self.text += &format!("{object}\n");
        } else {
            let note = if note { "note: " } else { "" };
            self.text += &format!("{path}:{line}:{column}: {note}{message}. {advice}\n");
        }
        if self.text.len() > CHUNK {
            print(&std::mem::take(&mut self.text))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<ExitCode, Failure> {
        let Self { manifests, findings, notes, .. } = self;
        self.text += &if self.json {
            format!("{}\n", serde_json::json!({"manifests": manifests, "errors": findings, "notes": notes}))
        } else {
            let notes = if notes > 0 { format!(", {notes} to note") } else { String::new() };
            let found =
                if findings == 0 { "all is well".to_owned() } else { format!("{findings} to correct") };
            format!("{manifests} manifests looked at: {found}{notes}\n")
        };
        print(&self.text)?;
        Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::from(Code::Data as u8) })
    }
}

/// Whether a file that is no JSON may become one by rendering.
fn is_template(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path)
        .and_then(|file| io::Read::read_to_end(&mut io::Read::take(file, 1 << 20), &mut start));
    read.is_ok() && start.windows(2).any(|pair| pair == b"{{") && start.windows(2).any(|pair| pair == b"}}")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}
