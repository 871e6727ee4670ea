//! Processes of nodes: found, started, watched, ended.

use crate::Error;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Names the node's program, if it is not beside ours.
pub const BINARY_VARIABLE: &str = "HNCHAIN_NODE";
/// File name of the node's program.
const BINARY: &str = "hnchain-node";

/// Finds `hnchain-node`: `HNCHAIN_NODE`, else beside this program, else one folder up (tests run in `target/debug/deps`),
/// else in `CARGO_TARGET_DIR/debug`.
///
/// # Errors
/// [`Error::Binary`].
pub fn find_binary() -> Result<PathBuf, Error> {
    if let Some(named) = std::env::var_os(BINARY_VARIABLE) {
        let path = PathBuf::from(named);
        return if path.is_file() { Ok(path) } else { Err(Error::Binary(path)) };
    }
    let own = std::env::current_exe().map_err(Error::io(Path::new("/proc/self/exe")))?;
    let beside = own.parent().unwrap_or(Path::new("."));
    let mut places = vec![beside.to_owned()];
    places.extend(beside.parent().map(Path::to_owned));
    places.extend(std::env::var_os("CARGO_TARGET_DIR").map(|d| PathBuf::from(d).join("debug")));
    places.into_iter().map(|d| d.join(BINARY)).find(|p| p.is_file()).ok_or_else(|| Error::Binary(beside.to_owned()))
}

/// A process group that ends when this process ends, however it ends: its leader waits for the end of our pipe and then
/// kills the group. (`PR_SET_PDEATHSIG` would need unsafe code between fork and exec.)
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
}

impl Group {
    pub(crate) fn new() -> io::Result<Self> {
        let leader = Command::new("/bin/sh")
            .args(["-c", "trap '' INT TERM; cat > /dev/null; kill -s KILL 0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { leader })
    }

    fn id(&self) -> io::Result<i32> {
        i32::try_from(self.leader.id()).map_err(io::Error::other)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Nothing to report to: the leader, if it is still there, does the same when its pipe closes.
        let _killed = self.id().map(|id| killpg(Pid::from_raw(id), Signal::SIGKILL));
        let _reaped = self.leader.wait();
    }
}

/// How a node's process is started, where not plainly: through another program that executes it (so that the process is
/// the node's in the end), and with more environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// Program and arguments in front of the node's own, for example `ip netns exec NAME`.
    pub prefix: Vec<OsString>,
    /// Variables beside our own.
    pub environment: Vec<(OsString, OsString)>,
}

impl Launch {
    /// Both, `self` outermost.
    #[must_use]
    pub fn with(mut self, inner: Self) -> Self {
        self.prefix.extend(inner.prefix);
        self.environment.extend(inner.environment);
        self
    }

    fn command(&self, binary: &Path) -> Command {
        let mut words = self.prefix.iter().map(OsString::as_os_str).chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or(binary.as_os_str()));
        command.args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Starts `hnchain-node run --config FILE` with its output appended to a log; in its own process group or in `group`.
pub(crate) fn spawn(
    binary: &Path,
    config: &Path,
    log: &Path,
    group: Option<&Group>,
    launch: &Launch,
) -> Result<Child, Error> {
    let output = OpenOptions::new().create(true).append(true).open(log).map_err(Error::io(log))?;
    let errors = output.try_clone().map_err(Error::io(log))?;
    let group = group.map_or(Ok(0), Group::id).map_err(Error::io(binary))?;
    launch
        .command(binary)
        .args(["run", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(group)
        .spawn()
        .map_err(Error::io(binary))
}

/// A process that we started, or one that an earlier `up` started and `network.json` names.
#[derive(Debug)]
pub(crate) enum Process {
    Child(Child),
    Other(u32),
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Child(child) => child.id(),
            Self::Other(pid) => *pid,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.id()).map_err(io::Error::other)?;
        match kill(Pid::from_raw(pid), signal) {
            // Gone already: what was asked for.
            Err(nix::errno::Errno::ESRCH) | Ok(()) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// `None` while it runs; then how it ended, as far as we can know.
    pub(crate) fn ended(&mut self, config: &Path) -> io::Result<Option<Ended>> {
        match self {
            Self::Child(child) => Ok(child.try_wait()?.map(|s| Ended(Some(s)))),
            Self::Other(pid) => Ok((!runs(*pid, config)).then_some(Ended(None))),
        }
    }
}

/// How a process ended; unknown for processes that another one started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended(pub Option<ExitStatus>);

impl Ended {
    /// Whether it said success, as far as known.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.0.is_none_or(|s| s.success())
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(status) => write!(f, "{status}"),
            None => f.write_str("exit status unknown"),
        }
    }
}

/// Whether this process id is alive and is a node with this configuration (ids are reused).
pub(crate) fn runs(pid: u32, config: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let config = config.as_os_str().as_encoded_bytes();
    // A zombie has an empty command line.
    line.split(|b| *b == 0).any(|argument| argument == config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_process_is_recognized_by_its_configuration() {
        assert!(!runs(std::process::id(), Path::new("/nowhere/node.toml")));
        let own = std::env::args().next().expect("a program name");
        assert!(runs(std::process::id(), Path::new(&own)));
        assert!(!runs(u32::MAX, Path::new(&own)));
    }

    #[test]
    fn dropping_the_group_ends_its_members() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let script = dir.path().join("node");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 60\n").expect("writable");
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("own file");
        let group = Group::new().expect("sh");
        let child = spawn(&script, Path::new("c"), &dir.path().join("log"), Some(&group), &Launch::default());
        let mut child = child.expect("spawned");
        drop(group);
        let deadline = Instant::now() + Duration::from_secs(10);
        while child.try_wait().expect("ours").is_none() {
            assert!(Instant::now() < deadline, "still running");
            std::thread::yield_now();
        }
    }
}
