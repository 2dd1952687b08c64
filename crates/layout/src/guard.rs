use crate::fold::{components, ends_with, fold, same};

/// The agent's own directory in the data directory.
pub const STATE_DIR: &str = ".stoker";

const CACHE: &str = "`.resources` is the gateway's own cache";
const LOCAL_CONFIG: &str = "`config/local` belongs to this machine";
const LOCAL_COLLECTION: &str =
    "`config/resources/local` belongs to this machine; map a path inside it if you mean it";
const KEYS: &str = "`config/ignition/keys` holds the gateway's encryption keys";
const TAGS: &str = "`config/ignition/tags` holds the gateway's own tag state";
const UUID: &str = "it is the identity of this one installation";
const DATABASE: &str = "it holds the gateway's internal database";
const RUNTIME: &str = "it holds what the gateway writes while it runs";
const LOGS: &str = "it holds the gateway's logs";
const SEED: &str = "it tells the chart that this volume was seeded";
const COMMISSIONING: &str = "it holds the state of the gateway's commissioning";
const REDUNDANCY: &str = "it holds this node's redundancy role";
const STATE: &str = "`.stoker` is the agent's own state";
const OUTSIDE: &str = "`..` leads out of the data directory";

/// What no sync may write or remove, whatever a mapping says: a wrong path here has bricked gateways.
///
/// Built once from the destinations of all mappings, since `config/resources/local` is open exactly where
/// a destination names a path inside it.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Case-folded destinations below `config/resources/local`, without a trailing slash.
    named_local: Vec<String>,
}

impl Guard {
    /// The guard for mappings with these destinations (rendered, relative to the data directory).
    pub fn new<'a>(destinations: impl IntoIterator<Item = &'a str>) -> Self {
        let named_local = destinations.into_iter().filter_map(inside_local).collect();
        Self { named_local }
    }

    /// Why `path`, a file or a directory, must be neither written nor removed; nothing if it may.
    pub fn never_touch(&self, path: &str) -> Option<&'static str> {
        let mut names = components(path);
        let first = names.next()?;
        if let Some(why) = at_root(first) {
            return Some(why);
        }
        let mut last = first;
        let mut why = anywhere(first);
        for name in names {
            why = why.or_else(|| anywhere(name));
            last = name;
        }
        why.or_else(|| database_file(last))
            .or_else(|| if same(first, "config") { self.in_config(path) } else { None })
    }

    fn in_config(&self, path: &str) -> Option<&'static str> {
        let mut names = components(path).skip(1);
        let (second, third) = (names.next()?, names.next());
        if same(second, "local") {
            return Some(LOCAL_CONFIG);
        }
        let third = third?;
        if same(second, "ignition") {
            return if same(third, "keys") { Some(KEYS) } else { same(third, "tags").then_some(TAGS) };
        }
        let local = same(second, "resources") && same(third, "local");
        (local && !self.is_named(path)).then_some(LOCAL_COLLECTION)
    }

    fn is_named(&self, path: &str) -> bool {
        self.named_local.iter().any(|destination| {
            let mut names = components(path);
            destination.split('/').all(|wanted| names.next().is_some_and(|name| fold(name) == wanted))
        })
    }
}

/// The destination, folded, if it lies strictly inside `config/resources/local`.
fn inside_local(destination: &str) -> Option<String> {
    let folded = components(destination).map(fold).collect::<Vec<_>>().join("/");
    folded.starts_with("config/resources/local/").then_some(folded)
}

/// What is protected in the data directory's root, with everything below it.
fn at_root(name: &str) -> Option<&'static str> {
    const ROOT: [(&str, &str); 8] = [
        ("db", DATABASE),
        ("var", RUNTIME),
        ("logs", LOGS),
        ("metricsdb", DATABASE),
        (STATE_DIR, STATE),
        ("redundancy.xml", REDUNDANCY),
        ("commissioning.json", COMMISSIONING),
        (".ignition-seed-complete", SEED),
    ];
    ROOT.iter()
        .find(|(protected, _)| same(name, protected))
        .map(|(_, why)| *why)
        .or_else(|| database_file(name))
}

/// What is protected at any depth, with everything below it.
fn anywhere(name: &str) -> Option<&'static str> {
    if same(name, ".resources") {
        return Some(CACHE);
    }
    if same(name, "uuid.txt") || same(name, ".uuid") {
        return Some(UUID);
    }
    (name == "..").then_some(OUTSIDE)
}

/// Only for the last component (and the root's entries): a view may be called `sea-wal`, its directory is
/// not a database.
fn database_file(name: &str) -> Option<&'static str> {
    [".idb", "-wal", "-shm"].iter().any(|ending| ends_with(name, ending)).then_some(DATABASE)
}

#[cfg(test)]
mod tests;
