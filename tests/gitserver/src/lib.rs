//! gitserver
