//! Servers that mean harm: whatever they send, a fetch costs at most 16 MiB and the time limits, and ends in an error.
//!
//! Each attack is met by a process of its own, so that its memory can be told.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::io::{Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use stoker_git::{BlobSink, Options, Remote, RepoUrl, TreeStore};
use stoker_object::ObjectId;

/// What an attack may cost, in KiB.
const MOST_KIB: u64 = 16 * 1024;
/// What silence the child bears; a drip is borne ten times as long.
const SILENCE: Duration = Duration::from_millis(300);
/// And what all of it may take, on a busy machine.
const LONGEST: Duration = Duration::from_mins(2);

const URL: &str = "STOKER_HOSTILE_URL";
const COMMIT: &str = "1111111111111111111111111111111111111111";

/// Serves every connection with the same attack. Ends with the test program.
fn listen(attack: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let attack = std::sync::Arc::new(attack);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, attack) = (stream.unwrap(), std::sync::Arc::clone(&attack));
            // The victim's hanging up is the end that is hoped for.
            std::thread::spawn(move || attack(&mut stream));
        }
    });
    port
}

/// Lets a child meet the attack; its error and what it cost.
#[track_caller]
fn meets(url: &str) -> String {
    let start = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_child_meets_the_server", "--nocapture"])
        .env(URL, url)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = |word: &str| {
        let line = text.lines().find_map(|line| line.split_once(word));
        line.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr))).1.to_owned()
    };
    let (error, cost) = (said("ERROR: "), said("COST: ").parse::<u64>().unwrap());
    assert!(cost <= MOST_KIB, "{cost} KiB: {error}");
    assert!(start.elapsed() < LONGEST, "{:?}: {error}", start.elapsed());
    assert!(error.chars().count() < 1000, "{error}");
    error
}

#[test]
fn a_child_meets_the_server() {
    let Ok(url) = std::env::var(URL) else { return };
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        connect_timeout: Duration::from_secs(5),
        first_byte_timeout: SILENCE,
        silence_timeout: SILENCE,
        scratch: dir.path().to_owned(),
        ..Options::default()
    };
    let mut trees = TreeStore::open(&dir.path().join("trees")).unwrap();
    let mut remote = Remote::open(&RepoUrl::parse(&url).unwrap(), &options).unwrap();
    let commit: ObjectId = COMMIT.parse().unwrap();
    // What the test program itself takes is not the attack's doing.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let error = match remote.resolve("main") {
        Ok(_) => remote.fetch_trees(&commit, &mut trees, &mut Nowhere).map(drop).unwrap_err(),
        Err(error) => error,
    };
    println!("\nCOST: {}\nERROR: {error}", memory("VmHWM:").saturating_sub(before));
}

/// Takes blobs to files that vanish.
struct Nowhere;

impl BlobSink for Nowhere {
    fn contains(&mut self, _: &ObjectId) -> bool {
        false
    }

    fn small(&mut self, _: &ObjectId, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }

    fn create(&mut self, _: u64) -> std::io::Result<std::fs::File> {
        tempfile::tempfile()
    }

    fn keep(&mut self, _: &ObjectId, _: std::fs::File) -> std::io::Result<()> {
        Ok(())
    }

    fn open(&mut self, _: &ObjectId) -> std::io::Result<Option<std::fs::File>> {
        Ok(None)
    }
}

/// A figure of this process, in KiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn packet(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [format!("{:04x}", content.len() + 4).as_bytes(), content].concat()
}

/// Reads until a flush packet, as git's own server does.
fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let mut head = [0; 4];
        stream.read_exact(&mut head)?;
        let length = usize::from_str_radix(std::str::from_utf8(&head).unwrap_or("0"), 16).unwrap_or(0);
        if length == 0 {
            return Ok(());
        }
        stream.read_exact(&mut vec![0; length.saturating_sub(4)])?;
    }
}

/// The line with which a client of `git://` begins, and the answer of a modern server.
fn greet(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let length = usize::from_str_radix(std::str::from_utf8(&head).unwrap(), 16).unwrap();
    stream.read_exact(&mut vec![0; length - 4])?;
    let lines = ["version 2\n", "ls-refs=unborn\n", "fetch=shallow filter\n", "object-format=sha1\n"];
    stream.write_all(&lines.map(packet).concat())?;
    stream.write_all(b"0000")
}

/// A server that answers well up to the pack.
fn up_to_the_pack(stream: &mut TcpStream) -> std::io::Result<()> {
    greet(stream)?;
    read_request(stream)?;
    stream.write_all(&packet(format!("{COMMIT} refs/heads/main\n")))?;
    stream.write_all(b"0000")?;
    // The process at the other end of a connection answers one ls-refs: a new one comes for the pack.
    match read_request(stream) {
        Ok(()) => stream.write_all(&packet("packfile\n")),
        Err(error) => Err(error),
    }
}

/// Attacks after the line `packfile`.
fn in_the_pack(attack: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    let port = listen(move |stream| {
        up_to_the_pack(stream)?;
        attack(stream)
    });
    meets(&format!("git://127.0.0.1:{port}/x"))
}

/// Sends this pack, and waits.
fn pack(bytes: Vec<u8>) -> String {
    in_the_pack(move |stream| {
        for piece in bytes.chunks(60_000) {
            stream.write_all(&packet([&[1], piece].concat()))?;
        }
        stream.write_all(b"0000")?;
        stream.read_exact(&mut [0])
    })
}

fn over_git(attack: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    meets(&format!("git://127.0.0.1:{}/x", listen(attack)))
}

fn header(objects: u32) -> Vec<u8> {
    [&b"PACK"[..], &2_u32.to_be_bytes(), &objects.to_be_bytes()].concat()
}

/// The head of an object: its type (1 commit, 2 tree, 3 blob, 7 delta by id) and size.
fn object(kind: u8, size: u64) -> Vec<u8> {
    let mut bytes = vec![kind << 4 | (size & 15) as u8];
    let mut rest = size >> 4;
    while rest > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    bytes
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Zeros, deflated: a thousandth of their size.
fn bomb(size: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

#[track_caller]
fn says(error: &str, words: &[&str]) {
    assert!(words.iter().any(|word| error.contains(word)), "{words:?}: {error}");
}

#[test]
fn a_server_that_never_answers_ends_by_the_time_limit() {
    let error = over_git(|stream| stream.read_to_end(&mut Vec::new()).map(drop));
    says(&error, &["did not answer within"]);
    let error = in_the_pack(|stream| stream.read_exact(&mut [0]));
    says(&error, &["did not answer within"]);
}

#[test]
fn a_drip_is_told_from_a_slow_link() {
    let drip = |stream: &mut TcpStream| {
        greet(stream)?;
        read_request(stream)?;
        stream.write_all(b"3fff")?;
        loop {
            stream.write_all(b"x")?;
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    says(&over_git(drip), &["as good as none"]);
    let error = in_the_pack(|stream| {
        loop {
            // Signs of life, and nothing else, for ever.
            stream.write_all(b"0005\x02")?;
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    says(&error, &["as good as none"]);
}

#[test]
fn lines_without_end_end() {
    let error = over_git(|stream| {
        greet(stream)?;
        read_request(stream)?;
        loop {
            stream.write_all(&packet(format!("{COMMIT} refs/heads/mine\n")).repeat(1000))?;
        }
    });
    says(&error, &["the number of refs"]);
    let error = over_git(|stream| {
        loop {
            stream.write_all(&packet("version 1\n").repeat(100))?;
        }
    });
    says(&error, &["never says what it can do"]);
    let error = in_the_pack(|stream| {
        loop {
            stream.write_all(&packet([vec![2], vec![b'x'; 60_000]].concat()))?;
        }
    });
    says(&error, &["without end", "a line has"]);
    let error = in_the_pack(|stream| {
        loop {
            stream.write_all(&packet(b"\x02working\r").repeat(1000))?;
        }
    });
    says(&error, &["without end"]);
    let port = listen(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(&b"X-Y: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n".repeat(100))?;
        }
    });
    meets(&format!("http://127.0.0.1:{port}/x"));
    let port = listen(|stream| {
        loop {
            stream.write_all(&b"welcome to the plant\r\n".repeat(100))?;
        }
    });
    meets(&format!("ssh://git@127.0.0.1:{port}/x"));
}

#[test]
fn lies_about_sizes_are_found_before_they_cost_anything() {
    says(&pack(header(u32::MAX)), &["more than the limit"]);
    says(&pack([header(1), object(3, 1 << 60)].concat()), &["more than the limit"]);
    // More, and less, than it says.
    says(&pack([header(1), object(3, 10), deflated(&[7; 1000])].concat()), &["pack is damaged"]);
    says(&pack([header(1), object(2, 1000), deflated(&[7; 10])].concat()), &["pack is damaged"]);
    says(&pack([header(1000), object(3, 1), deflated(b"x")].concat()), &["pack is damaged", "ended"]);
    says(&in_the_pack(|stream| stream.write_all(b"zzzz")), &["expected"]);
}

#[test]
fn a_bomb_takes_no_memory() {
    let size = 256 << 20;
    for kind in [1, 2, 4] {
        let error = pack([header(1), object(kind, size as u64), bomb(size)].concat());
        says(&error, &["more than the limit", "pack is damaged", "not send"]);
    }
    // One that says it is small.
    says(&pack([header(1), object(2, 100), bomb(size)].concat()), &["pack is damaged"]);
}

#[test]
fn deltas_in_a_circle_and_out_of_nowhere_are_refused() {
    let delta = |base: &str, size: u64| {
        let base: ObjectId = base.repeat(40).parse().unwrap();
        // From nothing, `size` bytes, by copying a byte of the base.
        let mut instructions = vec![1];
        let mut rest = size;
        loop {
            let more = if rest > 0x7f { 0x80 } else { 0 };
            instructions.push((rest & 0x7f) as u8 | more);
            rest >>= 7;
            if rest == 0 {
                break;
            }
        }
        instructions.extend([0x90, 1]);
        let body = deflated(&instructions);
        [object(7, instructions.len() as u64), base.as_bytes().to_vec(), body].concat()
    };
    let circle = [header(2), delta("2", 1), delta("3", 1)].concat();
    says(&pack(circle), &["pack is damaged", "not send"]);
    let huge = [header(2), object(3, 1), deflated(b"x"), delta("2", 1 << 50)].concat();
    says(&pack(huge), &["pack is damaged", "more than the limit", "not send"]);
    // A chain of a hundred thousand on a base that never comes.
    let many: Vec<u8> = (0..100_000).flat_map(|_| delta("2", 1)).collect();
    says(&pack([header(100_000), many].concat()), &["pack is damaged", "not send"]);
}
