//! First boot: what commissioning leaves in the data directory, and whom it locks out.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::designer;
use crate::scan::Loaded;
use crate::settings::{Lockout, Settings};
use crate::signature::hex;

/// Says that commissioning has been done; a real gateway keeps its record under the same name.
const RECORD: &str = "commissioning.json";
/// The resource that it overwrites.
const OVERWRITTEN: &str = "config/resources/core/ignition/security-properties";

/// What commissioning writes: no permission for any token's level.
const DEFAULTS: &str = r#"{
  "profile": {},
  "settings": {
    "gatewayAccessPermissions": {
      "securityLevels": [
        "Authenticated/Roles/Administrator"
      ],
      "type": "AnyOf"
    }
  }
}
"#;

/// Whether this start of the gateway is a first boot.
pub(crate) fn is_due(settings: &Settings) -> bool {
    settings.commissioning.is_some() && !settings.data_dir.join(RECORD).exists()
}

/// Writes what commissioning writes, at the moment when the gateway goes to RUNNING.
pub(crate) fn finish(settings: &Settings) -> anyhow::Result<()> {
    let data = &settings.data_dir;
    if overwrites(settings).is_some() {
        overwrite(data).context("failed to overwrite security-properties")?;
    }
    fs::write(data.join(RECORD), "{\"isComplete\":true}\n").context("failed to write commissioning.json")
}

fn overwrites(settings: &Settings) -> Option<Lockout> {
    settings.commissioning?.overwrites
}

fn overwrite(data: &Path) -> anyhow::Result<()> {
    let directory = data.join(OVERWRITTEN);
    fs::create_dir_all(&directory)?;
    let manifest = json!({"scope": "A", "version": 1, "restricted": false, "overridable": true,
        "files": ["config.json"], "attributes": {}});
    fs::write(directory.join("resource.json"), manifest.to_string())?;
    designer::write(&directory, "resource.json", &[("config.json", DEFAULTS.as_bytes())], "gateway")
}

/// Whether tokens are locked out by what commissioning wrote.
pub(crate) fn locks_out(settings: &Settings, loaded: &Loaded) -> bool {
    let file = format!("{OVERWRITTEN}/config.json");
    match overwrites(settings) {
        None => false,
        Some(Lockout::UntilPutBack) => {
            fs::read(settings.data_dir.join(file)).is_ok_and(|bytes| bytes == DEFAULTS.as_bytes())
        }
        Some(Lockout::UntilScanned) => loaded.file(&file) == Some(hex(&Sha256::digest(DEFAULTS)).as_str()),
    }
}
