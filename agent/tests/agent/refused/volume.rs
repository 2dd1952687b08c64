//! Volumes that cannot take what is to be written.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use serde_json::json;

use super::{NOT_NOW, SYSTEM, refuses};
use crate::support::site::status_file;
use crate::support::{Ended, Mount, STATE, Site, assert_same, noise};

#[test]
fn a_full_disk_is_told_before_anything_moves_and_is_left_with_its_room() {
    let site = Site::new();
    let Some(mount) = Mount::tmpfs(&site.data, "size=6m") else { return };
    site.sync(&site.manifest());
    let free = mount.free();
    for part in 0..8 {
        site.repository.write(&format!("projects/line/{part}.bin"), noise(1 << 20, part)).unwrap();
    }
    site.repository.commit("too large").unwrap();
    let place = site.data.display().to_string();
    refuses(&site, &site.manifest(), SYSTEM, "DiskFull", &[&place, "no room", "enlarge the volume"]);
    let left = mount.free();
    assert!(left + 200_000 > free, "{free} were free, {left} are: the gateway needs the room");
    // What fits is synced afterwards.
    for part in 2..8 {
        site.repository.remove(&format!("projects/line/{part}.bin")).unwrap();
    }
    site.repository.commit("it fits").unwrap();
    site.sync(&site.manifest());
}

#[test]
fn one_file_that_does_not_fit_is_told_like_many() {
    let site = Site::new();
    let Some(_mount) = Mount::tmpfs(&site.data, "size=6m") else { return };
    site.sync(&site.manifest());
    site.repository.write("projects/line/large.bin", noise(7 << 20, 1)).unwrap();
    site.repository.commit("too large").unwrap();
    refuses(&site, &site.manifest(), SYSTEM, "DiskFull", &["no room", "enlarge the volume"]);
}

#[test]
fn a_disk_without_inodes_is_told_before_anything_moves() {
    let site = Site::new();
    let Some(_mount) = Mount::tmpfs(&site.data, "size=50m,nr_inodes=120") else { return };
    site.sync(&site.manifest());
    for file in 0..200 {
        site.repository.write(&format!("projects/line/{file}.txt"), file.to_string()).unwrap();
    }
    site.repository.commit("too many").unwrap();
    let place = site.data.display().to_string();
    refuses(&site, &site.manifest(), SYSTEM, "DiskFull", &[&place, "no room", "inodes"]);
}

#[test]
fn a_read_only_data_directory_is_told_with_what_to_do() {
    let site = Site::new();
    let Some(mount) = Mount::tmpfs(&site.data, "size=6m") else { return };
    site.sync(&site.manifest());
    let before = site.live();
    site.view("main", "two");
    site.repository.commit("two").unwrap();
    mount.read_only(true);
    let ended = site.once(&site.manifest(), &[]);
    assert_eq!(ended.code, SYSTEM, "{}", ended.stderr);
    let message = ended.message();
    assert!(message.contains(&site.data.display().to_string()), "{message}");
    assert!(message.contains("mounted read-only: mount it writable"), "{message}");
    assert_same(&before, &site.live(), "the data directory has changed");
    // To look at it needs no right to write.
    assert_eq!(site.volume("diff", &[]).code, 0);
    assert_eq!(site.volume("history", &[]).code, 0);
    mount.read_only(false);
    site.sync(&site.manifest());
}

#[test]
fn a_data_directory_of_somebody_else_is_told_with_who_must_run_the_agent() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can run the agent as somebody else");
        return;
    }
    let site = Site::new();
    fs::set_permissions(site.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    site.write_manifest(&site.manifest().text());
    let before = site.live();
    let ended = Ended::of(site.command(&[]).arg("--once").uid(65534).gid(65534));
    assert_eq!(ended.code, SYSTEM, "{}", ended.stderr);
    let message = ended.message();
    assert!(message.contains(&site.data.display().to_string()), "{message}");
    assert!(message.contains("must run as the user who owns the gateway's files"), "{message}");
    assert_same(&before, &site.live(), "the data directory has changed");
}

#[test]
fn a_data_directory_that_is_not_there_is_named() {
    let site = Site::new();
    fs::remove_dir(&site.data).unwrap();
    let ended = site.once(&site.manifest(), &[]);
    assert_eq!(ended.code, SYSTEM, "{}", ended.stderr);
    assert!(ended.message().contains(&site.data.display().to_string()), "{}", ended.stderr);
    assert!(!site.data.exists(), "it is not made: a gateway would not find it");
}

#[test]
fn what_lies_in_the_way_is_named_and_left() {
    let site = super::synced();
    site.repository.write("projects/extra/notes.txt", "ours").unwrap();
    site.repository.commit("more").unwrap();
    fs::write(site.data.join("projects/extra"), "somebody's file").unwrap();
    let words = ["\"projects/extra\"", "in the way", "Move it away"];
    refuses(&site, &site.manifest(), super::DATA, "UnsafePath", &words);
}

#[test]
fn a_link_in_the_data_directory_is_never_written_through() {
    let site = super::synced();
    let outside = site.path("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, site.data.join("projects/extra")).unwrap();
    site.repository.write("projects/extra/notes.txt", "ours").unwrap();
    site.repository.commit("more").unwrap();
    let words = ["\"projects/extra\"", "in the way"];
    refuses(&site, &site.manifest(), super::DATA, "UnsafePath", &words);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_second_agent_on_a_volume_is_refused_and_named_the_first() {
    let site = super::synced();
    let first = site.start(&site.manifest(), &[]);
    first.wait_for_start();
    let holder = format!("process {}", first.id());
    for ended in [
        site.once(&site.manifest(), &[]),
        Ended::of(&mut site.command(&[])),
        site.volume("rollback", &[]),
        site.volume("resume", &[]),
    ] {
        assert_eq!(ended.code, NOT_NOW, "{}", ended.stderr);
        assert!(ended.message().contains(&holder) && ended.message().contains("\"gw\""), "{}", ended.stderr);
    }
    // Who only looks does not disturb.
    assert_eq!(site.volume("diff", &[]).code, 0);
    assert_eq!(site.volume("history", &[]).code, 0);
    drop(first);
    site.sync(&site.manifest());
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let site = super::synced();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Ended::of(site.command(&[]).args(["--listen", &address]));
    assert_eq!(ended.code, SYSTEM, "{}", ended.stderr);
    assert!(ended.message().contains(&address) && ended.message().contains("--listen"), "{}", ended.stderr);
}

#[test]
fn what_a_gateway_leaves_beside_our_files_is_no_obstacle_and_stays_unless_a_mirror_is_wanted() {
    let site = super::synced();
    let beside = site.data.join("projects/line");
    let odd = beside.join(OsStr::from_bytes(b"not \xff UTF-8"));
    fs::write(&odd, "theirs").unwrap();
    fs::create_dir(beside.join(OsStr::from_bytes(b"nor \xfe this"))).unwrap();
    std::os::unix::fs::symlink("/nowhere", beside.join("a link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(beside.join("s")).unwrap();
    site.view("main", "two");
    site.repository.commit("two").unwrap();
    for mapping in [
        json!({"source": "projects", "destination": "projects"}),
        json!({"source": "projects/line", "destination": "projects/line", "prune": "all"}),
    ] {
        let ended = site.once(&site.manifest().mappings(json!([mapping])), &[]);
        assert_eq!(ended.code, 0, "{mapping}: {}", ended.stderr);
        assert!(fs::read_to_string(site.live_view("main")).unwrap().contains("two"));
        let mirrored = mapping["prune"] == "all";
        for name in ["a link", "s"] {
            assert_eq!(beside.join(name).symlink_metadata().is_ok(), !mirrored, "{mapping}: {name}");
        }
        assert!(odd.exists(), "what Git cannot name is not ours, under any rule");
    }
}

#[test]
fn a_dry_run_says_what_would_change_and_touches_nothing_but_its_own_directory() {
    let site = super::synced();
    site.view("main", "two");
    site.view("new", "one");
    site.repository.remove("config/resources/core/config-mode.json").unwrap();
    site.repository.commit("two").unwrap();
    let before = site.live();
    let ended = site.once(&site.manifest(), &["--dry-run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_same(&before, &site.live(), "a dry run has changed something");
    let status = status_file(&site.path("status.json")).unwrap();
    assert_eq!(
        json!([
            status["dryRun"],
            status["dryRunDiffAdded"],
            status["dryRunDiffModified"],
            status["dryRunDiffDeleted"]
        ]),
        json!([true, 2, 1, 1]),
        "{status:#}"
    );
    for path in ["views/new/view.json", "views/main/view.json", "config-mode.json"] {
        assert!(ended.stderr.contains(path), "{path} is not in {}", ended.stderr);
    }
    assert!(site.data.join(STATE).exists());
    site.sync(&site.manifest());
}
