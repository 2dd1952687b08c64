//! Killed at any moment, again and again: it converges, and nothing is ever half there.
//!
//! `STOKER_SLOW_TESTS=1` takes the figures of the issue (estate S over 64 kbit/s, killed every 20 s), which
//! takes minutes, and ten times as many kills.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use stoker_test_gitserver::Throttle;

use crate::support::{Manifest, SOON, STATE, Site, assert_same, noise, until};

fn slowly() -> bool {
    std::env::var_os("STOKER_SLOW_TESTS").is_some_and(|value| value != "0")
}

/// A link, an estate, and how long the agent lives at a time.
struct Slow {
    files: usize,
    bytes_each: usize,
    bits_per_second: u64,
    life: Duration,
}

impl Slow {
    fn chosen() -> Self {
        if slowly() {
            let life = Duration::from_secs(20);
            return Self { files: 1000, bytes_each: 1700, bits_per_second: 64_000, life };
        }
        // A tenth of the bytes in a tenth of the life.
        let life = Duration::from_secs(3);
        Self { files: 300, bytes_each: 800, bits_per_second: 96_000, life }
    }
}

/// Small text files as a gateway has them, of which about half is not compressible.
fn fill(site: &Site, slow: &Slow) -> String {
    for file in 0..slow.files {
        let mut text = format!("{{\"view\":{file},\"props\":[\n");
        let mut unlike = noise(slow.bytes_each / 3, file as u64).into_iter();
        while text.len() < slow.bytes_each {
            text += &format!("  {{\"x\":{},\"y\":{}}},\n", unlike.next().unwrap_or(0), text.len());
        }
        let path = format!("projects/p{}/views/v{}/{file}.json", file / 100, file / 10);
        site.repository.write(&path, text + "]}\n").unwrap();
    }
    let commit = site.repository.commit("estate").unwrap();
    site.repository.gc().unwrap();
    commit
}

/// What has come so far and will not be asked for again: bytes of trees, and whole blobs.
fn arrived(site: &Site) -> (u64, usize) {
    let state = site.data.join(STATE);
    let bytes = fs::read_dir(state.join("trees")).map_or(0, |files| {
        files.map(|file| file.unwrap().metadata().map_or(0, |metadata| metadata.len())).sum()
    });
    let staged = fs::read_dir(state.join("staging"))
        .map_or(0, |files| files.filter(|file| file.as_ref().unwrap().file_name().len() == 40).count());
    (bytes, staged)
}

#[test]
fn an_agent_that_is_killed_again_and_again_on_a_slow_link_gets_further_each_time() {
    let (site, slow) = (Site::new(), Slow::chosen());
    let commit = fill(&site, &slow);
    let server = site.server();
    // Once without a kill, to know how much there is to bring.
    let undisturbed = Site::new();
    undisturbed.sync(&Manifest::new(&server.url("plant.git")));
    let needed = server.bytes_out();
    let link = Throttle::start(server.addr(), slow.bits_per_second).unwrap();
    let at_least = Duration::from_millis(needed * 8 * 1000 / slow.bits_per_second);
    assert!(at_least > slow.life * 2, "it has to take several lives: {needed} bytes");

    site.write_manifest(&Manifest::new(&link.url(&server.url("plant.git"))).text());
    let (mut before, mut lives) = (arrived(&site), 0);
    loop {
        lives += 1;
        assert!(lives < 60, "it does not converge: {before:?}");
        let from = link.bytes_down();
        let agent = site.start_again(&[]);
        // However long this machine takes to start a program: a life is the time in which something comes.
        agent.wait("the first byte", |_| (link.bytes_down() > from).then_some(()));
        let born = Instant::now();
        let done = || agent.status()["syncedCommit"] == commit.as_str();
        while born.elapsed() < slow.life && !done() {
            std::thread::sleep(Duration::from_millis(20));
        }
        if done() {
            assert!(agent.may_start().0);
            break;
        }
        assert!(!agent.may_start().0, "an empty volume waits");
        let log = agent.kill();
        let now = arrived(&site);
        let further = now.1 > before.1 || now.0 > before.0;
        assert!(further, "life {lives} brought nothing: {before:?}, then {now:?}\n{log}");
        assert!(now.1 >= before.1, "what was staged is gone: {before:?}, then {now:?}\n{log}");
        before = now;
    }
    assert!(lives >= 3, "{lives} lives: the link was not slow");
    assert_same(&site.archive(&commit), &site.live(), "it converged to something else");
    let brought = link.bytes_down();
    assert!(brought < needed * 2, "{needed} bytes were to be brought, {brought} were");
}

#[test]
fn a_kill_at_any_moment_leaves_every_file_whole_and_the_next_run_finishes() {
    const FILES: usize = 40;
    let site = Site::new();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    let version = |number: usize, file: usize| format!("{number} of file {file}\n").repeat(500);
    let push = |number: usize| {
        for file in 0..FILES {
            let path = format!("projects/line/many/{file}.txt");
            site.repository.write(&path, version(number, file)).unwrap();
        }
        // Some come and go.
        site.repository.write(&format!("projects/line/only-in-{number}.txt"), version(number, 0)).unwrap();
        let _ = site.repository.remove(&format!("projects/line/only-in-{}.txt", number.wrapping_sub(1)));
        site.repository.commit(&number.to_string()).unwrap()
    };
    push(0);
    site.sync(&manifest);
    let journal = site.data.join(STATE).join("journal");
    let kills = if slowly() { 300 } else { 30 };
    let (mut mixed, mut interrupted) = (0, 0);
    for number in 1..=kills {
        let commit = push(number);
        let mut child =
            site.command(&[]).arg("--once").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        // Every other one at any moment between the start and a little after the usual end, the rest while
        // files are put in place.
        let moment = Duration::from_millis((number * 37 % 160) as u64);
        if number % 2 == 0 {
            std::thread::sleep(moment);
        } else {
            until("the journal", SOON, String::new, || {
                (journal.exists() || child.try_wait().unwrap().is_some()).then_some(())
            });
            std::thread::sleep(moment / 200);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut seen = BTreeSet::new();
        for file in 0..FILES {
            let live = fs::read_to_string(site.data.join(format!("projects/line/many/{file}.txt"))).unwrap();
            let which = (0..=number).rev().find(|number| live == version(*number, file));
            seen.insert(
                which.unwrap_or_else(|| panic!("file {file} is no version of it after kill {number}")),
            );
        }
        mixed += usize::from(seen.len() > 1);
        if journal.exists() {
            // Finished by whoever comes next, also without Git.
            interrupted += 1;
            server.set_down(true).unwrap();
            assert_eq!(site.once(&manifest, &[]).code, 69);
            server.set_down(false).unwrap();
            assert_same(&site.archive(&commit), &site.live(), "the interrupted sync was not finished");
        }
    }
    println!("{kills} kills, {interrupted} within an apply, {mixed} with files of two commits");
    assert!(interrupted > 0, "{interrupted} of {kills} kills came while files were put in place");
    let commit = push(kills + 1);
    site.sync(&manifest);
    assert_same(&site.archive(&commit), &site.live(), "after all kills");
    assert_eq!(site.volume("diff", &[]).code, 0);
}
