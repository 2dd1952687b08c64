//! jsonset
