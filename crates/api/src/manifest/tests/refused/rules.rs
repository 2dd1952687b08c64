//! Values that break a rule of the contract.

use super::assert_refused;

#[test]
fn what_is_connected_to_is_checked() {
    assert_refused(&[
        (
            "  name: plant\n",
            "  name: Plant_1\n",
            "4:9: metadata.name: \"Plant_1\" is not a Kubernetes name; use lower-case letters, digits and '-', with a letter or digit at both ends",
        ),
        (
            "  name: plant\n",
            "  name: pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\n",
            "4:9: metadata.name: is longer than 63 characters; it must fit a label",
        ),
        (
            "  name: plant\n",
            "  name: plant\n  namespace: -x\n",
            "5:14: metadata.namespace: \"-x\" is not a Kubernetes name; use lower-case letters, digits and '-', with a letter or digit at both ends",
        ),
        ("https://git.example.com/plant.git", "''", "7:11: spec.git.repo: is empty; write a value"),
        (
            "https://git.example.com/plant.git",
            "git.example.com/plant",
            "7:11: spec.git.repo: is not a repository's address; it begins with https://, http://, ssh://, git:// or file://, or reads git@host:path",
        ),
        (
            "https://git.example.com/plant.git",
            "https://",
            "7:11: spec.git.repo: names no host or path after https://",
        ),
        (
            "https://git.example.com/plant.git",
            "/srv/plant.git",
            "7:11: spec.git.repo: is not a repository's address; it begins with https://, http://, ssh://, git:// or file://, or reads git@host:path",
        ),
        ("ref: main", "ref: ''", "8:10: spec.git.ref: is empty; write a value"),
        (
            "ref: main",
            "ref: a b",
            "8:10: spec.git.ref: \"a b\" is not a branch, a tag or a commit: it has blanks in it",
        ),
        (
            "ref: main\n",
            "ref: main\n    auth: {}\n",
            "9:11: spec.git.auth: is empty; give exactly one of token, sshKey, githubApp, or remove it for a public repository",
        ),
        (
            "ref: main\n",
            "ref: main\n    auth: {token: {secretRef: {name: a, key: b}}, sshKey: {secretRef: {name: a, key: b}}}\n",
            "9:11: spec.git.auth: has token and sshKey; give exactly one of token, sshKey, githubApp",
        ),
        (
            "ref: main\n",
            "ref: main\n    auth: {token: {secretRef: {name: '', key: ''}}}\n",
            "9:38: spec.git.auth.token.secretRef.name: is empty; write a value\n9:47: spec.git.auth.token.secretRef.key: is empty; write a value",
        ),
        (
            "ref: main\n",
            "ref: main\n    auth: {githubApp: {appId: 0, installationId: -3, privateKeySecretRef: {name: a, key: b}, apiBaseURL: ftp://x}}\n",
            "9:31: spec.git.auth.githubApp.appId: must be 1 or more, not 0\n9:50: spec.git.auth.githubApp.installationId: must be 1 or more, not -3\n9:106: spec.git.auth.githubApp.apiBaseURL: is not an address; it begins with https:// or http://",
        ),
        (
            "ref: main\n",
            "ref: main\n    proxy: {url: 'http://me:secret@proxy:3128'}\n",
            "9:18: spec.git.proxy.url: has credentials in it; move user:password into the Secret that secretRef names",
        ),
        (
            "ref: main\n",
            "ref: main\n    proxy: {url: proxy:3128}\n",
            "9:18: spec.git.proxy.url: is not an address; it begins with https:// or http://",
        ),
        (
            "secretName: ignition-api",
            "secretName: ''",
            "11:19: spec.gateway.api.secretName: is empty; write a value",
        ),
        (
            "  sync:\n",
            "  syncWindows: [{kind: deny, schedule: '', duration: 0s}]\n  sync:\n",
            "12:40: spec.syncWindows[0].schedule: is empty; write a value\n12:54: spec.syncWindows[0].duration: is zero, so that the window never opens; write for example \"2h\"",
        ),
        (
            "  sync:\n",
            "  agent: {resources: {limits: {cpu: lots, memory: 32Mi}, requests: {cpu: 1e3}}}\n  sync:\n",
            "12:37: spec.agent.resources.limits.cpu: \"lots\" is not a quantity; write for example \"10m\" or \"32Mi\"",
        ),
        (
            "  sync:\n",
            "  receiver: {hmacSecretRef: {name: a, key: ''}, allowedRefs: ['']}\n  sync:\n",
            "12:44: spec.receiver.hmacSecretRef.key: is empty; write a value\n12:63: spec.receiver.allowedRefs[0]: is empty; write a value",
        ),
    ]);
}

#[test]
fn profiles_and_mappings_are_checked() {
    assert_refused(&[
        (
            "      default:\n        mappings:\n          - source: projects\n            destination: projects\n",
            "      {}\n",
            "14:7: spec.sync.profiles: is empty; write at least the profile \"default\"",
        ),
        (
            "      default:\n",
            "      '':\n",
            "15:9: spec.sync.profiles[\"\"]: a profile needs a name that a pod can ask for",
        ),
        (
            "          - source: projects\n            destination: projects\n",
            "          []\n",
            "16:11: spec.sync.profiles.default.mappings: is empty; write at least one source and destination",
        ),
        (
            "          - source: projects\n            destination: projects\n",
            "          -\n",
            "16:12: spec.sync.profiles.default.mappings[0]: must be a map with source, destination, type, required, template, patches, prune, not an empty value",
        ),
        (
            "source: projects",
            "source: /projects",
            "16:21: spec.sync.profiles.default.mappings[0].source: \"/projects\" is absolute; write it relative to the repository",
        ),
        (
            "source: projects",
            "source: \"/{{ .Vars.line }}\"",
            "16:21: spec.sync.profiles.default.mappings[0].source: \"/{{ .Vars.line }}\" is absolute; write it relative to the repository",
        ),
        (
            "source: projects",
            "source: ''",
            "16:21: spec.sync.profiles.default.mappings[0].source: is empty; write a value",
        ),
        (
            "destination: projects",
            "destination: ../x",
            "17:26: spec.sync.profiles.default.mappings[0].destination: \"../x\" leaves the data directory; write a path without \"..\"",
        ),
        (
            "destination: projects",
            "destination: a/../../x",
            "17:26: spec.sync.profiles.default.mappings[0].destination: \"a/../../x\" leaves the data directory; write a path without \"..\"",
        ),
        (
            "destination: projects",
            "destination: 'sites/{{ .Vars.site }}/../x'",
            "17:26: spec.sync.profiles.default.mappings[0].destination: \"sites/{{ .Vars.site }}/../x\" leaves the data directory; write a path without \"..\"",
        ),
        (
            "destination: projects",
            "destination: 'a\\..\\x'",
            "17:26: spec.sync.profiles.default.mappings[0].destination: \"a\\\\..\\\\x\" leaves the data directory; write a path without \"..\"",
        ),
        (
            "destination: projects",
            "destination: \"a\\0b\"",
            "17:26: spec.sync.profiles.default.mappings[0].destination: \"a\\0b\" has a NUL character in it",
        ),
        (
            "destination: projects\n",
            "destination: projects\n            type: dir\n            patches: [{set: {a: '1'}}]\n",
            "19:23: spec.sync.profiles.default.mappings[0].patches[0]: names no file; a mapping of type dir needs `file`, such as \"**/config.json\"",
        ),
        (
            "destination: projects\n",
            "destination: projects\n            patches: [{file: ../a, set: {}}, {set: {'': x}}]\n",
            "18:30: spec.sync.profiles.default.mappings[0].patches[0].file: \"../a\" leaves the mapping's destination; write a path without \"..\"\n18:41: spec.sync.profiles.default.mappings[0].patches[0].set: is empty; write at least one path and value\n18:57: spec.sync.profiles.default.mappings[0].patches[1].set[\"\"]: is no path into a JSON document; write for example \"a.b\"",
        ),
        (
            "destination: projects\n",
            "destination: projects\n            patches: [{set: {a.b: 1}}]\n",
            "18:35: spec.sync.profiles.default.mappings[0].patches[0].set[\"a.b\"]: must be text, not the number 1; put it in quotes: \"1\"",
        ),
        (
            "destination: projects\n",
            "destination: projects\n            prune: everything\n",
            "18:20: spec.sync.profiles.default.mappings[0].prune: \"everything\" is not one of owned, all",
        ),
        (
            "  sync:\n",
            "  sync:\n    defaults: {vars: {line-1: a, 2nd: b}, excludePatterns: ['']}\n",
            "13:31: spec.sync.defaults.vars.line-1: is no name for a variable; use letters, digits and '_', not beginning with a digit\n13:39: spec.sync.defaults.vars.2nd: is no name for a variable; use letters, digits and '_', not beginning with a digit\n13:61: spec.sync.defaults.excludePatterns[0]: is empty; write a value",
        ),
    ]);
}
