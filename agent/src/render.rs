//! `stoker-agent render`: what a gateway would get, by the very engine that syncs, into a directory.

mod checkout;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use stoker_sync::{Applied, Desired, Trust, Volume};

use crate::cli::Render;
use crate::commands::print;
use crate::failure::{Code, Failure};
use crate::progress::megabytes;
use crate::settings::{ManifestFile, Settings};
use checkout::Checkout;

/// Tells a directory that was rendered from all others.
const MARK: &str = ".stoker-render";
/// Where the engine works, in the directory that is rendered to: its files are renamed from here.
const WORK: &str = ".stoker-rendering";

/// Renders, and says how much.
pub fn run(render: &Render) -> Result<ExitCode, Failure> {
    let mut settings = ManifestFile::new(&render.options).read()?;
    if let Some(reference) = &render.reference {
        settings.reference.clone_from(reference);
    }
    let (source, out) = places(render)?;
    let mut checkout = Checkout::read(&source, &out)?;
    let desired = settings.desired(render.commit, checkout.root, false);
    let work = Work::new(&out)?;
    let rendered = engine(&work.0, &desired, &settings, &mut checkout)?;
    work.replace(&out)?;
    for source in &rendered.skipped {
        eprintln!("the mapping's source {source:?} is not in {}; it is skipped", render.source.display());
    }
    print(&format!(
        "{} files, {} of {}, for gateway {} and profile {}, in {}\n",
        rendered.applied.written,
        megabytes(rendered.bytes),
        render.source.display(),
        settings.gateway_name,
        settings.profile_name,
        render.out.display()
    ))
}

struct Rendered {
    applied: Applied,
    bytes: u64,
    skipped: Vec<String>,
}

/// One sync from a directory into an empty one.
fn engine(
    data: &Path,
    desired: &Desired,
    settings: &Settings,
    checkout: &mut Checkout,
) -> Result<Rendered, Failure> {
    let rules = settings.rules();
    let volume = Volume::open(data, "stoker-agent render")?;
    let mut staging = volume.staging()?;
    staging.set_limits(desired.limits);
    let plan = volume.plan(desired, checkout, &rules, Trust::Nothing)?;
    let skipped = plan.summary.skipped.clone();
    checkout.stage(&plan, &mut staging)?;
    let prepared = volume.prepare(&mut staging, plan, desired, &rules)?;
    let bytes = prepared.bytes;
    let applied = volume.apply(&mut staging, prepared, &rules, &AtomicBool::new(false))?;
    Ok(Rendered { applied, bytes, skipped })
}

/// Both directories, without links in their names. What is in `--out` must be ours to replace.
fn places(render: &Render) -> Result<(PathBuf, PathBuf), Failure> {
    let usage = |message: String| Failure::new(stoker_api::Reason::UnsafePath, Code::Data, message);
    let source = render
        .source
        .canonicalize()
        .map_err(|error| usage(format!("failed to open --source {}: {error}", render.source.display())))?;
    if !source.is_dir() {
        return Err(usage(format!("--source {} is no directory", render.source.display())));
    }
    let failed =
        |error: io::Error| Failure::system(format!("failed to open --out {}: {error}", render.out.display()));
    fs::create_dir_all(&render.out).map_err(failed)?;
    let out = render.out.canonicalize().map_err(failed)?;
    if source.starts_with(&out) {
        return Err(usage(format!(
            "--out {} holds the source, and would be replaced; name another directory",
            render.out.display()
        )));
    }
    let is_ours = |name: &std::ffi::OsStr| name == MARK || name == WORK;
    let names: Vec<_> =
        fs::read_dir(&out).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
    let ours = names.is_empty() || names.iter().any(|entry| is_ours(&entry.file_name()));
    if !ours && !render.replace {
        return Err(usage(format!(
            "--out {} is not empty, and nothing was rendered to it before. Name a new directory, or add --replace",
            render.out.display()
        )));
    }
    Ok((source, out))
}

/// The directory that the engine works in; it goes whatever happens.
struct Work(PathBuf);

impl Work {
    fn new(out: &Path) -> Result<Self, Failure> {
        let path = out.join(WORK);
        remove(&path)?;
        fs::create_dir(&path)
            .map_err(|error| Failure::system(format!("failed to create {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    /// What was rendered takes the place of what is in `out`.
    fn replace(self, out: &Path) -> Result<(), Failure> {
        let failed =
            |error: io::Error| Failure::system(format!("failed to write to {}: {error}", out.display()));
        remove(&self.0.join(stoker_sync::STATE_DIR))?;
        let mark = "What lies here was written by `stoker-agent render`, which replaces it.\n";
        fs::write(out.join(MARK), mark).map_err(failed)?;
        for entry in fs::read_dir(out).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if name != MARK && name != WORK {
                remove(&out.join(name))?;
            }
        }
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            fs::rename(entry.path(), out.join(entry.file_name())).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // The next rendering removes what is left.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    match if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) } {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::system(format!("failed to remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
