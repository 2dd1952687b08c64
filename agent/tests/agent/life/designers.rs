//! Open Designers: `proceed`, `wait`, `fail`.

use serde_json::json;

use super::Plant;
use crate::support::{Agent, Site, assert_same};

/// A plant with a Designer on the project, the agent with this policy, and a push that touches the project.
fn with_a_designer(policy: &str) -> (Plant, Agent, String, u64) {
    let mut plant = Plant::new();
    plant.manifest = plant.manifest.clone().with("sync.defaults.designerSessionPolicy", policy);
    let agent = plant.start();
    let designer = plant.gateway.add_designer("anna", "line");
    let commit = plant.push("two");
    plant.give(&plant.manifest);
    (plant, agent, commit, designer)
}

#[test]
fn proceed_asks_nobody() {
    let (plant, agent, commit, _) = with_a_designer("proceed");
    plant.wait_for_scanned(&agent, &commit);
    let asked = plant.gateway.log();
    assert!(!asked.iter().any(|request| request.path.ends_with("/designers")), "{asked:?}");
}

#[test]
fn wait_applies_nothing_until_the_designer_is_closed() {
    let (plant, agent, commit, designer) = with_a_designer("wait");
    let status = agent.wait_for_status("a wait", |status| status["designerSessionsBlocked"] == true);
    assert_eq!(status["reason"], "DesignerSessions", "{status:#}");
    let told = status["errorMessage"].as_str().unwrap();
    assert!(told.contains("anna in line"), "{told}");
    assert_ne!(status["syncedCommit"], commit, "{status:#}");
    assert_eq!(plant.shown().as_deref(), Some("one"));
    plant.gateway.remove_designer(designer);
    let status = plant.wait_for_scanned(&agent, &commit);
    assert!(status["designerSessionsBlocked"].is_null() && status["reason"].is_null(), "{status:#}");
    assert_eq!(plant.shown().as_deref(), Some("two"));
}

#[test]
fn fail_says_who_is_there_and_tries_again() {
    let (plant, agent, commit, designer) = with_a_designer("fail");
    let status = agent.wait_for_status("a failure", |status| status["reason"] == "DesignerSessions");
    assert_eq!(status["syncStatus"], "Error", "{status:#}");
    let told = status["errorMessage"].as_str().unwrap();
    assert!(told.contains("anna in line") && told.contains("Close them"), "{told}");
    assert_eq!(plant.shown().as_deref(), Some("one"));
    plant.gateway.remove_designer(designer);
    plant.wait_for_scanned(&agent, &commit);
    assert_eq!(plant.shown().as_deref(), Some("two"));
}

#[test]
fn a_designer_on_another_project_is_in_nobodys_way() {
    let mut plant = Plant::new();
    plant.manifest = plant.manifest.clone().with("sync.defaults.designerSessionPolicy", "fail");
    let agent = plant.start();
    plant.gateway.add_designer("anna", "another");
    let commit = plant.push("two");
    plant.give(&plant.manifest);
    plant.wait_for_scanned(&agent, &commit);
}

#[test]
fn a_gateway_that_does_not_say_who_is_there_counts_as_one_where_somebody_is() {
    let plant = Plant::new();
    plant.site.sync(&plant.manifest);
    plant.push("two");
    plant.gateway.faults().status("/data/api/v1/designers", 500);
    let before = plant.site.live();
    for policy in ["fail", "wait"] {
        let manifest = plant.manifest.clone().with("sync.defaults.designerSessionPolicy", policy);
        let ended = plant.site.once(&manifest, &[]);
        assert_eq!(ended.code, 75, "{policy}: {}", ended.stderr);
        assert!(
            ended.message().contains("not clear whether Designers are open"),
            "{policy}: {}",
            ended.stderr
        );
        assert_same(&before, &plant.site.live(), policy);
    }
}

#[test]
fn a_single_run_does_not_wait_and_says_who_is_there() {
    let plant = Plant::new();
    plant.site.sync(&plant.manifest);
    plant.gateway.add_designer("anna", "line");
    plant.push("two");
    for policy in ["wait", "fail"] {
        let manifest = plant.manifest.clone().with("sync.defaults.designerSessionPolicy", policy);
        let ended = plant.site.once(&manifest, &[]);
        assert_eq!(ended.code, 75, "{policy}: {}", ended.stderr);
        assert!(ended.message().contains("anna in line"), "{policy}: {}", ended.stderr);
    }
    // A Designer does not look at what only the configuration changes.
    let site: &Site = &plant.site;
    let mapping = json!([{"source": "config", "destination": "config"}]);
    let manifest = plant.manifest.clone().with("sync.defaults.designerSessionPolicy", "fail");
    site.resource("config/resources/core/ignition/database-connection/erp", "config.json", "{}\n");
    site.repository.commit("three").unwrap();
    site.sync(&manifest.mappings(mapping));
}
