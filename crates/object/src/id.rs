use std::fmt;
use std::str::FromStr;

/// The SHA-1 name of a Git object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ObjectId([u8; 20]);

/// Not forty hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an object id: forty hexadecimal digits are expected")]
pub struct InvalidId(pub String);

impl ObjectId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The id at the beginning of `bytes`, if there are at least twenty.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.get(..20)?.try_into().ok().map(Self)
    }

    /// The twenty bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The forty digits: a file's name, made for every file of a sync.
    pub fn hex(&self) -> Hex {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 40];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Hex(hex)
    }

    /// The first seven digits, as `git log --oneline` and `lastSyncCommitShort` show them.
    pub fn short(&self) -> String {
        let mut hex = self.to_string();
        hex.truncate(7);
        hex
    }
}

/// An id's forty digits, without an allocation.
#[derive(Clone, Copy)]
pub struct Hex([u8; 40]);

impl Hex {
    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.hex().as_str())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidId;

    fn from_str(hex: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId(hex.chars().take(80).collect());
        let digits = hex.as_bytes();
        if digits.len() != 40 {
            return Err(invalid());
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| char::from(digit).to_digit(16).ok_or_else(invalid);
            *byte = (value(pair[0])? << 4 | value(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

impl Kind {
    /// The word that stands in an object's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_in_and_comes_out() {
        let hex = "9daeafb9864cf43055ae93beb0afd6c7d144bfa4";
        let id: ObjectId = hex.parse().unwrap();
        assert_eq!(id.to_string(), hex);
        assert_eq!(id.short(), "9daeafb");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for bad in
            ["", "main", "9daeafb", "9daeafb9864cf43055ae93beb0afd6c7d144bfaG", "é".repeat(20).as_str()]
        {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad}");
        }
    }
}
