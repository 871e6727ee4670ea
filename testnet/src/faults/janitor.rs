//! Cleans up when this process ends, however it ends.

use crate::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A shell that waits for the end of our pipe and then runs a command. Dropping it runs the command and waits for it.
#[derive(Debug)]
pub struct Janitor {
    shell: Child,
}

impl Janitor {
    /// `script` runs at the end; `$1`, `$2` … in it are `arguments`. It has a process group of its own, so that an
    /// interrupt at the terminal does not reach it.
    ///
    /// # Errors
    /// No shell.
    pub fn new(script: &str, arguments: &[&str]) -> Result<Self, Error> {
        use std::os::unix::process::CommandExt as _;
        let shell = Command::new("/bin/sh")
            .args(["-c", &format!("trap '' INT TERM HUP; cat > /dev/null; {script}"), "janitor"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::io(Path::new("/bin/sh")))?;
        Ok(Self { shell })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        // `wait` closes the pipe first. Its outcome cannot be reported from here.
        let _ended = self.shell.wait();
    }
}

/// Runs a program and gives its output; what it says when it fails becomes the error.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, Error> {
    use std::io::Write as _;
    let refused = |why: String| Error::Fault(format!("{program} {}: {why}", arguments.join(" ")));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| refused(e.to_string()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read its input closes the pipe: its exit status says whether that matters.
        let _written = pipe.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| refused(e.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_runs_when_the_janitor_goes_and_not_before() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mark = dir.path().join("mark");
        let janitor = Janitor::new("touch \"$1\"", &[mark.to_str().expect("UTF-8")]).expect("a shell");
        assert!(!mark.exists());
        drop(janitor);
        assert!(mark.exists());
    }

    #[test]
    fn a_refusal_names_the_command_and_its_words() {
        let error = run("/bin/sh", &["-c", "echo no >&2; exit 3"], "").expect_err("it fails");
        assert_eq!((error.code(), error.to_string().ends_with(": no")), ("TESTNET_FAULT", true));
        assert_eq!(run("/bin/cat", &[], "text").expect("it works"), "text");
    }
}
