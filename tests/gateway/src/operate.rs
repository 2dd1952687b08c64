//! What people do to a gateway, and tests: the handle and the control paths both come here.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::designer::{self, Designer};
use crate::life;
use crate::record::{Kind, epoch_millis};
use crate::scan::OF_RESOURCES;
use crate::shared::{Shared, State};

impl Shared {
    /// Forgets requests, incidents and scans.
    pub fn clear_records(&self) {
        let records = &mut self.inner().records;
        records.requests.clear();
        records.incidents.clear();
        records.scans.clear();
    }

    /// Opens a Designer and gives its number.
    pub fn add_designer(&self, user: String, project: String) -> u64 {
        let mut inner = self.inner();
        let id = inner.next_designer;
        inner.next_designer += 1;
        inner.designers.push(Designer { id, user, project, since: Instant::now() });
        id
    }

    /// A script as `GET /scripts/diagnostics/<kind>` shows it.
    pub fn add_script(&self, kind: &str, project: &str, error: Option<&str>) {
        let last = epoch_millis(SystemTime::now());
        let script = json!({"projectName": project, "enabled": true, "lastExecution": last, "error": error});
        self.inner().scripts.push((kind.to_owned(), script));
    }

    /// A Designer's save of the resource in this directory: payloads, then the manifest, and the gateway runs it.
    pub fn save(&self, directory: &str, files: &[(&str, &[u8])]) -> anyhow::Result<()> {
        let directory = directory.trim_end_matches('/');
        let kind = if directory.starts_with("projects/") { Kind::Projects } else { Kind::Config };
        let mut scanner = self.scanner();
        let absolute = self.settings.data_dir.join(directory);
        let manifest = OF_RESOURCES
            .into_iter()
            .find(|name| absolute.join(name).exists())
            .with_context(|| format!("no resource at {directory}"))?;
        designer::write(&absolute, manifest, files, "designer")?;
        scanner.reload(kind, &format!("{directory}/{manifest}"));
        self.inner().loaded = Arc::new(scanner.loaded());
        self.changed.notify_all();
        Ok(())
    }

    /// Stops listening, forgets what is loaded, and is `STARTING` for so long.
    pub fn restart(&self, starting_for: Duration) -> anyhow::Result<()> {
        let doors = self.doors();
        if !doors.shut() {
            bail!("failed to close the port");
        }
        life::enter(self, State::Starting)?;
        self.inner().state_until = Some(Instant::now() + starting_for);
        self.changed.notify_all();
        if !doors.open() {
            bail!("failed to listen on the port again");
        }
        Ok(())
    }
}
