//! What it means when a server ends `git-upload-pack`. Pure.

use crate::Error;
use crate::text;

/// Of what a server writes to its standard error, as much as a message needs.
const KEPT: usize = 2048;
/// And so much is listened to at all.
const BORNE: usize = 1024 * 1024;

/// What came beside the answer.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The beginning of the standard error.
    complaint: Vec<u8>,
    heard: usize,
    /// The exit status.
    pub status: Option<u32>,
    /// The server would not run the command at all.
    pub refused: bool,
}

impl Ending {
    /// Takes a piece of standard error.
    pub fn complain(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.heard += piece.len();
        if self.heard > BORNE {
            return Err(Error::Protocol("it complains without end".to_owned()));
        }
        let room = KEPT - self.complaint.len();
        self.complaint.extend_from_slice(&piece[..piece.len().min(room)]);
        Ok(())
    }

    /// What it was. `with` is what was presented to the server.
    pub fn error(&self, with: &str) -> Error {
        let said = text::printable(&self.complaint);
        let lower = said.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if self.status == Some(127)
            || says(&["git-upload-pack: command not found", "git-upload-pack: not found"])
        {
            return Error::Server(format!("it has no git-upload-pack; it said {said:?}"));
        }
        if says(NO_REPOSITORY) {
            return Error::NotFound { with: with.to_owned(), said };
        }
        if said.is_empty() && self.refused {
            return Error::Server("it runs no git-upload-pack".to_owned());
        }
        if !said.is_empty() {
            return Error::Server(said);
        }
        match self.status {
            Some(status) if status > 0 => {
                Error::Server(format!("git-upload-pack ended with status {status}"))
            }
            _ => Error::CutOff("before its answer was complete"),
        }
    }
}

/// How git, its shells and the forges say that there is no such repository, or that it is hidden.
const NO_REPOSITORY: &[&str] = &[
    "does not appear to be a git repository",
    "not a git repository",
    "repository not found",
    "could not be found",
    "cannot find repository",
    "repository does not exist",
    "does not exist",
    "project not found",
    "no such file or directory",
    "not a valid repository",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &str, status: Option<u32>) -> Error {
        let mut ending = Ending { status, ..Ending::default() };
        ending.complain(words.as_bytes()).unwrap();
        ending.error("the key SHA256:x of /k")
    }

    #[test]
    fn each_way_of_saying_no_such_repository_is_understood() {
        for words in [
            "fatal: '/srv/x.git' does not appear to be a git repository\n",
            "ERROR: Repository not found.\n",
            "remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.\n",
            "Gitea: Cannot find repository: team/x\n",
        ] {
            let error = said(words, Some(128));
            assert!(matches!(error, Error::NotFound { .. }), "{words}: {error}");
            assert!(error.to_string().contains("the key SHA256:x of /k may not read it; it said"), "{error}");
        }
    }

    #[test]
    fn other_words_are_passed_on_cut_and_printable() {
        let error = said(&format!("\x1b[31mdisk {}", "x".repeat(4000)), Some(1));
        let text = error.to_string();
        assert!(text.starts_with("the server refused: [31mdisk xxx") && text.ends_with('…'), "{text}");
        assert!(text.chars().count() < 250);
        assert_eq!(said("", Some(3)).to_string(), "the server refused: git-upload-pack ended with status 3");
        assert!(matches!(said("", Some(0)), Error::CutOff(_)));
        assert!(
            said("sh: 1: git-upload-pack: not found", Some(127)).to_string().contains("no git-upload-pack")
        );
    }

    #[test]
    fn complaints_without_end_are_not_listened_to() {
        let mut ending = Ending::default();
        let ended = (0..1000).find_map(|_| ending.complain(&[b'x'; 8 * 1024]).err());
        assert!(matches!(ended, Some(Error::Protocol(_))));
        assert_eq!(ending.complaint.len(), KEPT);
    }
}
