//! What this version refuses although it knows it, row by row.

use super::{LEAST, accepts, unsupported};

const EVERYTHING: &str = include_str!("everything.yaml");

fn told(text: &str) -> Vec<String> {
    unsupported(&accepts(text)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_plain_manifest_is_supported_whole() {
    assert_eq!(told(LEAST), Vec::<String>::new());
}

#[test]
fn what_this_version_honours_is_not_refused() {
    let text = LEAST
        .replace("    ref: main\n", "    ref: main\n    auth: {token: {secretRef: {name: a, key: b}}}\n    tls: {caSecretRef: {name: a, key: b}}\n")
        .replace("  gateway:\n", "  agent: {updateStrategy: inPlace}\n  paused: true\n  gateway:\n    tlsCaSecretRef: {name: a, key: b}\n")
        .replace("            destination: projects\n", "            destination: projects\n            prune: all\n")
        .replace(
            "  sync:\n",
            "  sync:\n    limits: {maxFiles: 1, maxDeletes: 0}\n    defaults: {driftPolicy: report, rollbackOnFailure: false, \
             designerSessionPolicy: wait, startDeadlineSeconds: 0, undoGenerations: 1, undoMaxBytes: 1Mi}\n",
        )
        .replace("  name: plant\n", "  name: plant\n  annotations: {stoker.io/hold: x, stoker.io/sync-now: 'y'}\n");
    assert_eq!(told(&text), Vec::<String>::new());
}

#[test]
fn every_field_that_cannot_be_honoured_is_refused_by_name() {
    let refused: Vec<String> =
        unsupported(&accepts(EVERYTHING)).iter().map(|unsupported| unsupported.path.to_string()).collect();
    assert_eq!(
        refused,
        [
            "spec.receiver",
            "spec.syncWindows",
            "spec.sync.defaults.driftPolicy",
            "spec.sync.defaults.rollbackOnFailure",
            "spec.sync.defaults.healthTimeoutSeconds",
            "spec.sync.profiles[\"edge.line-1\"].driftPolicy",
            "spec.sync.profiles[\"edge.line-1\"].healthTimeoutSeconds",
        ]
    );
}

#[test]
fn a_refused_field_comes_with_what_to_do() {
    let text = LEAST.replace("spec:\n", "spec:\n  receiver: {hmacSecretRef: {name: a, key: b}}\n");
    assert_eq!(
        told(&text),
        [
            "spec.receiver is not supported by this version yet; remove it; the repository is polled at polling.interval"
        ]
    );
}
