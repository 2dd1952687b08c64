//! Deltas of every shape, compared with a plain reading of the same instructions.

use stoker_object::{Kind, ObjectId};

use crate::pack::testkit::{PackBuilder, Stores, noise, object_id, size};

/// Numbers that are the same at every run.
struct Numbers(u64);

impl Numbers {
    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Random instructions on `base`, and what they make.
fn random_delta(numbers: &mut Numbers, base: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut instructions, mut result) = (Vec::new(), Vec::new());
    for _ in 0..numbers.below(60) {
        if numbers.below(4) == 0 {
            let bytes = noise(numbers.below(1000), 1 + numbers.below(127) as usize);
            instructions.push(bytes.len() as u8);
            instructions.extend_from_slice(&bytes);
            result.extend_from_slice(&bytes);
            continue;
        }
        // Mostly short copies close to each other, as in text; now and then a long one.
        let longest = [30, 300, 5000, 200_000][numbers.below(4) as usize];
        let at = numbers.below(base.len() as u64);
        let len = (1 + numbers.below(longest)).min(base.len() as u64 - at).min(0xff_ffff);
        copy(&mut instructions, at, len);
        result.extend_from_slice(&base[at as usize..(at + len) as usize]);
    }
    let mut delta = size(base.len() as u64);
    delta.extend(size(result.len() as u64));
    delta.extend(instructions);
    (delta, result)
}

/// A copy instruction: bytes of offset and length that are zero are left out.
fn copy(instructions: &mut Vec<u8>, at: u64, len: u64) {
    let place = instructions.len();
    instructions.push(0x80);
    let length = if len == 0x1_0000 { 0 } else { len };
    let arguments = at.to_le_bytes().into_iter().take(4).chain(length.to_le_bytes().into_iter().take(3));
    for (bit, byte) in arguments.enumerate() {
        if byte != 0 {
            instructions[place] |= 1 << bit;
            instructions.push(byte);
        }
    }
}

fn assert_made(base_code: u8, kind: Kind, base: &[u8], seed: u64) {
    let mut numbers = Numbers(seed);
    let mut pack = PackBuilder::new();
    let at = pack.add(base_code, base.len() as u64, &[], base);
    let mut expected: Vec<(ObjectId, Vec<u8>)> = Vec::new();
    for number in 0..20 {
        let (delta, result) = random_delta(&mut numbers, base);
        if number % 2 == 0 {
            pack.ofs_delta(at, &delta);
        } else {
            pack.ref_delta(&object_id(kind, base), &delta);
        }
        expected.push((object_id(kind, &result), result));
    }
    let mut stores = Stores::new();
    stores.receive(&pack.finish()).unwrap();
    for (id, result) in expected {
        assert!(stores.content(&id) == Some((kind, result)), "seed {seed}, {} bytes of {kind}", base.len());
    }
}

#[test]
fn instructions_do_what_they_say_on_bases_of_every_size() {
    for (seed, size) in [1, 100, 4095, 4096, 65_535, 65_536, 65_537, 70_000, 300_000].into_iter().enumerate()
    {
        let base = noise(seed as u64 + 1, size);
        assert_made(3, Kind::Blob, &base, seed as u64);
        assert_made(4, Kind::Tag, &base, seed as u64 + 100);
    }
}
