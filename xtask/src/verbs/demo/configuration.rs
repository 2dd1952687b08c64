//! The repository of the demo: what two gateways share, and what each has of its own, laid out as Ignition lays it out.

use anyhow::Result;
use serde_json::{Value, json};
use stoker_test_gitserver::Repository;

use super::resource;

const VIEWS: &str = "com.inductiveautomation.perspective/views";
/// The script library that every project inherits.
const SCRIPT: &str = "def litres(cubic_metres):\n    return cubic_metres * 1000.0\n\n\ndef is_stale(value, seconds=30):\n    return system.date.secondsBetween(value.timestamp, system.date.now()) > seconds\n";
const THEME_INDEX: &str = "@import \"../light/index.css\";\n@import \"./variables.css\";\n";
const THEME_VARIABLES: &str =
    ":root {\n  --neutral-10: #1d1f21;\n  --callToAction: #0a7ea4;\n  --plant-alarm: #c8102e;\n}\n";

/// What a gateway has of its own: its name, projects with their views, and folders of tags.
struct Gateway {
    name: &'static str,
    projects: &'static [(&'static str, &'static [&'static str])],
    tags: &'static [(&'static str, &'static [&'static str])],
}

const GATEWAYS: [Gateway; 2] = [
    Gateway {
        name: "north",
        projects: &[
            (
                "WaterTreatment",
                &["Overview", "Intake Pumps", "Filters/Filter Bank", "Tanks/Tank 3", "Dosing"],
            ),
            ("Energy", &["Overview", "Meters/Main Feed", "Meters/Blower House"]),
        ],
        tags: &[("Intake", &["Flow", "Pressure", "Running"]), ("Tanks", &["Level 1", "Level 2", "Level 3"])],
    },
    Gateway {
        name: "south",
        projects: &[
            ("Bottling", &["Overview", "Line 1/Filler", "Line 1/Capper", "Line 2/Filler"]),
            ("Warehouse", &["Overview", "Docks"]),
        ],
        tags: &[("Line 1", &["Speed", "Fault"]), ("Docks", &["Occupied"])],
    },
];

/// The templates, in the engine's words and as the demo replaces them to know what must come out.
pub(super) const GATEWAY_NAME: &str = "{{ .GatewayName }}";
pub(super) const SITE: &str = "{{ .Vars.site }}";

/// The repository and the number of edits so far: each gives the manifests it writes a time of its own.
pub(super) struct Plant {
    repository: Repository,
    edits: u32,
}

impl Plant {
    /// Fills an empty repository and commits.
    pub(super) fn create(repository: Repository) -> Result<Self> {
        let plant = Self { repository, edits: 0 };
        plant.shared()?;
        for gateway in &GATEWAYS {
            plant.gateway(gateway)?;
        }
        plant.repository.commit("Add the configuration of two gateways")?;
        Ok(plant)
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// An engineer changes a view in the Designer.
    pub(super) fn change_view(&mut self, directory: &str, title: &str) -> Result<()> {
        self.edits += 1;
        let name = directory.rsplit('/').next().unwrap_or(directory);
        self.resource(directory, "G", &[("view.json", view(name, title).as_bytes())])
    }

    /// The same for a folder of tags.
    pub(super) fn change_tags(&mut self, directory: &str, tags: &[&str], high: f64) -> Result<()> {
        self.edits += 1;
        self.tags(directory, tags, high)
    }

    pub(super) fn remove(&self, path: &str) -> Result<()> {
        self.repository.remove(path)
    }

    pub(super) fn commit(&self, message: &str) -> Result<String> {
        self.repository.commit(message)
    }

    fn shared(&self) -> Result<()> {
        let common = "shared/projects/PlantCommon";
        self.project(common, "Plant common", "Templates and scripts of every project", "", true)?;
        for name in ["Pump", "Tank", "Valve"] {
            self.resource(
                &format!("{common}/{VIEWS}/Templates/{name}"),
                "G",
                &[("view.json", view(name, name).as_bytes())],
            )?;
        }
        self.resource(
            &format!("{common}/ignition/script-python/plant/units"),
            "A",
            &[("code.py", SCRIPT.as_bytes())],
        )?;
        let theme: [(&str, &[u8]); 2] =
            [("index.css", THEME_INDEX.as_bytes()), ("variables.css", THEME_VARIABLES.as_bytes())];
        self.resource("shared/themes/plant-dark", "A", &theme)?;
        self.config(
            "shared/system-properties",
            &json!({
                "systemName": GATEWAY_NAME,
                "homepageRedirectUrl": format!("/data/perspective/client/Overview?site={SITE}"),
            }),
        )?;
        self.config("shared/historian", &json!({
            "profile": { "type": "PostgreSQL" },
            "settings": { "connectUrl": "jdbc:postgresql://localhost:5432/plant", "maxActive": 8, "user": "ignition" },
        }))
    }

    fn gateway(&self, gateway: &Gateway) -> Result<()> {
        let Gateway { name, projects, tags } = gateway;
        for (project, views) in *projects {
            let directory = format!("gateways/{name}/projects/{project}");
            self.project(&directory, project, &format!("{project} of {name}"), "PlantCommon", false)?;
            for path in *views {
                let last = path.rsplit('/').next().unwrap_or(path);
                let view = view(last, &format!("{project}: {last}"));
                self.resource(
                    &format!("{directory}/{VIEWS}/{path}"),
                    "G",
                    &[("view.json", view.as_bytes())],
                )?;
            }
        }
        for (folder, names) in *tags {
            self.tags(&format!("gateways/{name}/tags/{folder}"), names, 90.0)?;
        }
        Ok(())
    }

    fn project(&self, directory: &str, title: &str, about: &str, parent: &str, inherit: bool) -> Result<()> {
        let project = json!({
            "title": title, "description": about, "enabled": true, "inheritable": inherit, "parent": parent,
        });
        self.repository.write(&format!("{directory}/project.json"), format!("{project:#}"))
    }

    fn config(&self, directory: &str, config: &Value) -> Result<()> {
        let config = format!("{config:#}");
        self.repository.write(&format!("{directory}/config.json"), &config)?;
        let manifest = resource::written_by_hand("A", &[("config.json", config.as_bytes())]);
        self.repository.write(&format!("{directory}/resource.json"), manifest)
    }

    fn tags(&self, directory: &str, names: &[&str], high: f64) -> Result<()> {
        let tags: Vec<Value> = names.iter().map(|name| tag(name, high)).collect();
        let tags = format!("{:#}", json!({ "tags": tags }));
        let files: [(&str, &[u8]); 1] = [("tags.json", tags.as_bytes())];
        self.repository.write(&format!("{directory}/tags.json"), &tags)?;
        let manifest = resource::manifest("A", &files, self.edits);
        self.repository.write(&format!("{directory}/unary-resource.json"), manifest)
    }

    fn resource(&self, directory: &str, scope: &str, files: &[(&str, &[u8])]) -> Result<()> {
        for (name, bytes) in files {
            self.repository.write(&format!("{directory}/{name}"), bytes)?;
        }
        let manifest = resource::manifest(scope, files, self.edits);
        self.repository.write(&format!("{directory}/resource.json"), manifest)
    }
}

/// A Perspective view of a heading and some bound readouts.
pub(super) fn view(name: &str, title: &str) -> String {
    let readouts = (1..=6).map(|index| {
        json!({
            "meta": { "name": format!("Readout_{index}") },
            "position": { "x": 40, "y": 60 + 80 * index, "width": 320, "height": 64 },
            "propConfig": { "props.value": { "binding": {
                "type": "tag", "config": { "mode": "direct", "tagPath": format!("[default]{name}/Value {index}") },
            } } },
            "type": "ia.display.led-display",
        })
    });
    let heading = json!({
        "meta": { "name": "Heading" },
        "position": { "x": 40, "y": 20, "width": 600, "height": 40 },
        "props": { "text": title },
        "type": "ia.display.label",
    });
    let children: Vec<Value> = std::iter::once(heading).chain(readouts).collect();
    let view = json!({
        "custom": {}, "params": {}, "props": { "defaultSize": { "width": 1280, "height": 720 } },
        "root": { "children": children, "meta": { "name": "root" }, "type": "ia.container.coord" },
    });
    format!("{view:#}")
}

fn tag(name: &str, high: f64) -> Value {
    json!({
        "name": name, "tagType": "AtomicTag", "dataType": "Float8", "valueSource": "opc",
        "opcServer": "Ignition OPC UA Server", "opcItemPath": format!("ns=1;s=[plc]{name}"),
        "alarms": [{ "name": "High", "mode": "AboveValue", "setpointA": high, "priority": "High" }],
    })
}
