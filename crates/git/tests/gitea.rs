//! A real forge: tokens, its own SSH server, LFS.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::{Client, noise, remote_with};
use stoker_git::lfs::{Parsed, Pointer, Wanted};
use stoker_git::{BlobSink as _, Error, Options, Remote};
use stoker_object::{ObjectId, blob_id};
use stoker_test_gitserver::Repository;
use stoker_test_gitserver::gitea::Gitea;
use tempfile::TempDir;

/// A forge with the repository `plant`, whose large files the real `git lfs` pushed.
struct Forge {
    gitea: Gitea,
    dir: TempDir,
    repository: Repository,
}

impl Forge {
    fn start() -> Option<Self> {
        let gitea = Gitea::start().unwrap()?;
        gitea.create("plant").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::init(dir.path().join("work")).unwrap();
        repository.git(&["lfs", "install", "--local"]).unwrap();
        repository.git(&["lfs", "track", "*.bin"]).unwrap();
        repository.write("large.bin", noise(3_000_000)).unwrap();
        repository.write("copy.bin", noise(3_000_000)).unwrap();
        repository.write("small.bin", "a few bytes").unwrap();
        repository.write("plain.json", "{}\n").unwrap();
        repository.commit("one").unwrap();
        std::fs::write(dir.path().join("token"), gitea.token()).unwrap();
        let forge = Self { gitea, dir, repository };
        forge.push();
        Some(forge)
    }

    fn push(&self) {
        let url = self.gitea.push_url("plant");
        self.repository.git(&["-c", "lfs.locksverify=false", "push", "-q", &url, "main"]).unwrap();
    }

    fn by_token(&self) -> Remote {
        let token_file = Some(self.dir.path().join("token"));
        remote_with(&self.gitea.url("plant"), &Options { token_file, ..Options::default() })
    }

    fn by_ssh(&self) -> Remote {
        let key = self.dir.path().join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        self.gitea.add_key(&std::fs::read_to_string(key.with_extension("pub")).unwrap()).unwrap();
        let options = Options { ssh_key_file: Some(key), ..Options::default() };
        remote_with(&self.gitea.ssh_url("plant"), &options)
    }
}

/// Fetches a commit, and gives its pointers by path.
fn pointers(remote: &mut Remote, client: &mut Client) -> BTreeMap<String, Wanted> {
    let commit = remote.resolve("main").unwrap().commit;
    client.fetch(remote, &commit).unwrap();
    let files = client.files(&commit);
    let mut found = BTreeMap::new();
    for (path, (blob, _)) in files {
        if let Parsed::Pointer(pointer) = Pointer::parse(&client.sink.read(&blob).unwrap()) {
            found.insert(path, Wanted { blob, pointer });
        }
    }
    found
}

fn fetches_everything(name: &str, mut remote: Remote) {
    let mut client = Client::new();
    let pointers = pointers(&mut remote, &mut client);
    let paths: Vec<&str> = pointers.keys().map(String::as_str).collect();
    assert_eq!(paths, ["copy.bin", "large.bin", "small.bin"], "{name}");
    let wanted: Vec<Wanted> = pointers.values().copied().collect();
    let before = remote.traffic().received;
    let bytes = remote.fetch_lfs(&wanted, &mut client.sink).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(bytes, 3_000_000 + 11, "{name}: each content once");
    assert!(remote.traffic().received - before > bytes, "{name}");
    for (path, content) in [
        ("copy.bin", noise(3_000_000)),
        ("large.bin", noise(3_000_000)),
        ("small.bin", b"a few bytes".to_vec()),
    ] {
        let id: ObjectId = blob_id(&content);
        assert_eq!(client.sink.stands_in[&pointers[path].blob], id, "{name}: {path}");
        assert!(client.sink.contains(&id) && client.sink.read(&id).unwrap() == content, "{name}: {path}");
    }
}

#[test]
fn files_of_git_lfs_come_by_token_and_by_ssh() {
    let Some(forge) = Forge::start() else { return };
    fetches_everything("token", forge.by_token());
    fetches_everything("ssh", forge.by_ssh());
    let local = forge.repository.file_url();
    fetches_everything_from_disk(&local);

    // A repository that lost an object, or whose object is not what it was.
    let mut remote = forge.by_token();
    let mut client = Client::new();
    let wanted = pointers(&mut remote, &mut client)["large.bin"];
    let object = forge.gitea.lfs_object(&wanted.pointer.hex());
    let bytes = std::fs::read(&object).unwrap();
    let mut fails = |words: &str| {
        let error = remote.fetch_lfs(&[wanted], &mut client.sink).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(error.is_transient() && client.sink.stands_in.is_empty(), "{error}");
        error
    };
    let mut changed = bytes.clone();
    changed[1_000_000] ^= 1;
    std::fs::write(&object, &changed).unwrap();
    assert!(matches!(fails("another SHA-256").cause(), Error::Lfs { .. }));
    std::fs::write(&object, &bytes[..1_000_000]).unwrap();
    fails("");
    std::fs::remove_file(&object).unwrap();
    fails("");
    std::fs::write(&object, &bytes).unwrap();
    assert_eq!(remote.fetch_lfs(&[wanted], &mut client.sink).unwrap(), 3_000_000);

    // Who may not read the repository gets none of its files.
    let mut stranger = remote_with(&forge.gitea.url("plant"), &Options::default());
    let error = stranger.fetch_lfs(&[wanted], &mut client.sink).unwrap_err();
    assert_eq!(error.reason(), "AuthFailed", "{error}");
}

fn fetches_everything_from_disk(url: &str) {
    let mut remote = remote_with(url, &Options::default());
    let mut client = Client::new();
    let wanted: Vec<Wanted> = pointers(&mut remote, &mut client).into_values().collect();
    assert_eq!(remote.fetch_lfs(&wanted, &mut client.sink).unwrap(), 3_000_011);
    let absent = Wanted { pointer: Pointer { oid: [1; 32], size: 5 }, ..wanted[0] };
    let error = remote.fetch_lfs(&[absent], &mut client.sink).unwrap_err();
    assert!(error.to_string().contains("git lfs fetch --all"), "{error}");
}
