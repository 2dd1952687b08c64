//! What is kept in the state directory.

pub(crate) mod codec;
pub(crate) mod journal;
pub(crate) mod local;
pub(crate) mod manifest;
pub(crate) mod staging;
mod stand_ins;
pub(crate) mod undo;
