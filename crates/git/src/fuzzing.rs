//! Ways in for the fuzz targets, to what is otherwise inside. Nothing else may use them.

use sha1::{Digest as _, Sha1};

use crate::Error;
use crate::capabilities::{read_advertisement, read_refs};
use crate::pktline::Packets;
use crate::sideband::Sideband;

/// The twenty bytes that a pack of this content ends with.
pub fn checksum(content: &[u8]) -> [u8; 20] {
    Sha1::digest(content).into()
}

/// Reads bytes as each kind of answer; what was wrong with them.
pub fn read_answers(bytes: &[u8]) -> Vec<String> {
    let advertisement = read_advertisement(&mut packets(bytes), &mut ()).map(drop);
    let refs = read_refs(&mut packets(bytes), &mut ());
    let mut answer = packets(bytes);
    let pack = std::io::copy(&mut Sideband::new(&mut answer), &mut std::io::sink());
    let pack = pack.map(drop).map_err(|error| Error::io("read", error));
    [advertisement, refs, pack]
        .into_iter()
        .filter_map(|read| read.err().map(|error| error.to_string()))
        .collect()
}

fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets::new(Box::new(bytes))
}

/// The head of a bundle: its length and the number of its refs, or what is wrong with it.
pub fn read_bundle_head(input: &[u8]) -> Result<(u64, usize), String> {
    let mut refs = 0;
    let header =
        crate::bundle::read_head(&mut &*input, &mut |_, _| refs += 1).map_err(|error| error.to_string())?;
    Ok((header.length, refs))
}
