//! From refs to commits.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use stoker_test_apiserver::Server;
use stoker_test_gitserver::HttpOptions;

use crate::harness::{Plant, installed, wait};

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_requested_ref_is_resolved_at_once_and_removed_when_the_resource_agrees() -> Result<()> {
    let plant = Plant::new("requested").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "ref", "main").await?;
    plant.repository.write("projects/a/project.json", "{ }")?;
    let second = plant.repository.commit("second")?;
    plant.repository.annotated_tag("v2", "two")?;

    let began = Instant::now();
    plant.annotate("plant", "stoker.io/requested-ref", Some("v2")).await?;
    plant.wait_metadata("plant", "commit", &second).await?;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "not at the next poll, which is in an hour: {took:?}");
    assert_eq!(plant.metadata("plant", "ref").await?, "v2");
    let annotations = plant.resource("plant").await?.metadata.annotations.unwrap();
    assert_eq!(annotations["stoker.io/requested-ref"], "v2", "it wins until the two agree");

    plant.patch("plant", &json!({ "spec": { "git": { "ref": "2" } } })).await?;
    wait("the request to be removed", async || {
        let annotations = plant.resource("plant").await?.metadata.annotations.unwrap_or_default();
        Ok(annotations.get("stoker.io/requested-ref").map_or(Ok(()), |value| Err(value.clone())))
    })
    .await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_push_to_the_same_ref_is_looked_at_at_once_and_its_commit_is_never_believed() -> Result<()> {
    let plant = Plant::new("pushed").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    let second = plant.repository.commit("second")?;
    plant.annotate("plant", "stoker.io/requested-commit", Some(&"f".repeat(40))).await?;
    plant.wait_metadata("plant", "commit", &second).await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_branch_wins_over_a_tag_and_tags_are_peeled() -> Result<()> {
    let plant = Plant::new("refs").await?;
    let _controller = plant.controller(&[])?;
    let first = plant.repository.head()?;
    plant.repository.annotated_tag("both", "tag")?;
    plant.repository.annotated_tag("only-tag", "tag")?;
    let second = plant.repository.commit("second")?;
    plant.repository.branch("both")?;
    plant.gateway_sync("plant", |resource| resource["spec"]["git"]["ref"] = json!("both")).await?;
    plant.wait_metadata("plant", "commit", &second).await?;
    plant.patch("plant", &json!({ "spec": { "git": { "ref": "only-tag" } } })).await?;
    plant.wait_metadata("plant", "commit", &first).await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_commit_needs_no_network() -> Result<()> {
    let plant = Plant::new("sha").await?;
    let _controller = plant.controller(&[])?;
    let commit = "0123456789abcdef0123456789abcdef01234567";
    plant.gateway_sync("plant", |resource| resource["spec"]["git"]["ref"] = json!(commit)).await?;
    plant.wait_metadata("plant", "commit", commit).await?;
    assert_eq!(plant.git.requests(), 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn an_unknown_ref_is_told_with_similar_names_and_found_when_it_comes() -> Result<()> {
    let plant = Plant::new("unknown").await?;
    let _controller = plant.controller(&[])?;
    plant
        .gateway_sync("plant", |resource| {
            resource["spec"]["git"]["ref"] = json!("mian");
            resource["spec"]["polling"]["interval"] = json!("5s");
        })
        .await?;
    plant.wait_condition("plant", "RefResolved", "False RefResolutionFailed").await?;
    let words = plant.condition("plant", "Ready").await?;
    assert!(words.starts_with("False RefResolutionFailed") && words.contains("similar: \"main\""), "{words}");
    plant.wait_condition("plant", "Stalled", "True").await?;
    plant.wait_event("RefResolutionFailed", "similar: \"main\"").await?;
    plant.repository.branch("mian")?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    plant.wait_condition("plant", "RefResolved", "True").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn one_look_serves_every_resource_on_one_repository() -> Result<()> {
    let plant = Plant::new("shared").await?;
    let _controller = plant.controller(&[])?;
    let names: Vec<String> = (0..6).map(|number| format!("plant-{number}")).collect();
    for name in &names {
        plant.gateway_sync(name, |resource| resource["spec"]["polling"]["interval"] = json!("5s")).await?;
    }
    for name in &names {
        plant.wait_metadata(name, "commit", &plant.repository.head()?).await?;
    }
    plant.git.reset_counters();
    let second = plant.repository.commit("second")?;
    for name in &names {
        plant.wait_metadata(name, "commit", &second).await?;
    }
    let looks = plant.git.log().iter().filter(|request| request.path.contains("info/refs")).count();
    assert!(looks <= 3, "{looks} looks within one or two intervals");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn wrong_credentials_are_told_and_a_secret_that_appears_late_is_taken() -> Result<()> {
    let server = Server::shared();
    installed(server).await?;
    let options =
        HttpOptions { basic_auth: Some(("x-access-token".into(), "right".into())), ..HttpOptions::default() };
    let plant = Plant::on(server, "credentials", options).await?;
    let _controller = plant.controller(&[])?;
    let auth = json!({ "token": { "secretRef": { "name": "git", "key": "token" } } });
    plant.gateway_sync("plant", |resource| resource["spec"]["git"]["auth"] = auth).await?;
    plant
        .wait_condition("plant", "Ready", "False RefResolutionFailed: secret \"git\" does not exist")
        .await?;
    plant.secret("git", &[("tokn", "right")]).await?;
    plant
        .wait_condition("plant", "Ready", "False RefResolutionFailed: secret \"git\" has no key \"token\"")
        .await?;
    plant.secret("git", &[("token", "wrong")]).await?;
    plant
        .wait_condition("plant", "RefResolved", &format!("False RefResolutionFailed: {}", plant.url()))
        .await?;
    let words = plant.condition("plant", "RefResolved").await?;
    assert!(words.contains("401") && !words.contains("wrong"), "{words}");
    plant.secret("git", &[("token", "right")]).await?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    assert_eq!(plant.metadata("plant", "authType").await?, "token");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_missing_api_secret_keeps_a_resource_from_being_ready_and_is_named() -> Result<()> {
    let plant = Plant::new("secret").await?;
    let _controller = plant.controller(&[])?;
    plant
        .gateway_sync("plant", |resource| resource["spec"]["gateway"]["api"]["secretName"] = json!("late"))
        .await?;
    plant.wait_condition("plant", "Ready", "False SyncFailed: secret \"late\" does not exist").await?;
    plant.secret("late", &[("apiKey", "name:secret")]).await?;
    plant.wait_condition("plant", "Ready", "False Reconciling: no gateway pods").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_server_that_is_down_takes_nothing_back_and_comes_back_by_itself() -> Result<()> {
    let plant = Plant::new("down").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |resource| resource["spec"]["polling"]["interval"] = json!("5s")).await?;
    let first = plant.repository.head()?;
    plant.wait_metadata("plant", "commit", &first).await?;
    plant.git.set_down(true)?;
    plant.wait_condition("plant", "Ready", "False RefResolutionFailed").await?;
    plant.wait_condition("plant", "Reconciling", "True").await?;
    assert_eq!(plant.metadata("plant", "commit").await?, first);
    plant.git.set_down(false)?;
    let second = plant.repository.commit("second")?;
    plant.wait_metadata("plant", "commit", &second).await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_requested_ref_that_is_not_allowed_is_not_followed() -> Result<()> {
    let plant = Plant::new("allowed").await?;
    let _controller = plant.controller(&[])?;
    plant.repository.branch("dev")?;
    plant
        .gateway_sync("plant", |resource| {
            resource["spec"]["receiver"] = json!({ "allowedRefs": ["main", "release/*"] });
        })
        .await?;
    plant.wait_metadata("plant", "ref", "main").await?;
    plant.annotate("plant", "stoker.io/requested-ref", Some("dev")).await?;
    plant.wait_event("RefResolutionFailed", "allowedRefs does not allow it").await?;
    assert_eq!(plant.metadata("plant", "ref").await?, "main");
    Ok(())
}
