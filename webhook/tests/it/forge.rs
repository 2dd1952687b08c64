//! Pushes and releases of a real forge, with its own headers and signature.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use stoker_api::names::annotations;
use stoker_test_gitserver::gitea::Gitea;

use crate::world::{HMAC, World, wait};

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=e", "-c", "user.email=e@plant.example", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn annotation(world: &World, name: &str) -> Option<String> {
    world.gateway_syncs().get("plant").await.unwrap().metadata.annotations?.get(name).cloned()
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn pushes_and_releases_of_a_real_gitea_are_heard() {
    let Some(gitea) = Gitea::start().unwrap() else { return };
    let world = World::new("gitea").await;
    let replica = world.replica(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    wait("the replica is ready", async || replica.is_ready().await).await;
    gitea.create("plant").unwrap();
    let hook = json!({
        "type": "gitea", "active": true, "events": ["push", "create", "delete", "release"],
        "config": {
            "url": format!("http://{}/webhook/{}/plant", replica.receiver(), world.namespace),
            "content_type": "json", "secret": HMAC,
        },
    });
    gitea.post("/api/v1/repos/engineer/plant/hooks", &hook.to_string()).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    git(directory, &["init", "-q"]);
    let url = gitea.push_url("plant");
    let push = |message: &str, branch: &str| {
        git(directory, &["commit", "-q", "--allow-empty", "-m", message]);
        git(directory, &["push", "-q", &url, &format!("HEAD:refs/heads/{branch}")]);
        git(directory, &["rev-parse", "HEAD"])
    };
    // One right after the other: both are heard at once.
    for message in ["first", "second"] {
        let commit = push(message, "main");
        wait("the push is heard", async || {
            annotation(&world, annotations::REQUESTED_COMMIT).await.as_ref() == Some(&commit)
        })
        .await;
    }
    // A branch that nobody follows comes and goes; then the followed one moves again.
    let before = annotation(&world, annotations::REQUESTED_COMMIT).await;
    push("another branch", "dev");
    git(directory, &["push", "-q", &url, ":refs/heads/dev"]);
    let after = push("third", "main");
    wait("the third push is heard", async || {
        let now = annotation(&world, annotations::REQUESTED_COMMIT).await;
        assert!(now == before || now.as_ref() == Some(&after), "{now:?}");
        now != before
    })
    .await;
    assert_eq!(annotation(&world, annotations::REQUESTED_REF).await, None);

    let release = json!({"tag_name": "v1.0.0", "target_commitish": "main", "name": "One"});
    gitea.post("/api/v1/repos/engineer/plant/releases", &release.to_string()).unwrap();
    wait("the release is heard", async || {
        annotation(&world, annotations::REQUESTED_REF).await.as_deref() == Some("v1.0.0")
    })
    .await;
    assert_eq!(annotation(&world, annotations::REQUESTED_BY).await.as_deref(), Some("gitea"));
    let answered = async |status: u16| {
        let labels = format!("{{source=\"gitea\",status_code=\"{status}\"}}");
        replica.metric(&format!("stoker_webhook_receiver_requests_total{labels}")).await
    };
    assert!(answered(202).await >= 5.0);
    assert_eq!((answered(400).await, answered(401).await), (0.0, 0.0));
}
