//! Manifests that are understood, and manifests that are refused with exactly these words.

use super::*;
use crate::spec::{DesignerSessionPolicy, Prune};

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
