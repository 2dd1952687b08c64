//! Claims about pods, each as a table; what the sidecar looks like whole is in the snapshots.

#![allow(clippy::semicolon_if_nothing_returned, reason = "changes of a table are one expression")]

mod pods;
mod snapshots;

use serde_json::{Value, json};
use stoker_api::spec::GatewaySyncSpec;

use super::*;
use pods::{inject_into, injected, pod, settings, sidecar_of, spec};

fn spec_with(change: impl FnOnce(&mut Value)) -> GatewaySyncSpec {
    spec(change)
}

#[test]
fn a_pod_of_any_author_gets_the_sidecar() {
    let made: [fn(&mut Value); 5] = [
        |_| (),
        |pod| {
            pod["metadata"] =
                json!({"generateName": "plant-6f-", "annotations": {"stoker.io/inject": "true"}})
        },
        |pod| pod["spec"]["securityContext"] = json!({"fsGroup": 2003, "runAsUser": 2003}),
        |pod| pod["spec"]["containers"][0]["securityContext"] = json!({"readOnlyRootFilesystem": true}),
        |pod| {
            pod["metadata"]["labels"] =
                json!({"apps.kubernetes.io/pod-index": "0", "statefulset.kubernetes.io/pod-name": "plant-0"})
        },
    ];
    for change in made {
        let mut pod = pod();
        change(&mut pod);
        let (pod, warnings) = injected(&pod, &spec_with(|_| ()));
        assert_eq!(sidecar_of(&pod)["restartPolicy"], "Always");
        assert_eq!(pod["metadata"]["annotations"]["stoker.io/injected"], "true");
        assert_eq!(pod["metadata"]["annotations"]["stoker.io/cr-name"], "plant");
        assert_eq!(pod["metadata"]["labels"]["stoker.io/agent"], "true");
        assert_eq!(warnings, Vec::<String>::new());
    }
}

#[test]
fn the_agent_goes_before_every_other_init_container() {
    let mut pod = pod();
    pod["spec"]["initContainers"] = json!([{"name": "seed"}, {"name": "wait"}]);
    let (pod, _) = injected(&pod, &spec_with(|_| ()));
    let names: Vec<&Value> =
        pod["spec"]["initContainers"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["stoker-agent", "seed", "wait"]);
}

#[test]
fn a_second_look_changes_nothing_and_a_third_restores_the_order() {
    let (mut pod, _) = injected(&pod(), &spec_with(|_| ()));
    let again = inject_into(&pod, &spec_with(|_| ()), &settings()).unwrap();
    assert!(again.patch.is_empty(), "{:?}", again.patch);

    let init = pod["spec"]["initContainers"].as_array_mut().unwrap();
    init.insert(0, json!({"name": "istio-validation"}));
    let (restored, _) = injected(&pod, &spec_with(|_| ()));
    assert_eq!(restored["spec"]["initContainers"][0]["name"], "stoker-agent");
    assert_eq!(restored["spec"]["initContainers"][1]["name"], "istio-validation");
    assert_eq!(restored["spec"]["initContainers"].as_array().unwrap().len(), 2);
    assert_eq!(restored["spec"]["volumes"], pod["spec"]["volumes"]);
}

#[test]
fn a_mark_without_a_sidecar_is_not_believed() {
    let mut pod = pod();
    pod["metadata"]["annotations"]["stoker.io/injected"] = json!("true");
    let (pod, _) = injected(&pod, &spec_with(|_| ()));
    assert_eq!(sidecar_of(&pod)["name"], "stoker-agent");
}

#[test]
fn files_belong_to_the_gateways_user() {
    let mut pod = pod();
    pod["spec"]["securityContext"] = json!({"runAsUser": 1000, "runAsGroup": 1000});
    let (without, _) = injected(&pod, &spec_with(|_| ()));
    assert!(
        sidecar_of(&without)["securityContext"].get("runAsUser").is_none(),
        "the pod's user holds for all"
    );
    pod["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": 2003, "runAsGroup": 0});
    let (with, _) = injected(&pod, &spec_with(|_| ()));
    let context = &sidecar_of(&with)["securityContext"];
    assert_eq!((&context["runAsUser"], &context["runAsGroup"]), (&json!(2003), &json!(0)));
}

#[test]
fn the_gateway_is_the_container_that_mounts_the_data_first() {
    let mut pod = pod();
    pod["spec"]["containers"] = json!([
        {"name": "logs", "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]},
        {"name": "gateway", "securityContext": {"runAsUser": 7}, "volumeMounts": [
            {"name": "data", "mountPath": "/elsewhere"},
            {"name": "ignition-data", "mountPath": "/usr/local/bin/ignition/data", "subPath": "plant", "readOnly": true},
        ]},
        {"name": "backup", "volumeMounts": [{"name": "ignition-data", "mountPath": "/backup"}]},
    ]);
    let (pod, _) = injected(&pod, &spec_with(|_| ()));
    let sidecar = sidecar_of(&pod);
    assert_eq!(pods::variable(sidecar, "DATA_PATH"), "/usr/local/bin/ignition/data");
    assert_eq!(sidecar["securityContext"]["runAsUser"], 7);
    let mounts = sidecar["volumeMounts"].as_array().unwrap();
    let data = mounts.iter().find(|mount| mount["name"] == "ignition-data").unwrap();
    assert_eq!(
        *data,
        json!({"name": "ignition-data", "mountPath": "/usr/local/bin/ignition/data", "subPath": "plant"})
    );
}

#[test]
fn init_containers_do_not_say_where_the_data_is() {
    let mut pod = pod();
    pod["spec"]["initContainers"] =
        json!([{"name": "seed", "volumeMounts": [{"name": "ignition-data", "mountPath": "/seed"}]}]);
    pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    let (pod, _) = injected(&pod, &spec_with(|_| ()));
    assert_eq!(pods::variable(sidecar_of(&pod), "DATA_PATH"), "/data");
}

#[test]
fn a_sub_path_expression_has_the_variables_that_it_needs() {
    let mut pod = pod();
    let gateway = &mut pod["spec"]["containers"][0];
    gateway["env"] = json!([{"name": "SITE", "value": "north"}, {"name": "OTHER", "value": "x"}]);
    gateway["volumeMounts"][0]["subPathExpr"] = json!("$(SITE)/$(POD_NAME)");
    let (with, warnings) = injected(&pod, &spec_with(|_| ()));
    assert_eq!(pods::variable(sidecar_of(&with), "SITE"), "north");
    assert!(warnings[0].contains("$POD_NAME"), "{warnings:?}");
    pod["spec"]["containers"][0]["env"][1] =
        json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}});
    assert_eq!(injected(&pod, &spec_with(|_| ())).1, Vec::<String>::new());
}

#[test]
fn what_will_not_work_is_warned_of() {
    type Change = fn(&mut Value);
    let table: [(Change, Change, &str); 6] = [
        (
            |pod| {
                pod["spec"]["containers"][0]["volumeMounts"] = json!([
                    {"name": "ignition-data", "mountPath": "/data/"}, {"name": "modl", "mountPath": "/data/modules"}, {"name": "x", "mountPath": "/data2"},
                ])
            },
            |_| (),
            "volume modl is mounted at /data/modules",
        ),
        (|_| (), |spec| spec["paused"] = json!(true), "site1/plant is paused"),
        (|_| (), |spec| spec["agent"] = json!({"image": {"repository": "example.com/agent"}}), "has no tag"),
        (
            |pod| pod["metadata"]["annotations"]["stoker.io/profile"] = json!("edge"),
            |_| (),
            "profile \"edge\" does not exist",
        ),
        (
            |pod| pod["metadata"]["annotations"]["stoker.io/gateway-name"] = json!("line 7"),
            |_| (),
            "is not a gateway's name",
        ),
        (
            |pod| pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 8083}]),
            |_| (),
            "listens on port 8083",
        ),
    ];
    for (change_pod, change_spec, expected) in table {
        let mut pod = pod();
        change_pod(&mut pod);
        let (_, warnings) = injected(&pod, &spec_with(change_spec));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expected), "{expected}: {warnings:?}");
    }
    let (pod, spec, rules) = (pod(), spec_with(|_| ()), NamespaceRules::default());
    let mut request = pods::request(&pod, &rules);
    request.api_secret = Presence::Missing;
    let injection = inject(&request, Resource { name: "plant", spec: &spec }, &settings()).unwrap();
    assert!(injection.warnings[0].contains("secret api"), "{:?}", injection.warnings);
}

#[test]
fn a_pod_that_cannot_have_the_sidecar_starts_without() {
    type Change = fn(&mut Value);
    let table: [(Change, &str); 6] = [
        (|pod| pod["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": 0}), "RunsAsRoot"),
        (|pod| pod["spec"]["securityContext"] = json!({"runAsUser": 0}), "RunsAsRoot"),
        (|pod| pod["spec"]["containers"][0]["volumeMounts"] = json!([]), "NoDataVolume"),
        (|pod| pod["spec"]["containers"] = json!([{"name": "stoker-agent"}]), "NameTaken"),
        (|pod| pod["spec"]["os"] = json!({"name": "windows"}), "Windows"),
        (
            |pod| {
                pod["spec"].as_object_mut().unwrap().remove("containers");
            },
            "NoDataVolume",
        ),
    ];
    let strict = Settings { when_paused: Policy::Deny, when_invalid: Policy::Deny, ..settings() };
    for (change, reason) in table {
        let mut pod = pod();
        change(&mut pod);
        let refusal = inject_into(&pod, &spec_with(|_| ()), &strict).unwrap_err();
        assert_eq!((refusal.problem.reason(), refusal.deny), (reason, false));
    }
    let none = Settings { default_image: None, ..strict };
    assert_eq!(inject_into(&pod(), &spec_with(|_| ()), &none).unwrap_err().problem, Problem::NoImage);
    // The container's own user wins over the pod's.
    let mut pod = pod();
    pod["spec"]["securityContext"] = json!({"runAsUser": 0});
    pod["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": 2003});
    assert!(inject_into(&pod, &spec_with(|_| ()), &settings()).is_ok());
}

#[test]
fn only_deny_keeps_a_pod_out() {
    let paused = spec_with(|spec| spec["paused"] = json!(true));
    let mut unknown = pod();
    unknown["metadata"]["annotations"]["stoker.io/profile"] = json!("edge");
    for (pod, spec, policy) in [
        (&pod(), &paused, Settings { when_paused: Policy::Deny, ..settings() }),
        (&unknown, &spec_with(|_| ()), Settings { when_invalid: Policy::Deny, ..settings() }),
    ] {
        assert!(inject_into(pod, spec, &settings()).is_ok());
        assert!(inject_into(pod, spec, &policy).unwrap_err().deny);
    }
    // Each for its own case.
    let other = Settings { when_invalid: Policy::Deny, ..settings() };
    assert!(inject_into(&pod(), &paused, &other).is_ok());
}

#[test]
fn the_gatewaysync_is_the_named_or_the_only_one() {
    assert_eq!(choose(Some("b"), "n", &["a", "b"]), Ok("b"));
    assert_eq!(choose(None, "n", &["a"]), Ok("a"));
    assert_eq!(choose(None, "n", &[]).unwrap_err().reason(), "NoGatewaySync");
    assert_eq!(choose(Some("c"), "n", &["a", "b"]).unwrap_err().reason(), "UnknownGatewaySync");
    let several = choose(None, "n", &["b", "a"]).unwrap_err();
    assert!(several.to_string().contains("(a, b)"), "{several}");
}

#[test]
fn a_token_is_mounted_for_the_sidecar_alone_where_the_pod_has_none() {
    let own = |pod: &Value| {
        let (pod, _) = injected(pod, &spec_with(|_| ()));
        pod["spec"]["volumes"].as_array().unwrap().iter().any(|volume| volume["name"] == "stoker-token")
    };
    let mut with_token = pod();
    assert!(!own(&with_token), "the API server has mounted one");
    with_token["spec"]["automountServiceAccountToken"] = json!(false);
    assert!(own(&with_token));
    // The service account forbids it, which is not in the pod.
    let mut without = pod();
    without["spec"]["containers"][0]["volumeMounts"].as_array_mut().unwrap().pop();
    assert!(own(&without));
    without["spec"]["automountServiceAccountToken"] = json!(true);
    assert!(!own(&without));
}

#[test]
fn a_templated_secret_key_needs_a_name_that_is_known() {
    let templated = spec_with(|spec| spec["gateway"]["api"]["secretKey"] = json!("{{ .GatewayName }}"));
    let key = |pod: &Value, spec: &GatewaySyncSpec| {
        let (pod, warnings) = injected(pod, spec);
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == "api-key").cloned();
        (volume.map(|volume| volume["secret"]["items"].clone()), warnings)
    };
    let item = |key: &str| Some(json!([{"key": key, "path": key}]));
    let mut generated = pod();
    generated["metadata"] = json!({"generateName": "plant-", "annotations": {"stoker.io/inject": "true"}});
    assert_eq!(key(&pod(), &templated).0, item("plant-0"));
    let (volume, warnings) = key(&generated, &templated);
    assert_eq!(volume, None);
    assert!(warnings[0].contains("not known at admission"), "{warnings:?}");
    generated["metadata"]["annotations"]["stoker.io/gateway-name"] = json!("line-7");
    assert_eq!(key(&generated, &templated).0, item("line-7"));
    generated["metadata"]["annotations"]["stoker.io/gateway-name"] = json!("..");
    assert_eq!(key(&generated, &templated).0, None);
    let broken = spec_with(|spec| spec["gateway"]["api"]["secretKey"] = json!("{{ .Nothing }}"));
    let (volume, warnings) = key(&pod(), &broken);
    assert_eq!(volume, None);
    assert!(warnings[0].contains("cannot be rendered"), "{warnings:?}");
}

#[test]
fn the_gateways_name_is_written_or_the_pods() {
    let mut pod = pod();
    assert_eq!(
        pods::variable(sidecar_of(&injected(&pod, &spec_with(|_| ())).0), "GATEWAY_NAME"),
        "$(POD_NAME)"
    );
    pod["metadata"]["labels"] = json!({"app.kubernetes.io/name": "ignition"});
    assert_eq!(pods::variable(sidecar_of(&injected(&pod, &spec_with(|_| ())).0), "GATEWAY_NAME"), "ignition");
    pod["metadata"]["annotations"]["stoker.io/gateway-name"] = json!("line-7");
    assert_eq!(pods::variable(sidecar_of(&injected(&pod, &spec_with(|_| ())).0), "GATEWAY_NAME"), "line-7");
}

#[test]
fn volumes_of_the_pods_own_that_have_our_names_stay_theirs() {
    let mut pod = pod();
    pod["spec"]["volumes"].as_array_mut().unwrap().extend([
        json!({"name": "api-key", "emptyDir": {}}),
        json!({"name": "sync-repo", "emptyDir": {}}),
        json!({"name": "stoker-sync-repo", "emptyDir": {}}),
    ]);
    let (pod, _) = injected(&pod, &spec_with(|_| ()));
    let names: Vec<&str> = pod["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    assert!(names.contains(&"stoker-api-key") && names.contains(&"stoker-sync-repo-1"), "{names:?}");
}

#[test]
fn data_at_a_path_of_ours_is_mounted_elsewhere() {
    for path in ["/repo", "/tmp/", "/etc/stoker/api-key"] {
        let mut pod = pod();
        pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = json!(path);
        let (pod, _) = injected(&pod, &spec_with(|_| ()));
        assert_eq!(pods::variable(sidecar_of(&pod), "DATA_PATH"), "/gateway-data", "{path}");
    }
}

#[test]
fn texts_with_dollars_are_not_expanded() {
    let spec = spec_with(|spec| spec["git"]["proxy"] = json!({"url": "http://p/$(POD_NAME)$"}));
    let (pod, _) = injected(&pod(), &spec);
    assert_eq!(pods::variable(sidecar_of(&pod), "GIT_PROXY"), "http://p/$$(POD_NAME)$$");
}

#[test]
fn a_secret_key_that_no_secret_can_have_is_not_mounted() {
    let spec = spec_with(|spec| {
        spec["git"]["auth"] = json!({"token": {"secretRef": {"name": "git", "key": "../token"}}});
    });
    let (pod, warnings) = injected(&pod(), &spec);
    assert!(
        pod["spec"]["volumes"].as_array().unwrap().iter().all(|volume| volume["name"] != "git-credentials")
    );
    assert!(warnings[0].contains("cannot have a key"), "{warnings:?}");
}

#[test]
fn whatever_a_pod_looks_like_nothing_panics() {
    for strange in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"spec": []}),
        json!({"spec": {"containers": {}}}),
        json!({"spec": {"containers": [null, 1, {"name": 5, "volumeMounts": [{"name": "data"}]}]}}),
    ] {
        _ = inject_into(&strange, &spec_with(|_| ()), &settings());
    }
}
