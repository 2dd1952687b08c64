//! What an estate holds: every path with its kind, mode, size and seed, but no contents yet.

use super::contents::Kind;
use super::random::Random;
use super::{Estate, manifest};

/// A directory's files that belong together: payloads and, usually, the manifest that names them.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// Without a slash at its end.
    pub(super) dir: String,
    /// `resource.json` or `unary-resource.json`; none for loose files.
    pub(super) manifest: Option<&'static str>,
    pub(super) payloads: Vec<Payload>,
}

#[derive(Debug, Clone)]
pub(super) struct Payload {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) seed: u64,
    pub(super) size: u64,
    pub(super) executable: bool,
}

impl Resource {
    pub(super) fn is_view(&self) -> bool {
        self.manifest.is_some() && self.payloads.iter().any(|payload| payload.kind == Kind::View)
    }

    pub(super) fn files(&self) -> usize {
        self.payloads.len() + usize::from(self.manifest.is_some())
    }
}

const PROJECTS: [&str; 8] = [
    "Water Treatment",
    "Abfüllung",
    "packaging",
    "Kesselhaus 2",
    "bottling_line",
    "Энергия",
    "Лаборатория",
    "倉庫",
];
const FOLDERS: [&str; 12] = [
    "Overview",
    "Line 1",
    "Line 2",
    "Pumps",
    "Übersicht",
    "Störungen",
    "Alarm",
    "Trends",
    "Docks",
    "Tanks",
    "Rezepte",
    "冷却",
];
const VIEWS: [&str; 8] = ["Pump", "Tank", "Valve", "Motor", "Füllstand", "Conveyor", "Header", "Popup"];
/// "Paths up to 190 characters and 16 levels deep were seen."
const LONGEST_PATH: usize = 190;

/// Everything in the estate. Paths are unique also when case does not count, and none is anybody's never-touch path.
pub(super) fn resources(estate: &Estate) -> Vec<Resource> {
    let mut planner =
        Planner { estate, random: Random::new(estate.seed), resources: Vec::new(), files: 0, serial: 0 };
    planner.fixed();
    while estate.files - planner.files >= 2 {
        planner.any();
    }
    if planner.files < estate.files {
        planner.loose("config", "README.txt", Kind::Text, false);
    }
    let mut resources = planner.resources;
    share_out(estate, &mut resources);
    resources
}

struct Planner<'a> {
    estate: &'a Estate,
    random: Random,
    resources: Vec<Resource>,
    files: usize,
    serial: usize,
}

impl Planner<'_> {
    /// What every estate has, whatever its size.
    fn fixed(&mut self) {
        self.loose("config/resources/core", "config-mode.json", Kind::Config, false);
        for index in 0..self.estate.projects {
            let dir = format!("projects/{}", project(index));
            self.loose(&dir, "project.json", Kind::Config, false);
        }
        for (index, bytes) in self.estate.binaries.iter().enumerate() {
            self.binary(index, *bytes);
        }
        for index in 0..(self.estate.files / 200).max(2) {
            self.loose("config/tools", &format!("backup-{index:03}.sh"), Kind::Script, true);
        }
        self.deep();
    }

    fn loose(&mut self, dir: &str, name: &str, kind: Kind, executable: bool) {
        let payload = Payload { executable, ..self.payload(name, kind) };
        self.push(dir.to_owned(), None, vec![payload]);
    }

    fn binary(&mut self, index: usize, size: u64) {
        let name = format!("driver-{index}");
        let is_version = self.estate.binary_versions && index + 1 == self.estate.binaries.len();
        let kind = if is_version { Kind::LaterVersion } else { Kind::Binary };
        let payload = Payload { size, ..self.payload(&format!("{name}.jar"), kind) };
        // The later version is made from the bytes of the one before.
        let seed = self
            .resources
            .last()
            .filter(|_| is_version)
            .map_or(payload.seed, |before| before.payloads[0].seed);
        let dir = format!("config/resources/core/ignition/database-driver/{name}");
        self.push(dir, Some("resource.json"), vec![Payload { seed, ..payload }]);
    }

    /// A view whose manifest's path is as long and as deep as any that was seen.
    fn deep(&mut self) {
        let mut dir = format!("projects/{}/{VIEW_TYPE}", project(0));
        let room = LONGEST_PATH - dir.chars().count() - "/resource.json".len();
        let levels = 11;
        for level in 0..levels {
            let length = (room * (level + 1) / levels) - (room * level / levels) - 1;
            dir.push('/');
            dir.extend(format!("Ebene {level:02}").chars().chain("abc".chars().cycle()).take(length));
        }
        let payload = self.payload("view.json", Kind::View);
        self.push(dir, Some("resource.json"), vec![payload]);
    }

    /// One more resource of two files, of a kind as often as gateways have it.
    fn any(&mut self) {
        self.serial += 1;
        let serial = self.serial;
        let project = project(self.random.below(self.estate.projects as u64) as usize);
        let core = "config/resources/core";
        let (dir, manifest, name, kind) = match self.random.below(100) {
            0..60 => {
                let name = self.random.word(&VIEWS);
                let dir = format!("projects/{project}/{VIEW_TYPE}{}/{name} {serial:06}", self.folders());
                (dir, "resource.json", "view.json", Kind::View)
            }
            60..75 => {
                let kind = if serial.is_multiple_of(12) { Kind::Empty } else { Kind::Script };
                let dir =
                    format!("projects/{project}/ignition/script-python{}/module_{serial:06}", self.folders());
                (dir, "resource.json", "code.py", kind)
            }
            75..83 => {
                let dir =
                    format!("projects/{project}/ignition/named-query{}/query {serial:06}", self.folders());
                (dir, "resource.json", "query.sql", Kind::Query)
            }
            83..93 => {
                let dir =
                    format!("{core}/ignition/tag-definition/default{}/area {serial:06}", self.folders());
                (dir, "unary-resource.json", "tags.json", Kind::Tags)
            }
            93..97 => {
                let dir = format!("{core}/ignition/opc-connection/plc-{serial:06}");
                (dir, "resource.json", "config.json", Kind::Config)
            }
            _ => {
                let dir = format!("{core}/ignition/images{}/image-{serial:06}.png", self.folders());
                (dir, "resource.json", "image.png", Kind::Image)
            }
        };
        let payload = self.payload(name, kind);
        self.push(dir, Some(manifest), vec![payload]);
    }

    /// No, one or up to three folders, each with its slash before it.
    fn folders(&mut self) -> String {
        let depth = self.random.below(4);
        (0..depth).flat_map(|_| ["/", self.random.word(&FOLDERS)]).collect()
    }

    fn payload(&mut self, name: &str, kind: Kind) -> Payload {
        Payload { name: name.to_owned(), kind, seed: self.random.next(), size: 0, executable: false }
    }

    fn push(&mut self, dir: String, manifest: Option<&'static str>, payloads: Vec<Payload>) {
        let resource = Resource { dir, manifest, payloads };
        self.files += resource.files();
        self.resources.push(resource);
    }
}

const VIEW_TYPE: &str = "com.inductiveautomation.perspective/views";

fn project(index: usize) -> String {
    let name = PROJECTS[index % PROJECTS.len()];
    match index / PROJECTS.len() {
        0 => name.to_owned(),
        site => format!("{name} site {site}"),
    }
}

/// Gives every payload its size: what the manifests and the binaries leave of the estate's bytes, a few large files and
/// many small ones.
fn share_out(estate: &Estate, resources: &mut [Resource]) {
    let mut lengths = manifest::Lengths::default();
    let manifests: u64 = resources.iter().map(|resource| lengths.of(resource)).sum();
    let floors: u64 = sized(resources).map(|payload| payload.kind.least()).sum();
    let binaries: u64 = estate.binaries.iter().sum();
    let left = estate.bytes.saturating_sub(manifests + binaries + floors);
    let weights: u64 = sized(resources).map(|payload| weight(payload)).sum();
    for payload in sized(resources) {
        let share = u128::from(left) * u128::from(weight(payload)) / u128::from(weights.max(1));
        payload.size = payload.kind.least() + share as u64;
    }
}

fn sized(resources: &mut [Resource]) -> impl Iterator<Item = &mut Payload> {
    resources.iter_mut().flat_map(|resource| &mut resource.payloads).filter(|payload| payload.kind.is_sized())
}

/// From 1 to about 60 to one, small ones more often, by the payload's own seed.
fn weight(payload: &Payload) -> u64 {
    let mut random = Random::new(payload.seed ^ 1);
    let scale = 1 << random.below(6);
    scale * (50 + random.below(50)) / payload.kind.smallness()
}
