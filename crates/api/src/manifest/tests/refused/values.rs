//! Values of a wrong type or beyond their bounds.

use super::assert_refused;

const NUMBERS: &[(&str, &str, &str)] = &[
    (
        "  gateway:\n",
        "  gateway:\n    port: 70000\n",
        "10:11: spec.gateway.port: must be from 1 to 65535, not 70000",
    ),
    ("  gateway:\n", "  gateway:\n    port: 0\n", "10:11: spec.gateway.port: must be from 1 to 65535, not 0"),
    (
        "  gateway:\n",
        "  gateway:\n    port: -1\n",
        "10:11: spec.gateway.port: must be from 1 to 65535, not -1",
    ),
    (
        "  gateway:\n",
        "  gateway:\n    port: '8088'\n",
        "10:11: spec.gateway.port: must be a whole number, not the text \"8088\"; remove the quotes",
    ),
    (
        "  gateway:\n",
        "  gateway:\n    port: 0x1F\n",
        "10:11: spec.gateway.port: must be a whole number in plain digits, not the number 0x1F",
    ),
    (
        "  gateway:\n",
        "  gateway:\n    port: web\n",
        "10:11: spec.gateway.port: must be a whole number, not the text \"web\"",
    ),
    (
        "  gateway:\n",
        "  polling: {interval: 1d}\n  gateway:\n",
        "9:23: spec.polling.interval: \"1d\" has the unknown unit \"d\"; known units are ns, us, ms, s, m, h",
    ),
    (
        "  gateway:\n",
        "  polling: {interval: 60}\n  gateway:\n",
        "9:23: spec.polling.interval: must be text, not the number 60; put it in quotes: \"60\"",
    ),
    (
        "  gateway:\n",
        "  polling: {interval: '60'}\n  gateway:\n",
        "9:23: spec.polling.interval: \"60\" has no unit; write for example \"60s\" for seconds",
    ),
    (
        "  gateway:\n",
        "  polling: {interval: -5s}\n  gateway:\n",
        "9:23: spec.polling.interval: \"-5s\" is negative; a duration here is zero or longer",
    ),
    (
        "  gateway:\n",
        "  polling: {interval: often}\n  gateway:\n",
        "9:23: spec.polling.interval: \"often\" is not a duration; write numbers with units (ns, us, ms, s, m, h), such as \"90s\" or \"1h30m\"",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {syncPeriod: 4, undoGenerations: 0, healthTimeoutSeconds: 9, startDeadlineSeconds: 3601}\n",
        "13:28: spec.sync.defaults.syncPeriod: must be from 5 to 3600, not 4\n13:48: spec.sync.defaults.undoGenerations: must be from 1 to 100, not 0\n13:73: spec.sync.defaults.healthTimeoutSeconds: must be from 10 to 3600, not 9\n13:98: spec.sync.defaults.startDeadlineSeconds: must be from 0 to 3600, not 3601",
    ),
    (
        "      default:\n",
        "      default:\n        syncPeriod: 3601\n        undoGenerations: 101\n        healthTimeoutSeconds: 3601\n        startDeadlineSeconds: -1\n",
        "18:31: spec.sync.profiles.default.startDeadlineSeconds: must be from 0 to 3600, not -1",
    ),
    (
        "      default:\n",
        "      default:\n        syncPeriod: 3601\n        undoGenerations: 101\n",
        "15:21: spec.sync.profiles.default.syncPeriod: must be from 5 to 3600, not 3601\n16:26: spec.sync.profiles.default.undoGenerations: must be from 1 to 100, not 101",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {undoMaxBytes: 256MB}\n",
        "13:30: spec.sync.defaults.undoMaxBytes: \"256MB\" is not an amount of bytes; write a number with Ki, Mi, Gi, Ti, k, M, G, T or nothing, such as \"256Mi\"",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {undoMaxBytes: [1]}\n",
        "13:30: spec.sync.defaults.undoMaxBytes: must be an amount of bytes such as \"256Mi\", not a list",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {undoMaxBytes: true}\n",
        "13:30: spec.sync.defaults.undoMaxBytes: must be an amount of bytes such as \"256Mi\", not the boolean true",
    ),
    (
        "  sync:\n",
        "  sync:\n    limits: {maxDeletes: 150%}\n",
        "13:26: spec.sync.limits.maxDeletes: \"150%\" is not a limit on deletions; write a percentage from \"1%\" to \"100%\", or a number of files",
    ),
    (
        "  sync:\n",
        "  sync:\n    limits: {maxDeletes: -1}\n",
        "13:26: spec.sync.limits.maxDeletes: \"-1\" is not a limit on deletions; write a percentage from \"1%\" to \"100%\", or a number of files",
    ),
    (
        "  sync:\n",
        "  sync:\n    limits: {maxFiles: 0, maxBytes: 0, maxFileBytes: 0}\n",
        "13:24: spec.sync.limits.maxFiles: is zero, so that nothing could ever be synced; write more\n13:37: spec.sync.limits.maxBytes: is zero, so that nothing could ever be synced; write more\n13:54: spec.sync.limits.maxFileBytes: is zero, so that nothing could ever be synced; write more",
    ),
    (
        "  sync:\n",
        "  sync:\n    limits: {maxFiles: -4}\n",
        "13:24: spec.sync.limits.maxFiles: must be zero or more, not -4",
    ),
    (
        "  sync:\n",
        "  sync:\n    limits: {maxFiles: 1e6}\n",
        "13:24: spec.sync.limits.maxFiles: must be a whole number in plain digits, not the number 1e6",
    ),
];

#[test]
fn numbers_and_durations_have_bounds() {
    assert_refused(NUMBERS);
}

const TYPES: &[(&str, &str, &str)] = &[
    (
        "ref: main",
        "ref: 1.10",
        "8:10: spec.git.ref: must be text, not the number 1.10; put it in quotes: \"1.10\"",
    ),
    (
        "ref: main",
        "ref: yes",
        "8:10: spec.git.ref: must be text, not the boolean yes; put it in quotes: \"yes\"",
    ),
    ("ref: main", "ref: [main]", "8:10: spec.git.ref: must be text, not a list"),
    (
        "ref: main",
        "ref: 1234567890123456789012345678901234567890",
        "8:10: spec.git.ref: must be text, not the number 1234567890123456789012345678901234567890; put it in quotes: \"1234567890123456789012345678901234567890\"",
    ),
    (
        "  gateway:\n",
        "  gateway:\n    tls: 'true'\n",
        "10:10: spec.gateway.tls: must be true or false, not the text \"true\"; remove the quotes",
    ),
    (
        "  gateway:\n",
        "  gateway:\n    tls: maybe\n",
        "10:10: spec.gateway.tls: must be true or false, not the text \"maybe\"",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {driftPolicy: Restore}\n",
        "13:29: spec.sync.defaults.driftPolicy: \"Restore\" is not one of report, hold, restore, ignore (did you mean \"restore\"?)",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {driftPolicy: sometimes}\n",
        "13:29: spec.sync.defaults.driftPolicy: \"sometimes\" is not one of report, hold, restore, ignore",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {driftPolicy: [hold]}\n",
        "13:29: spec.sync.defaults.driftPolicy: must be one of report, hold, restore, ignore, not a list",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: [a]\n",
        "13:15: spec.sync.defaults: must be a map with excludePatterns, vars, syncPeriod, designerSessionPolicy, dryRun, paused, driftPolicy, rollbackOnFailure, healthTimeoutSeconds, startDeadlineSeconds, undoGenerations, undoMaxBytes, not a list",
    ),
    (
        "ref: main\n",
        "ref: main\n    auth: {token: ghp_secret}\n",
        "9:19: spec.git.auth.token: must be a map with secretRef, not a single value",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {excludePatterns: '**/*.bak'}\n",
        "13:33: spec.sync.defaults.excludePatterns: must be a list, not the text \"**/*.bak\"",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {vars: {line: 4}}\n",
        "13:29: spec.sync.defaults.vars.line: must be text, not the number 4; put it in quotes: \"4\"",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {vars: {line: }}\n",
        "13:27: spec.sync.defaults.vars.line: must be text, not an empty value; write \"\" for an empty text",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {vars: {y: a}}\n",
        "13:23: spec.sync.defaults.vars: the key y is not text to Kubernetes; put it in quotes: \"y\"",
    ),
    (
        "  sync:\n",
        "  sync:\n    defaults: {vars: [a]}\n",
        "13:22: spec.sync.defaults.vars: must be a map, not a list",
    ),
    (
        "      default:\n",
        "      default:\n        dryRun: 1\n",
        "15:17: spec.sync.profiles.default.dryRun: must be true or false, not the number 1",
    ),
    (
        "  sync:\n",
        "  agent: {image: {pullPolicy: always}}\n  sync:\n",
        "12:31: spec.agent.image.pullPolicy: \"always\" is not one of Always, IfNotPresent, Never (did you mean \"Always\"?)",
    ),
    (
        "  sync:\n",
        "  agent: {resources: {limits: {cpu: [1]}}}\n  sync:\n",
        "12:37: spec.agent.resources.limits.cpu: must be a quantity such as \"10m\" or \"32Mi\", not a list",
    ),
];

#[test]
fn a_value_of_another_type_is_told_what_it_is() {
    assert_refused(TYPES);
}
