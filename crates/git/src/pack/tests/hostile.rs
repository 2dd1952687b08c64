//! Packs that git would not write.

use stoker_object::{Kind, ObjectId};
use stoker_test_gitserver::Repository;

use crate::error::Error;
use crate::pack::Limits;
use crate::pack::testkit::{PackBuilder, Stores, deflate, delta, noise, object_id, pack_objects, sealed};

fn damage(outcome: Result<crate::pack::PackStats, Error>) -> (u64, String) {
    match outcome {
        Err(Error::Pack { offset, what }) => (offset, what),
        other => panic!("{other:?}"),
    }
}

fn small_pack() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init(directory.path().join("r")).unwrap();
    for version in 0..3 {
        repository.write("a/b", format!("{}{version}", "the same words again\n".repeat(9))).unwrap();
        repository.commit("x").unwrap();
    }
    pack_objects(&repository, &["--delta-base-offset"], "")
}

#[test]
fn a_pack_cut_at_any_byte_is_an_error() {
    let pack = small_pack();
    Stores::new().receive(&pack).unwrap();
    for end in 0..pack.len() {
        assert!(Stores::new().receive(&pack[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_pack_with_any_bit_changed_is_an_error() {
    let pack = small_pack();
    for at in 0..pack.len() {
        let mut changed = pack.clone();
        // Version 3 is version 2 with another number; the checksum still does not fit.
        changed[at] ^= 1 << (at % 8);
        assert!(Stores::new().receive(&changed).is_err(), "{at}");
    }
}

#[test]
fn damage_under_a_true_checksum_never_panics() {
    let pack = small_pack();
    let body = &pack[..pack.len() - 20];
    for at in 0..body.len() {
        for bits in [0xff, 1 << (at % 7)] {
            let mut changed = body.to_vec();
            changed[at] ^= bits;
            // Other contents may well be a valid pack: only the version byte and free bits are.
            let _ = Stores::new().receive(&sealed(changed));
        }
    }
}

#[test]
fn a_wrong_checksum_is_told_apart_from_wrong_objects() {
    let mut pack = small_pack();
    *pack.last_mut().unwrap() ^= 1;
    let (offset, what) = damage(Stores::new().receive(&pack));
    assert_eq!(offset, pack.len() as u64 - 20);
    assert!(what.contains("checksum"), "{what}");
}

#[test]
fn what_comes_after_the_checksum_is_not_read() {
    let mut pack = small_pack();
    let len = pack.len();
    pack.extend_from_slice(b"0000");
    let mut rest = pack.as_slice();
    let mut stores = Stores::new();
    let scratch = stores.scratch.path().to_owned();
    crate::pack::receive(&mut rest, &mut stores.trees, &mut stores.blobs, &scratch, &Limits::default())
        .unwrap();
    assert_eq!((rest, pack.len() - rest.len()), (&b"0000"[..], len));
}

#[test]
fn an_object_that_inflates_beyond_its_size_is_refused_at_once() {
    // 64 MiB of zeros, said to be ten bytes, then said to be more than a buffer holds.
    let bomb = deflate(&vec![0; 64 << 20]);
    for (code, declared) in [(3, 10), (3, 100_000), (2, 10), (1, 0)] {
        let mut pack = PackBuilder::new();
        pack.add_raw(code, declared, &[], &bomb);
        let (offset, what) = damage(Stores::new().receive(&pack.finish()));
        assert_eq!((offset, what.as_str()), (12, "an object is longer than it says"));
    }
    let mut pack = PackBuilder::new();
    pack.blob(b"base");
    pack.add_raw(7, 10, object_id(Kind::Blob, b"base").as_bytes(), &bomb);
    damage(Stores::new().receive(&pack.finish()));
}

#[test]
fn limits_stop_before_anything_is_made() {
    let content = noise(3, 5000);
    let mut pack = PackBuilder::new();
    pack.blob(&content);
    let base = pack.blob(b"base");
    pack.ofs_delta(base, &delta(4, 4, &content));
    let pack = pack.finish();
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let mut stores = Stores::new();
        let outcome = stores.receive_within(&pack, &limits);
        (outcome, stores.blobs.small)
    };
    for (change, kept) in [
        ((|limits: &mut Limits| limits.max_objects = 2) as fn(&mut Limits), 0),
        (|limits| limits.max_object_bytes = 4999, 0),
        (|limits| limits.max_object_bytes = 5002, 2),
        (|limits| limits.max_total_bytes = 10_000, 2),
        (|limits| limits.max_pack_bytes = 4000, 0),
    ] {
        let (outcome, small) = with(change);
        assert!(matches!(outcome, Err(Error::Limit { value, limit, .. }) if value > limit), "{outcome:?}");
        assert_eq!(small, kept);
    }
    assert!(with(|_| ()).0.is_ok());
}

#[test]
fn a_huge_tree_is_refused_by_its_declared_size() {
    let mut pack = PackBuilder::new();
    pack.add(2, 17 << 20, &[], b"");
    let outcome = Stores::new().receive(&pack.finish());
    assert!(matches!(outcome, Err(Error::Limit { limit: 16_777_216, .. })), "{outcome:?}");
}

/// A chain of `length` blobs, each a delta on the one before it.
fn chain(length: usize) -> Vec<(ObjectId, Vec<u8>)> {
    let mut contents = vec![b"the first".to_vec()];
    for number in 1..length {
        let mut next = contents[number - 1].clone();
        next.extend_from_slice(format!(" and {number}").as_bytes());
        contents.push(next);
    }
    contents.into_iter().map(|content| (object_id(Kind::Blob, &content), content)).collect()
}

fn add_link(pack: &mut PackBuilder, chain: &[(ObjectId, Vec<u8>)], number: usize) {
    let (base, content) = (&chain[number - 1], &chain[number].1);
    let kept = base.1.len();
    pack.ref_delta(&base.0, &delta(kept as u64, kept as u16, &content[kept..]));
}

#[test]
fn bases_that_come_later_are_waited_for() {
    let chain = chain(300);
    // Backwards, and shuffled by a step that has no divisor in common with the length.
    for order in
        [(1..300).rev().collect::<Vec<_>>(), (0..300).map(|n| n * 77 % 300).filter(|n| *n > 0).collect()]
    {
        let mut pack = PackBuilder::new();
        for number in order {
            add_link(&mut pack, &chain, number);
        }
        pack.blob(&chain[0].1);
        let mut stores = Stores::new();
        let stats = stores.receive(&pack.finish()).unwrap();
        assert_eq!((stats.objects, stats.blobs, stats.deltas), (300, 300, 299));
        for (id, content) in &chain {
            assert_eq!(stores.blobs.content(id).as_ref(), Some(content));
        }
    }
}

#[test]
fn more_deltas_wait_than_memory_holds() {
    let base = noise(11, 300);
    let id = object_id(Kind::Blob, &base);
    let mut pack = PackBuilder::new();
    let tails: Vec<_> = (0..2500_u32).map(u32::to_be_bytes).collect();
    for tail in &tails {
        pack.ref_delta(&id, &delta(300, 200, tail));
    }
    pack.blob(&base);
    let mut stores = Stores::new();
    stores.receive(&pack.finish()).unwrap();
    for tail in tails {
        let expected = [&base[..200], &tail].concat();
        assert_eq!(stores.blobs.content(&object_id(Kind::Blob, &expected)), Some(expected));
    }
}

#[test]
fn a_base_is_found_however_far_back_it_began() {
    let mut pack = PackBuilder::new();
    let places: Vec<u64> = (0..3000_u32).map(|number| pack.blob(&number.to_be_bytes())).collect();
    for place in places.iter().step_by(100) {
        pack.ofs_delta(*place, &delta(4, 4, b"!"));
    }
    let mut stores = Stores::new();
    stores.receive(&pack.finish()).unwrap();
    for number in (0..3000_u32).step_by(100) {
        let expected = [&number.to_be_bytes()[..], b"!"].concat();
        assert_eq!(stores.blobs.content(&object_id(Kind::Blob, &expected)), Some(expected));
    }
}

#[test]
fn a_delta_on_a_delta_that_waits_waits_too() {
    let chain = chain(3);
    let mut pack = PackBuilder::new();
    let first = chain[0].1.len();
    let waiting = pack.ref_delta(&chain[0].0, &delta(first as u64, first as u16, &chain[1].1[first..]));
    let second = chain[1].1.len();
    pack.ofs_delta(waiting, &delta(second as u64, second as u16, &chain[2].1[second..]));
    pack.blob(&chain[0].1);
    let mut stores = Stores::new();
    stores.receive(&pack.finish()).unwrap();
    assert_eq!(stores.blobs.content(&chain[2].0).as_ref(), Some(&chain[2].1));
}

#[test]
fn a_base_that_never_comes_is_named() {
    let chain = chain(3);
    let mut pack = PackBuilder::new();
    add_link(&mut pack, &chain, 2);
    add_link(&mut pack, &chain, 1);
    let (_, what) = damage(Stores::new().receive(&pack.finish()));
    assert!(what.starts_with("the delta's base ") && what.ends_with(" is not in the pack"), "{what}");
}

#[test]
fn a_delta_cannot_be_its_own_base() {
    let own = object_id(Kind::Blob, b"itself");
    let mut pack = PackBuilder::new();
    pack.ref_delta(&own, &delta(6, 6, b""));
    damage(Stores::new().receive(&pack.finish()));
}

#[test]
fn deltas_that_break_the_rules_are_refused() {
    let base = b"0123456789";
    let id = object_id(Kind::Blob, base);
    let cases: [(&[u8], &str); 9] = [
        (&[10, 4, 0x91, 8, 4], "copies from beyond its base"),
        (&[10, 4, 0x9f, 0xff, 0xff, 0xff, 0xff, 4], "copies from beyond its base"),
        (&[10, 4, 0x90, 5], "makes more than it says"),
        (&[10, 4, 5, 1, 2, 3, 4, 5], "makes more than it says"),
        (&[10, 4, 0x90, 3], "shorter than it says"),
        (&[10, 4, 0x00], "unknown instruction"),
        (&[10, 4, 4, 1, 2], "in the middle of an instruction"),
        (&[11, 4, 0x90, 4], "another size"),
        (&[10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "does not fit 64 bits"),
    ];
    for (instructions, expected) in cases {
        let mut pack = PackBuilder::new();
        pack.blob(base);
        let at = pack.ref_delta(&id, instructions);
        let (offset, what) = damage(Stores::new().receive(&pack.finish()));
        assert_eq!(offset, at);
        assert!(what.contains(expected), "{what}, not {expected}");
    }
    // Nothing at all is a good delta for nothing at all, but a delta has two sizes.
    let mut pack = PackBuilder::new();
    pack.blob(base);
    pack.ref_delta(&id, &[]);
    damage(Stores::new().receive(&pack.finish()));
}

#[test]
fn an_offset_into_the_middle_of_an_object_is_refused() {
    let mut pack = PackBuilder::new();
    let base = pack.blob(&noise(1, 500));
    pack.ofs_delta(base + 5, &delta(500, 4, b""));
    let (_, what) = damage(Stores::new().receive(&pack.finish()));
    assert_eq!(what, "a delta's base is not the beginning of an object");
}

#[test]
fn a_copy_without_a_length_is_64_kib() {
    let base = noise(5, 70_000);
    let mut instructions = crate::pack::testkit::size(70_000);
    instructions.extend(crate::pack::testkit::size(0x1_0000 + 1));
    instructions.extend([0x81, 9, 1, b'x']);
    let mut pack = PackBuilder::new();
    pack.blob(&base);
    pack.ref_delta(&object_id(Kind::Blob, &base), &instructions);
    let mut expected = base[9..9 + 0x1_0000].to_vec();
    expected.push(b'x');
    let mut stores = Stores::new();
    stores.receive(&pack.finish()).unwrap();
    assert_eq!(stores.blobs.content(&object_id(Kind::Blob, &expected)), Some(expected));
}

#[test]
fn other_bytes_are_no_pack() {
    for bytes in [&b"<html>"[..], b"PACX\0\0\0\x02\0\0\0\0", b"PACK\0\0\0\x04\0\0\0\0"] {
        damage(Stores::new().receive(bytes));
    }
    assert_eq!(Stores::new().receive(&PackBuilder::new().finish()).unwrap().objects, 0);
}
