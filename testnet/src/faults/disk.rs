//! A disk that is full for a while.

use super::janitor::{Janitor, run};
use crate::{Error, Launch};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Size of the tmpfs; a node's store under test stays well below.
const BYTES: u64 = 512 * 1024 * 1024;
/// Name of the file that takes up the rest.
const BALLAST: &str = "ballast";
/// With a limit instead of a file system: no file of the node may become longer than this.
const FILE_BYTES: u64 = 4 * 1024;

/// One node's disk. The node has to be started with [`FullDisk::launch`] and, on a tmpfs, after [`FullDisk::prepare`].
#[derive(Debug)]
pub enum FullDisk {
    /// The node's data lies on a file system of its own, which is filled: writes fail with "no space left".
    Tmpfs {
        /// Where it is mounted.
        path: PathBuf,
        /// Unmounts it.
        janitor: Janitor,
    },
    /// The node may not let files grow: writes fail with "file too large".
    Limit,
}

impl FullDisk {
    /// Mounts a tmpfs at the data directory of a node that never ran, or, where that is not allowed, settles for a limit.
    ///
    /// # Errors
    /// I/O.
    pub fn prepare(data: &Path) -> Result<Self, Error> {
        fs::create_dir_all(data).map_err(Error::io(data))?;
        let Some(name) = data.to_str() else { return Ok(Self::Limit) };
        let janitor = Janitor::new("umount -l \"$1\"", &[name])?;
        match run("mount", &["-t", "tmpfs", "-o", &format!("size={BYTES}"), "hnchain-testnet", name], "") {
            Ok(_) => Ok(Self::Tmpfs { path: data.to_owned(), janitor }),
            Err(_not_root) => Ok(Self::Limit),
        }
    }

    /// With a limit, the signal that comes with it would end the node before it sees the error.
    #[must_use]
    pub fn launch(&self) -> Launch {
        match self {
            Self::Tmpfs { .. } => Launch::default(),
            Self::Limit => {
                let words = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
                Launch { prefix: words.map(Into::into).to_vec(), environment: Vec::new() }
            }
        }
    }

    /// Leaves no space for the node with this process id.
    ///
    /// # Errors
    /// The system refuses.
    pub fn fill(&self, process: u32) -> Result<(), Error> {
        match self {
            Self::Tmpfs { path, .. } => {
                let ballast = path.join(BALLAST);
                let mut file = File::create(&ballast).map_err(Error::io(&ballast))?;
                let block = vec![0u8; 1 << 20];
                // Whole blocks, then single pages, until nothing fits.
                for size in [block.len(), 4096] {
                    while file.write_all(&block[..size]).is_ok() {}
                }
                Ok(())
            }
            Self::Limit => limit(process, Some(FILE_BYTES)),
        }
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// The system refuses.
    pub fn free(&self, process: Option<u32>) -> Result<(), Error> {
        match (self, process) {
            (Self::Tmpfs { path, .. }, _) => {
                let ballast = path.join(BALLAST);
                fs::remove_file(&ballast).map_err(Error::io(&ballast))
            }
            (Self::Limit, Some(process)) => limit(process, None),
            // The limit went with the process.
            (Self::Limit, None) => Ok(()),
        }
    }
}

/// Changes the soft limit only, so that it can be lifted again without being root. `None` is our own.
fn limit(process: u32, bytes: Option<u64>) -> Result<(), Error> {
    let refused = |why: &dyn std::fmt::Display| Error::Fault(format!("limit on file sizes: {why}"));
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or_else(|| refused(&"no such process"))?;
    let own = getrlimit(Resource::Fsize);
    let current = bytes.or(own.current);
    prlimit(Some(id), Resource::Fsize, Rlimit { current, maximum: own.maximum }).map_err(|e| refused(&e))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn under_the_limit_files_end_early_and_the_process_sees_the_error() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("data");
        let launch = FullDisk::Limit.launch();
        let script = "read go; head -c 100000 /dev/zero > \"$0\"";
        let mut child = Command::new(&launch.prefix[0])
            .args(&launch.prefix[1..])
            .args(["/bin/sh", "-c", script])
            .arg(&file)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        FullDisk::Limit.fill(child.id()).expect("our own process");
        child.stdin.take().expect("piped").write_all(b"go\n").expect("it reads");
        let status = child.wait().expect("ours");
        assert!(status.code().is_some_and(|code| code != 0), "an error, not a signal: {status}");
        assert_eq!(fs::metadata(&file).expect("written").len(), FILE_BYTES);
    }
}
