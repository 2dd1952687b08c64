//! GitHub Apps: the installation token, from the exchange to the Secret that agents mount.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ListParams;
use serde_json::json;
use stoker_test_apiserver::Server;
use stoker_test_gitserver::{Answer, HttpOptions};

use crate::harness::{Plant, installed, wait};

const TOKEN: &str = "ghs_for_one_repository";

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn an_installation_token_reaches_its_secret_and_nothing_else() -> Result<()> {
    let server = Server::shared();
    installed(server).await?;
    let options = HttpOptions {
        tls: true,
        basic_auth: Some(("x-access-token".into(), TOKEN.into())),
        ..HttpOptions::default()
    };
    let plant = Plant::on(server, "app", options).await?;
    // GitHub's API stands beside the repositories, as on an Enterprise Server.
    let refuses = Arc::new(AtomicBool::new(true));
    let answers = Arc::clone(&refuses);
    plant.git.intercept(move |request| {
        if request.path != "/api/v3/app/installations/815/access_tokens" {
            return None;
        }
        if answers.load(Ordering::Relaxed) {
            return Some(Answer { status: 401, body: br#"{"message":"Bad credentials"}"#.to_vec(), ..Answer::default() });
        }
        let body = json!({ "token": TOKEN, "expires_at": "2099-01-01T00:00:00Z", "permissions": { "contents": "read" } });
        Some(Answer { status: 201, body: body.to_string().into_bytes(), ..Answer::default() })
    });
    let directory = tempfile::tempdir()?;
    let key = directory.path().join("app.pem");
    Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM", "-f"])
        .arg(&key)
        .status()?;
    plant.secret("app", &[("key", &std::fs::read_to_string(&key)?)]).await?;
    plant.secret("ca", &[("ca.crt", &std::fs::read_to_string(plant.git.ca_pem().unwrap())?)]).await?;

    let controller = plant.controller(&[])?;
    plant
        .gateway_sync("plant", |resource| {
            resource["spec"]["git"]["auth"] = json!({ "githubApp": {
                "appId": 4711, "installationId": 815, "privateKeySecretRef": { "name": "app", "key": "key" },
                "apiBaseURL": format!("{}/api/v3", plant.git.base_url()) } });
            resource["spec"]["git"]["tls"] = json!({ "caSecretRef": { "name": "ca", "key": "ca.crt" } });
        })
        .await?;
    plant.wait_condition("plant", "RefResolved", "False GitHubAppExchangeFailed").await?;
    plant.wait_condition("plant", "Ready", "False RefResolutionFailed").await?;

    refuses.store(false, Ordering::Relaxed);
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    assert_eq!(plant.metadata("plant", "authType").await?, "githubApp");
    let secret = plant.api::<Secret>().get("stoker-github-token-plant").await?;
    assert_eq!(secret.data.unwrap()["token"].0, TOKEN.as_bytes());
    assert_eq!(secret.metadata.annotations.unwrap()["stoker.io/secret-type"], "github-app-token");
    for map in plant.api::<ConfigMap>().list(&ListParams::default()).await? {
        assert!(!serde_json::to_string(&map)?.contains(TOKEN), "never in a ConfigMap");
    }
    assert!(!controller.log().contains(TOKEN), "never in a log");
    let series = format!(
        "stoker_controller_github_app_token_expiry_timestamp_seconds{{name=\"plant\",namespace=\"{}\",app_id=\"4711\",installation_id=\"815\"}} 4070908800",
        plant.namespace
    );
    assert!(controller.get("/metrics")?.1.contains(&series));

    // A Secret that somebody deletes comes back; without the app it goes.
    plant.api::<Secret>().delete("stoker-github-token-plant", &kube::api::DeleteParams::default()).await?;
    let there = async || plant.api::<Secret>().get_opt("stoker-github-token-plant").await;
    wait("the token to be back", async || Ok(there().await?.ok_or("gone"))).await?;
    plant.patch("plant", &json!({ "spec": { "git": { "auth": null } } })).await?;
    wait("the token to be gone", async || Ok(there().await?.map_or(Ok(()), |_| Err("there")))).await
}
