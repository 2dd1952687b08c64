//! The Git server, and who asked it for refs when.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use stoker_test_gitserver::{Answer, CertificateOptions, HttpOptions, HttpServer, Repository, Request};
use tempfile::TempDir;

/// Branches that every repository has.
pub const BRANCHES: [&str; 2] = ["main", "release"];

/// One `ls-refs`.
#[derive(Debug, Clone)]
struct Asked {
    at: Instant,
    /// Repository and credential.
    whom: String,
}

/// An https server with a certificate of its own authority, which demands a token, and its repositories.
pub struct Forge {
    server: HttpServer,
    repositories: Vec<Repository>,
    asked: Arc<Mutex<Vec<Asked>>>,
    _directory: TempDir,
}

impl Forge {
    /// A server with so many repositories.
    pub fn start(repositories: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let make = |number: usize| -> Result<Repository> {
            let repository = Repository::init(directory.path().join(name(number)))?;
            repository.write("projects/area/project.json", "{}")?;
            repository.commit("first")?;
            for branch in BRANCHES.into_iter().skip(1) {
                repository.branch(branch)?;
            }
            Ok(repository)
        };
        let repositories = (0..repositories).map(make).collect::<Result<Vec<_>>>()?;
        let options =
            HttpOptions { tls: true, certificate: CertificateOptions::default(), ..HttpOptions::default() };
        let server = HttpServer::start(directory.path(), options)?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        server.intercept(move |request| listen(&kept, request));
        Ok(Self { server, repositories, asked, _directory: directory })
    }

    /// The URL of a repository.
    pub fn url(&self, number: usize) -> String {
        self.server.url(&name(number))
    }

    /// The certificate of its authority, PEM.
    pub fn authority(&self) -> Result<String> {
        let path = self.server.ca_pem().context("it serves TLS")?;
        Ok(fs::read_to_string(path)?)
    }

    /// Pushes a commit to a repository's `main`, and gives its id.
    pub fn push(&self, number: usize) -> Result<String> {
        let repository = &self.repositories[number];
        repository.write("projects/area/project.json", repository.head()?)?;
        repository.commit("a push")
    }

    /// The commit of a repository's `main`.
    pub fn head(&self, number: usize) -> Result<String> {
        self.repositories[number].head()
    }

    /// `ls-refs` since a moment, by repository and credential.
    pub fn asked_since(&self, since: Instant) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for asked in self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if asked.at >= since {
                *counts.entry(asked.whom.clone()).or_default() += 1;
            }
        }
        counts
    }

    /// The first `ls-refs` since a moment.
    pub fn first_since(&self, since: Instant) -> Option<Instant> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().map(|asked| asked.at).find(|at| *at >= since)
    }
}

fn name(number: usize) -> String {
    format!("plant-{number}")
}

/// Refuses who has no credential, and keeps who asks for refs. The controller fetches nothing: each request to
/// `git-upload-pack` is one `ls-refs`.
fn listen(asked: &Mutex<Vec<Asked>>, request: &Request) -> Option<Answer> {
    let Some(credential) = request.header("Authorization") else {
        return Some(Answer::status(401).with_header("WWW-Authenticate", "Basic realm=\"forge\""));
    };
    if request.method == "POST"
        && let Some(repository) = request.path.strip_suffix("/git-upload-pack")
    {
        let end = credential.trim_end_matches('=').chars().rev().take(2).collect::<Vec<_>>();
        let whom = format!("{} {}", repository.trim_start_matches('/'), end.iter().rev().collect::<String>());
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { at: Instant::now(), whom });
    }
    None
}
