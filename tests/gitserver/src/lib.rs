//! Real Git servers for tests and for the demo, in this process, on 127.0.0.1 and a free port, stopped on drop.
//!
//! - [`Repository`] makes repositories with the `git` program, isolated from the configuration of whoever runs it;
//! - [`HttpServer`] serves a directory of them over http or https by `git http-backend`, or as a "dumb" server;
//! - [`Daemon`] serves them over `git://` by `git daemon`;
//! - [`SshServer`] serves them over SSH by OpenSSH's `sshd` and `git-shell`;
//! - [`ForwardProxy`] is a `tinyproxy` before any of them;
//! - [`gitea::Gitea`] is a whole forge, with tokens, SSH and LFS, where it could be built;
//! - [`Throttle`] stands before any of them as a slow link, and counts what passes.
//!
//! It must not know anything of Stoker: what is tested against it is tested against Git itself.
//! Needs the `git` program (2.31 or later, for `GIT_CONFIG_COUNT`) and `tar`; for SSH `sshd` and `ssh-keygen`, for
//! the proxy `tinyproxy`.

mod daemon;
mod git;
pub mod gitea;
mod http;
mod listener;
mod proxy;
mod repository;
mod ssh;
pub mod table;
mod throttle;
mod tls;

pub use daemon::{Daemon, DaemonOptions};
pub use git::{exec_path, git};
pub use http::{Answer, HttpOptions, HttpServer, Request};
pub use proxy::ForwardProxy;
pub use repository::Repository;
pub use ssh::{KeyKind, SshKey, SshOptions, SshServer};
pub use throttle::Throttle;
pub use tls::CertificateOptions;
