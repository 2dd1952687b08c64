//! GitHub Apps: from an app's private key to a token that reads one repository for an hour.
//!
//! [`Tokens::token`] signs a JWT (RS256), exchanges it for an installation token that may do nothing but read the
//! contents of one repository, and keeps that until ten minutes before its end. GitHub Enterprise Server works by its
//! base URL; only https does.
//!
//! It must not know Git, Kubernetes, nor where keys come from and where tokens go.

#![forbid(unsafe_code)]

mod answer;
mod error;
mod jwt;
mod place;
mod tokens;

pub use error::Error;
pub use place::Repository;
pub use tokens::{App, Options, Token, Tokens};
