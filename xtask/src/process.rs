//! Running programs so that a failure shows what failed and what it said.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output and standard error, in the order in which they came.
    pub output: String,
}

/// The command as a person would type it, without its environment.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        if word.is_empty() || word.contains([' ', '\'', '"', '$', '*']) {
            format!("{word:?}")
        } else {
            word.into_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs a program to its end, and calls `on_line` for each line of either output as it comes.
pub fn watched(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<Finished> {
    let name = shown(command);
    let (reader, writer) = io::pipe().context("failed to make a pipe")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("failed to start `{name}`"))?;
    // The command holds our ends of the pipe: without this the loop below would wait for itself.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut output = String::new();
    let mut lines = BufReader::new(reader);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        on_line(text.trim_end());
        output.push_str(&text);
        line.clear();
    }
    let status = child.wait()?;
    Ok(Finished { status, output })
}

/// Runs a program that must succeed; the error holds everything it printed.
pub fn checked(command: &mut Command, on_line: impl FnMut(&str)) -> Result<String> {
    let finished = watched(command, on_line)?;
    if !finished.status.success() {
        bail!("`{}` failed ({}):\n{}", shown(command), finished.status, finished.output.trim_end());
    }
    Ok(finished.output)
}

/// Runs a program that must succeed and gives its standard output only.
pub fn output(command: &mut Command) -> Result<String> {
    let name = shown(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{name}` printed no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_outputs_come_in_order() {
        let mut lines = Vec::new();
        let finished =
            watched(&mut shell("echo a; echo b >&2; echo c"), |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["a", "b", "c"]);
        assert_eq!(finished.output, "a\nb\nc\n");
        assert!(finished.status.success());
    }

    #[test]
    fn a_failure_names_the_command_and_shows_its_output() {
        let error = checked(&mut shell("echo on the way; exit 7"), |_| {}).unwrap_err().to_string();
        assert!(error.contains("sh -c \"echo on the way; exit 7\""), "{error}");
        assert!(error.contains("exit status: 7"), "{error}");
        assert!(error.ends_with("on the way"), "{error}");
        let error = output(&mut shell("echo why >&2; exit 1")).unwrap_err().to_string();
        assert!(error.ends_with("why"), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = checked(&mut Command::new("no-such-program-here"), |_| {}).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }
}
