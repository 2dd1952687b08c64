//! A manifest that a cluster takes is taken without one, and the other way round.
//!
//! Only what keeps a rule affordable in the API server differs: how long lists, maps and texts may be (`crd::rules`).

use stoker_api::manifest;

use crate::Cluster;
use crate::manifests::{EARLIER, LEAST, everything};

/// What a line of the least manifest is replaced by.
const GOOD: &[(&str, &[&str])] = &[
    ("  gateway:\n", &["  gateway:\n    tls: yes\n", "  gateway:\n    tls: False\n    port: 65535\n"]),
    (
        "    repo: https://git.example.com/plant.git\n",
        &[
            "    repo: ssh://git@git.example.com:2222/plant.git\n",
            "    repo: git@git.example.com:plant/ignition.git\n",
            "    repo: git@h:/srv/plant\n",
            "    repo: git://127.0.0.1/plant\n",
            "    repo: file:///srv/git/plant.git\n",
            "    repo: http://me:pw@localhost:3000/plant\n",
        ],
    ),
    (
        "    ref: main\n",
        &[
            "    ref: 0123456789abcdef0123456789abcdef01234567\n",
            "    ref: feature/\u{e4}\n",
            "    ref: main\n    auth: {token: {secretRef: {name: a, key: b}}}\n",
            "    ref: main\n    auth:\n",
            "    ref: main\n    auth: {sshKey: {secretRef: {name: a, key: b}, knownHosts: {secretRef: {name: a, key: c}}}}\n",
            "    ref: main\n    proxy: {url: 'http://proxy:3128/x@y'}\n",
        ],
    ),
    (
        "  sync:\n",
        &[
            "  polling: {interval: 1h30m}\n  sync:\n",
            "  polling: {interval: 1.5h}\n  sync:\n",
            "  polling: {interval: +.5s}\n  sync:\n",
            "  polling: {interval: '0'}\n  sync:\n",
            "  polling: {interval: 3\u{b5}s}\n  sync:\n",
            "  polling:\n  agent:\n  syncWindows: []\n  sync:\n",
            "  syncWindows: [{kind: deny, schedule: '0 2 * * *', duration: 90m, timeZone: Europe/Berlin}]\n  sync:\n",
            "  agent: {resources: {limits: {cpu: 1, memory: 1.5Gi}, requests: {cpu: 100m, memory: 1e6}}}\n  sync:\n",
            "  sync:\n    limits: {maxBytes: 1073741824, maxFileBytes: 0.5Gi, maxDeletes: '100%', maxFiles: 1}\n",
            "  sync:\n    limits: {maxDeletes: 0, maxBytes: '7'}\n",
            "  sync:\n    defaults: {undoMaxBytes: 0, vars: {_a1: '', B: 'x: y'}, startDeadlineSeconds: 0}\n",
        ],
    ),
    (
        "          - source: projects\n",
        &[
            "          - source: sites/{{ .Vars.site }}/projects\n",
            "          - source: \"{{ .GatewayName }}\"\n",
            "          - source: .\n",
            "          - source: a/..b/c..\n",
            "          - source: ..{{ .GatewayName }}\n",
            "          - source: 'a\\b'\n",
            "          - patches: [{file: '**/*.json', set: {'a.b': '1', 'list.-1': x}}]\n            source: projects\n",
            "          - patches: [{set: {a: '1'}}]\n            source: projects\n",
            "          - patches: [{file: '..a/.b/.../c', set: {a: '1'}}]\n            source: projects\n",
            "          - {source: a, destination: a, type: file, prune: all}\n          - source: projects\n",
        ],
    ),
];

const BAD: &[(&str, &[&str])] = &[
    (
        "  name: plant\n",
        &[
            "  name: Plant\n",
            "  name: a_b\n",
            "  name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234\n",
        ],
    ),
    (
        "    repo: https://git.example.com/plant.git\n",
        &[
            "",
            "    repo:\n",
            "    repo: ''\n",
            "    repo: 7\n",
            "    repo: /srv/plant.git\n",
            "    repo: git.example.com/plant\n",
            "    repo: https://\n",
            "    repo: git@h:\n",
            "    repo: git@h://x\n",
            "    repo: ftp://h/x\n",
        ],
    ),
    (
        "    ref: main\n",
        &[
            "",
            "    ref: ''\n",
            "    ref: a b\n",
            "    ref: \"a\\u00a0b\"\n",
            "    ref: 1.10\n",
            "    branch: main\n    ref: main\n",
            "    ref: main\n    ref: main\n",
            "    ref: main\n    auth: {}\n",
            "    ref: main\n    auth: {token: {secretRef: {name: a, key: b}}, sshKey: {secretRef: {name: a, key: b}}}\n",
            "    ref: main\n    auth: {token: {secretRef: {name: a}}}\n",
            "    ref: main\n    auth: {token: {secretRef: {name: a, key: ''}}}\n",
            "    ref: main\n    auth: {token: secret}\n",
            "    ref: main\n    auth: {githubApp: {appId: 0, installationId: 1, privateKeySecretRef: {name: a, key: b}}}\n",
            "    ref: main\n    auth: {githubApp: {appId: 1, installationId: 1, privateKeySecretRef: {name: a, key: b}, apiBaseURL: ghe.example.com}}\n",
            "    ref: main\n    proxy: {url: 'http://me:secret@proxy:3128'}\n",
            "    ref: main\n    proxy: {url: 'proxy:3128'}\n",
            "    ref: main\n    verify: {secretRef: {}}\n",
        ],
    ),
    (
        "      secretName: ignition-api\n",
        &["      secretName: ''\n", "      secretKey: a\n", "      secretName: a\n      secretKey: ''\n"],
    ),
    (
        "  gateway:\n",
        &[
            "  gateway:\n    port: 0\n",
            "  gateway:\n    port: 65536\n",
            "  gateway:\n    port: '8088'\n",
            "  gateway:\n    tls: 'true'\n",
        ],
    ),
    (
        "  sync:\n",
        &[
            "  polling: {interval: 60}\n  sync:\n",
            "  polling: {interval: '60'}\n  sync:\n",
            "  polling: {interval: 1d}\n  sync:\n",
            "  polling: {interval: -5s}\n  sync:\n",
            "  polling: {interval: ''}\n  sync:\n",
            "  polling: {interval: 9999999h}\n  sync:\n",
            "  polling: {interval: 1h 30m}\n  sync:\n",
            "  syncWindows: [{kind: maybe, schedule: '0 2 * * *', duration: 1h}]\n  sync:\n",
            "  syncWindows: [{kind: deny, schedule: '', duration: 1h}]\n  sync:\n",
            "  syncWindows: [{kind: deny, schedule: '0 2 * * *', duration: 0m}]\n  sync:\n",
            "  receiver: {allowedRefs: ['']}\n  sync:\n",
            "  agent: {updateStrategy: always}\n  sync:\n",
            "  agent: {image: {pullPolicy: Sometimes}}\n  sync:\n",
            "  agent: {resources: {limits: {cpu: lots}}}\n  sync:\n",
            "  agent: {resources: {limits: {cpu: 0.5}}}\n  sync:\n",
            "  sync:\n    limits: {maxFiles: 0}\n",
            "  sync:\n    limits: {maxBytes: 0}\n",
            "  sync:\n    limits: {maxFileBytes: 0Mi}\n",
            "  sync:\n    limits: {maxBytes: 10m}\n",
            "  sync:\n    limits: {maxBytes: 1.5}\n",
            "  sync:\n    limits: {maxBytes: -1}\n",
            "  sync:\n    limits: {maxBytes: 99Ei}\n",
            "  sync:\n    limits: {maxDeletes: 0%}\n",
            "  sync:\n    limits: {maxDeletes: 101%}\n",
            "  sync:\n    limits: {maxDeletes: some}\n",
            "  sync:\n    defaults: {vars: {line-1: a}}\n",
            "  sync:\n    defaults: {vars: {2nd: a}}\n",
            "  sync:\n    defaults: {vars: {'': a}}\n",
            "  sync:\n    defaults: {vars: {line: 4}}\n",
            "  sync:\n    defaults: {excludePatterns: ['']}\n",
            "  sync:\n    defaults: {syncPeriod: 4}\n",
            "  sync:\n    defaults: {syncPeriod: 3601}\n",
            "  sync:\n    defaults: {healthTimeoutSeconds: 9}\n",
            "  sync:\n    defaults: {startDeadlineSeconds: 3601}\n",
            "  sync:\n    defaults: {undoGenerations: 0}\n",
            "  sync:\n    defaults: {designerSessionPolicy: ask}\n",
            "  sync:\n    defaults: {driftPolicy: Report}\n",
            "  sync:\n    policy: strict\n",
            "  pausd: true\n  sync:\n",
        ],
    ),
    (
        "      default:\n        mappings:\n          - source: projects\n            destination: projects\n",
        &[
            "",
            "      {}\n",
            "      default: {}\n",
            "      default: {mappings: []}\n",
            "      '': {mappings: [{source: a, destination: a}]}\n",
            "      default: {mappings: [{source: a}]}\n",
            "      default: {mappings: [{source: a, destination: a}], vars: {a.b: c}}\n",
            "      default: {mappings: [{source: a, destination: a}], syncPeriod: 1}\n",
        ],
    ),
    (
        "          - source: projects\n",
        &[
            "          - source: ''\n",
            "          - source: /projects\n",
            "          - source: /{{ .Vars.line }}\n",
            "          - source: ..\n",
            "          - source: ../projects\n",
            "          - source: a/../b\n",
            "          - source: a/..\n",
            "          - source: '{{ .Vars.line }}/../b'\n",
            "          - source: 'a\\..\\b'\n",
            "          - source: \"a\\0b\"\n",
            "          - source: a\n            type: folder\n",
            "          - source: a\n            prune: everything\n",
            "          - source: a\n            type: dir\n            patches: [{set: {a: '1'}}]\n",
            "          - source: a\n            patches: [{set: {}}]\n",
            "          - source: a\n            patches: [{set: {'': x}}]\n",
            "          - source: a\n            patches: [{set: {a: 1}}]\n",
            "          - source: a\n            patches: [{file: /a, set: {a: '1'}}]\n",
            "          - source: a\n            patches: [{file: ../a, set: {a: '1'}}]\n",
            "          - source: a\n            patches: [{file: a/.., set: {a: '1'}}]\n",
        ],
    ),
    (
        "            destination: projects\n",
        &[
            "            destination: /projects\n",
            "            destination: ../data\n",
            "            destination: ''\n",
            "",
        ],
    ),
];

fn edited(table: &[(&str, &[&str])]) -> Vec<String> {
    let edit = |line: &str, other: &&str| {
        assert!(LEAST.contains(line), "{line:?} is not in the manifest");
        LEAST.replacen(line, other, 1)
    };
    table.iter().flat_map(|(line, others)| others.iter().map(move |other| edit(line, other))).collect()
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_the_reader_takes_the_server_takes() {
    let cluster = Cluster::with("agree").await;
    let mut manifests = edited(GOOD);
    manifests.extend([LEAST.to_owned(), EARLIER.to_owned(), everything()]);
    let mut wrong = Vec::new();
    for text in &manifests {
        if let Err(refusal) = manifest::read(text, "reader") {
            wrong.push(format!("the reader refuses: {refusal}\n{text}"));
        }
        if let Err(refusal) = cluster.judge(text).await {
            wrong.push(format!("the server refuses: {refusal}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_the_reader_refuses_the_server_refuses() {
    let cluster = Cluster::with("disagree").await;
    let mut wrong = Vec::new();
    for text in &edited(BAD) {
        if manifest::read(text, "reader").is_ok() {
            wrong.push(format!("the reader takes:\n{text}"));
        }
        if cluster.judge(text).await.is_ok() {
            wrong.push(format!("the server takes:\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
