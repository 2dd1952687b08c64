use std::fs;
use std::io;
use std::path::Path;

use stoker_object::{Kind, ObjectId};
use stoker_test_gitserver::Repository;
use tempfile::TempDir;

use super::LocalRepository;
use crate::capabilities::{RefLine, RefSink};
use crate::error::Error;
use crate::pack::testkit::{PackBuilder, Stores, all_objects, delta, noise, object_id};
use crate::pack::{Limits, PackStats};
use crate::trees::Completeness;

/// A ref as it was seen: name, id, what it leads to, what it stands for.
type Seen = (String, String, Option<String>, Option<String>);

#[derive(Default)]
struct List(Vec<Seen>);

impl RefSink for List {
    fn see(&mut self, line: RefLine<'_>) {
        let peeled = line.peeled.map(|id| id.to_string());
        self.0.push((line.name.to_owned(), line.id.to_string(), peeled, line.target.map(str::to_owned)));
    }
}

fn open(path: &Path, scratch: &TempDir) -> Result<LocalRepository, Error> {
    LocalRepository::open(path, scratch.path(), Limits::default())
}

fn refs(path: &Path, prefixes: &[&str]) -> Vec<Seen> {
    let scratch = tempfile::tempdir().unwrap();
    let prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    let mut list = List::default();
    open(path, &scratch).unwrap().refs(&prefixes, &mut list).unwrap();
    list.0.sort();
    list.0
}

/// What `git ls-remote` says of the same repository.
fn ls_remote(repository: &Repository) -> Vec<(String, String, Option<String>)> {
    let text = repository.git(&["ls-remote", "."]).unwrap();
    let mut found: Vec<(String, String, Option<String>)> = Vec::new();
    for line in text.lines() {
        let (id, name) = line.split_once('\t').unwrap();
        match name.strip_suffix("^{}") {
            Some(_) => found.last_mut().unwrap().2 = Some(id.to_owned()),
            None => found.push((name.to_owned(), id.to_owned(), None)),
        }
    }
    found.sort();
    found
}

fn history(versions: usize) -> (TempDir, Repository) {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init(directory.path().join("r")).unwrap();
    let mut text = String::new();
    for version in 0..versions {
        text.push_str("one more line of a resource that grows\n");
        for view in 0..20 {
            let path = format!("projects/p{}/views/{view}/view.json", view % 3);
            repository.write(&path, format!("{view}{text}{version}")).unwrap();
        }
        let mut edge = noise(1, 64 * 1024 - 2 + version % 5);
        edge[version] = 0;
        repository.write("edge.bin", edge).unwrap();
        repository.write("größe/empty", "").unwrap();
        repository.commit("A version").unwrap();
    }
    (directory, repository)
}

/// The blobs of a commit, as git lists them.
fn blobs_of(repository: &Repository, revision: &str) -> Vec<ObjectId> {
    let listing = repository.git(&["ls-tree", "-r", "--format=%(objectname)", revision]).unwrap();
    listing.lines().map(|id| id.parse().unwrap()).collect()
}

fn fetch(
    local: &mut LocalRepository,
    stores: &mut Stores,
    commit: &ObjectId,
    blobs: &[ObjectId],
) -> Result<PackStats, Error> {
    let (found, _) = local.fetch_trees(commit, &mut stores.trees)?;
    assert_eq!(stores.trees.complete(&found).unwrap(), Completeness::Complete);
    local.fetch_blobs(&mut blobs.iter().map(|id| Ok::<_, io::Error>(*id)), &mut stores.blobs)
}

/// Fetches everything that is reachable and compares it with git's own reading.
fn assert_reads_all(repository: &Repository, path: &Path) -> PackStats {
    let mut stores = Stores::new();
    let mut local = open(path, &stores.scratch).unwrap();
    let mut total = PackStats::default();
    let commits = repository.git(&["rev-list", "--all"]).unwrap();
    for commit in commits.lines() {
        let stats =
            fetch(&mut local, &mut stores, &commit.parse().unwrap(), &blobs_of(repository, commit)).unwrap();
        total.blobs += stats.blobs;
        total.deltas += stats.deltas;
    }
    for (id, kind, content) in all_objects(repository) {
        if kind == Kind::Tag {
            continue;
        }
        let (our_kind, ours) = stores.content(&id).unwrap_or_else(|| panic!("{kind} {id} is missing"));
        assert_eq!(our_kind, kind, "{id}");
        assert!(ours == content, "{kind} {id} differs");
    }
    assert_eq!(fs::read_dir(stores.scratch.path()).unwrap().count(), 0, "scratch files are left");
    total
}

#[test]
fn loose_objects_are_read() {
    let (_directory, repository) = history(4);
    let stats = assert_reads_all(&repository, repository.path());
    assert_eq!(stats.deltas, 0);
}

#[test]
fn packed_objects_and_long_chains_are_read() {
    let (_directory, repository) = history(40);
    repository.git(&["repack", "-adfq", "--depth=50", "--window=50"]).unwrap();
    let stats = assert_reads_all(&repository, repository.path());
    assert!(stats.deltas > 100, "{stats:?}");
    assert_eq!(
        stats.blobs as usize,
        all_objects(&repository).iter().filter(|object| object.1 == Kind::Blob).count()
    );
}

#[test]
fn packs_and_loose_objects_are_read_together_from_a_bare_repository() {
    let (directory, repository) = history(3);
    for version in 0..40 {
        repository.write("more", noise(version, 3000)).unwrap();
        repository.commit("More").unwrap();
        if version < 37 {
            repository.git(&["repack", "-dq"]).unwrap();
        }
    }
    let bare = directory.path().join("bare.git");
    repository.git(&["clone", "-q", "--bare", "--no-hardlinks", ".", bare.to_str().unwrap()]).unwrap();
    for path in [repository.path(), &bare, &directory.path().join("bare"), &repository.path().join(".git")] {
        assert_reads_all(&repository, path);
    }
}

#[test]
fn offsets_beyond_the_first_table_are_read() {
    let (_directory, repository) = history(5);
    repository.git(&["-c", "pack.indexVersion=2", "repack", "-adfq"]).unwrap();
    let pack_directory = repository.path().join(".git/objects/pack");
    let pack = fs::read_dir(&pack_directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .unwrap();
    // Every offset but the first few goes to the table for packs beyond 2 GiB.
    repository.git(&["index-pack", "--index-version=2,0x40", pack.to_str().unwrap()]).unwrap();
    assert_reads_all(&repository, repository.path());
}

#[test]
fn borrowed_objects_are_read_and_circles_end() {
    let (directory, repository) = history(3);
    repository.gc().unwrap();
    let clone = directory.path().join("clone");
    repository.git(&["clone", "-q", "--shared", ".", clone.to_str().unwrap()]).unwrap();
    let clone = Repository::open(clone);
    clone.write("own", "its own").unwrap();
    clone.commit("Own").unwrap();
    let alternates = repository.path().join(".git/objects/info/alternates");
    fs::write(
        alternates,
        format!("# comment\n{}\n../objects\n", clone.path().join(".git/objects").display()),
    )
    .unwrap();
    assert_reads_all(&clone, clone.path());
}

#[test]
fn a_linked_work_tree_is_its_repository() {
    let (directory, repository) = history(2);
    let linked = directory.path().join("linked");
    repository.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]).unwrap();
    assert_reads_all(&repository, &linked);
    let head = &refs(&linked, &["HEAD"])[0];
    assert_eq!(head.3.as_deref(), Some("refs/heads/side"));
}

#[test]
fn large_versions_of_each_other_are_worked_out_through_files() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init(directory.path().join("r")).unwrap();
    let mut large = noise(7, 6 << 20);
    for version in 0..4_usize {
        large[version << 20..][..1000].copy_from_slice(&noise(version as u64 + 9, 1000));
        repository.write("modules/driver.modl", &large).unwrap();
        repository.commit("A version").unwrap();
    }
    repository.git(&["repack", "-adfq", "--window=10", "--depth=10"]).unwrap();
    let stats = assert_reads_all(&repository, repository.path());
    assert_eq!((stats.blobs, stats.deltas), (4, 3));
}

#[test]
fn refs_are_those_that_git_lists() {
    let (_directory, repository) = history(2);
    repository.branch("feature/x").unwrap();
    repository.branch("feature/y").unwrap();
    repository.tag("light").unwrap();
    repository.annotated_tag("v1", "One").unwrap();
    repository.git(&["tag", "-a", "-m", "of a tag", "v1-again", "v1"]).unwrap();
    repository.git(&["update-ref", "refs/notes/x", "HEAD"]).unwrap();
    let check = |repository: &Repository| {
        let ours = refs(repository.path(), &["HEAD", "refs/"]);
        let plain: Vec<_> =
            ours.iter().map(|(name, id, peeled, _)| (name.clone(), id.clone(), peeled.clone())).collect();
        assert_eq!(plain, ls_remote(repository));
        assert_eq!(ours[0].3.as_deref(), Some("refs/heads/main"));
    };
    check(&repository);
    repository.git(&["pack-refs", "--all"]).unwrap();
    check(&repository);
    repository.write("new", "new").unwrap();
    repository.commit("Newer than packed-refs").unwrap();
    repository.annotated_tag("v2", "Two").unwrap();
    check(&repository);
    let names = |prefixes: &[&str]| {
        refs(repository.path(), prefixes).into_iter().map(|seen| seen.0).collect::<Vec<_>>()
    };
    assert_eq!(names(&["refs/heads/feature/x", "refs/tags/feature/x"]), ["refs/heads/feature/x"]);
    assert_eq!(names(&["refs/heads/f"]), ["refs/heads/feature/x", "refs/heads/feature/y"]);
    assert_eq!(names(&["refs/tags/v1"]), ["refs/tags/v1", "refs/tags/v1-again"]);
    assert_eq!(names(&["refs/heads/main", "refs/heads/"]).len(), 4, "one of them twice is no harm");
    assert!(names(&["refs/heads/../../", "refs/../../x", "/etc/", "refs/heads/nothing"]).is_empty());
}

#[test]
fn a_broken_ref_does_not_hide_the_others() {
    let (_directory, repository) = history(1);
    repository.branch("good").unwrap();
    let heads = repository.path().join(".git/refs/heads");
    fs::write(heads.join("empty"), "").unwrap();
    fs::write(heads.join("other.lock"), repository.head().unwrap()).unwrap();
    fs::write(heads.join("out"), "ref: ../../../../etc/passwd").unwrap();
    fs::write(repository.path().join(".git/refs/tags/gone"), "7".repeat(40)).unwrap();
    let names: Vec<_> = refs(repository.path(), &["refs/"]).into_iter().map(|seen| seen.0).collect();
    assert_eq!(names, ["refs/heads/good", "refs/heads/main", "refs/tags/gone"]);
}

#[test]
fn a_detached_or_unborn_head_is_told() {
    let (_directory, repository) = history(1);
    let commit = repository.head().unwrap();
    repository.checkout(&commit).unwrap();
    assert_eq!(refs(repository.path(), &["HEAD"]), [("HEAD".to_owned(), commit, None, None)]);
    let empty = tempfile::tempdir().unwrap();
    let empty = Repository::init_bare(empty.path().join("e")).unwrap();
    assert_eq!(refs(empty.path(), &["HEAD", "refs/"]), []);
}

#[test]
fn a_tag_brings_itself_and_its_commit() {
    let (_directory, repository) = history(2);
    let tag: ObjectId = repository.annotated_tag("v1", "One").unwrap().parse().unwrap();
    let commit: ObjectId = repository.head().unwrap().parse().unwrap();
    let mut stores = Stores::new();
    let mut local = open(repository.path(), &stores.scratch).unwrap();
    let (found, stats) = local.fetch_trees(&tag, &mut stores.trees).unwrap();
    assert_eq!(found, commit);
    assert!(stats.objects > 20, "{stats:?}");
    assert_eq!(stores.trees.read(&tag, &mut Vec::new()).unwrap(), Some(Kind::Tag));
}

#[test]
fn only_what_changed_is_copied() {
    let (_directory, repository) = history(3);
    repository.gc().unwrap();
    let mut stores = Stores::new();
    let mut local = open(repository.path(), &stores.scratch).unwrap();
    let first = repository.head().unwrap().parse().unwrap();
    local.fetch_trees(&first, &mut stores.trees).unwrap();
    repository.write("projects/p0/views/0/view.json", "changed").unwrap();
    let second = repository.commit("Change").unwrap().parse().unwrap();
    let (_, stats) = local.fetch_trees(&second, &mut stores.trees).unwrap();
    assert_eq!(stats.objects, 6, "the commit and five trees: {stats:?}");
    let wants = blobs_of(&repository, "HEAD");
    let fetched = |local: &mut LocalRepository, stores: &mut Stores| {
        local.fetch_blobs(&mut wants.iter().map(|id| Ok(*id)), &mut stores.blobs).unwrap().blobs
    };
    assert_eq!(fetched(&mut local, &mut stores), 22);
    assert_eq!(fetched(&mut local, &mut stores), 0);
}

#[test]
fn a_repository_that_is_packed_anew_meanwhile_is_read_on() {
    let (_directory, repository) = history(4);
    repository.git(&["repack", "-dq"]).unwrap();
    let mut stores = Stores::new();
    let mut local = open(repository.path(), &stores.scratch).unwrap();
    let old = repository.rev_parse("HEAD~2").unwrap().parse().unwrap();
    local.fetch_trees(&old, &mut stores.trees).unwrap();
    repository.write("more", "more").unwrap();
    let new = repository.commit("More").unwrap().parse().unwrap();
    repository.git(&["repack", "-adfq", "--depth=3"]).unwrap();
    let wants = blobs_of(&repository, "HEAD");
    fetch(&mut local, &mut stores, &new, &wants).unwrap();
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let message = |path: &Path| match open(path, &scratch) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{} was opened", path.display()),
    };
    assert!(message(directory.path()).starts_with("there is no Git repository at "));
    assert!(message(Path::new("/dev/null")).starts_with("there is no Git repository at "));
    let sha256 = Repository::init_with(directory.path().join("s"), &["--object-format=sha256"]).unwrap();
    assert!(message(sha256.path()).contains("SHA-256"));
    let reftable = Repository::init(directory.path().join("t")).unwrap();
    reftable.git(&["config", "core.repositoryformatversion", "1"]).unwrap();
    reftable.git(&["config", "extensions.refStorage", "reftable"]).unwrap();
    assert!(message(reftable.path()).contains("reftable"));
}

#[test]
fn what_is_missing_is_named() {
    let (_directory, repository) = history(2);
    let mut stores = Stores::new();
    let mut local = open(repository.path(), &stores.scratch).unwrap();
    let nothing = ObjectId::from_bytes([7; 20]);
    let gone = local.fetch_trees(&nothing, &mut stores.trees);
    assert!(matches!(&gone, Err(Error::RefGone { commit, .. }) if *commit == nothing), "{gone:?}");
    let outcome =
        local.fetch_blobs(&mut [Ok(nothing)].into_iter(), &mut stores.blobs).unwrap_err().to_string();
    assert!(
        outcome.starts_with("the blob 0707070707070707070707070707070707070707 is missing in /"),
        "{outcome}"
    );
    let tree = repository.rev_parse("HEAD^{tree}").unwrap().parse().unwrap();
    let outcome = local.fetch_blobs(&mut [Ok(tree)].into_iter(), &mut stores.blobs).unwrap_err().to_string();
    assert!(outcome.ends_with("is a tree where a blob belongs"), "{outcome}");
    assert!(local.fetch_trees(&blobs_of(&repository, "HEAD")[0], &mut stores.trees).is_err());
}

#[test]
fn damage_is_found_and_never_panics() {
    let (_directory, repository) = history(2);
    repository.write("big", noise(3, 5000)).unwrap();
    repository.commit("x").unwrap();
    let loose = repository.rev_parse("HEAD:big").unwrap();
    let loose_path = repository.path().join(".git/objects").join(&loose[..2]).join(&loose[2..]);
    let mut permissions = fs::metadata(&loose_path).unwrap().permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "git's loose objects are read-only, and this is a test"
    )]
    permissions.set_readonly(false);
    fs::set_permissions(&loose_path, permissions).unwrap();
    let whole = fs::read(&loose_path).unwrap();
    let id: ObjectId = loose.parse().unwrap();
    for at in (0..whole.len()).step_by(397).chain(0..40) {
        let mut changed = whole.clone();
        changed[at] ^= 0x21;
        for bytes in [&changed[..], &whole[..at]] {
            fs::write(&loose_path, bytes).unwrap();
            let mut stores = Stores::new();
            let mut local = open(repository.path(), &stores.scratch).unwrap();
            let outcome = local.fetch_blobs(&mut [Ok(id)].into_iter(), &mut stores.blobs);
            // A changed window size is no other object; everything else is an error.
            assert!(outcome.is_err() || stores.blobs.content(&id).is_some(), "{at}");
        }
    }
    fs::write(&loose_path, &whole).unwrap();
    assert_packs_survive_damage(&repository);
}

fn assert_packs_survive_damage(repository: &Repository) {
    repository.git(&["repack", "-adfq"]).unwrap();
    let objects = all_objects(repository);
    let directory = repository.path().join(".git/objects/pack");
    for extension in ["idx", "pack"] {
        let mut files = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let path = files.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        for at in (0..whole.len()).step_by(1999).chain(0..12) {
            let mut changed = whole.clone();
            changed[at] ^= 0x93;
            for bytes in [&changed[..], &whole[..at]] {
                fs::write(&path, bytes).unwrap();
                let mut stores = Stores::new();
                let mut local = open(repository.path(), &stores.scratch).unwrap();
                for (id, kind, content) in objects.iter().take(12) {
                    if *kind == Kind::Blob {
                        let outcome = local.fetch_blobs(&mut [Ok(*id)].into_iter(), &mut stores.blobs);
                        assert!(outcome.is_err() || stores.blobs.content(id).as_ref() == Some(content));
                    }
                }
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_reads_all(repository, repository.path());
}

#[test]
fn bases_named_by_id_are_found_in_the_pack() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(directory.path().join("r")).unwrap();
    let base = noise(4, 300);
    let mut pack = PackBuilder::new();
    let mut longer = base.clone();
    longer.extend_from_slice(b"and more");
    pack.ref_delta(&object_id(Kind::Blob, &base), &delta(300, 300, b"and more"));
    pack.blob(&base);
    let path = repository.path().join("objects/pack/pack-x.pack");
    fs::write(&path, pack.finish()).unwrap();
    repository.git(&["index-pack", path.to_str().unwrap()]).unwrap();
    let mut stores = Stores::new();
    let mut local = open(repository.path(), &stores.scratch).unwrap();
    let id = object_id(Kind::Blob, &longer);
    local.fetch_blobs(&mut [Ok(id)].into_iter(), &mut stores.blobs).unwrap();
    assert_eq!(stores.blobs.content(&id), Some(longer));
}

#[test]
fn limits_refuse_what_is_too_large() {
    let (_directory, repository) = history(1);
    let mut stores = Stores::new();
    for limits in [
        Limits { max_object_bytes: 60_000, ..Limits::default() },
        Limits { max_total_bytes: 60_000, ..Limits::default() },
    ] {
        let mut local = LocalRepository::open(repository.path(), stores.scratch.path(), limits).unwrap();
        let wants = blobs_of(&repository, "HEAD");
        let outcome = local.fetch_blobs(&mut wants.iter().map(|id| Ok(*id)), &mut stores.blobs);
        assert!(matches!(outcome, Err(Error::Limit { limit: 60_000, .. })), "{outcome:?}");
    }
}
