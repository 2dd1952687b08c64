//! The definition of the resource, for the chart, and its reference, for people.

use anyhow::Result;

use super::Target;
use crate::progress::Progress;
use crate::{process, workspace};

pub(super) const TARGET: Target = Target { name: "crd", run };

/// What `stoker-generate-crd` writes.
const FILES: [&str; 2] =
    ["charts/stoker/files/crds/stoker.io_gatewaysyncs.yaml", "docs/reference/gatewaysync.md"];

fn run(progress: &mut Progress) -> Result<Vec<&'static str>> {
    progress.begin("the GatewaySync's definition and reference");
    let arguments = ["run", "--quiet", "--package", "stoker-api", "--features", "crd"];
    let mut cargo = workspace::cargo(&arguments);
    cargo.args(["--bin", "stoker-generate-crd", "--"]).arg(workspace::root());
    process::checked(&mut cargo, |line| progress.detail(line))?;
    progress.end("ok");
    Ok(FILES.to_vec())
}
