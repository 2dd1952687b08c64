//! The program as it is run: its memory, and its end.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::http;
use crate::world::{HMAC, TOKEN, World, wait};

struct Program {
    child: Child,
    probes: SocketAddr,
    receiver: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

async fn start(world: &World) -> Program {
    let account = world.server.service_account(&world.namespace, "stoker-webhook").await.unwrap();
    crate::cluster::grant(&world.admin, &world.namespace, &world.namespace).await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_stoker-webhook"))
        .args([
            "--address",
            "127.0.0.1:0",
            "--receiver-address",
            "127.0.0.1:0",
            "--probe-address",
            "127.0.0.1:0",
        ])
        .args(["--namespace", &world.namespace, "--configuration", &world.namespace, "--drain-seconds", "2"])
        .env("KUBECONFIG", world.server.kubeconfig(&account.token, &world.namespace).unwrap())
        .env("WEBHOOK_HMAC_SECRET", HMAC)
        .env("WEBHOOK_BEARER_TOKEN", TOKEN)
        .env("STOKER_LOG", "debug")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.by_ref().find(|line| line.contains("\"listening\"")).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
    let (probes, receiver) = (address("probes"), address("receiver"));
    // Whatever it logs is JSON without secrets.
    std::thread::spawn(move || {
        for line in lines {
            assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
            assert!(!line.contains(HMAC) && !line.contains(TOKEN), "{line}");
        }
    });
    Program { child, probes, receiver }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn told_to_end_it_is_not_ready_finishes_what_it_has_and_ends() {
    let world = World::new("drain").await;
    world.gateway_sync("plant", |_| ()).await;
    let mut program = start(&world).await;
    wait("it is ready", async || http::get(program.probes, "/readyz").await.0 == 200).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmRSS")).unwrap());

    // A request that is in flight when the end is told.
    let body = b"{\"ref\":\"main\"}";
    let head = format!(
        "POST /webhook/{}/plant HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n",
        world.namespace,
        body.len()
    );
    let mut slow = TcpStream::connect(program.receiver).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    wait("readiness drops first", async || http::get(program.probes, "/readyz").await.0 == 503).await;
    assert_eq!(http::get(program.probes, "/healthz").await.0, 200);
    assert_eq!(http::post(program.receiver, "/webhook/a/b", &[], b"{}").await.0, 401, "it still answers");
    tokio::time::sleep(Duration::from_millis(2200)).await;
    assert!(program.child.try_wait().unwrap().is_none(), "a request is in flight");
    slow.write_all(body).await.unwrap();
    let (status, answer) = http::answer(&mut slow).await;
    assert_eq!(status, 202, "{answer}");
    wait("it ends", async || program.child.try_wait().unwrap().is_some()).await;
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
}
