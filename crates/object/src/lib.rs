//! Git's object model: ids, hashing, and the bytes of trees, commits and tags.
//!
//! Pure: it must not know where objects come from (files, network) nor where they go.

mod commit;
mod hash;
mod id;
mod signed;
mod tree;

pub use commit::{CommitHeader, TagHeader};
pub use hash::{Collision, FastHasher, Hasher, blob_id};
pub use id::{Hex, InvalidId, Kind, ObjectId};
pub use signed::Signed;
pub use tree::{Entries, Entry, InvalidTree, Mode};
