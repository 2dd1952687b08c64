//! The `git` program, deaf to the configuration of the machine and of the person.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// The null device: a configuration file that is always there and always empty.
const NOWHERE: &str = "/dev/null";

/// A `git` command that reads no user or system configuration, asks for nothing, speaks English and has a fixed
/// author. Callers add their arguments; a test can use it as the client that others are compared with.
pub fn git() -> Command {
    isolated(Command::new("git"))
}

/// The directory of git's own programs (`git --exec-path`), where `git-http-backend` and `git-daemon` lie.
pub fn exec_path() -> Result<PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = FOUND.get() {
        return Ok(path.clone());
    }
    let output =
        git().arg("--exec-path").output().context("the program `git` does not start; is it installed?")?;
    let path = PathBuf::from(checked("git --exec-path", output)?);
    Ok(FOUND.get_or_init(|| path).clone())
}

/// One of git's own programs, isolated as [`git`] is, that must exist.
pub(crate) fn plumbing(name: &str) -> Result<Command> {
    let program = exec_path()?.join(name);
    if !program.is_file() {
        bail!(
            "{} is missing; install it (Debian: apt-get install git, Fedora: dnf install git-core git-daemon, macOS: brew install git)",
            program.display()
        );
    }
    Ok(isolated(Command::new(program)))
}

/// Settings given by environment, so that the repositories that are served stay as they are.
pub(crate) fn configure(command: &mut Command, settings: &[(&str, &str)]) {
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (index, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

/// Runs a command to its end and gives its standard output without the last newline, or an error with its complaint.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("failed to start `{shown}`"))?;
    checked(&shown, output)
}

/// How a command is named in an error: its arguments, without its environment.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn checked(shown: &str, output: Output) -> Result<String> {
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed ({}): {}", output.status, complaint.trim());
    }
    let mut text = String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no UTF-8"))?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

fn isolated(mut command: Command) -> Command {
    // Set while a hook runs, and then they would redirect every command here into the wrong repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    // Of the surroundings nothing may reach a server as if its client had sent it.
    for name in ["GIT_PROTOCOL", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_ENCODING", "REMOTE_USER"] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", NOWHERE)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Plant Engineer")
        .env("GIT_AUTHOR_EMAIL", "engineer@plant.example")
        .env("GIT_COMMITTER_NAME", "Plant Engineer")
        .env("GIT_COMMITTER_EMAIL", "engineer@plant.example")
        .env("LC_ALL", "C");
    command
}
