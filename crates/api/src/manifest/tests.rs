//! Manifests that are understood, and manifests that are refused with exactly these words.

use std::time::Duration;

use super::*;
use crate::spec::{DesignerSessionPolicy, MappingType, Prune};

mod refused;
mod supported;

/// The least that a manifest must say.
const LEAST: &str = "\
apiVersion: stoker.io/v1alpha1
kind: GatewaySync
metadata:
  name: plant
spec:
  git:
    repo: https://git.example.com/plant.git
    ref: main
  gateway:
    api:
      secretName: ignition-api
  sync:
    profiles:
      default:
        mappings:
          - source: projects
            destination: projects
";

fn accepts(text: &str) -> GatewaySync {
    match read(text, "gatewaysync.yaml") {
        Ok(resource) => resource,
        Err(error) => panic!("refused: {error}"),
    }
}

fn refusal(text: &str) -> String {
    read(text, "gatewaysync.yaml").expect_err("accepted").to_string()
}

#[test]
fn the_least_manifest_gets_every_default_of_the_contract() {
    let resource = accepts(LEAST);
    let spec = &resource.spec;
    assert_eq!(resource.display_name(), "plant");
    assert_eq!((spec.polling.enabled, spec.polling.interval.as_str()), (true, "60s"));
    assert_eq!(
        (spec.gateway.port, spec.gateway.tls, spec.gateway.api.secret_key.as_str()),
        (8088, false, "apiKey")
    );
    assert_eq!(spec.sync.defaults.exclude_patterns, ["**/.git/", "**/.gitkeep", "**/.resources/**"]);
    assert_eq!(spec.sync.defaults.sync_period, 30);
    assert_eq!(spec.sync.defaults.designer_session_policy, DesignerSessionPolicy::Proceed);
    assert_eq!(spec.sync.defaults.start_deadline_seconds, 30);
    assert_eq!(
        (spec.sync.defaults.undo_generations, spec.sync.defaults.undo_max_bytes.bytes()),
        (3, 256 << 20)
    );
    assert_eq!((spec.sync.limits.max_files, spec.sync.limits.max_bytes.bytes()), (200_000, 1 << 30));
    assert_eq!(
        (spec.sync.limits.max_file_bytes.bytes(), spec.sync.limits.max_deletes.to_string()),
        (512 << 20, "25%".into())
    );
    assert!(!spec.paused && spec.sync_windows.is_empty() && spec.receiver.is_none());
    let mapping = &spec.sync.profiles["default"].mappings[0];
    assert_eq!(
        (mapping.kind, mapping.required, mapping.template, mapping.prune),
        (None, false, false, Prune::Owned)
    );
}

#[test]
fn every_field_of_the_contract_is_read() {
    let resource = accepts(include_str!("tests/everything.yaml"));
    assert_eq!(resource.display_name(), "site1/plant");
    assert_eq!(resource.metadata.annotations["stoker.io/hold"], "shift change");
    let spec = &resource.spec;
    assert_eq!(spec.git.git_ref, "v1.10.0");
    assert_eq!(spec.git.auth_type().as_str(), "ssh");
    assert_eq!(spec.polling.interval.get(), Duration::from_mins(90));
    assert_eq!((spec.gateway.port, spec.gateway.api.secret_key.as_str()), (8043, "{{ .GatewayName }}"));
    assert_eq!(spec.sync.defaults.vars["_x1"], "");
    let file = &spec.sync.profiles["default"].mappings[1];
    assert_eq!((file.kind, file.prune), (Some(MappingType::File), Prune::All));
    assert_eq!(file.patches[0].set["a\\.b"], "true");
    let edge = &spec.sync.profiles["edge.line-1"];
    assert_eq!((edge.undo_max_bytes.unwrap().bytes(), edge.paused), (1_048_577, Some(false)));
    assert_eq!(
        (spec.sync.limits.max_bytes.bytes(), spec.sync.limits.max_deletes.to_string()),
        (3 << 29, "40".into())
    );
    assert_eq!(spec.agent.resources.as_ref().unwrap().limits["cpu"].to_string(), "1");
    assert_eq!((spec.sync_windows.len(), spec.sync_windows[1].manual_sync), (2, false));
    assert_eq!(spec.receiver.as_ref().unwrap().allowed_refs.len(), 2);
}

#[test]
fn json_is_read_like_yaml_and_refused_with_its_place() {
    let json = serde_json::to_string_pretty(&accepts(LEAST)).unwrap();
    assert_eq!(accepts(&json), accepts(LEAST));
    let one_line = serde_json::to_string(&accepts(include_str!("tests/everything.yaml"))).unwrap();
    assert_eq!(accepts(&one_line), accepts(include_str!("tests/everything.yaml")));
    let told = refusal(&json.replace("\"ref\"", "\"branch\""));
    assert_eq!(
        told,
        "gatewaysync.yaml:10:7: spec.git.branch: unknown field; known here: repo, ref, auth, verify, tls, proxy"
    );
}

#[test]
fn aliases_and_merge_keys_work_as_in_a_cluster() {
    let text = LEAST.replace(
        "      default:\n",
        "      base: &base\n        syncPeriod: 60\n        vars: &vars {line: \"1\"}\n        mappings: [&m {source: a, destination: a}]\n      \
         edge:\n        <<: *base\n        syncPeriod: 90\n      both:\n        <<: [{dryRun: true}, *base]\n        \
         mappings: [*m, *m]\n        vars: *vars\n      default:\n",
    );
    let profiles = accepts(&text).spec.sync.profiles;
    assert_eq!(
        (profiles["edge"].sync_period, &profiles["edge"].mappings),
        (Some(90), &profiles["base"].mappings)
    );
    assert_eq!((profiles["both"].dry_run, profiles["both"].mappings.len()), (Some(true), 2));
    assert_eq!(profiles["both"].vars, profiles["base"].vars);
}

#[test]
fn documents_may_be_marked_and_fields_may_be_empty() {
    let text = format!(
        "\u{feff}---\n# plant\n{LEAST}  agent:\n  syncWindows:\n  polling: {{interval: }}\n...\n---\n"
    );
    assert_eq!(accepts(&text), accepts(LEAST));
    assert_eq!(accepts(&LEAST.replace('\n', "\r\n")), accepts(LEAST));
}

#[test]
fn a_switch_may_be_written_as_a_cluster_reads_it() {
    for (word, on) in [("true", true), ("yes", true), ("On", true), ("y", true), ("OFF", false), ("n", false)]
    {
        let text = LEAST.replace("  gateway:\n", &format!("  gateway:\n    tls: {word}\n"));
        assert_eq!(accepts(&text).spec.gateway.tls, on, "{word}");
    }
}

#[test]
fn every_form_of_address_that_the_contract_names_is_taken() {
    let addresses = [
        "https://git.example.com/plant.git",
        "http://me:pw@localhost:3000/plant",
        "ssh://git@git.example.com:2222/plant.git",
        "git@git.example.com:plant/ignition.git",
        "git://127.0.0.1/plant",
        "file:///srv/git/plant.git",
    ];
    for address in addresses {
        let resource = accepts(&LEAST.replace("https://git.example.com/plant.git", address));
        assert_eq!(resource.spec.git.repo, address);
    }
}

#[test]
fn a_templated_path_is_judged_when_it_is_rendered() {
    let text = LEAST.replace("source: projects", "source: \"sites/{{ .Vars.site }}/..{{ .GatewayName }}\"");
    assert_eq!(
        accepts(&text).spec.sync.profiles["default"].mappings[0].source,
        "sites/{{ .Vars.site }}/..{{ .GatewayName }}"
    );
}

#[test]
fn polling_is_never_faster_than_five_seconds() {
    let spec = accepts(&LEAST.replace("  gateway:\n", "  polling: {interval: 1s}\n  gateway:\n")).spec;
    assert_eq!(spec.polling.effective_interval(), Duration::from_secs(5));
    assert_eq!(accepts(LEAST).spec.polling.effective_interval(), Duration::from_mins(1));
}

#[test]
fn a_profile_is_checked_the_same_without_a_manifest() {
    let mut sync = accepts(LEAST).spec.sync;
    assert_eq!(check::check_profiles(&sync), []);
    sync.profiles.insert("edge".into(), crate::spec::Profile::default());
    let told: Vec<String> = check::check_profiles(&sync).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["spec.sync.profiles.edge.mappings: is empty; write at least one source and destination"]
    );
}
