//! From refs to commits, for all resources together: one look at a repository serves everybody who follows it with the
//! same credentials.
//!
//! It knows repositories and time, and nothing of Kubernetes: resources are names to it. [`Resolver::follow`] says what
//! a resource wants, [`Resolver::resolution`] what is known, and the channel given to [`Resolver::new`] whose answer
//! changed.

pub mod access;
mod board;
pub mod host;
mod look;
mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use crate::decide::Resolution;
use access::Access;
use board::Board;
pub use board::{Follow, Token};
pub use look::Looker;

/// The name of a resource: namespace and name.
pub type Id = (Arc<str>, Arc<str>);

/// A look is given up after this time, whatever drips in from the server.
const LONGEST_LOOK: Duration = Duration::from_mins(1);

/// What a finished look means for the others.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Who follows the repository.
    pub followers: Vec<Id>,
    /// Whether the look gave another answer than the one before.
    pub is_news: bool,
    /// How long it took.
    pub took: Duration,
}

/// See the module.
pub struct Resolver {
    board: Mutex<Board>,
    wake: Notify,
    looker: Arc<Looker>,
    news: mpsc::UnboundedSender<Looked>,
}

impl Resolver {
    /// A resolver that nobody follows anything with yet.
    pub fn new(looker: Looker, news: mpsc::UnboundedSender<Looked>) -> Self {
        Self { board: Mutex::default(), wake: Notify::new(), looker: Arc::new(looker), news }
    }

    /// Says what a resource follows from now on. What nobody has asked for yet is looked up at once.
    pub fn follow(&self, id: &Id, access: Access, follow: &Follow) {
        self.lock().follow(id, access, follow, Instant::now());
        self.wake.notify_one();
    }

    /// The resource follows nothing any more.
    pub fn leave(&self, id: &Id) {
        self.lock().leave(id);
    }

    /// What is known for a resource.
    pub fn resolution(&self, id: &Id) -> Resolution {
        self.lock().resolution(id)
    }

    /// The installation token for a resource that uses a GitHub App.
    pub fn token(&self, id: &Id) -> Option<Token> {
        self.lock().token(id)
    }

    /// Nobody follows anything any more: this replica stopped being the leader.
    pub fn clear(&self) {
        *self.lock() = Board::default();
    }

    /// Looks at repositories when they are due, for ever.
    pub async fn run(self: Arc<Self>) {
        loop {
            let (due, next) = self.lock().take_due(Instant::now());
            for (work, running) in due {
                let resolver = Arc::clone(&self);
                tokio::spawn(async move { resolver.look(work, running).await });
            }
            let asleep = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = asleep => {}
            }
        }
    }

    async fn look(&self, work: board::Work, running: board::Running) {
        let began = Instant::now();
        let (looker, access, references) =
            (Arc::clone(&self.looker), work.access.clone(), work.references.clone());
        let thread = tokio::task::spawn_blocking(move || {
            let seen = looker.look(&access, &references);
            drop(running);
            seen
        });
        let seen = match tokio::time::timeout(LONGEST_LOOK, thread).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(_)) => look::Seen::failed(&work.access, "the look ended by a fault of this program"),
            Err(_) => look::Seen::failed(&work.access, "the server did not finish within a minute"),
        };
        let took = began.elapsed();
        let (followers, is_news) = self.lock().finish(&work, seen, Instant::now());
        // The receiver lives as long as the program.
        _ = self.news.send(Looked { followers, is_news, took });
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
