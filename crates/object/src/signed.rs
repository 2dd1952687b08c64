/// A commit or tag taken apart: what its signature is about, and the signature as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The armoured signature; empty if there is none.
    pub signature: Vec<u8>,
}

/// The lines that begin a signature at the end of a tag.
const ARMOURS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

impl Signed {
    /// Takes a commit's bytes apart as git does: the header `gpgsig` with its continuation lines is the signature, and
    /// no header whose name begins so is part of what was signed. `None` if there are several signatures: git would
    /// put them together, and nobody makes such commits for a good reason.
    pub fn of_commit(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 1);
        let (mut payload, mut signature) = (Vec::with_capacity(bytes.len()), Vec::new());
        let mut header = Header::Other;
        for line in bytes[..end].split_inclusive(|byte| *byte == b'\n') {
            if let Some(rest) = line.strip_prefix(b" ") {
                match header {
                    Header::Signature => signature.extend_from_slice(rest),
                    Header::Skipped => {}
                    Header::Other => payload.extend_from_slice(line),
                }
                continue;
            }
            header = match line.strip_prefix(b"gpgsig ") {
                Some(_) if !signature.is_empty() => return None,
                Some(rest) => {
                    signature.extend_from_slice(rest);
                    Header::Signature
                }
                None if line.starts_with(b"gpgsig") => Header::Skipped,
                None => {
                    payload.extend_from_slice(line);
                    Header::Other
                }
            };
        }
        payload.extend_from_slice(&bytes[end..]);
        Some(Self { payload, signature })
    }

    /// Takes a tag's bytes apart as git does: the signature is what follows the last line that begins one.
    pub fn of_tag(bytes: &[u8]) -> Self {
        let (mut at, mut begins) = (0, bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if ARMOURS.iter().any(|armour| line.starts_with(armour)) {
                begins = at;
            }
            at += line.len();
        }
        Self { payload: bytes[..begins].to_vec(), signature: bytes[begins..].to_vec() }
    }
}

/// Whose continuation lines follow.
enum Header {
    Signature,
    Skipped,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commits_signature_is_its_header_and_the_rest_was_signed() {
        let commit = b"tree 1\ngpgsig -----BEGIN\n \n abc\n -----END\ngpgsig-sha256 x\n y\nencoding z\n\ngpgsig no\n  text\n";
        let signed = Signed::of_commit(commit).unwrap();
        assert_eq!(signed.signature, b"-----BEGIN\n\nabc\n-----END\n");
        assert_eq!(signed.payload, b"tree 1\nencoding z\n\ngpgsig no\n  text\n");
    }

    #[test]
    fn a_commit_without_one_was_signed_by_nobody() {
        let plain = b"tree 1\nmergetag a\n gpgsig b\n\nx";
        let signed = Signed::of_commit(plain).unwrap();
        assert_eq!((&signed.payload[..], &signed.signature[..]), (&plain[..], &b""[..]));
    }

    #[test]
    fn two_signatures_are_none() {
        assert_eq!(Signed::of_commit(b"tree 1\ngpgsig a\ngpgsig b\n\nx"), None);
    }

    #[test]
    fn a_tags_signature_is_its_end() {
        let tag =
            b"object 1\n\nsays\n-----BEGIN SSH SIGNATURE-----\nfake\n\n-----BEGIN SSH SIGNATURE-----\nabc\n";
        let signed = Signed::of_tag(tag);
        assert!(signed.payload.ends_with(b"fake\n\n"));
        assert_eq!(signed.signature, b"-----BEGIN SSH SIGNATURE-----\nabc\n");
        assert_eq!(Signed::of_tag(b"object 1\n\nx").signature, b"");
    }
}
