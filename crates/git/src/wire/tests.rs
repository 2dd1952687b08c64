//! Answers that no good server gives. What good ones give is tested in `tests/`, against git itself.

use std::collections::VecDeque;
use std::io::BufRead;

use super::*;
use crate::pack::testkit::{PackBuilder, Stores, object_id};
use crate::request::Request;
use crate::transport::{Options, Transport};
use stoker_object::Kind;

const V2: &str = "version 2\n|agent=git/2\n|ls-refs\n|fetch=shallow filter\n|0000";

/// Gives prepared answers, and keeps what was asked.
struct Prepared {
    handshake: Vec<u8>,
    answers: VecDeque<Vec<u8>>,
}

impl Transport for Prepared {
    fn handshake(&mut self) -> Result<Box<dyn BufRead + '_>, Error> {
        Ok(Box::new(&self.handshake[..]))
    }

    fn request(&mut self, request: &dyn Request) -> Result<Box<dyn BufRead + '_>, Error> {
        request.write_to(&mut Vec::new()).map_err(|error| Error::io("write", error))?;
        let answer = self.answers.pop_front().ok_or(Error::CutOff("before its answer"))?;
        Ok(Box::new(io::Cursor::new(answer)))
    }

    fn stateless(&self) -> bool {
        true
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

/// Text as packets: `|` parts them, `0000` and `0001` stand for themselves.
fn packets(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.split('|') {
        match line {
            "0000" | "0001" => bytes.extend_from_slice(line.as_bytes()),
            line => bytes.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes()),
        }
    }
    bytes
}

fn wire(handshake: Vec<u8>, answers: Vec<Vec<u8>>) -> Wire {
    let transport = Prepared { handshake, answers: answers.into() };
    Wire::new(Session::new(Box::new(transport), &Options::default()))
}

/// An answer with a pack.
fn answer(pack: &[u8]) -> Vec<u8> {
    let mut bytes =
        packets("shallow-info\n|shallow 1111111111111111111111111111111111111111|0001|packfile\n");
    for piece in pack.chunks(50) {
        bytes.extend_from_slice(format!("{:04x}\u{1}", piece.len() + 5).as_bytes());
        bytes.extend_from_slice(piece);
    }
    bytes.extend_from_slice(b"0000");
    bytes
}

/// A commit of an empty tree, and the pack of both.
fn commit() -> (ObjectId, Vec<u8>) {
    let tree = object_id(Kind::Tree, b"");
    let text = format!("tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nm\n");
    let mut pack = PackBuilder::new();
    pack.add(1, text.len() as u64, &[], text.as_bytes());
    pack.add(2, 0, &[], b"");
    (object_id(Kind::Commit, text.as_bytes()), pack.finish())
}

fn fetch(answers: Vec<Vec<u8>>, id: &ObjectId) -> Result<Fetched, Error> {
    let mut stores = Stores::new();
    wire(packets(V2), answers).fetch_trees(id, &mut stores.trees, &mut stores.blobs)
}

#[test]
fn an_answer_that_ends_anywhere_is_an_error_and_never_a_commit() {
    let (id, pack) = commit();
    let whole = answer(&pack);
    assert_eq!(fetch(vec![whole.clone()], &id).unwrap().commit, id);
    // Of the last packet, a flush, nothing but its presence counts.
    for end in 0..whole.len() {
        let error = fetch(vec![whole[..end].to_vec()], &id).unwrap_err();
        assert!(matches!(error, Error::CutOff(_) | Error::Pack { .. }), "{end}: {error}");
    }
    let handshake = packets(V2);
    for end in 0..handshake.len() {
        let error = wire(handshake[..end].to_vec(), Vec::new()).resolve("main").unwrap_err();
        assert!(matches!(error, Error::CutOff(_)), "{end}: {error}");
    }
}

#[test]
fn a_changed_byte_never_makes_another_commit() {
    let (id, pack) = commit();
    let whole = answer(&pack);
    for at in 0..whole.len() {
        let mut answer = whole.clone();
        answer[at] ^= [1, 0x20, 0x80][at % 3];
        if let Ok(fetched) = fetch(vec![answer], &id) {
            assert_eq!(fetched.commit, id, "{at}");
        }
    }
}

#[test]
fn a_server_that_sends_something_else_is_found_out() {
    let (_, pack) = commit();
    let wanted = "1234567890123456789012345678901234567890".parse().unwrap();
    let error = fetch(vec![answer(&pack)], &wanted).unwrap_err();
    assert!(matches!(error, Error::NotSent { what: "the commit", id } if id == wanted), "{error}");
    let nothing = fetch(vec![packets("shallow-info\n|0000")], &wanted).unwrap_err();
    assert!(matches!(nothing, Error::Protocol(_)), "{nothing}");
}

#[test]
fn a_server_that_never_comes_to_the_pack_is_given_up() {
    let (id, _) = commit();
    let endless = format!("acknowledgments\n{}|0000", "|ACK".repeat(50_000));
    let error = fetch(vec![packets(&endless)], &id).unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
}

#[test]
fn wanted_blobs_that_are_not_sent_are_named() {
    let mut pack = PackBuilder::new();
    pack.blob(b"here");
    let pack = pack.finish();
    let (here, missing) = (object_id(Kind::Blob, b"here"), object_id(Kind::Blob, b"missing"));
    let mut stores = Stores::new();
    let mut wire = wire(packets(V2), vec![answer(&pack)]);
    let wants = &mut [Ok(here), Ok(missing), Ok(here)].into_iter();
    let error = wire.fetch_blobs(wants, &mut stores.trees, &mut stores.blobs).unwrap_err();
    assert!(matches!(error, Error::NotSent { what: "the blob", id } if id == missing), "{error}");
    assert!(stores.blobs.contains(&here), "what came stays");
}

#[test]
fn a_failing_list_of_wants_is_the_callers_error() {
    let mut stores = Stores::new();
    let wants = &mut [Err(io::Error::other("the plan is gone"))].into_iter();
    let error =
        wire(packets(V2), Vec::new()).fetch_blobs(wants, &mut stores.trees, &mut stores.blobs).unwrap_err();
    assert!(error.to_string().contains("the plan is gone"), "{error}");
}
