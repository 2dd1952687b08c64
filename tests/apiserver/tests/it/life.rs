//! Starting, stopping, and what is left behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{WatchEvent, WatchParams};
use stoker_test_apiserver::{Options, Server};

/// The directory of a server's files, by way of one of them.
fn directory_of(server: &Server) -> PathBuf {
    let kubeconfig = server.kubeconfig(server.admin_token(), "default").unwrap();
    kubeconfig.ancestors().nth(2).unwrap().to_owned()
}

/// Whether any process names the directory in its command line.
fn is_used(directory: &Path) -> bool {
    let needle = directory.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter(|process| process.file_name() != *std::process::id().to_string())
        .filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok())
        .any(|command| command.contains(needle))
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_dropped_server_leaves_no_process_and_no_file() {
    let began = Instant::now();
    let server = Server::start(&Options::default()).unwrap();
    println!("ready after {:.1} s", began.elapsed().as_secs_f64());
    let directory = directory_of(&server);
    assert!(is_used(&directory));
    drop(server);
    assert!(!is_used(&directory));
    wait_until("the files are still there", || !directory.exists());
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_killed_test_process_takes_its_server_along() {
    use std::io::{BufRead as _, BufReader};
    const VICTIM: &str = "STOKER_TEST_VICTIM";
    if std::env::var_os(VICTIM).is_some() {
        // This is the process that will be killed.
        let server = Server::start(&Options::default()).unwrap();
        println!("directory={}", directory_of(&server).display());
        std::thread::sleep(Duration::from_mins(5));
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--include-ignored",
            "--nocapture",
            "--exact",
            "life::a_killed_test_process_takes_its_server_along",
        ])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let directory = lines
        .find_map(|line| Some(PathBuf::from(line.split_once("directory=")?.1)))
        .expect("the child said where its server is");
    assert!(is_used(&directory));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server outlives its process", || !is_used(&directory));
    wait_until("the files are still there", || !directory.exists());
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_program_that_ends_early_is_shown_with_the_end_of_its_log() {
    let options = Options { api_server_flags: vec!["--no-such-flag".into()], ..Options::default() };
    let told = Server::start(&options).unwrap_err().to_string();
    assert!(told.starts_with("kube-apiserver ended before it was ready; the end of "), "{told}");
    assert!(told.contains("unknown flag: --no-such-flag"), "{told}");
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_restarted_api_server_has_its_data_and_its_tokens() {
    let server = Server::start(&Options { audit: true, ..Options::default() }).unwrap();
    let namespace = server.namespace("kept").await.unwrap();
    let reader = server.service_account(&namespace, "reader").await.unwrap();
    server.kill_api_server();
    let refused = Api::<Namespace>::all(server.admin().unwrap()).get(&namespace).await;
    assert!(!matches!(refused, Err(kube::Error::Api(_)) | Ok(_)), "somebody answers: {refused:?}");
    server.start_api_server().unwrap();
    let namespaces: Api<Namespace> = Api::all(server.admin().unwrap());
    assert_eq!(namespaces.get(&namespace).await.unwrap().metadata.name, Some(namespace.clone()));
    let reader: Api<Namespace> = Api::all(reader.client().unwrap());
    let refusal = reader.get(&namespace).await.unwrap_err();
    assert!(matches!(&refusal, kube::Error::Api(status) if status.code == 403), "{refusal:?}");
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_watch_from_before_a_compaction_is_told_that_it_expired() {
    let server = Server::start(&Options::default()).unwrap();
    let first = server.namespace("before").await.unwrap();
    let namespaces: Api<Namespace> = Api::all(server.admin().unwrap());
    let version = namespaces.get(&first).await.unwrap().metadata.resource_version.unwrap();
    server.namespace("between").await.unwrap();
    server.expire_watches().unwrap();

    let namespaces: Api<Namespace> = Api::all(server.admin().unwrap());
    let mut events = namespaces.watch(&WatchParams::default().timeout(20), &version).await.unwrap().boxed();
    let answer = events.next().await;
    assert!(matches!(&answer, Some(Ok(WatchEvent::Error(status))) if status.code == 410), "{answer:?}");
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_stopped_etcd_makes_requests_hang_until_it_goes_on() {
    let server = Server::start(&Options::default()).unwrap();
    let namespaces: Api<Namespace> = Api::all(server.admin().unwrap());
    let stopped = server.stop_etcd().unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(300), server.namespace("hangs")).await;
    assert!(answer.is_err(), "{answer:?}");
    drop(stopped);
    let slow = server.slow_etcd(Duration::from_millis(50), Duration::from_millis(20));
    let name = server.namespace("slow").await.unwrap();
    drop(slow);
    assert!(namespaces.get(&name).await.is_ok());
}
