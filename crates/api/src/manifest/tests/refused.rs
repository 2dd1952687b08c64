//! Manifests that are refused, with exactly what a person is told.

use super::{LEAST, refusal};

mod rules;
mod values;

/// Replaces a piece of the least manifest and expects these words, one line for each problem.
fn assert_refused(table: &[(&str, &str, &str)]) {
    for (piece, instead, words) in table {
        assert!(LEAST.contains(piece), "{piece:?} is not in the manifest");
        let told = refusal(&LEAST.replacen(piece, instead, 1));
        let told = told.replace("gatewaysync.yaml:", "");
        assert_eq!(&told, words, "with {instead:?}");
    }
}

#[test]
fn unknown_and_missing_fields_are_named_with_their_place() {
    assert_refused(&[
        (
            "        mappings:\n",
            "        mapings:\n",
            "15:9: spec.sync.profiles.default.mapings: unknown field; did you mean \"mappings\"?",
        ),
        ("spec:\n", "spec:\n  pausd: true\n", "6:3: spec.pausd: unknown field; did you mean \"paused\"?"),
        (
            "  sync:\n",
            "  sync:\n    policy: strict\n",
            "13:5: spec.sync.policy: unknown field; known here: defaults, profiles, limits",
        ),
        (
            "      secretName: ignition-api\n",
            "      secretname: ignition-api\n",
            "11:7: spec.gateway.api.secretname: unknown field; did you mean \"secretName\"?",
        ),
        ("  name: plant\n", "  namespace: site1\n", "4:3: metadata.name: is required and missing"),
        ("    repo: https://git.example.com/plant.git\n", "", "7:5: spec.git.repo: is required and missing"),
        (
            "    repo: https://git.example.com/plant.git\n",
            "    repo:\n",
            "7:9: spec.git.repo: is required and has no value",
        ),
        (
            "            destination: projects\n",
            "",
            "16:13: spec.sync.profiles.default.mappings[0].destination: is required and missing",
        ),
        (
            "      default:\n        mappings:\n          - source: projects\n            destination: projects\n",
            "",
            "13:13: spec.sync.profiles: is required and has no value",
        ),
        (
            "          - source: projects\n            destination: projects\n",
            "",
            "15:17: spec.sync.profiles.default.mappings: is required and has no value",
        ),
        (
            "    ref: main\n",
            "    ref: main\n    auth: {token: {secretRef: {name: git-token}}}\n",
            "9:31: spec.git.auth.token.secretRef.key: is required and missing",
        ),
    ]);
}

#[test]
fn another_kind_or_version_is_refused_before_anything_else() {
    assert_refused(&[
        (
            "kind: GatewaySync\n",
            "kind: Deployment\n",
            "2:7: kind: \"Deployment\" is not read here; write \"GatewaySync\"",
        ),
        ("kind: GatewaySync\n", "", "1:1: kind: is missing; write `kind: GatewaySync`"),
        ("kind: GatewaySync\n", "kind: {}\n", "2:7: kind: must be \"GatewaySync\", not a map"),
        (
            "apiVersion: stoker.io/v1alpha1\n",
            "apiVersion: stoker.io/v1\n",
            "1:13: apiVersion: \"stoker.io/v1\" is a version that this program does not know; it reads \"stoker.io/v1alpha1\"",
        ),
        (
            "apiVersion: stoker.io/v1alpha1\n",
            "apiVersion: apps/v1\n",
            "1:13: apiVersion: \"apps/v1\" is not a GatewaySync's; write \"stoker.io/v1alpha1\"",
        ),
        (
            "apiVersion: stoker.io/v1alpha1\n",
            "",
            "1:1: apiVersion: is missing; write `apiVersion: stoker.io/v1alpha1`",
        ),
        (
            "apiVersion: stoker.io/v1alpha1\n",
            "apiVersion: [stoker.io]\n",
            "1:13: apiVersion: must be \"stoker.io/v1alpha1\", not a list",
        ),
    ]);
}

#[test]
fn what_is_not_one_yaml_document_is_refused() {
    assert_refused(&[
        (
            "            destination: projects\n",
            "            destination: projects\n---\nkind: Secret\n",
            "19:1: a second document begins here; put each GatewaySync in a file of its own",
        ),
        (
            "  sync:\n",
            "  sync:\n    defaults: {vars: {a: b, a: c}}\n",
            "13:29: spec.sync.defaults.vars.a: is given twice, first in line 13; keep one of them",
        ),
        (
            "spec:\n",
            "spec:\n  paused: true\n  paused: false\n",
            "7:3: spec.paused: is given twice, first in line 6; keep one of them",
        ),
        (
            "  sync:\n",
            "  sync:\n    defaults:\n      excludePatterns:\n        - **/*.bak\n",
            "15:11: spec.sync.defaults.excludePatterns: what begins with * must be in quotes",
        ),
        (
            "destination: projects",
            "destination: {{ .GatewayName }}",
            "17:27: spec.sync.profiles.default.mappings[0].destination: a key must be plain text; a template such as {{ .GatewayName }} must be in quotes",
        ),
        (
            "destination: projects",
            "destination: !secret projects",
            "17:34: spec.sync.profiles.default.mappings[0].destination: the tag !secret means nothing here; remove it",
        ),
        (
            "destination: projects",
            "destination: \"projects",
            "17:26: spec.sync.profiles.default.mappings[0].destination: is not YAML: unclosed quote",
        ),
        (
            "            destination: projects\n",
            "         destination: projects\n",
            "17:10: spec.sync.profiles.default: is not YAML: while parsing a block mapping, did not find expected key",
        ),
        (
            "            destination: projects\n",
            "\t\tdestination: projects\n",
            "16:21: spec.sync.profiles.default.mappings[0].source: is not YAML: while scanning a plain scalar, found a tab",
        ),
        (
            "            destination: projects\n",
            "            ? [a]\n            : b\n",
            "17:15: spec.sync.profiles.default.mappings[0]: a key must be plain text; a template such as {{ .GatewayName }} must be in quotes",
        ),
        (
            "            destination: projects\n",
            "            <<: [a]\n",
            "17:18: spec.sync.profiles.default.mappings[0][\"<<\"]: merges maps only, not the text \"a\"",
        ),
        (
            "        mappings:\n",
            "        mappings: &m\n          - *m\n",
            "16:13: spec.sync.profiles.default.mappings[0]: the alias stands inside what it refers to",
        ),
        (
            "destination: projects",
            "destination: a\u{1}b",
            "17:26: spec.sync.profiles.default.mappings[0].destination: is not YAML: unexpected character: `\\u{1}'",
        ),
    ]);
}

#[test]
fn what_is_no_document_at_all_is_refused() {
    let table = [
        ("", "gatewaysync.yaml: is empty; it must hold one GatewaySync"),
        ("# nothing\n---\n", "gatewaysync.yaml: is empty; it must hold one GatewaySync"),
        ("null", "gatewaysync.yaml: is empty; it must hold one GatewaySync"),
        ("plant", "gatewaysync.yaml:1:1: is the text \"plant\", not a GatewaySync"),
        ("[1]", "gatewaysync.yaml:1:1: is a list, not a GatewaySync"),
        ("{", "gatewaysync.yaml:1:1: is not YAML: unclosed bracket '{'"),
        ("a: b: c", "gatewaysync.yaml:1:5: is not YAML: mapping values are not allowed in this context"),
    ];
    for (text, words) in table {
        assert_eq!(refusal(text), words, "{text:?}");
    }
}

#[test]
fn a_hostile_document_is_refused_and_costs_little() {
    let deep = refusal(&format!("{}{}", "[".repeat(100), "]".repeat(100)));
    assert!(deep.ends_with("nests deeper than 32 levels"), "{deep}");
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, name) in ('a'..='y').zip('b'..='z') {
        let aliases = vec![format!("*{before}"); 8].join(", ");
        bomb.extend([name.to_string(), ": &".into(), name.to_string(), " [".into(), aliases, "]\n".into()]);
    }
    let told = refusal(&bomb);
    assert!(told.ends_with("the document is too large with its aliases expanded; write less"), "{told}");
    let told = refusal(&"#".repeat(2 << 20));
    let words = "gatewaysync.yaml: is larger than 1048576 bytes; a GatewaySync that large would not fit a cluster either";
    assert_eq!(told, words);
    let told = refusal(&LEAST.replace("spec:\n", &format!("spec:\n  ? {}\n  : 1\n", "k".repeat(5000))));
    assert_eq!(told, "gatewaysync.yaml:6:5: spec: a key is longer than 1024 bytes");
}

#[test]
fn many_problems_are_told_in_the_order_of_the_file_and_then_counted() {
    let vars: String = (0..30).map(|n| format!("        {n}x: v\n")).collect::<Vec<_>>().concat();
    let told = refusal(&LEAST.replace("  sync:\n", &format!("  sync:\n    defaults:\n      vars:\n{vars}")));
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 21);
    assert!(lines[0].starts_with("gatewaysync.yaml:15:13: spec.sync.defaults.vars.0x: "), "{}", lines[0]);
    assert!(lines[1].starts_with("gatewaysync.yaml:16:"), "{}", lines[1]);
    assert_eq!(lines[20], "gatewaysync.yaml: and 10 more");
}

#[test]
fn unknown_fields_everywhere_are_told_at_once() {
    let text = LEAST
        .replace("spec:\n", "spec:\n  pausd: true\n")
        .replace("    ref: main\n", "    ref: main\n    reff: x\n");
    assert_eq!(
        refusal(&text),
        "gatewaysync.yaml:6:3: spec.pausd: unknown field; did you mean \"paused\"?\n\
         gatewaysync.yaml:10:5: spec.git.reff: unknown field; known here: repo, ref, auth, verify, tls, proxy"
    );
}

#[test]
fn a_password_in_an_address_is_not_told() {
    for repo in ["httpx://me:hunter2@git.example.com/x", "me:hunter2/x", "https://me:hunter2@git example.com"]
    {
        let text = LEAST.replace("https://git.example.com/plant.git", repo);
        if let Err(error) = super::read(&text, "gatewaysync.yaml") {
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn a_damaged_manifest_is_read_or_refused_but_never_more() {
    const TROUBLE: &[u8] = b"{}[]:-*&!|>'\"#%@`,? \n\t\\<=~0";
    let whole = include_str!("everything.yaml").as_bytes();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut refused = 0;
    for _ in 0..1500 {
        let mut damaged = whole.to_vec();
        for _ in 0..=random(3) {
            let at = random(damaged.len());
            match random(3) {
                0 => damaged[at] = TROUBLE[random(TROUBLE.len())],
                1 => _ = damaged.remove(at),
                _ => damaged.insert(at, TROUBLE[random(TROUBLE.len())]),
            }
        }
        if let Err(error) = super::read(&String::from_utf8_lossy(&damaged), "x.yaml") {
            refused += 1;
            assert!(!error.problems().is_empty() && error.to_string().starts_with("x.yaml:"), "{error}");
            assert!(error.to_string().len() < 8000, "{error}");
        }
    }
    assert!(refused > 500, "only {refused} of 1500 were refused");
}
