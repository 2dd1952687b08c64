//! Manifests that are wrong: refused with their place before anything else is touched.

use std::fs;

use super::CONFIG;
use crate::support::site::program;
use crate::support::{Ended, Site};

/// A manifest as people write it.
const GOOD: &str = "\
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
    defaults:
      syncPeriod: 30
    profiles:
      default:
        mappings:
          - source: projects
            destination: projects
";

/// Runs the program with this text; the message after the manifest's name. Nothing may have been made.
#[track_caller]
fn refusal(text: &str) -> String {
    let site = Site::new();
    site.write_manifest(text);
    let ended = Ended::of(site.command(&[]).arg("--once"));
    assert_eq!(ended.code, CONFIG, "{}", ended.stderr);
    assert_eq!(fs::read_dir(&site.data).unwrap().count(), 0, "not even a state directory");
    let message = ended.message();
    let place = format!("{}:", site.config().display());
    message.strip_prefix(&place).unwrap_or_else(|| panic!("no place in {message}")).to_owned()
}

#[test]
fn a_misspelled_field_is_named_with_its_line_its_column_and_what_was_meant() {
    let told = refusal(&GOOD.replace("syncPeriod", "syncPeriode"));
    assert_eq!(told, "14:7: spec.sync.defaults.syncPeriode: unknown field; did you mean \"syncPeriod\"?");
    let told = refusal(&GOOD.replace("            destination", "            destinaton"));
    assert!(told.starts_with("19:13: spec.sync.profiles.default.mappings[0].destinaton: unknown"), "{told}");
    assert!(told.contains("did you mean \"destination\"?"), "{told}");
}

#[test]
fn a_field_that_nothing_resembles_is_named_with_what_is_known_there() {
    let told = refusal(&GOOD.replace("    ref: main", "    revision: main"));
    assert_eq!(
        told,
        "8:5: spec.git.revision: unknown field; known here: repo, ref, auth, verify, tls, proxy"
    );
}

#[test]
fn several_documents_are_refused_at_the_second() {
    let told = refusal(&format!("{GOOD}---\n{GOOD}"));
    assert!(told.starts_with("21:1: a second document"), "{told}");
}

#[test]
fn another_kind_and_another_version_are_refused_with_the_right_one() {
    let told = refusal(&GOOD.replace("kind: GatewaySync", "kind: GatewaySink"));
    assert!(told.starts_with("2:7: ") && told.contains("GatewaySync"), "{told}");
    let told = refusal(&GOOD.replace("v1alpha1", "v9"));
    assert!(told.starts_with("1:13: ") && told.contains("stoker.io/v1alpha1"), "{told}");
}

#[test]
fn paths_that_leave_their_root_are_refused_where_they_are_written() {
    for (path, words) in [("../db", "leaves"), ("a/../../b", "leaves"), ("/etc", "is absolute")] {
        let told = refusal(&GOOD.replace("source: projects", &format!("source: {path}")));
        let place = format!("18:21: spec.sync.profiles.default.mappings[0].source: {path:?} {words}");
        assert!(told.starts_with(&place), "{told}");
        let told = refusal(&GOOD.replace("destination: projects", &format!("destination: {path}")));
        let place = format!("19:26: spec.sync.profiles.default.mappings[0].destination: {path:?} {words}");
        assert!(told.starts_with(&place), "{told}");
    }
}

#[test]
fn a_field_that_is_not_supported_yet_is_refused_with_that_word_and_a_way_without_it() {
    let told = refusal(&GOOD.replace("  gateway:\n", "  receiver: {}\n  gateway:\n"));
    assert_eq!(
        told,
        " spec.receiver is not supported by this version yet; remove it; the repository is polled at polling.interval"
    );
}

#[test]
fn a_value_out_of_bounds_is_refused_with_the_bounds() {
    let told = refusal(&GOOD.replace("syncPeriod: 30", "syncPeriod: 4"));
    assert!(told.starts_with("14:19: ") && told.contains("3600"), "{told}");
}

#[test]
fn what_is_no_yaml_is_refused_where_it_stops_to_be() {
    let told = refusal(&GOOD.replace("  name: plant", "  name: [plant"));
    let line: u32 = told.split(':').next().and_then(|line| line.parse().ok()).expect("a line");
    assert!((4..=6).contains(&line), "{told}");
}

#[test]
fn a_manifest_that_is_not_there_is_named() {
    let site = Site::new();
    let ended = Ended::of(site.command(&[]).arg("--once"));
    assert_eq!(ended.code, CONFIG);
    let place = format!("failed to read the manifest {}", site.config().display());
    assert!(ended.message().starts_with(&place), "{}", ended.message());
}

#[test]
fn an_unknown_profile_is_refused_with_the_ones_there_are() {
    let site = Site::new();
    let ended = site.once(&site.manifest(), &["--profile", "edge"]);
    assert_eq!(ended.code, CONFIG, "{}", ended.stderr);
    assert!(ended.message().contains("\"edge\"") && ended.message().contains("default"), "{}", ended.stderr);
}

#[test]
fn a_repository_url_that_nobody_can_reach_is_refused_without_its_password() {
    let site = Site::new();
    for (url, words) in [
        ("ssh://git:hunter2@host/plant.git", "must not have a password"),
        ("https://me:hunter2@/plant.git", "https://"),
        ("ftp://me:hunter2@host/plant.git", "begins with https://"),
    ] {
        let ended = site.once(&site.manifest().with("git.repo", url), &[]);
        assert_eq!(ended.code, CONFIG, "{}", ended.stderr);
        assert!(ended.message().contains(words), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn bad_usage_is_told_with_a_way_to_the_help() {
    for arguments in [&["--data", "x"][..], &["rollback"], &["--frobnicate"], &["diff", "--once"]] {
        let ended = Ended::of(program().args(arguments));
        assert_eq!((ended.code, ended.stdout.as_str()), (64, ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("stoker-agent --help"), "{}", ended.stderr);
    }
    let help = Ended::of(program().arg("--help"));
    assert_eq!(help.code, 0);
    for word in ["--config", "--once", "rollback", "Exit codes"] {
        assert!(help.stdout.contains(word), "{word}");
    }
}
