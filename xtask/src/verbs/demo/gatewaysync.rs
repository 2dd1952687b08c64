//! The demo's `GatewaySync` manifest, and what it means: which file of the repository becomes which file of a gateway.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::configuration::{GATEWAY_NAME, SITE};
use super::tree::{File, Tree};

/// The shortest polling interval that there is, in seconds.
pub(super) const POLLING_SECONDS: u64 = 5;
/// The gateway of the demo; the other one is in the repository to stay out of it.
pub(super) const GATEWAY: &str = "north";
/// Gateways and the value of their variable `site`.
const SITES: [(&str, &str); 2] = [("north", "northfield"), ("south", "southport")];
/// The token's place below the directory of secrets.
pub(super) const TOKEN_FILE: &str = "ignition/apiKey";

const CORE: &str = "config/resources/core";

#[derive(Clone, Copy, PartialEq)]
enum Treatment {
    Plain,
    Template,
    Patch,
}

/// In order; `{gateway}` stands for the template of the gateway's name.
const MAPPINGS: [(&str, &str, Treatment); 6] = [
    ("shared/projects", "projects", Treatment::Plain),
    ("gateways/{gateway}/projects", "projects", Treatment::Plain),
    ("shared/themes", "{core}/com.inductiveautomation.perspective/themes", Treatment::Plain),
    ("gateways/{gateway}/tags", "{core}/ignition/tag-definition/default", Treatment::Plain),
    ("shared/system-properties", "{core}/ignition/system-properties", Treatment::Template),
    ("shared/historian", "{core}/ignition/database-connection/historian", Treatment::Patch),
];

/// Path, value in the repository, value on the gateway.
const PATCHED: [(&str, &str, &str); 2] = [
    (
        "settings.connectUrl",
        "\"jdbc:postgresql://localhost:5432/plant\"",
        "\"jdbc:postgresql://historian.{site}.example:5432/plant\"",
    ),
    ("settings.maxActive", "\"maxActive\": 8", "\"maxActive\": 16"),
];

/// The manifest, as a person would write it.
pub(super) fn manifest(repository: &str, gateway_port: u16) -> String {
    let mut text = format!(
        "apiVersion: stoker.io/v1alpha1
kind: GatewaySync
metadata:
  name: plant
spec:
  git:
    repo: {repository}
    ref: main
  polling:
    interval: {POLLING_SECONDS}s
  gateway:
    port: {gateway_port}
    api:
      secretName: ignition
  sync:
    defaults:
      syncPeriod: 5
    profiles:
"
    );
    for (gateway, site) in SITES {
        text += &format!("      {gateway}:\n        vars: {{ site: {site} }}\n        mappings:\n");
        for (source, destination, treatment) in MAPPINGS {
            let source = source.replace("{gateway}", GATEWAY_NAME);
            let destination = destination.replace("{core}", CORE);
            text += &format!(
                "          - source: \"{source}\"\n            destination: {destination}\n            required: true\n"
            );
            match treatment {
                Treatment::Plain => {}
                Treatment::Template => text += "            template: true\n",
                Treatment::Patch => text += &patch(),
            }
        }
    }
    text
}

fn patch() -> String {
    let mut text =
        "            patches:\n              - file: config.json\n                set:\n".to_owned();
    for (path, _, value) in PATCHED {
        let value = value.rsplit_once("\": ").map_or(value, |(_, value)| value).trim_matches('"');
        text += &format!("                  {path}: \"{}\"\n", value.replace("{site}", SITE));
    }
    text
}

/// What the demo's gateway must have of a commit, given as its `git archive`: worked out here by replacing text, so that
/// the agent's engines for templates and patches are not asked about themselves.
pub(super) fn expected(archive: &Tree) -> Result<Tree> {
    let site = SITES.iter().find(|(gateway, _)| *gateway == GATEWAY).map_or("", |(_, site)| *site);
    let mut files = BTreeMap::new();
    for (source, destination, treatment) in MAPPINGS {
        let (source, destination) =
            (source.replace("{gateway}", GATEWAY), destination.replace("{core}", CORE));
        let mut mapped = archive.below(&source);
        ensure!(!mapped.is_empty(), "the commit has nothing below {source}");
        if treatment != Treatment::Plain {
            treated(&mut mapped, treatment, site).with_context(|| source.clone())?;
        }
        files.extend(mapped.into_iter().map(|(path, file)| (format!("{destination}/{path}"), file)));
    }
    Ok(Tree::from(files))
}

/// The configuration file of a resource, after its template or patch.
fn treated(files: &mut BTreeMap<String, File>, treatment: Treatment, site: &str) -> Result<()> {
    let file = files.get_mut("config.json").context("there is no config.json")?;
    let text = String::from_utf8(file.bytes.clone())?;
    let text = match treatment {
        Treatment::Patch => PATCHED
            .iter()
            .fold(text, |text, (_, before, after)| text.replace(before, &after.replace("{site}", site))),
        _ => text.replace(GATEWAY_NAME, GATEWAY).replace(SITE, site),
    };
    file.bytes = text.into_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_templates_and_patches_as_a_person_writes_them() {
        let text = manifest("http://127.0.0.1:1/plant.git", 8088);
        assert!(text.contains(
            "- source: \"gateways/{{ .GatewayName }}/projects\"\n            destination: projects\n"
        ));
        let url = "settings.connectUrl: \"jdbc:postgresql://historian.{{ .Vars.site }}.example:5432/plant\"";
        assert!(text.contains(url), "{text}");
        assert!(text.contains("settings.maxActive: \"16\""), "{text}");
    }
}
