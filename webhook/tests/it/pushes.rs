//! The receiver, with resources of a real API server.

use ring::hmac;
use serde_json::{Value, json};
use stoker_api::names::annotations;
use stoker_webhook::receiver::Keys;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::http::{self, post};
use crate::world::{HMAC, Replica, TOKEN, World, wait};

const COMMIT: &str = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";

fn signature(secret: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

async fn signed(world: &World, replica: &Replica, event: Option<(&str, &str)>, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let signature = signature(HMAC, &body);
    let mut headers = vec![("x-hub-signature-256", signature.as_str())];
    headers.extend(event);
    let path = format!("/webhook/{}/plant", world.namespace);
    let (status, answer) = post(replica.receiver(), &path, &headers, body.as_bytes()).await;
    (status, serde_json::from_str(&answer).unwrap())
}

async fn annotation(world: &World, name: &str) -> Option<String> {
    world.gateway_syncs().get("plant").await.unwrap().metadata.annotations?.get(name).cloned()
}

/// A replica whose cache has the resource: pushes in the dark answer 404.
async fn ready(world: &World, replica: &Replica) {
    wait("the replica is ready", async || replica.is_ready().await).await;
    let ping = json!({"zen": "x"});
    wait("the resource is known", async || {
        signed(world, replica, Some(("x-github-event", "ping")), &ping).await.0 == 200
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_push_becomes_annotations_and_answers_as_the_contract_says() {
    let world = World::new("push").await;
    let replica = world.replica(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    ready(&world, &replica).await;
    let push = |reference: &str| json!({"ref": reference, "after": COMMIT, "repository": {}});

    let (status, answer) =
        signed(&world, &replica, Some(("x-github-event", "push")), &push("refs/heads/main")).await;
    let already = json!({"accepted": true, "ref": "refs/heads/main", "message": "ref already set"});
    assert_eq!((status, answer), (202, already));
    assert_eq!(annotation(&world, annotations::REQUESTED_COMMIT).await.as_deref(), Some(COMMIT));
    assert_eq!(annotation(&world, annotations::REQUESTED_AT).await, None, "it stays as it is");

    let (status, answer) =
        signed(&world, &replica, Some(("x-github-event", "push")), &push("refs/heads/dev")).await;
    assert_eq!((status, answer["message"].as_str()), (202, Some("ref not followed")));
    let mut deleted = push("refs/heads/main");
    deleted["after"] = json!("0".repeat(40));
    let (status, answer) = signed(&world, &replica, Some(("x-gitea-event", "push")), &deleted).await;
    assert_eq!((status, answer["message"].as_str()), (202, Some("ref deleted")));
    assert_eq!(annotation(&world, annotations::REQUESTED_REF).await, None);

    let release = json!({"action": "published", "release": {"tag_name": "v2", "draft": false}});
    let (status, answer) = signed(&world, &replica, Some(("x-github-event", "release")), &release).await;
    assert_eq!((status, answer), (202, json!({"accepted": true, "ref": "v2"})));
    assert_eq!(annotation(&world, annotations::REQUESTED_REF).await.as_deref(), Some("v2"));
    assert_eq!(annotation(&world, annotations::REQUESTED_BY).await.as_deref(), Some("github"));
    let at = annotation(&world, annotations::REQUESTED_AT).await.unwrap();
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");

    for (body, status) in [
        (json!({"nothing": 1}), 400),
        (json!({"ref": "refs/pull/1/head"}), 403),
        (json!({"ref": "a..b"}), 400),
    ] {
        assert_eq!(signed(&world, &replica, None, &body).await.0, status, "{body}");
    }
    let path = format!("/webhook/{}/plant", world.namespace);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(post(replica.receiver(), &path, &headers, b"payload=x").await.0, 400);
    assert_eq!(post(replica.receiver(), &path, &headers, &vec![b' '; (1 << 20) + 1]).await.0, 413);
    assert_eq!(http::get(replica.receiver(), &path).await.0, 405);
    assert_eq!(post(replica.receiver(), "/", &headers, b"").await.0, 404);
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_delivery_that_is_sent_again_changes_nothing() {
    let world = World::new("again").await;
    let replica = world.replica(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    ready(&world, &replica).await;
    let release = |tag: &str| json!({"action": "published", "release": {"tag_name": tag}});
    let event = Some(("x-github-event", "release"));
    for tag in ["v1", "v2"] {
        wait("the cache follows", async || {
            let (status, answer) = signed(&world, &replica, event, &release(tag)).await;
            assert_eq!(status, 202);
            answer["message"] == "ref already set"
        })
        .await;
    }
    let (status, answer) = signed(&world, &replica, event, &release("v1")).await;
    assert_eq!((status, answer["message"].as_str()), (202, Some("delivered before")));
    assert_eq!(annotation(&world, annotations::REQUESTED_REF).await.as_deref(), Some("v2"));
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn who_is_not_authenticated_learns_nothing() {
    let world = World::new("forged").await;
    let replica = world.replica(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    world
        .gateway_sync("own", |object| {
            object["spec"]["receiver"] = json!({"tokenSecretRef": {"name": "push", "key": "token"}});
        })
        .await;
    ready(&world, &replica).await;
    let mut answers = Vec::new();
    for name in ["plant", "own", "nobody"] {
        for headers in [
            &[][..],
            &[("authorization", "Bearer wrong")],
            &[("x-hub-signature-256", "sha256=00")],
            &[("x-gitlab-token", "x")],
        ] {
            let path = format!("/webhook/{}/{name}", world.namespace);
            answers.push(post(replica.receiver(), &path, headers, b"{\"ref\":\"v1\"}").await);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, 401);
    let bearer = format!("Bearer {TOKEN}");
    let path = format!("/webhook/{}/nobody", world.namespace);
    let (status, _) = post(replica.receiver(), &path, &[("authorization", &bearer)], b"{}").await;
    assert_eq!(status, 404, "only whoever is authenticated is told");
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_resources_own_secrets_exclude_the_global_ones_and_can_be_changed() {
    let world = World::new("own").await;
    let replica = world.replica(world.options()).await;
    world.gateway_sync("plant", |object| {
        object["spec"]["receiver"] = json!({
            "hmacSecretRef": {"name": "push", "key": "hmac"}, "tokenSecretRef": {"name": "push", "key": "token"},
            "allowedRefs": ["main", "refs/tags/v*"],
        });
    })
    .await;
    wait("the replica is ready", async || replica.is_ready().await).await;
    let path = format!("/webhook/{}/plant", world.namespace);
    let by = async |headers: &[(&str, &str)], body: &str| {
        post(replica.receiver(), &path, headers, body.as_bytes()).await.0
    };
    let body = json!({"ref": "v7"}).to_string();
    let global = (format!("Bearer {TOKEN}"), signature(HMAC, &body));
    let refused = async || {
        assert_eq!(by(&[("authorization", &global.0)], &body).await, 401);
        assert_eq!(by(&[("x-hub-signature-256", &global.1)], &body).await, 401);
    };
    refused().await;
    for (hmac, token) in [("first", "one"), ("second", "two")] {
        world.secret("push", json!({"hmac": format!("{hmac}\n"), "token": token})).await;
        wait("the new secret opens", async || by(&[("x-gitlab-token", token)], &body).await == 202).await;
        let gitea = signature(hmac, &body);
        let gitea = gitea.strip_prefix("sha256=").unwrap();
        assert_eq!(by(&[("x-gitea-signature", gitea)], &body).await, 202);
        refused().await;
    }
    assert_eq!(by(&[("x-gitlab-token", "one")], &body).await, 401);
    assert_eq!(by(&[("x-gitlab-token", "two")], &json!({"ref": "dev"}).to_string()).await, 403);
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn without_any_secret_the_receiver_is_closed_unless_it_is_opened() {
    let world = World::new("closed").await;
    // A server of its own: a resource with secrets in any namespace would be a configuration.
    let server = stoker_test_apiserver::Server::start(&stoker_test_apiserver::Options::default()).unwrap();
    server.install(&stoker_api::crd::definition()).await.unwrap();
    let namespace = server.namespace("closed").await.unwrap();
    for (allowed, expected) in [(false, 403), (true, 404)] {
        let mut options = world.options();
        options.allow_unauthenticated = allowed;
        options.namespace = Some(namespace.clone());
        let config = server.client_config(server.admin_token());
        let replica = Replica::start(options, config, &world.clock, Keys::default()).await;
        wait("the replica is ready", async || replica.is_ready().await).await;
        let (status, _) = post(replica.receiver(), "/webhook/closed/plant", &[], b"{\"ref\":\"v1\"}").await;
        assert_eq!(status, expected);
        replica.end().await;
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn too_many_requests_are_turned_away_and_slow_ones_are_cut_off() {
    let world = World::new("rates").await;
    let mut options = world.options();
    options.rate_per_source = 5;
    let replica = world.replica(options).await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(http::get(replica.receiver(), "/").await.0);
    }
    assert_eq!(answers.iter().filter(|status| **status == 404).count(), 15);
    assert!(answers.iter().skip(16).all(|status| *status == 429), "{answers:?}");

    // Half a request, and then nothing: the connection ends by itself.
    let mut slow = TcpStream::connect(replica.receiver()).await.unwrap();
    slow.write_all(b"POST /webhook/a/b HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let began = std::time::Instant::now();
    http::answer(&mut slow).await;
    let took = began.elapsed().as_secs();
    assert!((9..15).contains(&took), "{took} s");
}
