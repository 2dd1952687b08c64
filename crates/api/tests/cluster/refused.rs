//! Bad manifests are refused by the API server itself, at the field, with words that say what to do.

use stoker_api::crd::GatewaySync;

use crate::Cluster;
use crate::manifests::LEAST;

/// Replaces a line of the least manifest; the refusal must hold each of the words.
async fn assert_refused(purpose: &str, table: &[(&str, &str, &[&str])]) {
    let cluster = Cluster::with(purpose).await;
    for (line, instead, words) in table {
        assert!(LEAST.contains(line), "{line:?} is not in the manifest");
        let told = cluster.judge(&LEAST.replacen(line, instead, 1)).await.expect_err(instead);
        for word in *words {
            assert!(told.contains(word), "with {instead:?} the server says {told:?}, without {word:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn credentials_are_of_exactly_one_kind() {
    let words: &[&str] = &[
        "spec.git.auth",
        "give exactly one of token, sshKey, githubApp, or remove auth for a public repository",
    ];
    let two = "    ref: main\n    auth: {token: {secretRef: {name: a, key: b}}, sshKey: {secretRef: {name: a, key: b}}}\n";
    assert_refused(
        "auth",
        &[("    ref: main\n", "    ref: main\n    auth: {}\n", words), ("    ref: main\n", two, words)],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn there_is_a_profile_with_a_mapping() {
    let profile = "      default:\n        mappings:\n          - source: projects\n            destination: projects\n";
    assert_refused(
        "profiles",
        &[
            (profile, "      {}\n", &["spec.sync.profiles", "should have at least 1 properties"]),
            (profile, "", &["spec.sync.profiles: Required value"]),
            (
                profile,
                "      default: {mappings: []}\n",
                &["spec.sync.profiles.default.mappings", "should have at least 1 items"],
            ),
            (profile, "      default: {}\n", &["spec.sync.profiles.default.mappings: Required value"]),
            (
                profile,
                "      '': {mappings: [{source: a, destination: a}]}\n",
                &["spec.sync.profiles", "a profile needs a name that a pod can ask for"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn sources_and_destinations_stay_inside() {
    let (source, destination) = ("source: projects\n", "destination: projects\n");
    let leaves_data = "leaves the data directory; write a path without \"..\"";
    let leaves_repository = "leaves the repository; write a path without \"..\"";
    let at_destination = "spec.sync.profiles[default].mappings[0].destination";
    let at_source = "spec.sync.profiles[default].mappings[0].source";
    assert_refused(
        "paths",
        &[
            (
                destination,
                "destination: /data\n",
                &[at_destination, "is absolute; write it relative to the data directory"],
            ),
            (destination, "destination: ..\n", &[at_destination, leaves_data]),
            (destination, "destination: ../data\n", &[leaves_data]),
            (destination, "destination: a/../../b\n", &[leaves_data]),
            (destination, "destination: a/..\n", &[leaves_data]),
            (destination, "destination: 'a\\..\\b'\n", &[leaves_data]),
            (destination, "destination: 'sites/{{ .Vars.site }}/../x'\n", &[leaves_data]),
            (source, "source: /projects\n", &[at_source, "is absolute; write it relative to the repository"]),
            (
                source,
                "source: '/{{ .GatewayName }}'\n",
                &["is absolute; write it relative to the repository"],
            ),
            (source, "source: ../projects\n", &[at_source, leaves_repository]),
            (source, "source: ''\n", &["source", "should be at least 1 chars long"]),
            (
                source,
                "patches: [{file: /etc/passwd, set: {a: b}}]\n            source: projects\n",
                &["patches[0].file", "is absolute; write it relative to the mapping's destination"],
            ),
            (
                source,
                "type: dir\n            patches: [{set: {a: b}}]\n            source: projects\n",
                &["a patch names no file; a mapping of type dir needs `file`, such as \"**/config.json\""],
            ),
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn durations_are_durations_and_windows_open() {
    let words: &[&str] = &[
        "spec.polling.interval",
        "is not a duration; write numbers with units (ns, us, ms, s, m, h), such as \"90s\" or \"1h30m\"",
    ];
    let zero: &[&str] = &[
        "spec.syncWindows[0].duration",
        "is zero, so that the window never opens; write for example \"2h\"",
    ];
    assert_refused(
        "durations",
        &[
            ("  sync:\n", "  polling: {interval: '60'}\n  sync:\n", words),
            ("  sync:\n", "  polling: {interval: 1d}\n  sync:\n", words),
            ("  sync:\n", "  polling: {interval: -1s}\n  sync:\n", words),
            ("  sync:\n", "  polling: {interval: soon}\n  sync:\n", words),
            (
                "  sync:\n",
                "  polling: {interval: 60}\n  sync:\n",
                &["spec.polling.interval", "must be of type string"],
            ),
            (
                "  sync:\n",
                "  syncWindows: [{kind: deny, schedule: '0 2 * * *', duration: 0s}]\n  sync:\n",
                zero,
            ),
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn variables_are_identifiers() {
    let words: &[&str] =
        &["vars", "a variable's name has letters, digits and '_' only, and does not begin with a digit"];
    assert_refused(
        "variables",
        &[
            ("  sync:\n", "  sync:\n    defaults: {vars: {line-1: a}}\n", words),
            ("  sync:\n", "  sync:\n    defaults: {vars: {2nd: a}}\n", words),
            ("        mappings:\n", "        vars: {a b: c}\n        mappings:\n", words),
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn periods_ports_and_limits_are_within_their_bounds() {
    let default = "  sync:\n";
    assert_refused(
        "bounds",
        &[
            (
                default,
                "  sync:\n    defaults: {syncPeriod: 4}\n",
                &["spec.sync.defaults.syncPeriod", "greater than or equal to 5"],
            ),
            (default, "  sync:\n    defaults: {syncPeriod: 3601}\n", &["less than or equal to 3600"]),
            (default, "  sync:\n    defaults: {healthTimeoutSeconds: 9}\n", &["greater than or equal to 10"]),
            (default, "  sync:\n    defaults: {startDeadlineSeconds: -1}\n", &["greater than or equal to 0"]),
            (default, "  sync:\n    defaults: {undoGenerations: 0}\n", &["greater than or equal to 1"]),
            (
                "        mappings:\n",
                "        syncPeriod: 1\n        mappings:\n",
                &["spec.sync.profiles.default.syncPeriod"],
            ),
            (
                "  gateway:\n",
                "  gateway:\n    port: 0\n",
                &["spec.gateway.port", "greater than or equal to 1"],
            ),
            ("  gateway:\n", "  gateway:\n    port: 65536\n", &["less than or equal to 65535"]),
            (
                default,
                "  sync:\n    limits: {maxBytes: 0}\n",
                &["spec.sync.limits.maxBytes", "so that nothing could ever be synced"],
            ),
            (
                default,
                "  sync:\n    limits: {maxBytes: 1.5 GB}\n",
                &["is not an amount of bytes; write a number with Ki"],
            ),
            (
                default,
                "  sync:\n    limits: {maxDeletes: 101%}\n",
                &["is not a limit on deletions; write a percentage"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_is_connected_to_is_an_address() {
    let repo = "    repo: https://git.example.com/plant.git\n";
    let no_address = "is not a repository's address; it begins with https://, http://, ssh://, git:// or file://, or reads git@host:path";
    assert_refused(
        "addresses",
        &[
            (repo, "    repo: ''\n", &["spec.git.repo", "should be at least 1 chars long"]),
            (repo, "", &["spec.git.repo: Required value"]),
            (repo, "    repo: git.example.com/plant\n", &["spec.git.repo", no_address]),
            (repo, "    repo: /srv/plant.git\n", &[no_address]),
            ("    ref: main\n", "    ref: a b\n", &["spec.git.ref", "it has blanks in it"]),
            (
                "    ref: main\n",
                "    ref: main\n    proxy: {url: 'http://me:secret@proxy:3128'}\n",
                &[
                    "spec.git.proxy.url",
                    "has credentials in it; move user:password into the Secret that secretRef names",
                ],
            ),
            (
                "  name: plant\n",
                "  name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234\n",
                &["is longer than 63 characters; it must fit a label"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn unknown_fields_and_words_are_named() {
    assert_refused("unknown", &[
        ("        mappings:\n", "        mapings:\n", &["unknown field \"spec.sync.profiles.default.mapings\""]),
        ("  sync:\n", "  pausd: true\n  sync:\n", &["unknown field \"spec.pausd\""]),
        ("  sync:\n", "  sync:\n    defaults: {driftPolicy: fix}\n", &["Unsupported value: \"fix\": supported values: \"report\", \"hold\", \"restore\", \"ignore\""]),
        ("  sync:\n", "  agent: {updateStrategy: Always}\n  sync:\n", &["supported values: \"onRestart\", \"inPlace\""]),
    ])
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn without_strict_fields_the_unknown_is_dropped_and_nothing_else() {
    let cluster = Cluster::with("pruned").await;
    let mut object: serde_json::Value =
        serde_json::to_value(stoker_api::manifest::read(LEAST, "gatewaysync.yaml").unwrap()).unwrap();
    object["spec"]["pausd"] = true.into();
    let path = <GatewaySync as kube::Resource>::url_path(&(), Some(&cluster.namespace));
    let body = object.to_string().into_bytes();
    let request = kube::api::Request::new(path).create(&kube::api::PostParams::default(), body).unwrap();
    let stored: serde_json::Value = cluster.server.admin().unwrap().request(request).await.unwrap();
    assert!(stored["spec"].get("pausd").is_none());
    assert_eq!(stored["spec"]["git"], object["spec"]["git"]);
}
