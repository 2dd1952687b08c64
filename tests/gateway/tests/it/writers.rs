//! Writers at work while the gateway scans all the time: the right order is never an incident, wrong ones
//! are.

use std::time::{Duration, Instant};

use stoker_test_gateway::{Gateway, Settings, What};

use crate::data::{Data, VIEW};
use crate::{SOON, settings};

/// Scans without a pause between two scans, and waits for manifests as long as it takes.
fn restless(data: &Data) -> Gateway {
    let scan_interval = Some(Duration::from_micros(100));
    Gateway::start(Settings { scan_interval, settle: SOON, ..settings(data) }).unwrap()
}

fn view(file: &str) -> String {
    format!("{VIEW}/{file}")
}

/// Enough scans that some fell between any two steps of the writer.
fn scans_of(gateway: &Gateway, count: usize) {
    gateway.wait_for(SOON, "scans", |gateway| (gateway.scans().len() >= count).then_some(())).unwrap();
}

#[test]
fn payloads_first_and_manifests_last_is_never_an_incident() {
    let data = Data::new();
    let gateway = restless(&data);
    let big = "x".repeat(200_000);
    for n in 0..300 {
        let (text, own) = (format!(r#"{{"n":{n},"text":"{big}"}}"#), format!("own-{}.py", n % 3));
        data.resource(VIEW, &[("view.json", &text), (&own, "pass\n"), ("code.py", &text)]);
        // What only the old manifest named goes after the new one is there.
        let old = view(&format!("own-{}.py", (n + 2) % 3));
        let _ = std::fs::remove_file(data.at(&old));
        if n % 50 == 49 {
            data.remove(&view("resource.json"));
            for name in [own.as_str(), "view.json", "code.py"] {
                data.remove(&view(name));
            }
        }
    }
    scans_of(&gateway, 100);
    assert!(gateway.incidents().is_empty(), "{:?}", gateway.incidents());
}

/// Repeats a wrong way of writing until the gateway has seen it.
fn caught(wrong: impl Fn(&Data, usize)) -> What {
    let data = Data::new();
    let gateway = restless(&data);
    let deadline = Instant::now() + SOON;
    for n in 0.. {
        wrong(&data, n);
        if let Some(incident) = gateway.incidents().first() {
            return incident.what;
        }
        assert!(Instant::now() < deadline, "never caught in {n} rounds and {} scans", gateway.scans().len());
    }
    unreachable!("the loop has no end")
}

#[test]
fn a_copy_into_the_files_is_caught() {
    let big = "x".repeat(500_000);
    let what = caught(|data, n| {
        data.write_in_place(&view("view.json"), &format!(r#"{{"n":{n},"text":"{big}"}}"#));
        data.manifest(VIEW, &["view.json", "code.py"]);
    });
    assert!([What::BrokenJson, What::ChangedWhileRead].contains(&what), "{what:?}");
}

#[test]
fn a_manifest_before_its_payload_is_caught() {
    let what = caught(|data, n| {
        let name = format!("new-{n}.py");
        data.manifest(VIEW, &["view.json", &name]);
        data.write(&view(&name), "pass\n");
    });
    assert_eq!(what, What::MissingFile);
}

#[test]
fn a_payload_removed_before_its_manifest_is_caught() {
    let what = caught(|data, _| {
        data.resource(VIEW, &[("view.json", "{}"), ("extra.py", "pass\n")]);
        data.remove(&view("extra.py"));
        data.manifest(VIEW, &["view.json"]);
    });
    assert_eq!(what, What::MissingFile);
}

#[test]
fn a_manifest_written_in_place_is_caught() {
    let files: Vec<String> = (0..3000).map(|n| format!("\"f{n}\"")).collect();
    let text = format!(r#"{{"attributes":{{"list":[{}]}},"files":["view.json"]}}"#, files.join(","));
    let what = caught(|data, _| data.write_in_place(&view("resource.json"), &text));
    assert!([What::BrokenJson, What::ChangedWhileRead].contains(&what), "{what:?}");
}
