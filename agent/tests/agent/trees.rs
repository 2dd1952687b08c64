//! What is written equals `git archive` of the commit, byte for byte and with the executable bits, for
//! repositories that are made here and over every kind of server.

use std::any::Any;
use std::collections::BTreeSet;

use serde_json::json;
use stoker_test_gitserver::{Daemon, DaemonOptions, HttpOptions};

use crate::support::{Manifest, Site, assert_same, noise};

/// The whole repository becomes the whole data directory, but for the agent's own. Nothing is left out and
/// any number of files may go.
fn everything(manifest: Manifest) -> Manifest {
    manifest
        .mapping(".", ".")
        .with("sync.defaults.excludePatterns", json!([]))
        .with("sync.limits.maxDeletes", "100%")
}

/// Syncs this commit, which must then be what lies there.
#[track_caller]
fn syncs(site: &Site, manifest: &Manifest, commit: &str, what: &str) {
    let ended = site.once(manifest, &[]);
    assert_eq!(ended.code, 0, "{what}: {}", ended.stderr);
    assert_same(&site.archive(commit), &site.live(), what);
    let status = crate::support::site::status_file(&site.path("status.json")).unwrap();
    assert_eq!(status["syncedCommit"], commit, "{what}");
    // And the agent itself finds no difference.
    assert_eq!(site.volume("diff", &[]).code, 0, "{what}");
}

/// A path of exactly so many bytes.
fn path_of(bytes: usize, end: &str) -> String {
    let mut path = String::new();
    while path.len() + end.len() + 20 < bytes {
        path += "eighteen-bytes-dir/";
    }
    path += &"x".repeat(bytes - path.len() - end.len());
    path + end
}

/// Every kind of path and content that a gateway's repository has, and some that it should not have.
fn write_every_kind(site: &Site) {
    let write = |path: &str, content: &[u8]| site.repository.write(path, content).unwrap();
    write("projects/line/project.json", b"{\"title\":\"Line\"}\n");
    write("projects/line 2/views/main view/view.json", b"{}");
    write(
        "projects/stra\u{df}e \u{2013} \u{65e5}\u{672c}/\u{1f3ed}.json",
        "\u{feff}{\"\u{e4}\":1}\r\n".as_bytes(),
    );
    write("projects/combining/e\u{301}.json", b"decomposed");
    write("empty", b"");
    write("projects/line/empty.json", b"");
    write("config/no newline at the end", b"x");
    write("config/crlf.txt", b"one\r\ntwo\r\n");
    write("config/binary.bin", &noise(100_000, 7));
    write("config/nul", b"a\0b\0");
    write("config/$HOME/`id`/'quoted' \"twice\" & more;", b"shell");
    write("config/-rf/--help", b"options");
    write("config/back\\slash%20{braces}[class]*?", b"globs");
    write(".versions.json", b"{\"marker\":true}\n");
    write(".gitignore", b"*.tmp\n");
    write("config/kept.tmp", b"it is tracked");
    write("config/.gitkeep", b"");
    write(".gitattributes", b"*.txt text eol=lf\n*.json -text\n");
    write(&path_of(190, ".json"), b"190 bytes");
    write(&path_of(900, ".json"), b"900 bytes");
    write(&format!("projects/{}", "n".repeat(255)), b"the longest name");
    write(&format!("{}leaf", "d/".repeat(40)), b"40 levels");
    site.repository.write_executable("bin/run.sh", "#!/bin/sh\n").unwrap();
    site.repository.write_executable("bin/empty", "").unwrap();
    for twin in ["bin/one", "bin/two", "projects/three"] {
        write(twin, b"three files of one content");
    }
}

/// Replaces files by directories, the other way round, moves, changes modes, deletes.
fn change_every_kind(site: &Site) {
    let repository = &site.repository;
    repository.remove("empty").unwrap();
    repository.write("empty/now a directory", "1").unwrap();
    repository.remove("projects/line").unwrap();
    repository.write("projects/line", "now a file").unwrap();
    repository.remove("d").unwrap();
    repository.git(&["mv", "projects/line 2", "projects/moved"]).unwrap();
    repository.write("bin/run.sh", "#!/bin/sh\n").unwrap();
    repository.write_executable("bin/one", "three files of one content").unwrap();
    repository.write("bin/two", "changed").unwrap();
    repository.write("config/nul", b"a\0b").unwrap();
    repository.git(&["mv", "config/crlf.txt", "config/CRLF.txt"]).unwrap();
}

/// Every way to a repository that the issue names: a name, the manifest, and what keeps it up.
fn servers(site: &Site) -> Vec<(&'static str, Manifest, Box<dyn Any>)> {
    let http = |name, options: HttpOptions| {
        let server = site.server_with(options);
        let manifest = Manifest::new(&server.url("plant.git"));
        (name, manifest, Box::new(server) as Box<dyn Any>)
    };
    let git = |name, filter| {
        let options = DaemonOptions { filter, ..DaemonOptions::default() };
        let server = Daemon::start_with(&site.served(), &options).unwrap();
        (name, Manifest::new(&server.url("plant.git")), Box::new(server) as Box<dyn Any>)
    };
    let plain = HttpOptions::default;
    let token = "t0k3n with spaces: and \u{fc}";
    site.secret("git", "token", format!("{token}\n"));
    let private = site.server_with(HttpOptions {
        tls: true,
        filter: true,
        basic_auth: Some(("x-access-token".to_owned(), token.to_owned())),
        ..plain()
    });
    site.secret("git", "ca.crt", std::fs::read(private.ca_pem().unwrap()).unwrap());
    let guarded = Manifest::new(&private.url("plant.git")).with_authority().with_token();
    vec![
        ("https, a private authority, a token", guarded, Box::new(private)),
        http("http", HttpOptions { filter: true, ..plain() }),
        http("http, no filter", plain()),
        http("http, v0", HttpOptions { protocol_v2: false, ..plain() }),
        http("http, v0, filter", HttpOptions { protocol_v2: false, filter: true, any_sha: true, ..plain() }),
        git("git", true),
        git("git, no filter", false),
        ("file", site.manifest(), Box::new(())),
    ]
}

#[test]
fn every_kind_of_path_and_content_comes_as_it_is_from_every_kind_of_server() {
    let site = Site::empty();
    write_every_kind(&site);
    let first = site.repository.commit("one").unwrap();
    change_every_kind(&site);
    let second = site.repository.commit("two").unwrap();
    for (name, manifest, _running) in servers(&site) {
        site.lose_the_volume();
        let manifest = everything(manifest);
        site.repository.git(&["reset", "--hard", "--quiet", &first]).unwrap();
        syncs(&site, &manifest, &first, name);
        site.repository.git(&["reset", "--hard", "--quiet", &second]).unwrap();
        syncs(&site, &manifest, &second, name);
        // And back, which a branch may go as well.
        site.repository.git(&["reset", "--hard", "--quiet", &first]).unwrap();
        syncs(&site, &manifest, &first, name);
    }
}

#[test]
fn a_commit_in_a_packed_repository_is_written_as_one_of_loose_objects() {
    let site = Site::empty();
    write_every_kind(&site);
    site.repository.commit("one").unwrap();
    change_every_kind(&site);
    let commit = site.repository.commit("two").unwrap();
    site.repository.gc().unwrap();
    site.repository.git(&["prune-packed"]).unwrap();
    syncs(&site, &everything(site.manifest()), &commit, "packed");
}

#[test]
fn a_commit_a_lightweight_tag_and_an_annotated_one_lead_to_their_commit() {
    let site = Site::new();
    let first = site.repository.head().unwrap();
    site.repository.tag("light").unwrap();
    site.repository.annotated_tag("v1.0.0", "the first").unwrap();
    site.view("main", "two");
    let second = site.repository.commit("two").unwrap();
    let server = site.server();
    let manifest = everything(Manifest::new(&server.url("plant.git")));
    for (reference, commit) in [
        ("v1.0.0", &first),
        ("main", &second),
        ("light", &first),
        (second.as_str(), &second),
        ("refs/tags/v1.0.0", &first),
    ] {
        syncs(&site, &manifest.clone().with("git.ref", reference), commit, reference);
    }
}

/// A generator of numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn name(&mut self) -> String {
        let words =
            ["view", "tank", "a b", "\u{fc}ber", "x.json", "\u{6f22}\u{5b57}", "-", "%", "1", "_", "~"];
        (0..=self.below(3)).map(|_| self.of(&words)).collect()
    }

    fn path(&mut self) -> String {
        let depth = 1 + self.below(5);
        let mut path = self.of(&["projects", "config", "modules"]).to_owned();
        for _ in 0..depth {
            path = format!("{path}/{}", self.name());
        }
        // No directory is called so.
        path + ".f"
    }
}

#[test]
fn repositories_that_nobody_wrote_come_as_git_archive_has_them_commit_after_commit() {
    for seed in 0..3 {
        let (site, mut dice) = (Site::empty(), Dice(seed));
        let server = site.server_with(HttpOptions { filter: seed % 2 == 0, ..HttpOptions::default() });
        let manifest = everything(Manifest::new(&server.url("plant.git")));
        let mut files: BTreeSet<String> = BTreeSet::new();
        for round in 0..4 {
            for _ in 0..60 {
                let path = dice.path();
                let length = [0, 1, 100, 5_000, 70_000][dice.below(5)];
                let content = noise(length, dice.below(20) as u64);
                if dice.below(4) == 0 {
                    site.repository.write_executable(&path, content).unwrap();
                } else {
                    site.repository.write(&path, content).unwrap();
                }
                files.insert(path);
            }
            let going: Vec<String> = files.iter().filter(|_| dice.below(5) == 0).cloned().collect();
            for path in going {
                site.repository.remove(&path).unwrap();
                files.remove(&path);
            }
            let commit = site.repository.commit(&format!("round {round}")).unwrap();
            syncs(&site, &manifest, &commit, &format!("seed {seed}, round {round}"));
        }
    }
}

#[test]
fn two_versions_of_a_64_mib_file_come_whole_the_second_as_a_delta_of_the_first() {
    const LARGE: usize = 64 << 20;
    let site = Site::empty();
    let mut content = noise(LARGE, 1);
    site.repository.write("modules/old.modl", &content).unwrap();
    content[LARGE / 2..LARGE / 2 + 1000].fill(7);
    content.extend_from_slice(b"and a new end");
    site.repository.write("modules/new.modl", &content).unwrap();
    drop(content);
    // Stored, not compressed: it is noise. A delta of it is searched for all the same.
    site.repository.git(&["config", "core.compression", "0"]).unwrap();
    let commit = site.repository.commit("large").unwrap();
    site.repository.gc().unwrap();
    let packed = site.repository.git(&["count-objects", "-v"]).unwrap();
    let size: usize =
        packed.lines().find_map(|line| line.strip_prefix("size-pack: ")).unwrap().parse().unwrap();
    assert!(size < LARGE / 1024 * 3 / 2, "the second is no delta of the first: {packed}");
    for filter in [true, false] {
        site.lose_the_volume();
        let server = site.server_with(HttpOptions { filter, ..HttpOptions::default() });
        let manifest = everything(Manifest::new(&server.url("plant.git")));
        syncs(&site, &manifest, &commit, if filter { "wanted" } else { "all at once" });
        assert!(server.bytes_out() < LARGE as u64 * 3 / 2, "the delta was not used");
    }
}

#[test]
fn tens_of_thousands_of_files_come_whole() {
    let site = Site::empty();
    for file in 0..20_000 {
        let (project, view) = (file / 1000, file % 1000 / 10);
        let path = format!("projects/p{project}/views/v{view}/{file}.json");
        site.repository.write(&path, format!("{{\"file\":{file}}}\n")).unwrap();
    }
    let commit = site.repository.commit("many").unwrap();
    site.repository.gc().unwrap();
    let server = site.server();
    let manifest = everything(Manifest::new(&server.url("plant.git")));
    syncs(&site, &manifest, &commit, "20,000 files");
    let asked = server.log().iter().filter(|request| request.method == "POST").count();
    assert!(asked <= 6, "one question for the ref, one for the trees, three for the blobs: {asked}");
}
