//! Whoever may write a `GatewaySync` chooses the URL: what the controller must not do for them.

use anyhow::Result;
use serde_json::{Value, json};

use crate::harness::Plant;

fn repo(url: &str) -> impl FnOnce(&mut Value) {
    move |resource| resource["spec"]["git"]["repo"] = json!(url)
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn files_and_addresses_of_this_network_segment_are_refused() -> Result<()> {
    let plant = Plant::new("attack").await?;
    let _controller = plant.controller(&[])?;
    for (name, url, words) in [
        ("file", "file:///var/run/secrets", "file:// repositories are for agents without a cluster"),
        ("metadata", "http://169.254.169.254/latest/meta-data", "link-local"),
        ("mapped", "http://[::ffff:169.254.169.254]/x", "link-local"),
        ("local", "https://[fe80::1]/x", "link-local"),
        ("nowhere", "http://0.0.0.0/x", "no address of a server"),
    ] {
        plant.gateway_sync(name, repo(url)).await?;
        plant.wait_condition(name, "RefResolved", "False RefResolutionFailed").await?;
        let told = plant.condition(name, "RefResolved").await?;
        assert!(told.contains(words), "{url}: {told}");
        plant.wait_condition(name, "Stalled", "True").await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_redirect_to_such_an_address_is_not_followed() -> Result<()> {
    let plant = Plant::new("redirect").await?;
    let _controller = plant.controller(&[])?;
    plant.git.update(|options| options.redirect_to = Some("http://169.254.169.254".into()));
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_condition("plant", "RefResolved", "False RefResolutionFailed").await?;
    let told = plant.condition("plant", "RefResolved").await?;
    assert!(told.contains("169.254.169.254") && told.contains("link-local"), "{told}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_secret_is_not_sent_to_a_host_that_is_not_allowed() -> Result<()> {
    let plant = Plant::new("hosts").await?;
    let _controller = plant.controller(&["--allowed-hosts", "git.example.com,*.corp.example"])?;
    plant.secret("git", &[("token", "precious")]).await?;
    let auth = json!({ "token": { "secretRef": { "name": "git", "key": "token" } } });
    plant.gateway_sync("plant", |resource| resource["spec"]["git"]["auth"] = auth).await?;
    plant.wait_condition("plant", "RefResolved", "False RefResolutionFailed: the host \"127.0.0.1").await?;
    assert_eq!(plant.git.connections(), 0);
    Ok(())
}
