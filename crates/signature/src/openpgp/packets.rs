//! Keys and signatures out of their armour.
//!
//! The packets that count are given to rPGP one by one. Its own reader of whole keys would bring what reads every other
//! kind of packet into the program, secret keys and ciphers among them: 300 kB.

use std::io::Read as _;

use pgp::armor::{BlockType, Dearmor};
use pgp::packet::{PacketHeader, PublicKey, PublicSubkey, Signature, SignatureType, UserId};
use pgp::types::{PacketLength, Tag};

/// Bytes of one block: a key with many signatures of others has some hundred kilobytes.
const LARGEST: u64 = 4 << 20;
/// Packets of one block.
const MOST: usize = 50_000;

/// A key with its users and subkeys.
#[derive(Debug)]
pub(super) struct Key {
    pub primary: PublicKey,
    pub revocations: Vec<Signature>,
    pub direct: Vec<Signature>,
    pub users: Vec<(UserId, Vec<Signature>)>,
    pub subkeys: Vec<(PublicSubkey, Vec<Signature>)>,
}

/// What signatures are about as they come.
enum Place {
    Key,
    User,
    Subkey,
    /// A photo, or what is not known.
    Elsewhere,
}

/// The keys of an armoured block.
pub(super) fn keys(block: &[u8]) -> Result<Vec<Key>, String> {
    let bytes = dearmor(block, &BlockType::PublicKey)?;
    let (mut keys, mut place): (Vec<Key>, _) = (Vec::new(), Place::Elsewhere);
    each(&bytes, &mut |header, body| {
        match (header.tag(), keys.last_mut()) {
            (Tag::PublicKey, _) => {
                let primary = PublicKey::try_from_reader(header, body).map_err(|error| error.to_string())?;
                let (revocations, direct, users, subkeys) = Default::default();
                keys.push(Key { primary, revocations, direct, users, subkeys });
                place = Place::Key;
            }
            (Tag::UserId, Some(key)) => {
                let user = UserId::try_from_reader(header, body).map_err(|error| error.to_string())?;
                key.users.push((user, Vec::new()));
                place = Place::User;
            }
            // A subkey of a kind that is not known does not keep the others from counting.
            (Tag::PublicSubkey, Some(key)) => match PublicSubkey::try_from_reader(header, body) {
                Ok(subkey) => {
                    key.subkeys.push((subkey, Vec::new()));
                    place = Place::Subkey;
                }
                Err(_) => place = Place::Elsewhere,
            },
            (Tag::Signature, Some(key)) => {
                if let Ok(signature) = Signature::try_from_reader(header, body) {
                    put(key, &place, signature);
                }
            }
            _ => place = Place::Elsewhere,
        }
        Ok(())
    })?;
    Ok(keys)
}

fn put(key: &mut Key, place: &Place, signature: Signature) {
    match (place, signature.typ()) {
        (Place::Key, Some(SignatureType::KeyRevocation)) => key.revocations.push(signature),
        (Place::Key, Some(SignatureType::Key)) => key.direct.push(signature),
        (Place::User, _) => key.users.last_mut().into_iter().for_each(|(_, all)| all.push(signature.clone())),
        (Place::Subkey, _) => {
            key.subkeys.last_mut().into_iter().for_each(|(_, all)| all.push(signature.clone()));
        }
        _ => {}
    }
}

/// The one signature of an armoured block.
pub(super) fn signature(block: &[u8]) -> Result<Signature, String> {
    let bytes = dearmor(block, &BlockType::Signature)?;
    let mut found = Vec::new();
    each(&bytes, &mut |header, body| {
        if header.tag() == Tag::Signature {
            found.push(Signature::try_from_reader(header, body).map_err(|error| error.to_string())?);
        }
        Ok(())
    })?;
    match (found.pop(), found.is_empty()) {
        (Some(signature), true) => Ok(signature),
        (None, _) => Err("there is none in its armour".to_owned()),
        _ => Err("there are several".to_owned()),
    }
}

fn dearmor(block: &[u8], expected: &BlockType) -> Result<Vec<u8>, String> {
    let mut reader = Dearmor::new(block);
    let mut bytes = Vec::new();
    reader.by_ref().take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match &reader.typ {
        _ if bytes.len() as u64 > LARGEST => Err(format!("it has more than {LARGEST} bytes")),
        Some(found) if found == expected => Ok(bytes),
        _ => Err("its armour is of another kind".to_owned()),
    }
}

fn each<'a>(
    mut bytes: &'a [u8],
    take: &mut dyn FnMut(PacketHeader, &'a [u8]) -> Result<(), String>,
) -> Result<(), String> {
    for _ in 0..MOST {
        if bytes.is_empty() {
            return Ok(());
        }
        let header = PacketHeader::try_from_reader(&mut bytes).map_err(|error| error.to_string())?;
        let PacketLength::Fixed(length) = header.packet_length() else {
            return Err("a packet does not say its length".to_owned());
        };
        let (body, rest) = bytes.split_at_checked(length as usize).ok_or("it is cut off")?;
        take(header, body)?;
        bytes = rest;
    }
    Err(format!("it has more than {MOST} packets"))
}
