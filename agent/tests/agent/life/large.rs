//! Large files of Git LFS, from a real forge.

use stoker_test_gitserver::gitea::Gitea;

use crate::support::{Manifest, Site};

const OID_OF_NOTHING: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0000000000000000000000000000000000000000000000000000000000000001\nsize 7\n";

#[test]
fn files_of_git_lfs_are_written_as_they_are_and_never_as_pointers() {
    let Some(gitea) = Gitea::start().unwrap() else { return };
    gitea.create("plant").unwrap();
    let site = Site::new();
    site.secret("git", "token", gitea.token());
    let image = "projects/line/com.inductiveautomation.perspective/images/hall.bin";
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let git = |arguments: &[&str]| site.repository.git(arguments).unwrap();
    git(&["lfs", "install", "--local"]);
    git(&["lfs", "track", "*.bin"]);
    site.repository.write(image, &bytes).unwrap();
    site.repository.commit("an image").unwrap();
    let url = gitea.push_url("plant");
    let push = || git(&["-c", "lfs.locksverify=false", "push", "-q", &url, "main"]);
    push();
    let manifest = Manifest::new(&gitea.url("plant")).with_token();
    let live = site.data.join(image);
    site.sync(&manifest);
    assert!(std::fs::read(&live).unwrap() == bytes);

    // Nothing to do stays nothing to do, and a commit beside it fetches nothing large.
    let ended = site.once(&manifest, &[]);
    assert!(ended.code == 0 && !ended.stderr.contains("applied"), "{}", ended.stderr);
    site.view("main", "two");
    site.repository.commit("two").unwrap();
    push();
    site.sync(&manifest);
    assert!(std::fs::read_to_string(site.live_view("main")).unwrap().contains("two"));

    // A file that cannot be had fails the sync, by its path, and the limit counts its real size.
    let before = site.live();
    let small = manifest.clone().with("sync.limits.maxFileBytes", "1Mi");
    site.lose_the_volume();
    let ended = site.once(&small, &[]);
    assert!(ended.stderr.contains("maxFileBytes"), "{}", ended.stderr);
    assert!(!live.exists());
    site.sync(&manifest);
    assert_eq!(before, site.live());
    site.repository.write(".gitattributes", "").unwrap();
    site.repository.write("projects/line/lost.bin", OID_OF_NOTHING).unwrap();
    site.repository.commit("three").unwrap();
    // The hook of git lfs would refuse to push what is not there.
    git(&["push", "-q", "--no-verify", &url, "main"]);
    let ended = site.once(&manifest, &[]);
    assert_ne!(ended.code, 0);
    let message = ended.message();
    assert!(message.contains("projects/line/lost.bin") && message.contains("Git LFS"), "{message}");
    assert_eq!(before, site.live(), "no pointer, and nothing else either");
}
