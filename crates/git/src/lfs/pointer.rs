//! Pointers: what Git has in place of a large file's bytes.

use stoker_object::ObjectId;

/// `git lfs` itself takes nothing larger for a pointer.
pub const LONGEST: usize = 1024;

/// The versions of the format that `git lfs` reads.
const VERSIONS: [&str; 3] =
    ["https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2", "https://hawser.github.com/spec/v1"];

/// The bytes that belong where a commit has a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// Their SHA-256.
    pub oid: [u8; 32],
    /// How many they are.
    pub size: u64,
}

/// What a blob turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// No pointer: the file's own bytes.
    File,
    /// A pointer.
    Pointer(Pointer),
    /// A pointer that needs a program (an extension), or one that is damaged.
    Strange(&'static str),
}

impl Pointer {
    /// Reads a blob as `git lfs smudge` does: white space around it and CRLF do not count. What begins as a pointer and
    /// is none is told apart, since nobody wants such text in place of a file.
    pub fn parse(blob: &[u8]) -> Parsed {
        let text = match std::str::from_utf8(blob) {
            Ok(text) if blob.len() < LONGEST && text.starts_with("version ") => text.trim(),
            _ => return Parsed::File,
        };
        let mut lines = text.lines();
        let version = lines.next().and_then(|line| line.strip_prefix("version ")).unwrap_or_default();
        if !VERSIONS.contains(&version) {
            return Parsed::File;
        }
        let (mut oid, mut size) = (None, None);
        for line in lines {
            match line.split_once(' ') {
                Some(("oid", value)) if oid.is_none() => oid = Some(value),
                Some(("size", value)) if oid.is_some() && size.is_none() => size = Some(value),
                Some((key, _)) if key.starts_with("ext-") => {
                    return Parsed::Strange(
                        "it names an extension of Git LFS, a program that is not run here",
                    );
                }
                _ => return Parsed::Strange("it has a line that no pointer has"),
            }
        }
        let size = size.filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
        match (oid.and_then(sha256), size.and_then(|size| size.parse().ok())) {
            (Some(oid), Some(size)) => Parsed::Pointer(Self { oid, size }),
            (None, _) => Parsed::Strange("its oid is no sha256:<64 hex digits>"),
            (_, None) => Parsed::Strange("its size is no number"),
        }
    }

    /// The SHA-256 in hex.
    pub fn hex(&self) -> String {
        self.oid.iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.extend(
                [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default()),
            );
            hex
        })
    }
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let hex = text.strip_prefix("sha256:")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    if hex.len() != 64 {
        return None;
    }
    let mut oid = [0; 32];
    for (byte, pair) in oid.iter_mut().zip(hex.as_chunks::<2>().0) {
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(oid)
}

/// A blob of the commit that is a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The blob's id.
    pub blob: ObjectId,
    /// What it says.
    pub pointer: Pointer,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    fn v1(rest: &str) -> Parsed {
        Pointer::parse(format!("version https://git-lfs.github.com/spec/v1\n{rest}").as_bytes())
    }

    #[test]
    fn a_pointer_is_read_with_what_editors_do_to_it() {
        for text in [
            format!("oid sha256:{OID}\nsize 12345\n"),
            format!("oid sha256:{OID}\nsize 12345"),
            format!("oid sha256:{OID}\r\nsize 12345\r\n\n"),
        ] {
            let Parsed::Pointer(pointer) = v1(&text) else { panic!("{text}") };
            assert_eq!((pointer.hex().as_str(), pointer.size), (OID, 12345));
        }
    }

    #[test]
    fn other_files_are_files() {
        for text in ["", "version 1\n", "version https://git-lfs.github.com/spec/v9\noid x", "{\"oid\":1}"] {
            assert_eq!(Pointer::parse(text.as_bytes()), Parsed::File, "{text}");
        }
        let long = format!("version https://git-lfs.github.com/spec/v1\n{}", "x".repeat(LONGEST));
        assert_eq!(Pointer::parse(long.as_bytes()), Parsed::File);
        assert_eq!(Pointer::parse(b"version \xff"), Parsed::File);
    }

    #[test]
    fn what_begins_as_a_pointer_and_is_none_is_strange() {
        for rest in [
            String::new(),
            "oid sha256:abc\nsize 1".to_owned(),
            format!("oid sha1:{OID}\nsize 1"),
            format!("oid sha256:{}\nsize 1", OID.to_uppercase()),
            format!("oid sha256:{OID}\nsize -1"),
            format!("oid sha256:{OID}\nsize +1"),
            format!("oid sha256:{OID}\nsize 99999999999999999999999"),
            format!("size 1\noid sha256:{OID}"),
            format!("oid sha256:{OID}\nsize 1\nsize 2"),
            format!("ext-0-foo sha256:{OID}\noid sha256:{OID}\nsize 1"),
        ] {
            assert!(matches!(v1(&rest), Parsed::Strange(_)), "{rest}");
        }
    }
}
